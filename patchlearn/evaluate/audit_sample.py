"""A random sample of the pixels of masks, to measure the masks with: which strata there are, and what is drawn.

The strata are the labels of the masks, each near a border of the mask and far from one, where masks err at different
rates. Within a stratum every pixel has the same chance (simple random sampling without replacement), so that the
weight of a pixel, those of its stratum over those drawn of it, is known (Cochran, Sampling Techniques, 3rd edition,
1977, chapter 5).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import hypot

import numpy as np
from numpy.typing import NDArray

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import Integers, UInt8
from patchlearn.evaluate.contours import BOUNDARY_TOLERANCE

NEAR = 2 * BOUNDARY_TOLERANCE  # of the diagonal: so near to another label is near a border; ours
LEAST = 2  # pixels of a stratum: one alone has no variance
LABELS = 256  # of a mask

Mask = Callable[[], UInt8]


@dataclass(frozen=True)
class DrawnPixel:
    """A pixel of a sample.

    Args:
        image: number of its mask.
        y: row, from 0.
        x: column.
        stratum: number, from 1. It does not tell the label: whoever labels the pixel must not know it.
        weight: how many pixels this one stands for.
        pixels: of the whole stratum, drawn or not.
    """

    image: int
    y: int
    x: int
    stratum: int
    weight: float
    pixels: int


def draw_pixels(masks: Sequence[Mask], count: int, seed: int) -> list[DrawnPixel]:
    """Draw pixels, in the order of the masks; the same ones for the same seed.

    Args:
        masks: each gives one H×W mask when it is called; it is called once or twice.
        count: how many pixels.
        seed: of the draw.

    Raises:
        PatchlearnError: there are fewer pixels, or fewer are wished than two of each stratum.

    >>> square = np.pad(np.ones((8, 8), np.uint8), 8)
    >>> found = draw_pixels([lambda: square], count=12, seed=0)
    >>> len(found), sum(pixel.weight for pixel in found) == square.size
    (12, True)
    """
    counts = np.stack([np.bincount(strata_of(mask()).ravel(), minlength=2 * LABELS) for mask in masks])
    kinds = np.flatnonzero(counts.sum(0))
    sizes = counts.sum(0)[kinds]
    wanted = allocate(sizes, count)
    generator, drawn = np.random.default_rng(seed), dict[int, list[tuple[int, int, int]]]()
    names = generator.permutation(len(kinds)) + 1
    for place, kind in enumerate(kinds.tolist()):
        ends = counts[:, kind].cumsum()
        for number in generator.choice(int(sizes[place]), int(wanted[place]), replace=False):
            image = int(np.searchsorted(ends, number, side="right"))
            drawn.setdefault(image, []).append((place, kind, int(number - ends[image] + counts[image, kind])))
    pixels = []
    for image in sorted(drawn):
        strata = strata_of(masks[image]())
        for place, kind, number in drawn[image]:
            y, x = (int(at) for at in np.argwhere(strata == kind)[number])
            weight = float(sizes[place] / wanted[place])
            pixels.append(DrawnPixel(image, y, x, int(names[place]), weight, int(sizes[place])))
    return sorted(pixels, key=lambda each: (each.image, each.y, each.x))


def strata_of(mask: UInt8, near: float = NEAR) -> Integers:
    """H×W: twice the label, plus 1 where another label is near.

    Args:
        mask: H×W.
        near: distance, along rows or columns, as a share of the image's diagonal; at least one pixel.

    >>> strata_of(np.array([[0, 0, 0, 1, 1]], np.uint8)).tolist()
    [[0, 0, 1, 3, 2]]
    """
    steps = max(1, round(near * hypot(*mask.shape)))
    return 2 * mask.astype(np.int64) + _near_border(mask, steps)


def allocate(sizes: Integers, count: int, least: int = LEAST) -> Integers:
    """How many of `count` pixels each stratum has: in proportion to the square root of its size.

    Shares in proportion to the sizes would leave next to nothing for small classes; equal ones would see too few of
    the many pixels of the background, in which an error weighs most. The square root lies between (the power
    allocation of Bankier, The American Statistician 42, 1988).

    Args:
        sizes: pixels of each stratum.
        count: in all.
        least: of each stratum, if it has as many.

    Raises:
        PatchlearnError: there are fewer pixels in all, or `count` is too small for the strata.

    >>> allocate(np.array([10_000, 100, 1]), 23).tolist()
    [20, 2, 1]
    """
    given = np.minimum(sizes, least)
    if count < given.sum():
        raise PatchlearnError(
            f"{count} pixels are too few for {len(sizes)} strata (each label of the masks, near a border and far from "
            f"one). Draw {given.sum()} or more; 200 is a beginning."
        )
    if count > sizes.sum():
        raise PatchlearnError(f"{count} pixels are more than the masks have, which is {sizes.sum()}. Draw fewer.")
    for _ in range(count - int(given.sum())):
        claims = np.where(given < sizes, np.sqrt(sizes) / (given + 1), -1)
        given[claims.argmax()] += 1
    return given


def _near_border(mask: UInt8, steps: int) -> NDArray[np.bool_]:
    """H×W: whether the pixels so many steps around, along rows and columns, hold another label."""
    lowest, highest = mask, mask
    for axis in (0, 1):
        lowest, highest = (
            _extreme(each, steps, axis, pick) for each, pick in ((lowest, np.minimum), (highest, np.maximum))
        )
    return lowest != highest


def _extreme(mask: UInt8, steps: int, axis: int, pick: np.ufunc) -> UInt8:
    """The minimum or maximum of each pixel and so many on either side."""
    found = mask.copy()
    for step in range(1, min(steps, mask.shape[axis] - 1) + 1):
        ahead, behind = np.roll(mask, -step, axis), np.roll(mask, step, axis)
        inside = [slice(None), slice(None)]
        inside[axis] = slice(None, -step)
        found[tuple(inside)] = pick(found, ahead)[tuple(inside)]
        inside[axis] = slice(step, None)
        found[tuple(inside)] = pick(found, behind)[tuple(inside)]
    return found
