"""What the files of a data set hold: every image and every mask is decoded once, on several threads."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from rich.console import Console
from rich.progress import track

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.settings import require_at_least
from patchlearn.core.types import Dataset, Sample, UInt8
from patchlearn.data.images import frames, read_image
from patchlearn.data.pixels.mask_files import classes_of_values, read_mask_values

IMAGE, MASK, SIZE, VALUES = "damaged image", "damaged mask", "mask size", "mask values"

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What is wrong with one file.

    Args:
        kind: "damaged image", "damaged mask", "mask size" or "mask values".
        path: the file.
        text: a sentence that names the file and says what to do.
    """

    kind: str
    path: Path
    text: str


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What was read of one sample.

    Args:
        sample: the sample.
        size: (W, H) of the upright image; None for a damaged one.
        frames: of the image file, of which the first is read.
        values: the values of the mask file as they are there; None without a mask that can be read.
        problems: of the image and the mask.
    """

    sample: Sample
    size: tuple[int, int] | None = None
    frames: int = 1
    values: frozenset[int] | None = None
    problems: tuple[Problem, ...] = ()


def read_all(dataset: Dataset, *, threads: int | None = None, console: Console | None = None) -> list[Reading]:
    """Decode the image and the mask of every sample; a sample that several splits list is read once.

    Args:
        dataset: as it was opened.
        threads: images at a time; None for one per core.
        console: where progress is shown; None for none.
    """
    files = {(sample.image, sample.mask): sample for samples in dataset.splits.values() for sample in samples}
    return list(side_by_side(list(files.values()), lambda sample: read(dataset, sample), threads, console))


def side_by_side(
    items: Sequence[T], work: Callable[[T], R], threads: int | None = None, console: Console | None = None
) -> Iterator[R]:
    """The result for every item, in their order, on several threads."""
    threads = (os.cpu_count() or 1) if threads is None else threads
    require_at_least("threads", threads, 1)
    with ThreadPoolExecutor(threads) as pool:
        try:
            yield from track(
                pool.map(work, items), "check", len(items), console=console, transient=True, disable=console is None
            )
        finally:
            pool.shutdown(cancel_futures=True)


def read(dataset: Dataset, sample: Sample) -> Reading:
    """Decode one sample; what is wrong with its files is noted, and not raised."""
    try:
        height, width = read_image(sample.image).shape[:2]
        pages = frames(sample.image)
    except PatchlearnError as error:
        # The mask is not judged: nobody knows which size it should have.
        return Reading(sample=sample, problems=(Problem(kind=IMAGE, path=sample.image, text=str(error)),))
    values, problems = _read_mask(dataset, sample, (height, width)) if sample.mask else (None, ())
    return Reading(sample=sample, size=(width, height), frames=pages, values=values, problems=problems)


def _read_mask(
    dataset: Dataset, sample: Sample, size: tuple[int, int]
) -> tuple[frozenset[int] | None, tuple[Problem, ...]]:
    assert sample.mask is not None
    try:
        values = read_mask_values(dataset, sample)
    except PatchlearnError as error:
        return None, (Problem(kind=MASK, path=sample.mask, text=str(error)),)
    problems = [*_misfit(sample, values, size), *_foreign(dataset, sample, values)]
    return frozenset(np.flatnonzero(np.bincount(values.ravel(), minlength=256)).tolist()), tuple(problems)


def _misfit(sample: Sample, values: UInt8, size: tuple[int, int]) -> Iterator[Problem]:
    assert sample.mask is not None
    if values.shape != size:
        text = (
            f"{sample.mask}: the mask has {values.shape[0]}×{values.shape[1]} pixels, but its image "
            f"{sample.image.name} has {size[0]}×{size[1]} (height × width). Resize the mask by nearest neighbour."
        )
        yield Problem(kind=SIZE, path=sample.mask, text=text)


def _foreign(dataset: Dataset, sample: Sample, values: UInt8) -> Iterator[Problem]:
    """Values that stand for nothing."""
    assert sample.mask is not None
    try:
        classes_of_values(dataset, sample, values)
    except PatchlearnError as error:
        yield Problem(kind=VALUES, path=sample.mask, text=str(error))
