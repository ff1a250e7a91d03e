"""Check every file of a data set before training starts."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from patchlearn.core.errors import PatchlearnError, listed
from patchlearn.core.types import Dataset, Sample
from patchlearn.data.images import read_image, read_mask


@dataclass(frozen=True, kw_only=True)
class SplitSummary:
    """Counts of one split.

    Args:
        images: number of images.
        masks: number of images with a ground-truth mask.
        labels: number of images of each class, in the order of the data set's classes.
        unlabelled: number of images without any label.
    """

    images: int
    masks: int
    labels: tuple[int, ...]
    unlabelled: int


def check_dataset(dataset: Dataset) -> dict[str, SplitSummary]:
    """Read every image and mask once, and count them by split.

    Raises:
        PatchlearnError: files are damaged, or masks have another size than their images; the message lists the first
            ten problems.
    """
    problems = [
        problem for samples in dataset.splits.values() for sample in samples for problem in _problems(dataset, sample)
    ]
    if problems:
        raise PatchlearnError(listed(problems))
    return {name: summarise(dataset, name) for name in dataset.splits}


def summarise(dataset: Dataset, split: str) -> SplitSummary:
    """Counts of one split; no file is read."""
    samples = dataset.split(split)
    counts = Counter(label for sample in samples for label in sample.labels)
    return SplitSummary(
        images=len(samples),
        masks=sum(sample.mask is not None for sample in samples),
        labels=tuple(counts[index] for index in range(len(dataset.classes))),
        unlabelled=sum(not sample.labels for sample in samples),
    )


def _problems(dataset: Dataset, sample: Sample) -> Iterator[str]:
    try:
        height, width = read_image(sample.image).shape[:2]
        if sample.mask is not None:
            mask = read_mask(dataset, sample)
            if mask.shape != (height, width):
                yield (
                    f"{sample.mask}: the mask has {mask.shape[0]}×{mask.shape[1]} pixels, but its image "
                    f"{sample.image.name} has {height}×{width} (height × width). Resize the mask by nearest neighbour."
                )
    except PatchlearnError as error:
        yield str(error)
