"""`patchlearn refine`: refine score maps or masks of any program."""

from argparse import ArgumentParser, Namespace
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from patchlearn.cli.options import add_bands, add_memory, add_threads, chosen_bands, chosen_memory
from patchlearn.core.errors import PatchlearnError
from patchlearn.data.labels import read_class_names
from patchlearn.inference.refine_files import refine_folder
from patchlearn.inference.score_arrays import KINDS, LAYOUTS
from patchlearn.maps.settings import PseudoSettings
from patchlearn.refine.settings import PRESETS, RULES, BackgroundRule, CrfSettings, SamSettings

if TYPE_CHECKING:
    from patchlearn.models.sam2 import Sam2

DESCRIPTION = (
    "Refine a folder of score maps, probabilities or masks that any program made, one for each image "
    "of the same name: .npz score maps of patchlearn; .npy arrays K×h×w, scores of K classes in [0, 1] without the "
    "background, or probabilities with the background first; .png masks of indices, 255 unknown. The map of the image "
    "a/b.jpg is a__b.npy or a/b.npy. Writes OUT/NAME.png, in which the name of a/b.jpg is a__b."
)


def add_arguments(verb: ArgumentParser) -> None:
    """What the verb takes."""
    settings, rule = PseudoSettings(), BackgroundRule()
    verb.add_argument("--images", type=Path, required=True, help="a folder of pictures, with subfolders")
    verb.add_argument("--scores", type=Path, required=True, help="a folder of .npz, .npy or .png, named as the images")
    verb.add_argument("--out", type=Path, required=True, help="the folder for the masks")
    verb.add_argument("--kind", default="scores", help=f"of .npy files: {' or '.join(KINDS)} (default: scores)")
    verb.add_argument("--layout", help=f"of .npy files: {' or '.join(LAYOUTS)} (default: chw, which is K×h×w)")
    verb.add_argument("--classes", type=Path, help="their classes, one a line (default: SCORES/classes.txt, if there)")
    verb.add_argument("--binary", action="store_true", help="255 in masks is class 1, and not unknown")
    verb.add_argument(
        "--preset", default=settings.crf.preset, help=f"{', '.join(PRESETS)} or none (default: %(default)s)"
    )
    verb.add_argument("--iterations", type=int, default=settings.crf.iterations, help="of it (default: %(default)s)")
    verb.add_argument("--confidence", type=float, default=settings.crf.confidence, help="of a label, for the CRF")
    verb.add_argument(
        "--background",
        help=f"rule for the background's threshold: {', '.join(RULES)} (default: {rule.rule})",
    )
    verb.add_argument("--threshold", type=float, help="of the rule fixed, which it implies")
    verb.add_argument("--local", type=int, default=settings.local, help="iterations of pixel-adaptive refinement")
    verb.add_argument(
        "--sam", metavar="MODEL", help="SAM 2 after both: a folder, or owner/name on the hub (docs/sam.md)"
    )
    verb.add_argument("--ignore-band", type=float, default=settings.ignore_band, help="how close a call is undecided")
    add_bands(verb)
    add_threads(verb)
    add_memory(verb)


def work(options: Namespace, console: Console) -> list[str]:
    """Returns what went wrong with single files, a sentence each."""
    settings = PseudoSettings(
        crf=CrfSettings(preset=options.preset, iterations=options.iterations, confidence=options.confidence),
        local=options.local,
        ignore_band=options.ignore_band,
        sam=SamSettings(model=options.sam),
    )
    return refine_folder(
        options.images,
        options.scores,
        options.out,
        settings,
        _background(options),
        kind=options.kind,
        layout=options.layout,
        classes=_classes(options),
        binary=options.binary,
        bands=chosen_bands(options),
        sam=_sam(options, console),
        threads=options.threads,
        memory=chosen_memory(options),
        console=console,
    )


def _classes(options: Namespace) -> tuple[str, ...] | None:
    """The names that `--classes` or the maps' own classes.txt lists; None without either."""
    path = options.classes or options.scores / "classes.txt"
    if path.is_file():
        return read_class_names(path, spaces=True)
    if options.classes:
        raise PatchlearnError(f"{path}: no such file. Name a file with the classes of the maps, one a line.")
    return None


def _sam(options: Namespace, console: Console) -> "Sam2 | None":
    """SAM 2 on the GPU, if there is one; None unless it is wanted."""
    if options.sam is None:
        return None
    from patchlearn.core.runtime import start
    from patchlearn.core.settings import RuntimeSettings
    from patchlearn.models.sam2 import load_sam2

    return load_sam2(options.sam, start(RuntimeSettings(), console).accelerator.device)


def _background(options: Namespace) -> BackgroundRule:
    default = BackgroundRule()
    if options.threshold is None:
        return replace(default, rule=options.background or default.rule)
    if options.background not in (None, "fixed"):
        raise PatchlearnError(
            f"--threshold: the rule {options.background!r} finds its own. Leave one of the two out, or name fixed."
        )
    return replace(default, rule="fixed", threshold=options.threshold)
