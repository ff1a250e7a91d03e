"""The lines of YOLO's label files, and masks of the polygons in them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import UInt8
from patchlearn.data.formats.canvas import canvas_of
from patchlearn.data.labels import read_text

Points = NDArray[np.float64]
Span = tuple[int, int, int]
BOX = 4  # numbers: centre x, centre y, width, height
SMALLEST = 6  # numbers of a polygon: three corners
SLACK = 0.01  # rounding puts corners a little outside of the image


@dataclass(frozen=True)
class YoloObject:
    """One line.

    Args:
        index: of its class.
        corners: N×2 (x, y) of its polygon, as shares of the width and height; None for a box.
    """

    index: int
    corners: Points | None


def read_objects(path: Path, names: Mapping[int, str], *, has_keypoints: bool = False) -> tuple[YoloObject, ...]:
    """The objects of an image.

    Args:
        path: the label file.
        names: index → name of each class.
        has_keypoints: whether a box is followed by key points, which are not used.

    Raises:
        PatchlearnError: a line is neither a box nor a polygon, or its class has no name.
    """
    lines = enumerate(read_text(path).splitlines(), 1)
    return tuple(
        _object(line.split(), names, has_keypoints, f"{path}, line {number}") for number, line in lines if line.strip()
    )


def _object(words: Sequence[str], names: Mapping[int, str], has_keypoints: bool, place: str) -> YoloObject:
    try:
        first, *numbers = (float(word) for word in words)
    except ValueError:
        first, numbers = -1.0, []
    is_box = len(numbers) == BOX or (has_keypoints and len(numbers) > BOX)
    is_polygon = len(numbers) >= SMALLEST and len(numbers) % 2 == 0
    if not (is_box or is_polygon) or first < 0 or not first.is_integer():
        raise PatchlearnError(
            f"{place}: neither a box (class cx cy w h) nor a polygon (class x1 y1 x2 y2 x3 y3 …). Correct the line."
        )
    if int(first) not in names:
        raise PatchlearnError(
            f"{place}: the class {int(first)} has no name; the named ones are {_ranges(names)}. Correct the line, or "
            "add the name to data.yaml or classes.txt."
        )
    if not all(-SLACK <= number <= 1 + SLACK for number in numbers[: BOX if is_box else None]):
        raise PatchlearnError(
            f"{place}: a number is not between 0 and 1. Divide x by the width of the image, and y by its height."
        )
    return YoloObject(int(first), None if is_box else np.array(numbers).reshape(-1, 2))


def _ranges(names: Mapping[int, str]) -> str:
    """'0 to 3, 7'."""
    runs: list[list[int]] = []
    for index in sorted(names):
        if runs and runs[-1][-1] == index - 1:
            runs[-1].append(index)
        else:
            runs.append([index])
    return ", ".join(f"{run[0]} to {run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)


def paint_polygons(
    objects: Sequence[YoloObject], image: Path, names: Mapping[int, str], values: Mapping[str, int]
) -> UInt8:
    """H×W: small polygons over large ones. A pixel belongs to a polygon if its centre does.

    Args:
        objects: of the image; boxes are not painted.
        image: the file, whose header is read.
        names: index → name of each class.
        values: name of each class → value.

    Raises:
        PatchlearnError: the image cannot be read.
    """
    height, width = canvas_of(image).size
    mask = np.zeros((height, width), np.uint8)
    shapes = [
        (list(spans(each.corners * (width, height), (height, width))), values[names[each.index]])
        for each in objects
        if each.corners is not None
    ]
    for rows, value in sorted(shapes, key=lambda shape: -sum(end - start for _, start, end in shape[0])):
        for row, start, end in rows:
            mask[row, start:end] = value
    return mask


def spans(corners: Points, size: tuple[int, int]) -> Iterator[Span]:
    """(row, first column, column after the last) of the pixels whose centre is inside a polygon.

    Inside means that a line from there to the outside crosses an odd number of edges. So a line that joins two parts,
    forth and back, encloses nothing.

    Args:
        corners: N×2 (x, y) in pixels.
        size: (H, W).

    >>> list(spans(np.array([(1.0, 0.0), (4.0, 0.0), (4.0, 2.0), (1.0, 2.0)]), (9, 9)))
    [(0, 1, 4), (1, 1, 4)]
    """
    height, width = size
    x1, y1 = corners.T
    x2, y2 = np.roll(corners, -1, axis=0).T
    for row in range(max(0, ceil(y1.min() - 0.5)), min(height, ceil(y1.max() - 0.5))):
        level = row + 0.5
        crossing = (y1 <= level) != (y2 <= level)
        share = (level - y1[crossing]) / (y2[crossing] - y1[crossing])
        edges = np.sort(x1[crossing] + share * (x2[crossing] - x1[crossing]))
        columns = np.clip(np.ceil(edges - 0.5), 0, width).astype(int).tolist()
        yield from ((row, start, end) for start, end in zip(columns[0::2], columns[1::2]) if end > start)
