"""Connected components of an image's pixels; corners connect pixels."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from patchlearn.core.types import Integers

Bools = NDArray[np.bool_]


def component_numbers(pixels: Bools) -> Integers:
    """The number of the component of each set pixel, in the order of `np.argwhere`; corners connect pixels.

    >>> component_numbers(np.array([[1, 0, 1], [0, 1, 0], [0, 0, 0], [1, 0, 1]], bool)).tolist()
    [0, 0, 0, 1, 2]
    """
    # A column of background ends every row, so that runs never continue in the next row of the flattened mask.
    flat = np.pad(pixels, ((0, 0), (0, 1))).ravel().astype(np.int8)
    steps = np.diff(flat, prepend=np.int8(0))
    starts, ends = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)
    firsts = _first_runs(_touching(starts, ends, pixels.shape[1] + 1), len(starts))
    numbers = np.unique(firsts, return_inverse=True)[1]
    return np.repeat(numbers, ends - starts)


def _touching(starts: Integers, ends: Integers, stride: int) -> Iterator[tuple[int, int]]:
    """Pairs of touching runs; the second is in the row below the first."""
    lowest = np.searchsorted(ends - stride, starts, side="left").tolist()
    highest = np.searchsorted(starts - stride, ends, side="right").tolist()
    return ((upper, lower) for upper in range(len(starts)) for lower in range(lowest[upper], highest[upper]))


def _first_runs(pairs: Iterator[tuple[int, int]], count: int) -> list[int]:
    """The first run of each run's component, by union-find with the earlier run as the root."""
    root = list(range(count))

    def find(run: int) -> int:
        while root[run] != run:
            root[run] = run = root[root[run]]
        return run

    for upper, lower in pairs:
        one, other = sorted((find(upper), find(lower)))
        root[other] = one
    return [find(run) for run in range(count)]
