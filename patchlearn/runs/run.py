"""A run: a recipe, its data and its folder, opened; the verbs that take its steps, judge them and report on them."""

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from patchlearn.core.digests import Digests
from patchlearn.core.errors import PatchlearnError, require_one_of
from patchlearn.core.files import write_text
from patchlearn.core.run_folder import BY_HAND, DIGESTS, RECIPE, lock_run
from patchlearn.runs.pipeline import steps_of, verbs
from patchlearn.runs.recipe import dump_recipe, load_recipe
from patchlearn.runs.settings import SUPERVISIONS, Recipe, Variant
from patchlearn.runs.target import Target, mark_run, note_moved_data, require_apart
from patchlearn.steps.check import CheckData
from patchlearn.steps.data_splits import DataSplits, TrueMasks
from patchlearn.steps.pseudo_masks import WritePseudoMasks
from patchlearn.steps.segmenter import TrainSegmenter
from patchlearn.steps.step import Step

if TYPE_CHECKING:
    from rich.console import Console

    from patchlearn.core.pace import Estimate
    from patchlearn.core.runtime import Runtime
    from patchlearn.core.types import Dataset


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

    def products(self) -> list[str]:
        """Where the masks of every chosen variant lie, and how its segmenter is used, a line each."""
        steps = [step for plan in self.chosen_steps() for step in plan if step.is_complete]
        masks = [f"masks: {step.folder}" for step in steps if isinstance(step, WritePseudoMasks)]
        homes = [step.home for step in steps if isinstance(step, TrainSegmenter)]
        models = [home if len(homes) > 1 else self.folder for home in homes]
        return [*masks, *(f"new images: patchlearn predict {model} NEW_IMAGES --out MASKS" for model in models)]


@contextmanager
def open_run(target: Target, only: Sequence[str], console: "Console") -> Iterator[Run]:
    """Open a recipe and its data, and hold the run folder until the block ends.

    Args:
        target: recipe, run folder and overrides.
        only: names of variants to work on; all of them if empty.
        console: where progress is shown.

    Raises:
        PatchlearnError: a wrong recipe, option or variant, data that cannot be opened, or a run folder in which another
            process works.
    """
    from patchlearn.core.runtime import start

    loaded, folder = load_recipe(target.recipe, target.overrides), target.folder
    names = tuple(variant.name for variant in loaded.variants)
    for name in only:
        require_one_of("--variant", name, names)
    root = loaded.recipe.data.root
    if root is not None and not Path(root).resolve().is_relative_to(folder.resolve()):
        require_apart(folder, Path(root))
    runtime = start(loaded.recipe.runtime, console)
    with ExitStack() as stack:
        if runtime.accelerator.is_main_process:
            unmark = mark_run(folder, str(target.data.resolve()) if target.data else None)
            stack.enter_context(lock_run(folder))
        with runtime.accelerator.main_process_first():
            try:
                dataset = open_data_of(loaded.recipe, folder)
            except PatchlearnError:
                if runtime.accelerator.is_main_process:
                    unmark()  # a folder that never became a run must not keep others of its name away
                raise
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
            if note_moved_data(target, root):
                _write_recipe(run)
        yield run


def _require_own_folders(steps: Sequence[Step]) -> None:
    """Two steps in one folder would empty it for each other."""
    for folder, count in Counter(step.folder for step in steps).items():
        if count > 1:
            names = ", ".join(dict.fromkeys(type(step).__name__ for step in steps if step.folder == folder))
            raise PatchlearnError(f"{folder}: {count} steps write into this folder ({names}). Give each its own.")


def prepare(run: Run) -> None:
    """Check settings, weights and every image before time is spent on training.

    Raises:
        PatchlearnError: what `take_all` would fail on.
    """
    wanted = _wanted(run)
    if TrainSegmenter.verb in wanted:
        _require_masks_to_learn_from(run)
    for steps in run.chosen_steps():
        _check(run, [step for step in steps if step.verb in wanted])
    check(run)


def take_all(run: Run) -> None:
    """Every step of every chosen variant, in order; what is complete is left alone."""
    plans = run.chosen_steps()
    for verb in _wanted(run):  # one verb after another, so that variants advance together
        _take(run, plans, verb)


def estimate(run: Run) -> "Estimate":
    """About what `take_all` needs on this machine; a few images are timed.

    What twins share is counted once; what is there already, or will be copied, is not counted.
    """
    from patchlearn.core.pace import Estimate

    steps = [step for plan in run.chosen_steps() for step in plan if step.verb in _wanted(run)]
    to_do = {(step.name, step.key): step for step in steps if not step.is_complete and not step.is_copied}
    return sum((step.estimate(run.runtime) for step in to_do.values()), Estimate())


def _wanted(run: Run) -> list[str]:
    """The verbs whose steps `take_all` takes, in order."""
    is_wanted = run.recipe.with_segmenter or run.recipe.supervision == "masks"
    return [verb for verb in verbs() if is_wanted or verb != TrainSegmenter.verb]


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


def open_data_of(recipe: Recipe, folder: Path) -> "Dataset":
    """The data set of a recipe; drawn scenes, and what is no file of its own, lie in the run folder."""
    from patchlearn.data.open import SCENES, open_data

    work = folder / "data"
    if recipe.data.root is None and recipe.data.format == SCENES:
        return open_data(replace(recipe.data, root=str(work)))
    return open_data(recipe.data, work)
