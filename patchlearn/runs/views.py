"""The views of a run: its evaluation and its report, from what its finished steps have written."""

import itertools
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import read_json, write_json
from patchlearn.core.manifest import fingerprint
from patchlearn.core.run_folder import EVALUATION, REPORT
from patchlearn.runs.run import Run, prepare, take_all
from patchlearn.runs.settings import SUPERVISIONS, Variant
from patchlearn.steps.cams import WriteCams
from patchlearn.steps.data_splits import TrueMasks
from patchlearn.steps.evaluation import ENTRIES, Evaluate
from patchlearn.steps.pseudo_masks import WritePseudoMasks
from patchlearn.steps.segmenter import WriteSegmented
from patchlearn.steps.step import Step
from patchlearn.steps.trust import JudgeTrust, trust_step

if TYPE_CHECKING:
    from patchlearn.evaluate.judge import Entry


def run_all(run: Run) -> None:
    """Checks, every step of every chosen variant, then the views."""
    prepare(run)
    take_all(run)
    take_views(run)


def take_views(run: Run) -> list[str]:
    """Evaluation, trust and report, in this order; returns the lines of `trust_lines_of`.

    What trust fails on does not cost the report of the hours before it.
    """
    evaluate(run)
    try:
        return trust_lines_of(run)
    finally:
        report(run)


def evaluate(run: Run) -> list["Entry"]:
    """Judge the maps and masks of every split that has true masks; the figures are gathered in `evaluation.json`."""
    for variant in run.variants:
        if variant.name in run.chosen:
            _evaluation(run, variant, run.recipe.supervision).take(run.runtime)
    entries = list(_gathered(run))
    if run.runtime.accelerator.is_main_process:
        write_json(run.folder / EVALUATION, entries)
    return entries


def _evaluation(run: Run, variant: Variant, supervision: str) -> Evaluate:
    steps = run.steps(variant, supervision)
    cams = tuple(step for step in steps if isinstance(step, WriteCams))
    judged = [step for step in steps if isinstance(step, WriteSegmented) and step.is_complete and step.data.has_truth]
    splits = dict.fromkeys([*(step.data for step in cams), *(step.data for step in judged)])
    return Evaluate(
        run.folder / variant.name,
        variant=variant.name,
        rule=variant.background,
        cams=cams,
        masks=tuple(step for step in steps if isinstance(step, WritePseudoMasks)),
        segmented=tuple(judged),
        truth=tuple(TrueMasks(split) for split in splits),
        supervision=supervision,
        recipe=fingerprint(asdict(run.recipe)),
    )


def _gathered(run: Run) -> Iterator["Entry"]:
    """The entries of every variant that was judged with the recipe's present settings.

    Figures of other settings would stand in the same table, beside a recipe that is not theirs.
    """
    for variant, supervision in itertools.product(run.variants, SUPERVISIONS):
        view = _evaluation(run, variant, supervision)
        if view.is_complete:
            yield from read_json(view.folder / ENTRIES)
        elif view.is_outdated:
            _say_left_out(run, view)


def trust(run: Run) -> dict[str, Any]:
    """How far the masks of the last chosen variant can be trusted, by tags and images alone.

    Raises:
        PatchlearnError: the variant makes no masks of tagged images, or they are not there yet.
    """
    variant = _last_chosen(run)
    step = _trust(run, variant)
    if step is None:
        raise PatchlearnError(
            f"variant {variant.name}: makes no pseudo masks of two or more images with tags, so that there is nothing "
            "to judge. Name a split with tags in pseudo.splits."
        )
    step.take(run.runtime)
    run.runtime.accelerator.wait_for_everyone()
    return step.read()


def trust_lines_of(run: Run) -> list[str]:
    """The last lines of `run`: the estimate and the findings of the last chosen variant, six at most.

    There are none for the fully supervised reference, and where no masks are made.
    """
    from patchlearn.report.trust import trust_lines

    variant = _last_chosen(run)
    if run.recipe.supervision == "masks" or _trust(run, variant) is None:
        return []
    return trust_lines(trust(run))


def _last_chosen(run: Run) -> Variant:
    return next(variant for variant in reversed(run.variants) if variant.name in run.chosen)


def _trust(run: Run, variant: Variant) -> JudgeTrust | None:
    return trust_step(run.steps(variant, "tags"), variant.self_training, run.recipe.seed)


def report(run: Run) -> Path:
    """Write `report.html` from what is in the run folder and was made with the recipe's present settings."""
    from patchlearn.report.page import write_report

    there = [variant for variant in run.variants if (run.folder / variant.name).is_dir()]
    steps = {variant.name: [run.steps(variant, name) for name in SUPERVISIONS] for variant in there}
    judged = [view for variant in there if (view := _trust(run, variant)) and view.folder.is_dir()]
    every = [*(step for both in steps.values() for step in itertools.chain(*both)), *judged]
    outdated = [step for step in every if step.is_outdated]
    for step in outdated:
        _say_left_out(run, step)
    path = run.folder / REPORT
    if run.runtime.accelerator.is_main_process:
        learned = {sample.id for variant in there for sample in run.data[variant.classifier.train_split].samples}
        path = write_report(
            run.folder,
            run.dataset,
            [name for name, (own, _) in steps.items() if not any(step in outdated for step in own)],
            split=run.variants[0].cams.splits[0],
            title=run.recipe.title,
            learned=len(learned),
            steps=[_fact(step) for step in every],
            left_out=[step.folder for step in outdated],
        )
    run.runtime.accelerator.wait_for_everyone()
    return path


def _fact(step: Step) -> dict[str, Any]:
    """A row of the report's list of steps."""
    facts = step.outputs.manifest
    state = "outdated" if step.is_outdated else "complete" if facts.get("complete") else "not there"
    return {"title": step.title, "state": state, "seconds": facts.get("seconds"), "commit": facts.get("commit")}


def _say_left_out(run: Run, step: Step) -> None:
    words = f"{step.title}: made with other settings than the recipe's, and left out. Run patchlearn {step.verb} again."
    run.runtime.console.print(words, style="dim", markup=False, soft_wrap=True)
