"""Regions as run lengths, COCO's way: pixels outside and inside in turn, down the columns."""

from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import Integers, UInt8

Size = tuple[int, int]
FAR = 10  # a corner may lie so many image sides away; beyond that, the number is no coordinate
SMALLEST = 6  # numbers of a polygon: three corners
# A compressed string: its first character, the bits of a number in each, and the marks "negative" and "more follow".
FIRST, BITS, SIGN, MORE = ord("0"), 5, 16, 32
LONGEST = 10  # characters of a number


def run_lengths(segmentation: Any, size: Size, place: str) -> Integers:
    """The runs of a COCO segmentation, alternately outside and inside; the first is outside.

    Args:
        segmentation: polygons ([[x, y, x, y, …], …]), or a dictionary with `size` and `counts`: a list of runs, or
            COCO's compressed string.
        size: (H, W) of the image.
        place: of the annotation, for messages.

    Returns:
        The runs, which sum to H·W.

    Raises:
        PatchlearnError: the segmentation is broken or of another size, or pycocotools is missing (polygons only).
    """
    if isinstance(segmentation, dict):
        return _of_counts(segmentation, size, place)
    return _of_polygons(_polygons(segmentation, size, place), size)


def paint(mask: UInt8, runs: Integers, value: int) -> None:
    """Write a value into the pixels of a region. `mask` is H×W in Fortran's order, whose memory runs down columns."""
    flat = mask.reshape(-1, order="F")
    ends = np.cumsum(runs)
    for start, end in zip(ends[0::2], ends[1::2]):
        flat[start:end] = value


def _of_counts(segmentation: dict[str, Any], size: Size, place: str) -> Integers:
    if segmentation.get("size") != list(size):
        raise PatchlearnError(
            f"{place}: the size of its run lengths is {segmentation.get('size')}, but its image has {list(size)} "
            "(height, width). Export the annotations again."
        )
    counts = segmentation.get("counts")
    runs = _numbers(counts, "iu") if isinstance(counts, list) else _decompressed(counts)
    if runs is None or not ((runs >= 0) & (runs <= size[0] * size[1])).all() or runs.sum() != size[0] * size[1]:
        raise PatchlearnError(
            f"{place}: its run lengths are damaged; they should sum to {size[0]}·{size[1]} pixels. Export it again."
        )
    return runs


def _numbers(values: list[Any], kinds: str) -> NDArray[Any] | None:
    """A list of numbers as an array; None if it is something else.

    Args:
        values: of the JSON.
        kinds: NumPy's letters of the kinds of numbers.
    """
    try:
        found = np.array(values)
    except ValueError:  # lists of different lengths
        return None
    return found if found.ndim == 1 and found.dtype.kind in kinds else None


def _decompressed(text: Any) -> Integers | None:
    """The runs of a compressed string; None if it is damaged.

    Each character carries five bits of a number, the lowest first, and a sixth that says whether more follow. The
    highest bit is the sign. From the fourth on, a number is the difference from the run before the last.
    """
    if not isinstance(text, str) or not text or not text.isascii():
        return None
    digits = np.frombuffer(text.encode("ascii"), np.uint8).astype(np.int64) - FIRST
    ends = np.flatnonzero(digits & MORE == 0)
    if not ((digits >= 0) & (digits < 2 * MORE)).all() or len(ends) == 0 or ends[-1] != len(digits) - 1:
        return None
    starts = np.concatenate([[0], ends[:-1] + 1])
    lengths = ends - starts + 1
    if lengths.max() > LONGEST:
        return None
    places = np.arange(len(digits)) - np.repeat(starts, lengths)
    runs = np.add.reduceat(digits % MORE << BITS * places, starts)
    runs -= np.where(digits[ends] & SIGN, 1 << BITS * lengths, 0)
    runs[1::2] = np.cumsum(runs[1::2])
    runs[2::2] = np.cumsum(runs[2::2])
    return runs


def _polygons(segmentation: Any, size: Size, place: str) -> list[list[float]]:
    """The polygons that have an area. Lists of one or two corners, which some tools write, have none."""
    parts: list[Any] = segmentation if isinstance(segmentation, list) else [None]
    if parts and isinstance(parts[0], int | float):  # one polygon, without the list around it
        parts = [parts]
    corners = [_numbers(part, "iuf") if isinstance(part, list) else None for part in parts]
    # Not a number is not below any limit either.
    sound = [
        each for each in corners if each is not None and len(each) % 2 == 0 and (abs(each) <= FAR * max(size)).all()
    ]
    if len(sound) < len(parts):
        raise PatchlearnError(
            f"{place}: its segmentation is neither polygons ([[x1, y1, x2, y2, …]], in pixels) nor run lengths (size "
            "and counts). Export it again."
        )
    return [each.astype(float).tolist() for each in sound if len(each) >= SMALLEST]


def _of_polygons(polygons: list[list[float]], size: Size) -> Integers:
    if not polygons:
        return np.array([size[0] * size[1]], np.int64)
    try:
        coder = import_module("pycocotools.mask")
    except ImportError:
        raise PatchlearnError(
            "coco: pycocotools is not installed, which draws COCO's polygons. Run: pip install 'patchlearn[export]'"
        ) from None
    runs = _decompressed(coder.merge(coder.frPyObjects(polygons, *size))["counts"].decode("ascii"))
    assert runs is not None
    return runs
