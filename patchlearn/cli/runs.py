"""The verbs of a run: all steps, single steps (declared by the steps), and what looks at data and results."""

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from patchlearn.cli.concepts import add_concepts, concepts_to_ask, print_concepts
from patchlearn.cli.judge import add_judged, judge, judges_files
from patchlearn.core.run_folder import REPORT
from patchlearn.runs.pipeline import verbs

if TYPE_CHECKING:
    from patchlearn.runs.run import Run
    from patchlearn.runs.tags import RankedTags
    from patchlearn.runs.target import Target

SUCCESS, FAULTS = 0, 1
WORTH_TIMING = 20  # images
SAID_BEFORE = ("absent classes", "nothing to compare with")  # hints about tags that `run` says before it starts
RunVerb = Callable[["Run", "Target", Namespace], int]
TARGET = "a folder of images with labels, a run folder, a recipe (*.yaml), or the name of a built-in recipe"
EXAMPLES = {
    "run": "patchlearn run photos",
    "check": "patchlearn check photos --json",
    "evaluate": "patchlearn evaluate runs/photos --json",
    "trust": "patchlearn trust runs/photos --json",
    "report": "patchlearn report runs/photos",
}


def add_arguments(verb: ArgumentParser, name: str) -> None:
    """What a verb of a run takes."""
    count = "?" if name == "evaluate" else None
    verb.add_argument("target", type=Path, metavar="TARGET", nargs=count, help=TARGET)
    verb.add_argument("--out", type=Path, help="the run folder (default: runs/NAME of the target)")
    verb.add_argument("--recipe", help="for a folder of images: the name or file of a recipe (default: standard)")
    verb.add_argument("--format", help="for a folder of images: its format (default: found out)")
    verb.add_argument("--variant", action="append", default=[], help="only this variant; may be repeated")
    if name == "run":
        verb.add_argument("--points", type=Path, help="a table of clicks: image,x,y,label (docs/clicks.md)")
    if name == "check":
        add_concepts(verb)
        verb.add_argument("--tags", action="store_true", help="of a run: rank the images whose tags others contradict")
    if name == "evaluate":
        verb.add_argument("--images", type=Path, help="only the images that this file lists, one a line")
        verb.add_argument(
            "--name", help="of a run: what the entries of --images call their split (default: FILE's name)"
        )
        add_judged(verb)
    if name in ("check", "evaluate", "trust"):
        verb.add_argument("--json", action="store_true", help="print the figures as JSON")
    example = EXAMPLES.get(name, f"patchlearn {name} runs/photos")
    verb.epilog = f"example: {example}\nAny setting can follow: --seed 1 --classifier.optimisation.epochs 6"


def work(options: Namespace, overrides: Sequence[str], console: Console) -> int:
    """Open the run and do the verb; returns the exit code."""
    from patchlearn.runs.run import open_run
    from patchlearn.runs.target import find_target

    if options.verb == "evaluate" and judges_files(options):
        return judge(options, overrides, console)
    if getattr(options, "points", None):
        overrides = [*overrides, f"--clicks.points={options.points.resolve()}"]
    target = find_target(options.target, options.out, overrides, options.recipe, options.format)
    with open_run(target, options.variant, console) as run:
        return run_verbs()[options.verb][1](run, target, options)


def run_verbs() -> dict[str, tuple[str, RunVerb]]:
    """Verb → (its line in `--help`, what it does); those of the steps come from the steps."""
    of_steps = {verb: (words, _take) for verb, words in verbs().items()}
    before = {"run": (_run.__doc__ or "", _run), "check": (_check.__doc__ or "", _check)}
    after = {verb: (work.__doc__ or "", work) for verb, work in VIEWS.items()}
    return {**before, **of_steps, **after}


def _run(run: "Run", target: "Target", options: Namespace) -> int:
    """All steps in order, from images to masks; what is complete is left alone."""
    from patchlearn.report.results import print_results
    from patchlearn.runs.expected import expected_lines
    from patchlearn.runs.run import prepare, take_all
    from patchlearn.runs.views import take_views

    _say_what_it_is(run)
    prepare(run)
    _say_what_it_takes(run)
    take_all(run)
    judged = take_views(run)
    if run.runtime.accelerator.is_main_process:
        print_results(Console(), run.folder)
        _say_where(run, run.folder / REPORT)
        for line in (*run.products(), *judged, *expected_lines(run)):
            _say(run, line)
    return SUCCESS


