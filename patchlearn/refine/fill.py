"""Erase a part of an image: fill it from what surrounds it, smoothly and without any texture.

Source: the pull-push algorithm of Gortler et al., "The Lumigraph", SIGGRAPH 1996: known pixels are averaged over ever
larger squares, and each unknown pixel takes the value of the smallest square that knows one.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from patchlearn.core.types import UInt8, enlarge

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


def filled(image: UInt8, hole: Bools) -> UInt8:
    """H×W×3: the image with the hole filled from its surroundings; as it was where the hole is all of it.

    Args:
        image: H×W×3.
        hole: H×W, what is erased.

    >>> image = np.full((4, 6, 3), 80, np.uint8)
    >>> image[1:3, 2:4] = 255
    >>> int(filled(image, image[..., 0] == 255).max())
    80
    """
    if hole.all() or not hole.any():
        return image
    known = (~hole).astype(np.float64)
    values = _filled(image * known[..., None], known)
    return np.where(hole[..., None], values.round().clip(0, 255), image).astype(np.uint8)


def widened(mask: Bools, pixels: int) -> Bools:
    """H×W: the mask and everything that is at most so many pixels from it, along rows and columns.

    >>> widened(np.array([[True, False, False]]), 1).tolist()
    [[True, True, False]]
    """
    return _widened_rows(_widened_rows(mask, pixels).T, pixels).T


def narrowed(mask: Bools, pixels: int) -> Bools:
    """H×W: what stays if everything outside of the mask is widened. Beyond the image there is nothing.

    >>> narrowed(np.array([[True, True, True, False]]), 1).tolist()
    [[True, True, False, False]]
    """
    return ~widened(~mask, pixels)


def around(mask: Bools, free: Bools) -> Bools:
    """H×W: the free pixels nearest to the mask, at least as many as it has if there are so many.

    Args:
        mask: H×W, with a pixel.
        free: H×W, none of them in the mask.

    >>> around(np.array([[True, False, False, False]]), np.array([[False, False, True, True]])).tolist()
    [[False, False, True, False]]
    """
    low, high = 0, max(mask.shape)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if (widened(mask, middle) & free).sum() >= mask.sum() else (middle, high)
    return widened(mask, high) & free


def moved_elsewhere(mask: Bools) -> Bools | None:
    """H×W: the same shape, moved (around the border) to where it overlaps least with the mask, without the overlap.

    None where less than half of it finds another place.

    >>> moved_elsewhere(np.array([[True, True, False, False, False, False]])).tolist()
    [[False, False, False, True, True, False]]
    """
    height, width = mask.shape
    places = [(height * down // 4, width * right // 4) for down in range(4) for right in range(4)][1:]
    moved = [np.roll(mask, place, (0, 1)) & ~mask for place in places]
    best = max(moved, key=lambda each: int(each.sum()))
    return best if 2 * best.sum() >= max(1, mask.sum()) else None


def _filled(sums: Floats, weights: Floats) -> Floats:
    """H×W×3 from sums of known pixels and their number: where none is known, from the next coarser level."""
    means = sums / np.maximum(weights, 1)[..., None]
    if (weights > 0).all():
        return means
    coarse = _filled(_halved(sums), _halved(weights))
    above = np.moveaxis(enlarge(np.moveaxis(coarse, 2, 0).astype(np.float32), means.shape[:2]), 0, 2)
    return np.where((weights > 0)[..., None], means, above)


def _halved(maps: NDArray[Any]) -> NDArray[Any]:
    """Sums of squares of 2×2; a last odd row or column stands alone."""
    height, width = maps.shape[:2]
    padding = [(0, height % 2), (0, width % 2), *[(0, 0)] * (maps.ndim - 2)]
    padded = np.pad(maps, padding)
    squares = padded.reshape(padded.shape[0] // 2, 2, padded.shape[1] // 2, 2, *maps.shape[2:])
    return squares.sum((1, 3))


def _widened_rows(mask: Bools, pixels: int) -> Bools:
    """H×W: whether a pixel of the mask is at most so far to the left or right. The distance costs no time."""
    width = mask.shape[1]
    before = np.concatenate([np.zeros((len(mask), 1), np.int64), mask.cumsum(1)], axis=1)
    last, first = (np.clip(np.arange(width) + step, 0, width) for step in (pixels + 1, -pixels))
    found: Bools = before[:, last] > before[:, first]
    return found
