"""Images with tags that a model did not learn: of its own run, or of another folder."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from patchlearn.core.digests import Digests
from patchlearn.core.errors import PatchlearnError
from patchlearn.core.run_folder import DIGESTS, RECIPE
from patchlearn.core.types import Bands, Dataset, Sample
from patchlearn.data.open import open_data
from patchlearn.data.settings import DataSettings
from patchlearn.inference.operating_point import unlearned
from patchlearn.runs.load import REFERENCE, STEP, find_model
from patchlearn.runs.recipe import load_recipe
from patchlearn.runs.run import open_data_of
from patchlearn.runs.settings import Recipe

VAL = "val"


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """Held-out images.

    Args:
        samples: none of which the model learned, as far as that is known.
        classes: of their data set.
        split: which they are.
        left_out: images of the split that the model learned; None where what it learned is not known.
        notes: sentences for the user.
    """

    samples: tuple[Sample, ...]
    classes: tuple[str, ...]
    split: str
    left_out: int | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Training:
    """What a model of a run was trained on: the splits of its data that the segmenter and its masks learned from."""

    run: Path
    recipe: Recipe
    splits: frozenset[str]

    def open(self) -> Dataset:
        try:
            return open_data_of(self.recipe, self.run)
        except PatchlearnError as error:
            raise _NotThereError(f"its data cannot be opened: {error}") from None


class _NotThereError(PatchlearnError):
    """The data of a run are not there any more, or have changed."""


@contextmanager
def open_held_out(
    model: str, data: Path | None = None, split: str | None = None, bands: Bands | None = None
) -> Iterator[HeldOut]:
    """Find the images; those that are files of a format's own archive are there until the block ends.

    Args:
        model: a run folder, a variant's folder or its segmenter's file; with `data`, any model.
        data: a folder of images with tags; None for the data of the run.
        split: of the data; None for "val", or the only split that the model did not learn.
        bands: of the images in `data` that the model reads; None for the usual ones.

    Raises:
        PatchlearnError: the data cannot be opened or no image is left, or neither a run nor `data` is named.
    """
    training = _training_of(model)
    with ExitStack() as stack:
        if data is None:
            yield _of_run(training, model, split)
        else:
            work = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            dataset = open_data(DataSettings(root=str(data), bands=bands), work)
            yield _of_other_data(training, dataset, choose_split(dataset, split))


def choose_split(dataset: Dataset, wanted: str | None, learned: Sequence[str] = ()) -> str:
    """The wanted split, else "val", else the only one that the model did not learn.

    Args:
        dataset: which has the splits.
        wanted: as the user named it.
        learned: splits that the model learned.

    Raises:
        PatchlearnError: there is no such split, or no one to choose.
    """
    if wanted is not None:
        dataset.split(wanted)
    others = [name for name in dataset.splits if name not in learned]
    if wanted in others or (wanted is None and VAL in others):
        return wanted or VAL
    if wanted is None and len(others) == 1:
        return others[0]
    if wanted is None and others:
        raise PatchlearnError(f"{dataset.root}: the splits are {', '.join(others)}. Name one with --split.")
    what = f"the split {wanted!r}" if wanted else "every split"
    raise PatchlearnError(
        f"{dataset.root}: the model learned {what}. Name a folder of held-out images with tags: --data FOLDER."
    )


def _training_of(model: str) -> _Training | None:
    """None for a model that is none of a run's."""
    if not Path(model).exists():
        return None
    file = find_model(Path(model)).resolve()
    run, name = file.parent.parent.parent, file.parent.parent.name
    if file.parent.name not in (STEP, REFERENCE) or not (run / RECIPE).is_file():
        return None
    loaded = load_recipe(run / RECIPE)
    found = [variant for variant in loaded.variants if variant.name == name]
    if not found:
        raise PatchlearnError(f"{run / RECIPE}: has no variant {name!r}, whose model {file} is. Name another model.")
    learning = found[0].segmenter, found[0].classifier, found[0].self_training, found[0].affinity
    splits = frozenset(settings.train_split for settings in learning)
    return _Training(run=run, recipe=loaded.recipe, splits=splits)


def _of_run(training: _Training | None, model: str, split: str | None) -> HeldOut:
    advice = "Name a folder of held-out images with tags: --data FOLDER."
    if training is None:
        raise PatchlearnError(f"{model}: no model of a run folder, so that its data are not known. {advice}")
    try:
        dataset = training.open()
    except _NotThereError as error:
        raise PatchlearnError(f"{training.run}: {error} {advice}") from None
    chosen = choose_split(dataset, split, sorted(training.splits))
    return _without_learned(dataset, chosen, dataset, training)


def _of_other_data(training: _Training | None, dataset: Dataset, split: str) -> HeldOut:
    """What the model learned may not be there any more; then nobody can tell whether it learned these images."""
    reason = "it is no model of a run folder"
    if training is not None:
        try:
            return _without_learned(dataset, split, training.open(), training)
        except _NotThereError as error:
            reason = str(error)
    note = f"what the model learned is not known ({reason}). Make sure that none of these images is among it."
    samples = dataset.split(split)
    return HeldOut(samples=samples, classes=dataset.classes, split=split, left_out=None, notes=(*dataset.notes, note))


def _without_learned(dataset: Dataset, split: str, of_training: Dataset, training: _Training) -> HeldOut:
    learned = [sample for name in training.splits for sample in of_training.splits.get(name, ())]
    samples = dataset.split(split)
    kept = unlearned(samples, learned, Digests(training.run / DIGESTS))
    if not kept:
        raise PatchlearnError(
            f"{dataset.root}: the model learned all {len(samples)} images of {split!r}. Name others: --data FOLDER."
        )
    count = len(samples) - len(kept)
    note = f"{count} of {len(samples)} images of {split!r} are left out, because the model learned them."
    return HeldOut(
        samples=kept,
        classes=dataset.classes,
        split=split,
        left_out=count,
        notes=(*dataset.notes, *([note] if count else [])),
    )
