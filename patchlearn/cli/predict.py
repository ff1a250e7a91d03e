"""`patchlearn predict`: segment pictures with a trained model."""

from argparse import ArgumentParser, BooleanOptionalAction, Namespace
from pathlib import Path

from rich.console import Console

from patchlearn.core.runtime import start, to_device
from patchlearn.core.settings import RuntimeSettings
from patchlearn.inference.files import segment_files
from patchlearn.inference.segmenter import with_settings
from patchlearn.refine.settings import PRESETS
from patchlearn.runs.load import load

DESCRIPTION = (
    "Segment pictures with a trained model: writes OUT/NAME.png, a palette PNG of class indices (0 "
    "background, i the i-th line of OUT/classes.txt). No image labels are needed. A picture that cannot be read is "
    "named, the others are done, and the exit code is 2."
)


def add_arguments(verb: ArgumentParser) -> None:
    """What the verb takes."""
    verb.add_argument("model", help="a run folder, a variant's folder, an exported model, or owner/name on the hub")
    verb.add_argument("images", nargs="+", help="pictures, folders of pictures, patterns")
    verb.add_argument("-o", "--out", type=Path, required=True, help="the folder for the masks")
    verb.add_argument("--scales", type=float, nargs="+", help="factors on the base size (default: the model's own)")
    verb.add_argument("--flip", action=BooleanOptionalAction, help="add the mirror image")
    verb.add_argument("--long-side", type=int, help="base size, the longer side in pixels")
    verb.add_argument("--window", type=int, help="side of the windows that larger images are cut into")
    verb.add_argument("--crf", help=f"preset of the dense CRF: {', '.join(PRESETS)}, or none")
    verb.add_argument("--device", default="auto", help="auto or cpu (default: auto)")


def work(options: Namespace, console: Console) -> list[str]:
    """Returns what went wrong with single files, a sentence each."""
    changes = {name: vars(options)[name] for name in ("flip", "long_side", "window", "crf")}
    scales = tuple(options.scales) if options.scales else None
    segmenter = with_settings(load(options.model), scales=scales, **changes)
    to_device(segmenter.network, start(RuntimeSettings(device=options.device), console).accelerator.device)
    return segment_files(segmenter, options.images, options.out, console)
