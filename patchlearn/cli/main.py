"""The command line: one verb for each step of a run; the other verbs are those of commands.py."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from patchlearn.cli.tools import COMMANDS
from patchlearn.core.errors import PatchlearnError
from patchlearn.data.check import summarise
from patchlearn.report.results import print_results
from patchlearn.runs import pipeline as pipeline
from patchlearn.runs.pipeline import open_run
from patchlearn.runs.recipe import Recipe, recipe_parser
from patchlearn.steps.step import Run

SUCCESS, FAILURE, INTERRUPTED = 0, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code. A `PatchlearnError` is printed as one sentence, without a traceback."""
    console = Console(stderr=True)
    words, overrides = split_overrides(sys.argv[1:] if arguments is None else arguments)
    options = _parser().parse_args(words)
    try:
        if options.verb == "settings":
            recipe_parser("patchlearn run RECIPE").print_help()
        elif options.verb in COMMANDS:
            return _run_command(options, overrides, console)
        else:
            run = open_run(options.target, options.out, overrides, options.variant, console)
            VERBS[options.verb](run, options)
    except PatchlearnError as error:
        return _fail(console, str(error))
    except OSError as error:
        what = str(error) if error.filename is None else f"{error.filename}: {error.strerror}"
        return _fail(console, f"{what}. Check the path, its permissions and the space on the disk.")
    except KeyboardInterrupt:
        console.print("interrupted; the same command goes on from here")
        return INTERRUPTED
    return SUCCESS


def _run_command(options: argparse.Namespace, overrides: Sequence[str], console: Console) -> int:
    if overrides:
        raise PatchlearnError(
            f"{overrides[0]}: a setting of recipes, which {options.verb} does not read. See {options.verb} --help."
        )
    failures = COMMANDS[options.verb].work(options, console)
    for failure in failures:
        _fail(console, failure)
    return FAILURE if failures else SUCCESS


def _fail(console: Console, sentence: str) -> int:
    console.print("error:", style="bold red", end=" ")
    console.print(sentence, markup=False, highlight=False, soft_wrap=True)
    return FAILURE


def split_overrides(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """(the verb's own words, the overrides of settings); a setting is `--SECTION.KEY` or a top-level one.

    >>> split_overrides(["run", "my.yaml", "--data.root", "photos", "--seed=1", "--out", "runs/a"])
    (['run', 'my.yaml', '--out', 'runs/a'], ['--data.root=photos', '--seed=1'])
    """
    words, overrides, queue = [], [], list(arguments)
    while queue:
        word = queue.pop(0)
        if not _is_setting(word):
            words.append(word)
        elif "=" in word or not queue:
            overrides.append(word)
        else:
            overrides.append(f"{word}={queue.pop(0)}")
    return words, overrides


def _is_setting(word: str) -> bool:
    name = word.removeprefix("--").split("=")[0]
    return word.startswith("--") and ("." in name or name in {entry.name for entry in fields(Recipe)})


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="patchlearn",
        description="Segmentation masks from image tags.",
        epilog="Any setting can be changed on the command line: --data.root photos --seed 1. "
        "'patchlearn settings' lists them all.",
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name, function in VERBS.items():
        verb = verbs.add_parser(name, help=(function.__doc__ or "").strip(), description=function.__doc__)
        verb.add_argument("target", type=Path, help="a recipe (*.yaml), or a run folder")
        verb.add_argument("--out", type=Path, help="the run folder (default: runs/NAME of the recipe)")
        verb.add_argument("--variant", action="append", default=[], help="only this variant; may be repeated")
        verb.add_argument("--json", action="store_true", help="print the figures as JSON (evaluate)")
    for name, command in COMMANDS.items():
        command.add_arguments(verbs.add_parser(name, help=command.help, description=command.description))
    verbs.add_parser("settings", help="Every setting of a recipe, with its type and default.")
    return parser


def _run(run: Run, options: argparse.Namespace) -> None:
    """All steps in order; what is complete is left alone."""
    pipeline.run_all(run)
    if run.runtime.accelerator.is_main_process:
        print_results(Console(), run.folder)
        _say_where(run, run.folder / "report.html")


def _check(run: Run, options: argparse.Namespace) -> None:
    """Decode every image and mask, and count the labels."""
    pipeline.check(run)
    facts = {split: summarise(run.dataset, split) for split in run.dataset.splits}
    table = Table("", *(Column(escape(split), justify="right") for split in facts))
    for name in ("images", "masks", "unlabelled"):
        table.add_row(name, *(str(getattr(each, name)) for each in facts.values()), end_section=name == "unlabelled")
    for index, name in enumerate(run.dataset.classes):
        table.add_row(escape(name), *(str(each.labels[index]) for each in facts.values()))
    Console().print(table)


def _train(run: Run, options: argparse.Namespace) -> None:
    """Step 1: train the classifier from image labels."""
    for variant in run.variants:
        pipeline.train(run, variant)


def _cams(run: Run, options: argparse.Namespace) -> None:
    """Step 2: class activation maps."""
    for variant in run.variants:
        pipeline.cams(run, variant)


def _affinity(run: Run, options: argparse.Namespace) -> None:
    """Step 3: learn which neighbouring pixels belong together."""
    for variant in run.variants:
        pipeline.affinity(run, variant)


def _pseudo(run: Run, options: argparse.Namespace) -> None:
    """Step 4: pseudo masks."""
    for variant in run.variants:
        pipeline.pseudo(run, variant)


def _segment(run: Run, options: argparse.Namespace) -> None:
    """Step 5: train a segmentation network on the pseudo masks (or, with --supervision masks, on the true ones)."""
    for variant in run.variants:
        pipeline.segment(run, variant)


def _evaluate(run: Run, options: argparse.Namespace) -> None:
    """Judge seeds, pseudo masks and the segmenter's masks where there are true masks."""
    entries = pipeline.evaluate(run)
    if not run.runtime.accelerator.is_main_process:
        return
    if options.json:
        sys.stdout.write(json.dumps(entries, indent=2, ensure_ascii=False) + "\n")
    else:
        print_results(Console(), run.folder)


def _report(run: Run, options: argparse.Namespace) -> None:
    """Write report.html from what is in the run folder."""
    _say_where(run, pipeline.report(run))


def _say_where(run: Run, path: Path) -> None:
    run.runtime.console.print(f"report: {path}", soft_wrap=True, markup=False)


VERBS: dict[str, Callable[[Run, argparse.Namespace], None]] = {
    "run": _run,
    "check": _check,
    "train": _train,
    "cams": _cams,
    "affinity": _affinity,
    "pseudo": _pseudo,
    "segment": _segment,
    "evaluate": _evaluate,
    "report": _report,
}