def _check(run: "Run", target: "Target", options: Namespace) -> int:
    """Look at the data: what is there, what is wrong, what could be better."""
    from patchlearn.cli.tables import print_examination
    from patchlearn.data.checks.findings import as_json, examine

    ask = concepts_to_ask(run, options)
    found = examine(run.dataset, threads=run.runtime.threads, console=run.runtime.console)
    tags = _ranked_tags(run) if options.tags else None
    if not run.runtime.accelerator.is_main_process:
        return SUCCESS
    if options.json:
        further = {"tags": tags.as_json()} if tags else {}
        _print_json(as_json(found) | ({"concepts": ask().as_json()} if ask else {}) | further)
    else:
        print_examination(Console(), found)
        for line in tags.lines() if tags else ():
            Console().print(line, markup=False, highlight=False, soft_wrap=True)
        if ask:
            print_concepts(Console(), ask())
    return FAULTS if found.faults else SUCCESS


def _ranked_tags(run: "Run") -> "RankedTags":
    from patchlearn.runs.tags import rank_tags

    return rank_tags(run, next(variant for variant in run.variants if variant.name in run.chosen))


def _evaluate(run: "Run", target: "Target", options: Namespace) -> int:
    """Judge maps, pseudo masks and the segmenter's masks where there are true masks."""
    from patchlearn.report.results import print_entries, print_results
    from patchlearn.runs.expected import expected_lines
    from patchlearn.runs.views import evaluate, evaluate_listed

    if options.images:
        entries = evaluate_listed(run, options.images, options.name)
        _print_figures(run, options, entries, lambda: print_entries(Console(), entries))
    else:
        _print_figures(run, options, evaluate(run), lambda: print_results(Console(), run.folder))
    for line in () if options.json else expected_lines(run):
        _say(run, line)
    return SUCCESS


def _trust(run: "Run", target: "Target", options: Namespace) -> int:
    """Say how far masks can be trusted, from tags and images alone."""
    from patchlearn.report.trust import trust_lines
    from patchlearn.runs.views import trust

    facts = trust(run)
    text = "\n".join(trust_lines(facts))
    _print_figures(run, options, facts, lambda: Console().print(text, markup=False, highlight=False, soft_wrap=True))
    return SUCCESS


def _print_figures(run: "Run", options: Namespace, figures: Any, show: Callable[[], None]) -> None:
    """Once, by the main process: as JSON if that was asked for."""
    if run.runtime.accelerator.is_main_process:
        if options.json:
            _print_json(figures)
        else:
            show()


def _report(run: "Run", target: "Target", options: Namespace) -> int:
    """Write report.html from what is in the run folder."""
    from patchlearn.runs.views import report

    _say_where(run, report(run))
    return SUCCESS


VIEWS = {"evaluate": _evaluate, "trust": _trust, "report": _report}


def _take(run: "Run", target: "Target", options: Namespace) -> int:
    from patchlearn.runs.run import take

    take(run, options.verb)
    return SUCCESS


def _print_json(value: object) -> None:
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def _say_what_it_is(run: "Run") -> None:
    from patchlearn.data.checks.tag_hints import tag_hints

    for note in run.dataset.notes:
        _say(run, note)
    counts = ", ".join(f"{len(samples)} {name}" for name, samples in run.dataset.splits.items())
    _say(run, f"images: {counts}; classes: {len(run.dataset.classes)} ({_shortened(run.dataset.classes)})")
    _say(run, f"recipe: {run.recipe.title}; run folder: {run.folder}")
    for finding in tag_hints(run.dataset):
        if finding.kind in SAID_BEFORE:
            _say(run, finding.text)


def _say_what_it_takes(run: "Run") -> None:
    """Of a few images nothing is said: timing them would take as long as the work."""
    from patchlearn.core.progress import duration
    from patchlearn.runs.run import estimate

    if sum(map(len, run.dataset.splits.values())) < WORTH_TIMING:
        return
    needs = estimate(run)
    if needs.seconds:
        megabytes = max(1, round(needs.bytes / 1e6))
        _say(run, f"about {duration(needs.seconds)} on this machine, and {megabytes} MB on its disk")


def _shortened(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (", …" if len(names) > 8 else "")


def _say_where(run: "Run", path: Path) -> None:
    _say(run, f"report: {path}")


def _say(run: "Run", words: str) -> None:
    if run.runtime.accelerator.is_main_process:
        run.runtime.console.print(words, soft_wrap=True, markup=False, highlight=False)
