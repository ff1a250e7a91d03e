"""A run: a recipe, its data and its folder, opened; the verbs that take its steps, judge them and report on them."""

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from patchlearn.core.digests import Digests
from patchlearn.core.errors import PatchlearnError, require_one_of
from patchlearn.core.files import read_json, write_json, write_text
from patchlearn.core.manifest import fingerprint
from patchlearn.core.run_folder import BY_HAND, DIGESTS, EVALUATION, RECIPE, REPORT, lock_run
from patchlearn.runs.pipeline import steps_of, verbs
from patchlearn.runs.recipe import dump_recipe, load_recipe
from patchlearn.runs.settings import SUPERVISIONS, Recipe, Variant
from patchlearn.steps.cams import WriteCams
from patchlearn.steps.check import CheckData
from patchlearn.steps.data_splits import DataSplits, TrueMasks
from patchlearn.steps.evaluation import ENTRIES, Evaluate
from patchlearn.steps.pseudo_masks import WritePseudoMasks
from patchlearn.steps.segmenter import TrainSegmenter, WriteSegmented
from patchlearn.steps.step import Step

if TYPE_CHECKING:
    from rich.console import Console

    from patchlearn.core.runtime import Runtime
    from patchlearn.core.types import Dataset
    from patchlearn.evaluate.judge import Entry


COMMENT = re.compile(r"^ *#|^[^'\"]* #", re.MULTILINE)  # of YAML; a # inside of quotes is none


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run folder with everything its steps need; `open_run` makes one.

    Args:
        folder: where files go.
        recipe: every setting.
        variants: every variant of the recipe.
        chosen: names of the variants that this call works on.
        data: every split.
        runtime: device, processes, threads, and where progress is shown.
    """

    folder: Path
    recipe: Recipe
    variants: tuple[Variant, ...]
    chosen: tuple[str, ...]
    data: DataSplits
    runtime: "Runtime"

    @property
    def dataset(self) -> "Dataset":
        """The opened data set."""
        return self.data.dataset

    def steps(self, variant: Variant, supervision: str | None = None) -> list[Step]:
        """The steps of one variant, in order; by default with the recipe's supervision."""
        home = self.folder / variant.name
        steps = list(steps_of(variant, self.data, home, self.recipe.seed, supervision or self.recipe.supervision))
        _require_own_folders(steps)
        return steps

    def chosen_steps(self) -> list[list[Step]]:
        """The steps of every chosen variant."""
        return [self.steps(variant) for variant in self.variants if variant.name in self.chosen]


@contextmanager
def open_run(
    target: Path, out: Path | None, overrides: Sequence[str], only: Sequence[str], console: "Console"
) -> Iterator[Run]:
    """Open a recipe, or a run folder that has one, and hold the run folder until the block ends.

    Args:
        target: a recipe file, or a run folder.
        out: the run folder; by default the target if it is one, else `runs/STEM`.
        overrides: options such as `--seed=1`.
        only: names of variants to work on; all of them if empty.
        console: where progress is shown.

    Raises:
        PatchlearnError: a wrong recipe, option or variant, data that cannot be opened, or a run folder in which another
            process works.
    """
    from patchlearn.core.runtime import start

    loaded = load_recipe(target / RECIPE if target.is_dir() else target, overrides)
    names = tuple(variant.name for variant in loaded.variants)
    for name in only:
        require_one_of("--variant", name, names)
    folder = out or (target if target.is_dir() else Path("runs") / target.stem)
    runtime = start(loaded.recipe.runtime, console)
    with ExitStack() as stack:
        if runtime.accelerator.is_main_process:
            stack.enter_context(lock_run(folder))
        with runtime.accelerator.main_process_first():
            dataset = _open_data(loaded.recipe, folder)
        digests = Digests(folder / DIGESTS)
        run = Run(
            folder=folder,
            recipe=loaded.recipe,
            variants=loaded.variants,
            chosen=tuple(only) or names,
            data=DataSplits(dataset, digests),
            runtime=runtime,
        )
        for variant, supervision in itertools.product(run.variants, SUPERVISIONS):
            run.steps(variant, supervision)  # raises where settings name splits that are not there
        if runtime.accelerator.is_main_process:
            stack.callback(digests.save)
        yield run


