"""Check every file of a data set before training starts."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from patchlearn.core.errors import PatchlearnError, listed
from patchlearn.core.types import Dataset, Sample
from patchlearn.data.checks.mask_pairs import is_tagged, tagged_samples
from patchlearn.data.checks.readings import read_all


@dataclass(frozen=True, kw_only=True)
class SplitSummary:
    """Counts of one split.

    Args:
        images: number of images.
        masks: number of images with a ground-truth mask.
        labels: number of images of each class, in the order of the data set's classes.
        unlabelled: number of images without any label.
        untagged: those of them that nobody tagged: all classes are unknown, or the split has no label at all.
        partial: number of images of which some classes are unknown.
    """

    images: int
    masks: int
    labels: tuple[int, ...]
    unlabelled: int
    untagged: int = 0
    partial: int = 0

    @property
    def negatives(self) -> int:
        """Images that have none of the classes, as somebody said."""
        return self.unlabelled - self.untagged


def check_dataset(dataset: Dataset, *, threads: int | None = None) -> dict[str, SplitSummary]:
    """Read every image and mask once, and count them by split.

    Args:
        dataset: as it was opened.
        threads: images at a time; None for one per core.

    Raises:
        PatchlearnError: files are damaged, or masks have another size than their images; the message lists the first
            ten problems.
    """
    problems = [problem.text for reading in read_all(dataset, threads=threads) for problem in reading.problems]
    if problems:
        raise PatchlearnError(listed(problems))
    return {name: summarise(dataset, name) for name in dataset.splits}


def summarise(dataset: Dataset, split: str) -> SplitSummary:
    """Counts of one split; no file is read."""
    return _summary(dataset, dataset.split(split), _untagged(dataset, split))


def _summary(dataset: Dataset, samples: Sequence[Sample], untagged: int) -> SplitSummary:
    counts = Counter(label for sample in samples for label in sample.labels)
    return SplitSummary(
        images=len(samples),
        masks=sum(sample.mask is not None for sample in samples),
        labels=tuple(counts[index] for index in range(len(dataset.classes))),
        unlabelled=sum(not sample.labels for sample in samples),
        untagged=untagged,
        partial=sum(0 < len(sample.unknown) < len(dataset.classes) for sample in samples),
    )


def _untagged(dataset: Dataset, split: str) -> int:
    """Images of a split that nobody tagged."""
    samples = dataset.split(split)
    if not any(sample.labels for sample in samples):
        return len(samples)
    return sum(not is_tagged(dataset, sample) for sample in samples)


def summarise_all(dataset: Dataset) -> SplitSummary:
    """Counts of all splits; an image that several splits list counts once, with its tags if one of them has any."""
    tagged = {sample.image for _, sample in tagged_samples(dataset)}
    every = {sample.image: sample for samples in dataset.splits.values() for sample in samples}
    every.update({sample.image: sample for _, sample in tagged_samples(dataset)})
    return _summary(dataset, list(every.values()), len(every) - len(tagged))
