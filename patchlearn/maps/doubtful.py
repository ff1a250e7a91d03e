"""The pixels of one image of which its score maps are least sure: what a person might label next."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from patchlearn.core.types import IGNORE, Float32, Integers, ScoreMaps
from patchlearn.refine import BackgroundRule, background_threshold
from patchlearn.refine.background import label_scores

# Every contour has a line of cells with a small margin. Over so many cells around it the margin is averaged, so that
# a whole region in doubt counts for more than the line at the border of a sure one; ours.
AROUND = 5
SPACE = 2  # cells around a chosen one that are passed over; ours

Marked = NDArray[np.bool_]


@dataclass(frozen=True)
class Doubtful:
    """M pixels of one image, the centres of cells of its maps.

    Args:
        y: M rows, from 0.
        x: M columns.
        guess: M, what the maps say there, as in a mask.
        other: M, the second likeliest label there.
        scores: M×2, of both. The background's score is its threshold.
        margin: M in [0, 1], the difference between both scores, averaged over the cells around.
    """

    y: Integers
    x: Integers
    guess: Integers
    other: Integers
    scores: Float32
    margin: Float32


def doubtful_pixels(
    maps: ScoreMaps, rule: BackgroundRule, most: int, taken: Integers | None = None, apart: float = 0
) -> Doubtful:
    """For each label, the pixels where the maps say it and are least sure; none in an image without classes.

    Args:
        maps: of one image.
        rule: of the background threshold.
        most: pixels of each label.
        taken: N×2, rows and columns of pixels that are labelled already.
        apart: no pixel is nearer than this to one of those, in pixels.

    >>> scores = np.linspace(0, 1, 40, dtype=np.float32)[None, None].repeat(4, axis=1)
    >>> maps = ScoreMaps(scores=scores, classes=(2,), size=(16, 160))
    >>> found = doubtful_pixels(maps, BackgroundRule(rule="fixed", threshold=0.5), most=1)
    >>> found.x.tolist(), found.guess.tolist(), found.other.tolist()
    ([78, 82], [0, 3], [3, 0])
    """
    grid = maps.scores.shape[1], maps.scores.shape[2]
    values = np.array([0, *maps.mask_values])
    if len(values) < 2:
        none, sure = np.zeros((0, 2), np.int64), np.ones(grid, np.float32)
        return _at(none, maps, sure[None], values, sure)
    coarse = replace(maps, size=grid)
    scores = label_scores(coarse, background_threshold(coarse, rule))
    best, margin = values[scores.argmax(0)], _margin(scores)
    free = ~_near(grid, maps.size, taken, apart) & _inside(grid)
    found = [_lowest(margin, free & (best == value), most) for value in values if value != IGNORE]
    return _at(np.concatenate(found), maps, scores, values, margin)


def centre_of_cells(cells: Integers, count: int, pixels: int) -> Integers:
    """The pixels in which the centres of cells lie, along one side.

    >>> centre_of_cells(np.array([0, 1, 2]), 3, 10)
    array([1, 5, 8])
    """
    return (2 * cells + 1) * pixels // (2 * count)


def _margin(scores: Float32) -> Float32:
    """h×w: between the two highest scores, averaged over the cells around."""
    second, first = np.partition(scores, -2, axis=0)[-2:]
    padded = np.pad(first - second, AROUND // 2, mode="edge")
    return sliding_window_view(padded, (AROUND, AROUND)).mean((2, 3)).astype(np.float32)


def _inside(grid: tuple[int, int]) -> Marked:
    """h×w: not at the border of the image, where features are those of the padding, too; all cells of a tiny map."""
    inside, edge = np.zeros(grid, np.bool_), AROUND // 2
    inside[edge:-edge, edge:-edge] = True
    return inside if inside.any() else ~inside


def _near(grid: tuple[int, int], size: tuple[int, int], taken: Integers | None, apart: float) -> Marked:
    """h×w: the cells whose centres are too near to a pixel that is taken."""
    near = np.zeros(grid, np.bool_)
    rows, columns = (centre_of_cells(np.arange(count), count, pixels) for count, pixels in zip(grid, size))
    for y, x in taken if taken is not None else ():
        near |= (rows[:, None] - y) ** 2 + (columns - x) ** 2 < apart**2
    return near


def _lowest(margin: Float32, allowed: Marked, most: int) -> Integers:
    """N×2 cells: the lowest, then the lowest that is not beside it, and so on."""
    left, found = np.where(allowed, margin, np.inf), list[tuple[int, int]]()
    while len(found) < most and np.isfinite(left).any():
        row, column = (int(at) for at in np.unravel_index(left.argmin(), left.shape))
        found.append((row, column))
        left[max(0, row - SPACE) : row + SPACE + 1, max(0, column - SPACE) : column + SPACE + 1] = np.inf
    return np.array(found, np.int64).reshape(-1, 2)


def _at(cells: Integers, maps: ScoreMaps, scores: Float32, values: Integers, margin: Float32) -> Doubtful:
    rows, columns = cells.T
    here = scores[:, rows, columns]
    order = np.argsort(-here, axis=0, kind="stable")
    guess, other = order[0], order[min(1, len(order) - 1)]
    places = np.arange(len(cells))
    return Doubtful(
        y=centre_of_cells(rows, margin.shape[0], maps.size[0]),
        x=centre_of_cells(columns, margin.shape[1], maps.size[1]),
        guess=values[guess],
        other=values[other],
        scores=np.stack([here[guess, places], here[other, places]], axis=1),
        margin=margin[rows, columns],
    )
