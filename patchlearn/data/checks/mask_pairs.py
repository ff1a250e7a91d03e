"""Masks beside the tags of their images: which classes each of the two names."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from patchlearn.core.types import BACKGROUND, IGNORE, Dataset, Sample
from patchlearn.data.checks.readings import Reading


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A mask and the tags of its image.

    Args:
        split: of the data set.
        sample: the image with its tags.
        values: of the mask file, as they are there.
        found: indices of the classes in the mask; -1 stands for values that mean nothing.
    """

    split: str
    sample: Sample
    values: frozenset[int]
    found: frozenset[int]

    @cached_property
    def tags(self) -> frozenset[int]:
        """Indices of the classes that the tags name."""
        return frozenset(self.sample.labels)

    @cached_property
    def unknown(self) -> frozenset[int]:
        """Indices of the classes that nobody judged."""
        return frozenset(self.sample.unknown)

    @property
    def surplus(self) -> frozenset[int]:
        """Classes in the mask that no tag names."""
        return self.found - self.tags - self.unknown

    @property
    def lacking(self) -> frozenset[int]:
        """Classes that a tag names and the mask does not hold."""
        return self.tags - self.found

    @property
    def differs(self) -> bool:
        """Whether mask and tags contradict each other."""
        return bool(self.surplus or self.lacking)


@dataclass(frozen=True, kw_only=True)
class ClassAgreement:
    """How often tags and masks name one class, in the images that have both.

    Args:
        both: images with the tag whose mask holds the class.
        tag_alone: images with the tag whose mask does not hold the class.
        mask_alone: images whose mask holds the class, without the tag.
    """

    both: int
    tag_alone: int
    mask_alone: int

    @property
    def share(self) -> float | None:
        """In 0..1: `both` of all three; None where the class occurs in no such image."""
        images = self.both + self.tag_alone + self.mask_alone
        return self.both / images if images else None


def pairs_of(dataset: Dataset, readings: Iterable[Reading]) -> list[Pair]:
    """Every mask that can be read and whose image somebody tagged, in the order of the data set."""
    values = {(one.sample.image, one.sample.mask): one.values for one in readings}
    classes = _class_of_value(dataset)
    pairs = []
    for split, sample in tagged_samples(dataset):
        held = values.get((sample.image, sample.mask))
        if held is not None:
            found = frozenset(classes[value] for value in held if classes.get(value) is not None)
            pairs.append(Pair(split=split, sample=sample, values=held, found=found))
    return pairs


def tagged_samples(dataset: Dataset) -> Iterator[tuple[str, Sample]]:
    """(split, sample) of the images that somebody tagged; an empty list of tags is a statement too.

    Nobody tagged an image whose classes are all unknown, and none of a split in which no image has a tag.
    """
    for split, samples in dataset.splits.items():
        if any(sample.labels for sample in samples):
            yield from ((split, sample) for sample in samples if is_tagged(dataset, sample))


def tagged_images(dataset: Dataset) -> list[Sample]:
    """The images that somebody tagged, of all splits; an image that several splits list once."""
    return list({sample.image: sample for _, sample in tagged_samples(dataset)}.values())


def is_tagged(dataset: Dataset, sample: Sample) -> bool:
    """Whether somebody judged any class for the image."""
    return len(sample.unknown) < len(dataset.classes)


def _class_of_value(dataset: Dataset) -> dict[int, int]:
    """Value → index of the class, -1 for values that mean nothing; those that are no class are left out."""
    table = dataset.mask_table.tolist()
    return {value: max(index - 1, -1) for value, index in enumerate(table) if index not in (BACKGROUND, IGNORE)}


def agreement(classes: int, pairs: Sequence[Pair]) -> tuple[ClassAgreement, ...]:
    """Of each of the K classes; an image that two splits list counts once."""
    distinct = distinct_pairs(pairs)
    both = Counter(index for pair in distinct for index in pair.tags & pair.found)
    tags = Counter(index for pair in distinct for index in pair.lacking)
    masks = Counter(index for pair in distinct for index in pair.surplus)
    return tuple(
        ClassAgreement(both=both[index], tag_alone=tags[index], mask_alone=masks[index]) for index in range(classes)
    )


def distinct_pairs(pairs: Iterable[Pair]) -> list[Pair]:
    """One pair of each image."""
    return list({pair.sample.image: pair for pair in pairs}.values())
