"""Regions: pixels of one class, and polygons around them. All annotation formats are made of regions."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from contourpy import FillType, contour_generator
from numpy.typing import NDArray

from patchlearn.core.types import BACKGROUND, IGNORE, Integers, UInt8
from patchlearn.refine.components import component_numbers

Bools = NDArray[np.bool_]
Points = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class MaskedImage:
    """A mask that has been checked, and the name of its image.

    Args:
        name: of the image's file, relative to the folder of the images, with "/" between the parts: "a/b.jpg".
        mask: H×W; 0 background, i + 1 class i, 255 undecided.
        source: file of the mask.
        binary: whether 255 in that file stands for class 1.
    """

    name: str
    mask: UInt8
    source: Path
    binary: bool = False


@dataclass(frozen=True, kw_only=True)
class Region:
    """Pixels of one class, in their bounding box.

    Args:
        label: the class index, 0..K-1.
        left: first column of the box.
        top: first row of the box.
        inside: for each pixel of the box, whether it belongs to the region.
        size: (H, W) of the image.
    """

    label: int
    left: int
    top: int
    inside: Bools
    size: tuple[int, int]

    def full(self) -> Bools:
        """H×W: the region on the whole image."""
        canvas = np.zeros(self.size, bool)
        height, width = self.inside.shape
        canvas[self.top : self.top + height, self.left : self.left + width] = self.inside
        return canvas

    def polygons(self) -> list[Points]:
        """Corners (x, y) of polygons without holes; together they contain exactly the centres of the region's pixels.

        Pixel (row, column) covers x from column to column + 1 and y from row to row + 1. The lines run midway between
        pixel centres, so diagonal edges are slopes, not stairs. No format supports holes, so a piece with holes is cut
        vertically through a hole until no piece has any; no pixel is lost or added.

        >>> [region] = regions(np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]], np.uint8), "class")
        >>> [corners.tolist() for corners in region.polygons()]  # a ring is cut in two
        [[[0.0, 0.5], [0.5, 0.0], ... [[1.0, 0.5], ...
        """
        pieces = regions(self.inside.astype(np.uint8), "component")
        return [
            np.add(outline, (self.left + piece.left, self.top + piece.top))
            for piece in pieces
            for outline in _outlines(piece.inside)
        ]


def regions(mask: UInt8, per: str) -> list[Region]:
    """The regions of an H×W mask, by class and from top to bottom; undecided pixels belong to no region.

    Args:
        mask: 0 background, i + 1 class i, 255 undecided.
        per: "component" or "class".

    >>> mask = np.array([[2, 0, 1], [0, 255, 1], [2, 0, 0]], np.uint8)
    >>> [(region.label, region.top, region.left) for region in regions(mask, "component")]
    [(0, 0, 2), (1, 0, 0), (1, 2, 0)]
    >>> [region.inside.tolist() for region in regions(mask, "class")]
    [[[True], [True]], [[True], [False], [True]]]
    """
    values = [int(value) for value in np.unique(mask) if value not in (BACKGROUND, IGNORE)]
    return [_region(mask, value, pixels) for value in values for pixels in _groups(mask == value, per)]


def _region(mask: UInt8, value: int, pixels: Integers) -> Region:
    """The region of N×2 pixels (row, column)."""
    first, last = pixels.min(axis=0), pixels.max(axis=0)
    inside = np.zeros(last - first + 1, bool)
    inside[tuple((pixels - first).T)] = True
    height, width = mask.shape
    return Region(label=value - 1, top=int(first[0]), left=int(first[1]), inside=inside, size=(height, width))


def _groups(of_class: Bools, per: str) -> list[Integers]:
    pixels = np.argwhere(of_class)
    if per == "class":
        return [pixels]
    component = component_numbers(of_class)
    in_order = np.argsort(component, kind="stable")
    return np.split(pixels[in_order], np.cumsum(np.bincount(component))[:-1])


def _outlines(inside: Bools) -> list[Points]:
    contours = contour_generator(z=np.pad(inside, 1).astype(np.float64), fill_type=FillType.OuterOffset)
    rings = [_rings(points - 0.5, offsets) for points, offsets in zip(*contours.filled(0.5, 2))]
    holes = [hole for _, *inner in rings for hole in inner]
    if not holes:
        return [_corners(outer) for (outer,) in rings]
    # The cut goes through the median hole, so that each side has at most half of the holes.
    middles = sorted(int(hole[:, 0].min() + hole[:, 0].max()) // 2 for hole in holes)
    cut = middles[len(middles) // 2]
    return _outlines(inside[:, :cut]) + [np.add(outline, (cut, 0)) for outline in _outlines(inside[:, cut:])]


def _rings(points: Points, offsets: Sequence[int]) -> list[Points]:
    """The outer ring and the rings of the holes, without their last point, which repeats the first."""
    return [points[start : end - 1] for start, end in pairwise(offsets)]


def _corners(ring: Points) -> Points:
    """The ring without the points on straight lines."""
    (x, y), (next_x, next_y) = (ring - np.roll(ring, 1, axis=0)).T, (np.roll(ring, -1, axis=0) - ring).T
    return ring[x * next_y != y * next_x]
