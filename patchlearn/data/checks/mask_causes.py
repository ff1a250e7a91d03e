"""Why masks and tags do not agree: the mistakes in writing masks that are often made, each with its remedy."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from patchlearn.core.types import BACKGROUND, IGNORE, Dataset, Float32
from patchlearn.data.checks.finding import spoken
from patchlearn.data.checks.mask_pairs import Pair
from patchlearn.data.names import shortened

AGREES = 0.95  # share of the images in which another meaning of the values must agree with the tags
ALIKE = 0.5  # of the images with a value or a tag, the share that has both, where the two may go together
SMOOTH = 20  # values without a meaning: as many come from JPEG or from interpolation


@dataclass(frozen=True)
class Cause:
    """What went wrong when the masks were written.

    Args:
        text: what the values seem to mean, and what to do.
        meaning: value in the mask files → index of the class that it seems to stand for, where that can be told.
    """

    text: str
    meaning: dict[int, int] = field(default_factory=dict)


def likely_cause(dataset: Dataset, pairs: Sequence[Pair]) -> Cause | None:
    """The first explanation that fits the masks; None for masks of colours, whose values are not in the files.

    Args:
        dataset: whose masks do not agree with the tags.
        pairs: the masks to explain, those that agree among them.
    """
    if dataset.mask_colours is not None:
        return None
    found = (explain(dataset, pairs) for explain in EXPLANATIONS)
    return next((cause for cause in found if cause is not None), None)


def _nothing(dataset: Dataset, pairs: Sequence[Pair]) -> Cause | None:
    """No mask holds anything but background and undecided pixels."""
    values = _values(pairs)
    if IGNORE in values and values <= {BACKGROUND, IGNORE}:
        remedy = _write_values(dataset, IGNORE)
        return Cause(f"The masks hold {_named(values)} alone, and 255 means undecided. {remedy}")
    if values == {BACKGROUND}:
        return Cause(f"The masks hold 0, the background, alone. {_write_values(dataset)}")
    return None


def _one_value(dataset: Dataset, pairs: Sequence[Pair]) -> Cause | None:
    """Foreground and background, where there are several classes."""
    objects = _values(pairs) - {BACKGROUND, IGNORE}
    if len(objects) != 1 or len({tag for pair in pairs for tag in pair.tags}) < 2:
        return None
    value = next(iter(objects))
    return Cause(
        f"The masks hold {_named({BACKGROUND, value})} alone: they say where something is, and not of which class. "
        f"{_write_values(dataset, value)}"
    )


def _from_zero(dataset: Dataset, pairs: Sequence[Pair]) -> Cause | None:
    """The first class has the value 0, and there is no background."""
    meaning = {index: index for index in range(len(dataset.classes))}
    if len({pair.values - {IGNORE} for pair in pairs}) == 1:  # nothing shows which value goes with which tag
        return None
    if not _values(pairs) <= {*meaning, IGNORE} or not _fits(dataset, pairs, meaning):
        return None
    first, last = dataset.classes[0], len(dataset.classes) - 1
    return Cause(
        f"The masks count the classes from 0: the value 0 goes with {first!r}, which is class 1. Add 1 to the values "
        f"0 to {last}; then 0 is free for the background.",
        meaning,
    )


def _other_order(dataset: Dataset, pairs: Sequence[Pair]) -> Cause | None:
    """The values stand for other classes than the data set says."""
    meaning = _matched(dataset, pairs)
    wrong = {value: index for value, index in sorted(meaning.items()) if dataset.mask_values[index] != value}
    if not wrong or not _fits(dataset, pairs, {**meaning, BACKGROUND: -1}):
        return None
    value, index = next(iter(wrong.items()))
    return Cause(
        f"The mask value {value} goes with the tag {dataset.classes[index]!r}, which has the value "
        f"{dataset.mask_values[index]}. {_reorder(dataset, meaning, wrong)}",
        meaning,
    )


def _reorder(dataset: Dataset, meaning: Mapping[int, int], wrong: Mapping[int, int]) -> str:
    """Lines of classes.txt can be moved where they give the values; elsewhere the masks must change."""
    number = len(dataset.classes)
    if dataset.masks_are_closed and dataset.mask_values == tuple(range(1, number + 1)) and max(meaning) <= number:
        others = (index for index in range(number) if index not in meaning.values())
        order = [meaning[value] if value in meaning else next(others) for value in range(1, number + 1)]
        names = ", ".join(dataset.classes[index] for index in order)
        return f"Put the classes into this order in classes.txt: {names}."
    replaced = f"Replace the values in the masks: {shortened([_replaced(dataset, *pair) for pair in wrong.items()])}"
    if not dataset.masks_are_closed:
        return f"{replaced}."
    values = shortened([f"{value} for {dataset.classes[index]!r}" for value, index in sorted(meaning.items())])
    return f"{replaced}. Or write classes.csv with the columns name,value: {values}."


def _replaced(dataset: Dataset, value: int, index: int) -> str:
    return f"{value} by {dataset.mask_values[index]} ({dataset.classes[index]!r})"


def _smooth(dataset: Dataset, pairs: Sequence[Pair]) -> Cause | None:
    """Values between those of the classes."""
    values = _values(pairs) - {BACKGROUND, IGNORE}
    if not dataset.masks_are_closed or len(values - set(dataset.mask_values)) < SMOOTH:
        return None
    return Cause(
        f"The masks hold {len(values):,} values beside 0 and 255, as JPEG and interpolation leave them. Write the "
        "masks as PNG, and resize them by nearest neighbour."
    )


EXPLANATIONS: tuple[Callable[[Dataset, Sequence[Pair]], Cause | None], ...] = (
    _nothing,
    _from_zero,  # before `_one_value`: masks of two classes hold 0 and 1 alone
    _one_value,
    _other_order,
    _smooth,
)


def _values(pairs: Iterable[Pair]) -> set[int]:
    return {value for pair in pairs for value in pair.values}


def _named(values: Iterable[int]) -> str:
    return spoken([str(value) for value in sorted(values)])


def _write_values(dataset: Dataset, instead: int | None = None) -> str:
    """What to write where something is."""
    place = "where an object is" if instead is None else f"in place of {instead}"
    if len(dataset.classes) == 1:
        return f"Write {dataset.mask_values[0]} {place}."
    values = [f"{value} for {name!r}" for value, name in zip(dataset.mask_values, dataset.classes)]
    return f"Write the value of the class {place}: {shortened(values)}."


def _fits(dataset: Dataset, pairs: Sequence[Pair], meaning: Mapping[int, int]) -> bool:
    """Whether the values, so understood, agree with the tags in nearly all images."""
    return sum(_agrees(dataset, pair, meaning) for pair in pairs) >= AGREES * len(pairs)


def _agrees(dataset: Dataset, pair: Pair, meaning: Mapping[int, int]) -> bool:
    held = pair.values - {IGNORE}
    if dataset.masks_are_closed and not held <= meaning.keys():
        return False
    found = {meaning[value] for value in held if meaning.get(value, -1) >= 0}
    return found - pair.unknown == pair.tags - pair.unknown


def _matched(dataset: Dataset, pairs: Sequence[Pair]) -> dict[int, int]:
    """Value → class, each used once: of all that are left, the two that occur together most nearly always."""
    matched: dict[int, int] = {}
    for value, index in _by_likeness(dataset, _likeness(dataset, pairs)):
        if value not in matched and index not in matched.values():
            matched[value] = index
    return matched


def _by_likeness(dataset: Dataset, likeness: Float32) -> Iterator[tuple[int, int]]:
    """(value, class), the most alike first; among equals, what the data set says now comes first."""
    candidates = [(int(value), int(index)) for value, index in np.argwhere(likeness >= ALIKE)]

    def order(pair: tuple[int, int]) -> tuple[float, bool, int, int]:
        return -likeness[pair], dataset.mask_values[pair[1]] != pair[0], *pair

    return iter(sorted(candidates, key=order))


def _likeness(dataset: Dataset, pairs: Sequence[Pair]) -> Float32:
    """256×K in [0, 1]: of the images with the value or the tag, the share with both; 0 for background and undecided."""
    shape = 256, len(dataset.classes)
    both, unjudged = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    with_value, with_tag = np.zeros((256, 1), np.int64), np.zeros((1, shape[1]), np.int64)
    for pair in pairs:
        values, tags, unknown = (sorted(indices) for indices in (pair.values, pair.tags, pair.unknown))
        both[np.ix_(values, tags)] += 1
        unjudged[np.ix_(values, unknown)] += 1
        with_value[values, 0] += 1
        with_tag[0, tags] += 1
    either = with_value - unjudged + with_tag - both
    likeness = (both / np.maximum(either, 1)).astype(np.float32)
    likeness[[BACKGROUND, IGNORE]] = 0
    return likeness
