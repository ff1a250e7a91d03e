"""`patchlearn refine`: refine score maps or masks of any program."""

from argparse import ArgumentParser, Namespace
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from patchlearn.cli.options import add_threads
from patchlearn.core.errors import PatchlearnError
from patchlearn.inference.refine_files import KINDS, refine_folder
from patchlearn.maps.settings import PseudoSettings
from patchlearn.refine.settings import PRESETS, RULES, BackgroundRule, CrfSettings

DESCRIPTION = (
    "Refine a folder of score maps, probabilities or masks that any program made, one for each image "
    "of the same name: .npz score maps of patchlearn; .npy arrays K×h×w, scores of K classes in [0, 1] without the "
    "background, or probabilities with the background first; .png masks of indices, 255 unknown. Writes "
    "OUT/NAME.png."
)


def add_arguments(verb: ArgumentParser) -> None:
    """What the verb takes."""
    settings, rule = PseudoSettings(), BackgroundRule()
    verb.add_argument("--images", type=Path, required=True, help="a folder of pictures")
    verb.add_argument("--scores", type=Path, required=True, help="a folder of .npz, .npy or .png, named as the images")
    verb.add_argument("--out", type=Path, required=True, help="the folder for the masks")
    verb.add_argument("--kind", default="scores", help=f"of .npy files: {' or '.join(KINDS)} (default: scores)")
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
    verb.add_argument("--ignore-band", type=float, default=settings.ignore_band, help="how close a call is undecided")
    add_threads(verb)


def work(options: Namespace, console: Console) -> list[str]:
    """Returns what went wrong with single files, a sentence each."""
    settings = PseudoSettings(
        crf=CrfSettings(preset=options.preset, iterations=options.iterations, confidence=options.confidence),
        local=options.local,
        ignore_band=options.ignore_band,
    )
    folders = options.images, options.scores, options.out
    return refine_folder(
        *folders, settings, _background(options), kind=options.kind, threads=options.threads, console=console
    )


def _background(options: Namespace) -> BackgroundRule:
    default = BackgroundRule()
    if options.threshold is None:
        return replace(default, rule=options.background or default.rule)
    if options.background not in (None, "fixed"):
        raise PatchlearnError(
            f"--threshold: the rule {options.background!r} finds its own. Leave one of the two out, or name fixed."
        )
    return replace(default, rule="fixed", threshold=options.threshold)
