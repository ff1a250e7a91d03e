"""Look at every file before hours are spent on it."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from patchlearn.core.errors import PatchlearnError, listed
from patchlearn.core.types import Dataset, Sample
from patchlearn.data.images import read_image, read_mask


@dataclass(frozen=True, kw_only=True)
class SplitSummary:
    """What one split holds.

    Args:
        images: how many.
        masks: how many of them have a ground truth.
        labels: images of each class, in the order of the data set's classes.
        unlabelled: images without any label.
    """

    images: int
    masks: int
    labels: tuple[int, ...]
    unlabelled: int


def check_dataset(dataset: Dataset) -> dict[str, SplitSummary]:
    """Decode every image and mask once, and count.

    Raises:
        PatchlearnError: files are damaged or masks do not fit their images; the message lists the first ten.
    """
    problems = [
        problem for samples in dataset.splits.values() for sample in samples for problem in _faults(dataset, sample)
    ]
    if problems:
        raise PatchlearnError(listed(problems))
    return {name: summarise(dataset, name) for name in dataset.splits}


def summarise(dataset: Dataset, split: str) -> SplitSummary:
    """Counts of one split, from its lists alone."""
    samples = dataset.split(split)
    counts = Counter(label for sample in samples for label in sample.labels)
    return SplitSummary(
        images=len(samples),
        masks=sum(sample.mask is not None for sample in samples),
        labels=tuple(counts[index] for index in range(len(dataset.classes))),
        unlabelled=sum(not sample.labels for sample in samples),
    )


def _faults(dataset: Dataset, sample: Sample) -> Iterator[str]:
    try:
        height, width = read_image(sample.image).shape[:2]
        if sample.mask is not None:
            mask = read_mask(dataset, sample)
            if mask.shape != (height, width):
                yield (
                    f"{sample.mask}: the mask is {mask.shape[0]}×{mask.shape[1]}, its image {sample.image.name} "
                    f"{height}×{width} (height × width). Resize the mask by nearest neighbour."
                )
    except PatchlearnError as error:
        yield str(error)
