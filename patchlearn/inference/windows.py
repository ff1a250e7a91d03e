"""Overlapping windows over a large image."""

from collections.abc import Iterator
from math import ceil

from patchlearn.models.settings import LARGEST_STRIDE

OVERLAP = 1 / 3  # of neighbouring windows: the step of two thirds of a window that mmsegmentation uses


def window_corners(height: int, width: int, window: int, unit: int = LARGEST_STRIDE) -> Iterator[tuple[int, int]]:
    """(top, left) in pixels of overlapping windows that cover the picture, row by row.

    Args:
        height: of the picture, a multiple of the unit.
        width: likewise.
        window: side of a window, likewise.
        unit: of the network, in pixels; windows begin at its multiples.
    """
    for top in _window_starts(height, window, unit):
        for left in _window_starts(width, window, unit):
            yield top, left


def _window_starts(length: int, window: int, unit: int) -> list[int]:
    """Evenly spaced multiples of the unit.

    >>> _window_starts(1024, 512, 32), _window_starts(500, 512, 32)
    ([0, 256, 512], [0])
    """
    if length <= window:
        return [0]
    count = ceil((length - window) / (window * (1 - OVERLAP))) + 1
    apart = (length - window) / (count - 1) / unit
    return [round(index * apart) * unit for index in range(count)]
