"""`patchlearn evaluate --masks` or `--scores`: judge what any program made, by true masks."""

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from patchlearn.core.errors import PatchlearnError
from patchlearn.report.results import ENTRY_FIGURES, percent

if TYPE_CHECKING:
    from patchlearn.evaluate.judge import Entry

OF_FILES = ("truth", "classes", "layout", "binary", "ignore_others")  # options that need --masks or --scores
OF_RUNS = ("out", "recipe", "format", "variant", "name")
SHARED = "Precision and recall are means over the classes without the background."


def add_judged(verb: ArgumentParser) -> None:
    """What `evaluate` takes in place of a run."""
    group = verb.add_argument_group("files of any program, in place of TARGET")
    group.add_argument("--masks", type=Path, help="a folder of .png: 0 background, 1 the first class, 255 undecided")
    group.add_argument("--scores", type=Path, help="a folder of .npz of patchlearn, or .npy K×h×w in [0, 1]")
    group.add_argument("--truth", type=Path, help="a folder of true masks of the same names: .png, indices or colours")
    group.add_argument("--classes", type=Path, help="a classes.txt, or a classes.csv with values or colours")
    group.add_argument("--layout", help="of .npy files: chw or hwc (default: chw, which is K×h×w)")
    group.add_argument("--binary", action="store_true", help="255 in masks is the only class")
    group.add_argument(
        "--ignore-others", action="store_true", help="true pixels of values that are no class are ignored"
    )


def judges_files(options: Namespace) -> bool:
    """Whether files are to be judged, and not a run.

    Raises:
        PatchlearnError: both or neither, or options of the one with the other.
    """
    if options.masks is None and options.scores is None:
        _refuse(options, OF_FILES, "goes with --masks or --scores, in place of a run")
        if not options.images:
            _refuse(options, ("name",), "names the images of a list, and goes with --images FILE")
        if options.target is None:
            raise PatchlearnError(
                "evaluate: nothing to judge. Name a run, such as runs/photos; or masks or score maps of any program: "
                "--masks DIR --truth DIR --classes FILE."
            )
        return False
    option = "--masks" if options.masks else "--scores"
    if options.masks and options.scores:
        raise PatchlearnError("--masks and --scores: judge one of them at a time. Leave one out.")
    if options.target is not None:
        raise PatchlearnError(f"{options.target}: a run and {option} are two things to judge. Leave one out.")
    for name in ("truth", "classes"):
        if getattr(options, name) is None:
            raise PatchlearnError(f"{option}: --{name} is missing. Say {option} DIR --truth DIR --classes FILE.")
    _refuse(options, OF_RUNS, f"is of a run, and {option} needs none")
    if options.masks:
        _refuse(options, ("layout",), "is of score maps, and masks have none")
    return True


def _refuse(options: Namespace, names: Sequence[str], why: str) -> None:
    for name in names:
        if getattr(options, name):
            raise PatchlearnError(f"--{name.replace('_', '-')}: {why}. Leave it out.")


def judge(options: Namespace, overrides: Sequence[str], console: Console) -> int:
    """Judge the files and print the figures; returns the exit code."""
    from patchlearn.inference.judge_files import Truth, judge_masks, judge_scores

    if overrides:
        raise PatchlearnError(f"{overrides[0]}: a setting of recipes, of which files have none. Leave it out.")
    truth = Truth(
        folder=options.truth,
        classes=options.classes,
        images=options.images,
        others_ignored=options.ignore_others,
        binary=options.binary,
    )
    if options.masks:
        entry = judge_masks(options.masks, truth, console)
        columns = {"masks": entry}
    else:
        entry = judge_scores(options.scores, truth, console, options.layout)
        columns = {"label-free": entry, "oracle": entry["oracle"]}
    if options.json:
        sys.stdout.write(json.dumps(entry, indent=2, ensure_ascii=False) + "\n")
    else:
        print_judged(Console(), columns)
    return 0


def print_judged(console: Console, columns: "dict[str, Entry]") -> None:
    """The IoU of each class, and the means, in per cent.

    Args:
        console: where.
        columns: heading → an entry.
    """
    first = next(iter(columns.values()))
    table = Table(Column("class", no_wrap=True), box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in columns:
        table.add_column(escape(heading), justify="right", no_wrap=True)
    names = list(dict.fromkeys(name for entry in columns.values() for name in (*entry["iou"], *entry["absent"])))
    for name in names:
        table.add_row(escape(name), *(percent(entry["iou"].get(name)) for entry in columns.values()))
    table.add_section()
    for key, row in ENTRY_FIGURES.items():
        table.add_row(row, *(percent(entry[key]) for entry in columns.values()))
    console.print(table)
    words = f"IoU in per cent. {first['images']} images. {SHARED}{_thresholds(columns)}"
    console.print(words, style="dim", markup=False)


def _thresholds(columns: "dict[str, Any]") -> str:
    if "oracle" not in columns:
        return ""
    return " Oracle: the best threshold on these very masks; label-free: a rule that reads none."
