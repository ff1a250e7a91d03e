"""`patchlearn suggest`: which pixels of a run's images a person should label, to learn from or to measure."""

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.settings import require_at_least
from patchlearn.data.clicks.suggested_table import require_new_table, write_audit, write_suggested
from patchlearn.data.names import counted, tell

if TYPE_CHECKING:
    from patchlearn.core.types import Sample
    from patchlearn.runs.run import Run
    from patchlearn.runs.settings import Variant

DESCRIPTION = (
    "Propose pixels of the training images that a person should label: where the maps are unsure, typical of many, "
    "different from each other, all classes in turn. A picture shows each pixel in a circle. Fill in the column label "
    "(a class, background, or ? where nobody can tell), then: patchlearn run RUN --points FILE. With --audit, the "
    "pixels are drawn at random, to measure the pseudo masks: patchlearn audit RUN FILE."
)


def add_arguments(verb: ArgumentParser) -> None:
    """What the verb takes."""
    add_run(verb)
    verb.add_argument("-n", "--number", type=int, required=True, help="how many pixels")
    verb.add_argument("--out", type=Path, required=True, metavar="FILE", help="a new .csv or .tsv file")
    verb.add_argument("--pictures", type=Path, metavar="DIR", help="for the pictures (default: FILE_pictures)")
    verb.add_argument("--audit", action="store_true", help="draw at random, to measure the masks and not to learn")
    verb.add_argument("--draw", type=int, metavar="NUMBER", help="with --audit: another number, other pixels (0)")


def add_run(verb: ArgumentParser) -> None:
    """The run and its variant."""
    verb.add_argument("run", type=Path, metavar="RUN", help="a run folder")
    verb.add_argument("--variant", help="whose maps and masks (default: the first of the recipe)")


def work(options: Namespace, console: Console) -> list[str]:
    """Write the table and the pictures."""
    from patchlearn.report.marked_pixels import require_empty, write_marked

    require_at_least("--number", options.number, 1)
    require_new_table(options.out)
    _require_draw(options)
    pictures = options.pictures or options.out.with_name(f"{options.out.stem}_pictures")
    require_empty(pictures)
    with opened(options.run, options.variant, console) as run:
        variant = variant_of(run, options.variant)
        pixels = (_drawn if options.audit else _suggested)(run, variant, options)
        write_marked(pictures, pixels)
    tell(console, [f"{options.out}: {counted(len(pixels), 'pixel')} to label; pictures: {pictures}"])
    return []


def _require_draw(options: Namespace) -> None:
    if options.draw is not None and not options.audit:
        raise PatchlearnError("--draw: numbers the draws of --audit. Suggestions are not drawn; leave it out.")
    require_at_least("--draw", options.draw or 0, 0)


def opened(run: Path, variant: str | None, console: Console) -> "AbstractContextManager[Run]":
    """The run in a folder.

    Raises:
        PatchlearnError: the folder is no run, or lacks the variant.
    """
    from patchlearn.runs.run import open_run
    from patchlearn.runs.target import find_target, is_run

    if not is_run(run):
        raise PatchlearnError(f"{run}: no run folder. Name the folder that patchlearn run has written, such as runs/A.")
    return open_run(find_target(run, None, ()), [variant] if variant else [], console)


def variant_of(run: "Run", name: str | None) -> "Variant":
    """The variant of this name, or the first of the recipe."""
    return next(each for each in run.variants if name in (None, each.name))


def _suggested(run: "Run", variant: "Variant", options: Namespace) -> "Sequence[tuple[Sample, int, int]]":
    from patchlearn.runs.suggestions import suggest

    found = suggest(run, variant, options.number)
    rows = [{"image": each.sample.id, "x": each.x, "y": each.y, "guess": each.guess, "why": each.why} for each in found]
    write_suggested(options.out, rows)
    return [(each.sample, each.x, each.y) for each in found]


def _drawn(run: "Run", variant: "Variant", options: Namespace) -> "Sequence[tuple[Sample, int, int]]":
    from patchlearn.runs.audit import draw

    found = draw(run, variant, options.number, options.draw or 0)
    write_audit(options.out, [each.row for each in found])
    return [(each.sample, each.x, each.y) for each in found]