def _require_own_folders(steps: Sequence[Step]) -> None:
    """Two steps in one folder would empty it for each other."""
    for folder, count in Counter(step.folder for step in steps).items():
        if count > 1:
            names = ", ".join(dict.fromkeys(type(step).__name__ for step in steps if step.folder == folder))
            raise PatchlearnError(f"{folder}: {count} steps write into this folder ({names}). Give each its own.")


def run_all(run: Run) -> None:
    """Every step of every chosen variant, in order; what is complete is left alone."""
    plans, wanted = run.chosen_steps(), list(verbs())  # one verb after another, so that variants advance together
    if run.recipe.with_segmenter or run.recipe.supervision == "masks":
        _require_masks_to_learn_from(run)
    else:
        wanted.remove(TrainSegmenter.verb)
    for steps in plans:
        _check(run, [step for step in steps if step.verb in wanted])
    check(run)
    for verb in wanted:
        _take(run, plans, verb)
    evaluate(run)
    report(run)


def take(run: Run, verb: str) -> None:
    """The steps of one verb, of every chosen variant."""
    plans = run.chosen_steps()
    if verb == TrainSegmenter.verb:
        _require_masks_to_learn_from(run)
    for steps in plans:
        _check(run, [step for step in steps if step.verb == verb])
    _take(run, plans, verb)


def _take(run: Run, plans: Sequence[Sequence[Step]], verb: str) -> None:
    steps = [step for plan in plans for step in plan if step.verb == verb]
    to_do = [step for step in steps if not step.is_complete]
    for need in (need for step in to_do for need in step.needs if need not in steps):
        need.require()  # before anything is written
    if to_do:
        _write_recipe(run)
    for step in steps:
        step.take(run.runtime)


def _check(run: Run, steps: Sequence[Step]) -> None:
    """Fail early: what would otherwise surface after hours."""
    for step in steps:
        if not step.is_complete:
            step.check(run.runtime)


def _require_masks_to_learn_from(run: Run) -> None:
    for variant in run.variants if run.recipe.supervision == "tags" else ():
        split = run.data[variant.segmenter.train_split].name
        if variant.name in run.chosen and split not in variant.pseudo.splits:
            raise PatchlearnError(
                f"variant {variant.name}: pseudo.splits lacks {split!r}, which the segmenter learns from. Add it."
            )


def check(run: Run) -> None:
    """Decode every image and mask once, before time is spent on training.

    Raises:
        PatchlearnError: the first ten files that are damaged or do not fit.
    """
    splits = run.data.all()
    step = CheckData(run.folder, splits, tuple(TrueMasks(split) for split in splits))
    if not step.is_complete:
        _write_recipe(run)
    step.take(run.runtime)


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


def report(run: Run) -> Path:
    """Write `report.html` from what is in the run folder and was made with the recipe's present settings."""
    from patchlearn.report.page import write_report

    there = [variant for variant in run.variants if (run.folder / variant.name).is_dir()]
    steps = {variant.name: [run.steps(variant, name) for name in SUPERVISIONS] for variant in there}
    every = [step for both in steps.values() for step in itertools.chain(*both)]
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


def _write_recipe(run: Run) -> None:
    """A reference is trained beside a run, whose recipe stays what it was; one written by hand is kept as well."""
    if not run.runtime.accelerator.is_main_process:
        return
    path = run.folder / RECIPE
    before = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
    if before and run.recipe.supervision == "masks":
        return
    if COMMENT.search(before):  # the recipe that is written here has none
        write_text(run.folder / BY_HAND, before)
    write_text(path, dump_recipe(run.recipe))


def _open_data(recipe: Recipe, folder: Path) -> "Dataset":
    from patchlearn.data.open import open_dataset

    data = recipe.data
    if data.root is None and data.format != "scenes":
        raise PatchlearnError(f"data.root: the format {data.format!r} needs a folder. Add --data.root FOLDER.")
    return open_dataset(data.format, data.root or folder / "data", data.scenes)
