"""Whether the masks show what the tags name: masks with other values pass every other test and give wrong figures."""

from collections.abc import Sequence
from dataclasses import dataclass

from patchlearn.core.types import Dataset
from patchlearn.data.checks.finding import Finding, spoken
from patchlearn.data.checks.mask_causes import Cause, likely_cause
from patchlearn.data.checks.mask_pairs import ClassAgreement, Pair, agreement, distinct_pairs, pairs_of
from patchlearn.data.checks.readings import Reading
from patchlearn.data.names import counted, shortened

TOLERATED = 0.1  # share of the masks of a split that may differ from the tags: tags are often incomplete


@dataclass(frozen=True, kw_only=True)
class MaskAgreement:
    """Masks against tags.

    Args:
        compared: images with both.
        differing: those whose mask holds a class that no tag names, or lacks one that a tag names.
        surplus: images whose mask holds a class that no tag names.
        lacking: images whose mask lacks a class that a tag names.
        classes: of each class, in the order of the data set.
        fault: where more than a tenth of the masks of a split differ.
        hint: where fewer do.
        meaning: value in the mask files → name of the class that it seems to stand for, where the values are mixed up.
    """

    compared: int
    differing: int
    surplus: int
    lacking: int
    classes: tuple[ClassAgreement, ...]
    fault: Finding | None = None
    hint: Finding | None = None
    meaning: dict[int, str]


def compare_masks(dataset: Dataset, readings: Sequence[Reading]) -> MaskAgreement:
    """Compare the mask of every image with its tags."""
    pairs = pairs_of(dataset, readings)
    by_split = {split: [pair for pair in pairs if pair.split == split] for split in dataset.splits}
    bad = [split for split, some_pairs in by_split.items() if _is_bad(some_pairs)]
    wrong = distinct_pairs(pair for split in bad for pair in by_split[split])
    rest = distinct_pairs(pair for pair in pairs if pair.split not in bad)
    cause = likely_cause(dataset, wrong) if wrong else None
    every = distinct_pairs(pairs)
    return MaskAgreement(
        compared=len(every),
        differing=sum(pair.differs for pair in every),
        surplus=sum(bool(pair.surplus) for pair in every),
        lacking=sum(bool(pair.lacking) for pair in every),
        classes=agreement(len(dataset.classes), pairs),
        fault=_fault(bad, wrong, cause) if bad else None,
        hint=_hint(rest),
        meaning={value: dataset.classes[index] for value, index in cause.meaning.items()} if cause else {},
    )


def _is_bad(pairs: Sequence[Pair]) -> bool:
    return sum(pair.differs for pair in pairs) > TOLERATED * len(pairs)


def _fault(splits: Sequence[str], pairs: Sequence[Pair], cause: Cause | None) -> Finding:
    remedy = cause.text if cause else "Compare these masks with the tags, and correct what is wrong."
    return Finding("masks and tags", f"{_difference(splits, pairs)} {remedy}")


def _hint(pairs: Sequence[Pair]) -> Finding | None:
    if not any(pair.differs for pair in pairs):
        return None
    remedy = (
        "Complete the tags: a missing tag teaches that the class is not there."
        if any(pair.surplus for pair in pairs)
        else "Remove tags of what is not there, or complete the masks."
    )
    splits = list(dict.fromkeys(pair.split for pair in pairs))
    return Finding("masks and tags", f"{_difference(splits, pairs)} {remedy}")


def _difference(splits: Sequence[str], pairs: Sequence[Pair]) -> str:
    """How many masks differ, in which way, and three of them."""
    differing = [pair for pair in pairs if pair.differs]
    surplus, lacking = sum(bool(pair.surplus) for pair in differing), sum(bool(pair.lacking) for pair in differing)
    ways = [
        f"{surplus:,} {'holds' if surplus == 1 else 'hold'} a class that no tag names" if surplus else "",
        f"{lacking:,} {'lacks' if lacking == 1 else 'lack'} a class that a tag names" if lacking else "",
    ]
    names = shortened([pair.sample.id for pair in differing])
    return (
        f"{len(differing):,} of {counted(len(pairs), 'mask')} of {spoken(splits)} "
        f"{'does' if len(differing) == 1 else 'do'} not agree with the tags ({names}): "
        f"{spoken([way for way in ways if way])}."
    )
