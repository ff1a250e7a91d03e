"""Judge what other programs made: a folder of masks or score maps, and true masks of the same names."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from rich.console import Console

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import Dataset, Sample, ScoreMaps, UInt8
from patchlearn.data.checks.mask_values import (
    NO_CLASS,
    are_binary,
    counted_from_zero,
    read_values,
    refuse_binary_masks,
    values_in,
)
from patchlearn.data.classes_table import ClassesTable, read_classes_file
from patchlearn.data.labels import normal_form
from patchlearn.data.named_samples import listed_samples
from patchlearn.data.names import NamedFiles, counted, left_out, named_files, shortened, tell
from patchlearn.evaluate.judge import Entry, evaluate_masks, evaluate_scores
from patchlearn.inference.score_arrays import MapFormat, read_score_file
from patchlearn.refine import BackgroundRule, background_threshold

MASKS, SCORES = (".png",), (".npz", ".npy")
FOREIGN = ("rule", "threshold")  # facts of an entry that nobody knows of the masks of another program


@dataclass(frozen=True, kw_only=True)
class Truth:
    """True masks, and which of them are meant.

    Args:
        folder: of PNG files, with subfolders: indices (0 background, 255 ignored) or colours.
        classes: a `classes.txt`; or a `classes.csv`, which may give each class its value or its colour in these files.
            The order of the classes is that of the predictions: 1 is the first.
        images: a file that lists the images to judge, one a line; None for all that have a true mask.
        others_ignored: whether a true pixel of a value that is no class is ignored; otherwise it is an error.
        binary: whether 255 stands for the only class, where the files hold nothing else.
    """

    folder: Path
    classes: Path
    images: Path | None = None
    others_ignored: bool = False
    binary: bool = False


def judge_masks(masks: Path, truth: Truth, console: Console) -> Entry:
    """Judge `masks/NAME.png` by the true mask of the same name, for every true mask.

    The figures are those of `evaluate_masks`, without "rule" and "threshold".

    Args:
        masks: a folder of PNG files, with subfolders: 0 background, i + 1 for class i, 255 undecided; or, if the truth
            is said to be binary, 0 and 255 for the only class. The mask of the image `a/b.jpg` is `a__b.png` or
            `a/b.png`.
        truth: the true masks.
        console: where notes are shown.

    Raises:
        PatchlearnError: a folder or file is missing or cannot be read, a true mask has no prediction, sizes or values
            do not fit, or masks are binary and nobody said so.
    """
    dataset, samples = _opened(truth, console)
    found = _matched(masks, MASKS, samples, console)
    if not truth.binary:
        refuse_binary_masks(masks, (_file(found, sample) for sample in samples))
    seen: set[int] = set()

    def read(path: Path) -> UInt8:
        mask = read_values(path, binary=truth.binary)
        seen.update(np.unique(mask).tolist())
        return mask

    entry = evaluate_masks(dataset, samples, partial(_file, found), facts=None, rule="argmax", read=read)
    tell(console, counted_from_zero(masks, seen, dataset.classes))
    return {name: value for name, value in entry.items() if name not in FOREIGN}


def judge_scores(scores: Path, truth: Truth, console: Console, layout: str | None = None) -> Entry:
    """Judge `scores/NAME.npz` or `.npy` by the true mask of the same name, for every true mask.

    The figures are those of `evaluate_scores`, with the threshold of the default background rule; "oracle" holds those
    of the best threshold.

    Args:
        scores: a folder, with subfolders, of score maps of patchlearn (`.npz`), or of K×h×w scores in [0, 1] of any
            size without the background (`.npy`). A map of zeros stands for a class that is not in the image.
        truth: the true masks.
        console: where notes are shown.
        layout: of `.npy` files, "chw" or "hwc"; None for chw, and what only fits hwc is an error.

    Raises:
        PatchlearnError: as `judge_masks`, or the scores are not what they are said to be.
    """
    dataset, samples = _opened(truth, console)
    found = _matched(scores, SCORES, samples, console)
    format = MapFormat(layout=layout, classes=len(dataset.classes))
    judged = evaluate_scores(
        dataset,
        samples,
        partial(_file, found),
        facts=None,
        label_free=partial(background_threshold, settings=BackgroundRule()),
        read=partial(_read_present, format=format),
    )
    return {**judged.label_free, "oracle": judged.oracle}


def _read_present(path: Path, size: tuple[int, int], format: MapFormat) -> ScoreMaps:
    """Arrays have a map for every class; those of absent ones would only cost time at full size."""
    maps = read_score_file(path, size, format)
    present = [place for place, map in enumerate(maps.scores) if map.any()]
    if path.suffix.lower() == ".npz" or len(present) == len(maps.classes):
        return maps
    return replace(maps, scores=maps.scores[present], classes=tuple(maps.classes[place] for place in present))


def _opened(truth: Truth, console: Console) -> tuple[Dataset, tuple[Sample, ...]]:
    """(the true masks as a data set, those of its images that are meant)."""
    table, files = read_classes_file(truth.classes), named_files(truth.folder, MASKS)
    paths = {id: truth.folder / files.only(id) for id in sorted(files.files)}
    samples = tuple(Sample(id=id, image=path, labels=(), mask=path) for id, path in paths.items())
    dataset = Dataset(
        root=truth.folder,
        classes=table.names,
        splits={"truth": samples},
        mask_values=_true_values(truth, table, paths.values()),
        masks_are_closed=not truth.others_ignored,
        mask_colours=table.colours,
    )
    samples = listed_samples(truth.images, dataset) if truth.images else samples
    _examine(truth, dataset, samples, console)
    return dataset, samples


def _true_values(truth: Truth, table: ClassesTable, paths: Iterable[Path]) -> tuple[int, ...]:
    """What stands for each class in the true masks.

    Raises:
        PatchlearnError: they are binary and nobody said so, or binary masks of several classes.
    """
    usual = table.values or tuple(range(1, len(table.names) + 1))
    if not truth.binary:
        refuse_binary_masks(truth.folder, paths)
        return usual
    if len(table.names) > 1:
        raise PatchlearnError(
            f"--binary: {table.path} names {len(table.names)} classes, but 255 can stand for one alone. Leave --binary "
            "out, or name one class."
        )
    return (255,) if are_binary(paths) else usual


def _matched(folder: Path, suffixes: tuple[str, ...], samples: Iterable[Sample], console: Console) -> NamedFiles:
    """The predictions, of which every true mask has one; says what else lies there.

    Raises:
        PatchlearnError: a true mask has no prediction.
    """
    found = named_files(folder, suffixes)
    wanted = {normal_form(sample.id): sample for sample in samples}
    missing = [id for id in wanted if id not in found.files]
    if missing:
        raise PatchlearnError(
            f"{folder}: {len(missing)} of {counted(len(wanted), 'true mask')} have no prediction "
            f"({shortened(missing)}); no file is named {missing[0]!r}{found.advice(missing[0])} A part of the images "
            "gives another figure; --images FILE lists those that are to be judged."
        )
    spare = [name for id, names in found.files.items() if id not in wanted for name in names]
    tell(console, [*found.left_out(), *left_out(spare, "of no true mask that is asked for, and not judged", folder)])
    return found


def _file(found: NamedFiles, sample: Sample) -> Path:
    return found.folder / found.only(sample.id)


def _examine(truth: Truth, dataset: Dataset, samples: Iterable[Sample], console: Console) -> None:
    """Look at the values of the true masks; says if they may count classes from 0. Colours are left to the reading.

    Raises:
        PatchlearnError: a value is of no class, and nobody said that such values are ignored.
    """
    values = set[int]().union(*(values_in(sample.mask) for sample in samples if sample.mask))
    others = sorted(values - {*NO_CLASS, *dataset.mask_values})
    if others and dataset.masks_are_closed:
        shown = shortened([str(value) for value in others])
        raise PatchlearnError(
            f"{truth.folder}: the true masks hold {shown}, of no class in {truth.classes}. Write the value of each "
            "class into a column value of classes.csv; to ignore the pixels of all others, add --ignore-others (in "
            "Python: others_ignored=True)."
        )
    if dataset.mask_values == tuple(range(1, len(dataset.classes) + 1)):
        tell(console, counted_from_zero(dataset.root, values, dataset.classes))
