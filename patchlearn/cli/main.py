"""The command line: the verbs of a run, of which those of single steps are declared by the steps, and the tools."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from patchlearn.cli.tools import TOOLS
from patchlearn.core.errors import PatchlearnError
from patchlearn.core.run_folder import REPORT
from patchlearn.runs.pipeline import verbs
from patchlearn.runs.settings import Recipe

if TYPE_CHECKING:
    from patchlearn.runs.run import Run

RunVerb = Callable[["Run", argparse.Namespace], None]
SUCCESS, FAILURE, INTERRUPTED = 0, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code. A `PatchlearnError` is printed as one sentence, without a traceback."""
    console = Console(stderr=True)
    words, overrides = split_overrides(sys.argv[1:] if arguments is None else arguments)
    options = _parser(words[0] if words else "").parse_args(words)
    try:
        if options.verb == "settings":
            _print_settings()
        elif options.verb in TOOLS:
            return _use_tool(options, overrides, console)
        else:
            _work(options, overrides, console)
    except PatchlearnError as error:
        return _fail(console, str(error))
    except OSError as error:
        what = str(error) if error.filename is None else f"{error.filename}: {error.strerror}"
        return _fail(console, f"{what}. Check the path, its permissions and the space on the disk.")
    except KeyboardInterrupt:
        console.print("interrupted; the same command goes on from here")
        return INTERRUPTED
    return SUCCESS


def _print_settings() -> None:
    from patchlearn.runs.recipe import recipe_parser

    recipe_parser().print_help()


def _work(options: argparse.Namespace, overrides: Sequence[str], console: Console) -> None:
    from patchlearn.runs.run import open_run

    with open_run(options.target, options.out, overrides, options.variant, console) as run:
        run_verbs()[options.verb][1](run, options)


def _use_tool(options: argparse.Namespace, overrides: Sequence[str], console: Console) -> int:
    if overrides:
        raise PatchlearnError(
            f"{overrides[0]}: a setting of recipes, which {options.verb} does not read. See {options.verb} --help."
        )
    failures = TOOLS[options.verb].use(options, console)
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
    words: list[str] = []
    overrides: list[str] = []
    queue = list(arguments)
    while queue:
        word = queue.pop(0)
        if not _is_setting(word, words):
            words.append(word)
        elif "=" in word or not queue or queue[0].startswith("--"):
            overrides.append(word)
        else:
            overrides.append(f"{word}={queue.pop(0)}")
    return words, overrides


def _is_setting(word: str, before: Sequence[str]) -> bool:
    name = word.removeprefix("--").split("=")[0]
    if not word.startswith("--") or "." in name:
        return word.startswith("--")
    is_tool = bool(before) and before[0] in TOOLS  # whose --background is an option of its own, and no group
    default = Recipe()
    return hasattr(default, name) and not (is_tool and is_dataclass(getattr(default, name)))


def _parser(wanted: str) -> argparse.ArgumentParser:
    """The parser of all verbs; of the tools, only the wanted one is loaded."""
    parser = argparse.ArgumentParser(
        prog="patchlearn",
        description="Segmentation masks from image tags.",
        epilog="Any setting can be changed on the command line: --data.root photos --seed 1. "
        "'patchlearn settings' lists them all.",
    )
    parsers = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name, (words, _) in run_verbs().items():
        verb = parsers.add_parser(name, help=words, description=words)
        verb.add_argument("target", type=Path, help="a recipe (*.yaml), or a run folder")
        verb.add_argument("--out", type=Path, help="the run folder (default: runs/NAME of the recipe)")
        verb.add_argument("--variant", action="append", default=[], help="only this variant; may be repeated")
        verb.add_argument("--json", action="store_true", help="print the figures as JSON (evaluate)")
    for name, tool in TOOLS.items():
        verb = parsers.add_parser(name, help=tool.help)
        if name == wanted:
            tool.declare(verb)
    parsers.add_parser("settings", help="Every setting of a recipe, with its type and default.")
    return parser


def _run(run: "Run", options: argparse.Namespace) -> None:
    """All steps in order; what is complete is left alone."""
    from patchlearn.report.results import print_results
    from patchlearn.runs.run import run_all

    run_all(run)
    if run.runtime.accelerator.is_main_process:
        print_results(Console(), run.folder)
        _say_where(run, run.folder / REPORT)


def _check(run: "Run", options: argparse.Namespace) -> None:
    """Decode every image and mask, and count the labels."""
    from patchlearn.cli.tables import print_summary
    from patchlearn.runs.run import check

    check(run)
    print_summary(Console(), run.dataset)


def _evaluate(run: "Run", options: argparse.Namespace) -> None:
    """Judge maps, pseudo masks and the segmenter's masks where there are true masks."""
    from patchlearn.report.results import print_results
    from patchlearn.runs.run import evaluate

    entries = evaluate(run)
    if not run.runtime.accelerator.is_main_process:
        return
    if options.json:
        sys.stdout.write(json.dumps(entries, indent=2, ensure_ascii=False) + "\n")
    else:
        print_results(Console(), run.folder)


def _report(run: "Run", options: argparse.Namespace) -> None:
    """Write report.html from what is in the run folder."""
    from patchlearn.runs.run import report

    _say_where(run, report(run))


def _say_where(run: "Run", path: Path) -> None:
    run.runtime.console.print(f"report: {path}", soft_wrap=True, markup=False)


def _take(run: "Run", options: argparse.Namespace) -> None:
    from patchlearn.runs.run import take

    take(run, options.verb)


def run_verbs() -> dict[str, tuple[str, RunVerb]]:
    """Verb → (its line in `--help`, what it does); those of the steps come from the steps."""
    of_steps = {verb: (words, _take) for verb, words in verbs().items()}
    before = {"run": (_run.__doc__ or "", _run), "check": (_check.__doc__ or "", _check)}
    after = {"evaluate": (_evaluate.__doc__ or "", _evaluate), "report": (_report.__doc__ or "", _report)}
    return {**before, **of_steps, **after}
