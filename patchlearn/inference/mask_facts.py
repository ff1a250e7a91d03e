"""Numbers of one mask: the area, the components and the bounding box of every class."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from patchlearn.core.types import IGNORE, Integers, UInt8

VALUES = IGNORE + 1


@dataclass(frozen=True, kw_only=True)
class ClassFacts:
    """One class in one mask.

    Args:
        area: in pixels.
        components: pieces; pixels that touch at a corner belong to one piece.
        box: (x, y, width, height) in pixels, counted from 0 at the top left; None where the class is absent.
    """

    area: int
    components: int
    box: tuple[int, int, int, int] | None


@dataclass(frozen=True)
class _Runs:
    """Pixels of one value, side by side in one row: N of each, from left to right and from top to bottom."""

    values: UInt8
    rows: Integers
    starts: Integers
    ends: Integers  # one behind the last


def class_facts(mask: UInt8, classes: int) -> list[ClassFacts]:
    """The numbers of classes 0..K-1.

    Args:
        mask: H×W; 0 background, i + 1 class i, 255 undecided.
        classes: K.

    >>> class_facts(np.array([[1, 0, 1], [0, 1, 0], [0, 0, 0], [1, 0, 255]], np.uint8), 2)
    [ClassFacts(area=4, components=2, box=(0, 0, 3, 4)), ClassFacts(area=0, components=0, box=None)]
    """
    runs = _runs(mask)
    areas = np.bincount(mask.ravel(), minlength=VALUES)
    pieces = np.bincount(runs.values[_first_runs(runs)], minlength=VALUES)
    return [
        ClassFacts(area=int(areas[value]), components=int(pieces[value]), box=_box(runs, value))
        for value in range(1, classes + 1)
    ]


def _runs(mask: UInt8) -> _Runs:
    height, width = mask.shape
    is_start = np.ones((height, width), bool)
    is_start[:, 1:] = mask[:, 1:] != mask[:, :-1]
    places = np.flatnonzero(is_start)
    rows, starts = np.divmod(places, width)
    ends = np.append(places[1:], height * width) - rows * width
    return _Runs(mask.ravel()[places], rows, starts, ends)


def _box(runs: _Runs, value: int) -> tuple[int, int, int, int] | None:
    own = np.flatnonzero(runs.values == value)
    if not len(own):
        return None
    x, y = int(runs.starts[own].min()), int(runs.rows[own].min())
    return x, y, int(runs.ends[own].max()) - x, int(runs.rows[own].max()) + 1 - y


def _first_runs(runs: _Runs) -> NDArray[np.bool_]:
    """Whether a run is the first of its component."""
    upper, lower = _touching(runs)
    first = np.arange(len(runs.values))
    while len(upper):
        one, other = first[upper], first[lower]
        apart = one != other
        upper, lower = upper[apart], lower[apart]
        np.minimum.at(first, np.maximum(one, other)[apart], np.minimum(one, other)[apart])
        while (first != first[first]).any():
            first = first[first]
    return first == np.arange(len(first))


def _touching(runs: _Runs) -> tuple[Integers, Integers]:
    """Pairs of runs of one value that touch, at a corner at least; the second is in the row below the first."""
    stride = int(runs.ends.max(initial=0)) + 1  # a gap between rows, so that the end of one touches no other
    starts, ends = runs.rows * stride + runs.starts, runs.rows * stride + runs.ends
    lowest = np.searchsorted(ends - stride, starts, side="left")
    counts = np.searchsorted(starts - stride, ends, side="right") - lowest
    upper = np.repeat(np.arange(len(starts)), counts)
    lower = np.arange(len(upper)) - np.repeat(np.cumsum(counts) - counts, counts) + np.repeat(lowest, counts)
    same = runs.values[upper] == runs.values[lower]
    return upper[same], lower[same]
