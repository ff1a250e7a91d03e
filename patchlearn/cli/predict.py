"""`patchlearn predict`: segment pictures with a trained model."""

from argparse import ArgumentParser, BooleanOptionalAction, Namespace
from pathlib import Path

from rich.console import Console

from patchlearn.cli.options import add_memory, chosen_memory
from patchlearn.core.runtime import start, to_device
from patchlearn.core.settings import RuntimeSettings
from patchlearn.inference.files import segment_files
from patchlearn.inference.outputs import Outputs
from patchlearn.inference.score_files import FORMATS, NPZ
from patchlearn.inference.segmenter import Segmenter, with_settings
from patchlearn.inference.thresholds import read_image_threshold
from patchlearn.refine.settings import PRESETS
from patchlearn.runs.load import load

DESCRIPTION = (
    "Segment pictures with a trained model: writes OUT/NAME.png, a palette PNG of class indices (0 "
    "background, i the i-th line of OUT/classes.txt). No image labels are needed. With --table, one row for each "
    "picture and class: score, area, components and bounding box. At least one of -o, --table and --scores is needed. "
    "A picture that cannot be read is named, the others are done, and the exit code is 2."
)


def add_arguments(verb: ArgumentParser) -> None:
    """What the verb takes."""
    verb.add_argument("model", help="a run folder, a variant's folder, an exported model, or owner/name on the hub")
    verb.add_argument("images", nargs="+", help="pictures, folders of pictures, patterns")
    verb.add_argument("-o", "--out", type=Path, help="the folder for the masks")
    verb.add_argument("--table", type=Path, help="a row for each picture and class: a .csv, .tsv or .jsonl file")
    verb.add_argument("--scores", type=Path, help="the folder for the probabilities of every pixel and class")
    verb.add_argument("--scores-format", default=NPZ, help=f"{' or '.join(FORMATS)} (default: %(default)s)")
    verb.add_argument(
        "--image-threshold",
        metavar="T",
        help="leave a class out of the mask of a picture whose score for it is lower: a number in [0, 1], or a JSON "
        "file of class and number, as `operating-point --out` writes it",
    )
    verb.add_argument(
        "--pixel-threshold", type=float, metavar="P", help="a pixel whose label is less probable becomes 255, undecided"
    )
    add_reading(verb)
    add_memory(verb)
    verb.add_argument("--crf", help=f"preset of the dense CRF: {', '.join(PRESETS)}, or none")
    verb.epilog = "example: patchlearn predict runs/photos new/ -o masks --table results.csv"


def add_reading(verb: ArgumentParser) -> None:
    """How the model reads an image, which changes the probabilities, and where it computes."""
    verb.add_argument("--scales", type=float, nargs="+", help="factors on the base size (default: the model's own)")
    verb.add_argument("--flip", action=BooleanOptionalAction, help="add the mirror image")
    verb.add_argument("--long-side", type=int, help="base size, the longer side in pixels")
    verb.add_argument("--window", type=int, help="side of the windows that larger images are cut into")
    verb.add_argument("--device", default="auto", help="auto or cpu (default: auto)")


def loaded_segmenter(options: Namespace, console: Console) -> Segmenter:
    """The model of the options with their settings, on their device."""
    changes = {name: vars(options).get(name) for name in ("flip", "long_side", "window", "crf")}
    scales = tuple(options.scales) if options.scales else None
    segmenter = with_settings(load(options.model), scales=scales, **changes)
    to_device(segmenter.network, start(RuntimeSettings(device=options.device), console).accelerator.device)
    return segmenter


def work(options: Namespace, console: Console) -> list[str]:
    """Returns what went wrong with single files, a sentence each."""
    threshold = None if options.image_threshold is None else read_image_threshold(options.image_threshold)
    return segment_files(
        loaded_segmenter(options, console),
        options.images,
        options.out,
        console,
        outputs=Outputs(table=options.table, scores=options.scores, scores_format=options.scores_format),
        image_threshold=threshold,
        pixel_threshold=options.pixel_threshold,
        memory=chosen_memory(options),
    )
