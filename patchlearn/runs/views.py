"""The views of a run: its evaluation and its report, from what its finished steps have written."""

import itertools
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import read_json, write_json
from patchlearn.core.manifest import fingerprint
from patchlearn.core.run_folder import EVALUATION, REPORT
from patchlearn.runs.image_lists import ImageList, keep_image_list, kept_image_lists, read_image_list
from patchlearn.runs.run import Run, prepare, take_all
from patchlearn.runs.settings import SUPERVISIONS, Variant
from patchlearn.steps.cams import WriteCams
from patchlearn.steps.data_splits import DataSplit, TrueMasks
from patchlearn.steps.evaluation import ENTRIES, Evaluate, EvaluateListed
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
    return _gather(run)


def evaluate_listed(run: Run, file: Path, name: str | None = None) -> list["Entry"]:
    """Judge the maps and masks of the images that a file lists; returns the entries about them.

    They stand in `evaluation.json` beside those of the splits, as long as their values hold.

    Args:
        run: opened.
        file: lists images of one split, one a line.
        name: what the entries call their split; None for the file's own name without its ending.

    Raises:
        PatchlearnError: what `read_image_list` raises, the split has no true masks, or a variant has no maps or masks
            of it.
    """
    variants = [variant for variant in run.variants if variant.name in run.chosen]
    plans = [run.steps(variant) for variant in variants]
    made = [step for plan in plans for step in plan if isinstance(step, WriteCams | WriteSegmented)]
    listed = read_image_list(file, name, run.dataset, {step.data.name for step in made})
    views = [_listed_evaluation(run, variant, run.recipe.supervision, listed) for variant in variants]
    for view in views:
        _require_something(view, file)
    if run.runtime.accelerator.is_main_process:
        keep_image_list(run.folder, listed)
    run.runtime.accelerator.wait_for_everyone()
    for view in views:
        view.take(run.runtime)
    return [entry for entry in _gather(run) if entry["split"] == listed.name]


def _require_something(view: EvaluateListed, file: Path) -> None:
    if not any(true.samples for true in view.truth):
        raise PatchlearnError(f"{file}: no image of it has a true mask to judge by. List images that have one.")
    if not (view.cams or view.segmented):
        raise PatchlearnError(
            f"variant {view.variant}: no maps or masks of split {view.split!r}, which the images of {file} are of. Add "
            f"it to cams.splits and pseudo.splits, and run again."
        )


def _gather(run: Run) -> list["Entry"]:
    """Write what is there to `evaluation.json`."""
    entries = list(_gathered(run))
    if run.runtime.accelerator.is_main_process:
        write_json(run.folder / EVALUATION, entries)
    return entries


def _listed_evaluation(run: Run, variant: Variant, supervision: str, listed: ImageList) -> EvaluateListed:
    """As `_evaluation`, of the one split that has the images."""
    whole = _evaluation(run, variant, supervision)
    data = run.data.find(listed.split)
    samples = listed.among(data.samples) if data else ()
    part = replace(run.dataset, splits={listed.split: samples})
    return EvaluateListed(
        whole.home,
        variant=whole.variant,
        rule=whole.rule,
        cams=tuple(step for step in whole.cams if step.data.name == listed.split),
        masks=tuple(step for step in whole.masks if step.data.name == listed.split),
        segmented=tuple(step for step in whole.segmented if step.data.name == listed.split),
        truth=(TrueMasks(DataSplit(part, listed.split, run.data.digest)),),
        supervision=supervision,
        recipe=whole.recipe,
        listed=listed.name,
        split=listed.split,
        images=listed.images,
    )


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
    for view in _judging_views(run):
        if view.is_complete:
            yield from read_json(view.folder / ENTRIES)
        elif view.is_outdated:
            _say_left_out(run, view)


def _judging_views(run: Run) -> Iterator[Evaluate]:
    """Those of the splits come first."""
    both = list(itertools.product(run.variants, SUPERVISIONS))
    yield from (_evaluation(run, *each) for each in both)
    yield from (_listed_evaluation(run, *each, listed) for listed in kept_image_lists(run.folder) for each in both)


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
    verb = f"{step.verb} --images FILE" if isinstance(step, EvaluateListed) else step.verb
    words = f"{step.title}: made with other settings than the recipe's, and left out. Run patchlearn {verb} again."
    run.runtime.console.print(words, style="dim", markup=False, soft_wrap=True)
