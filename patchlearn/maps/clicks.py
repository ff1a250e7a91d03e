"""Clicks of one image: labelled pixels on the cells of a view, and score maps that respect boxes."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import IGNORE, Float32, Integers, ScoreMaps, UInt8
from patchlearn.data.clicks.values import Box

BAND = 0.1  # of the height or width of a box is near a side; ours
MARGIN = 0.05  # of the way from the threshold to 1: storage as fp16 and enlarging lower a score a little; ours


def labelled_cells(labels: UInt8, view: tuple[int, int], cells: tuple[int, int], stride: int) -> UInt8:
    """H×W labelled pixels → h×w: the label of each cell of a view; 255 if it has none, or two that differ.

    Cell i covers the pixels i·stride to (i + 1)·stride of the resized image, from the top left. A cell has the label of
    the pixels whose centres lie in it, so that no click is lost where the view is small, and of the pixel in which its
    own centre lies, so that there are no gaps where the view is large. Cells in the padding have no label. Nor has a
    pixel a cell if it lies beyond the last one.

    Args:
        labels: as in a mask, 255 where nothing is labelled (`patchlearn.data.labelled_pixels`).
        view: (H, W) of the resized image that the network read.
        cells: (h, w) of its features.
        stride: pixels of the view per cell.

    >>> labels = np.full((4, 8), 255, np.uint8)
    >>> labels[0, 0], labels[0, 5], labels[3, 7] = 1, 0, 2
    >>> labelled_cells(labels, view=(2, 4), cells=(2, 3), stride=2)
    array([[  1, 255, 255],
           [255, 255, 255]], dtype=uint8)
    """
    rows, columns, found = _pixels_of_cells(labels, view, cells, stride)
    lowest, highest = np.full(cells, IGNORE, np.uint8), np.zeros(cells, np.uint8)
    np.minimum.at(lowest, (rows, columns), found)
    np.maximum.at(highest, (rows, columns), found)
    return np.where(lowest == highest, lowest, IGNORE).astype(np.uint8)


def _pixels_of_cells(
    labels: UInt8, view: tuple[int, int], cells: tuple[int, int], stride: int
) -> tuple[Integers, Integers, UInt8]:
    """(rows, columns, labels) of the cells that have a labelled pixel; a cell with several occurs several times."""
    y, x = np.nonzero(labels != IGNORE)
    places = [cell_of_pixel(at, *sides) for at, *sides in zip((y, x), view, labels.shape, [stride] * 2)]
    centres = [_pixel_of_cell(*sides, stride) for sides in zip(cells, view, labels.shape)]
    sampled = labels[np.ix_(*(pixels for _, pixels in centres))]
    row, column = np.nonzero(sampled != IGNORE)
    rows = np.concatenate([places[0], centres[0][0][row]])
    columns = np.concatenate([places[1], centres[1][0][column]])
    found = np.concatenate([labels[y, x], sampled[row, column]])
    inside = (rows < cells[0]) & (columns < cells[1])
    return rows[inside], columns[inside], found[inside]


def cell_of_pixel(at: Integers, side: int, pixels: int, stride: int) -> Integers:
    """The cell in which the centre of a pixel lies, along one side.

    Args:
        at: numbers of pixels, from 0.
        side: of the view, in pixels.
        pixels: of the image along this side.
        stride: pixels of the view per cell.

    >>> cell_of_pixel(np.array([0, 99]), side=50, pixels=100, stride=10)
    array([0, 4])
    """
    return (2 * at + 1) * side // (2 * pixels * stride)


def _pixel_of_cell(count: int, side: int, pixels: int, stride: int) -> tuple[Integers, Integers]:
    """(cells whose centres lie in the view, the pixel in which each of these lies), along one side."""
    cells = np.arange(count)
    cells = cells[(2 * cells + 1) * stride < 2 * side]
    return cells, (2 * cells + 1) * stride * pixels // (2 * side)


def boxed(maps: ScoreMaps, boxes: Sequence[Box], threshold: float) -> ScoreMaps:
    """Score maps in which each boxed class stays in its boxes and reaches all four sides of each.

    1. Outside of all boxes of a class, its score is 0. A cell that a box touches is inside.
    2. Inside each box, the scores are divided by their maximum: there is an object, whatever is elsewhere.
    3. A box is tight. Along each side lies a band, a tenth of the box deep and at least one cell. If the maximum of a
       band is not above the threshold, all scores of the box are raised to a power below 1, so that the lowest of the
       four maxima is. The order of the scores stays: the region above the threshold becomes the smallest one, of those
       that any threshold gives, that reaches all sides. A band without any score above 0 does not count.

    Where boxes of a class overlap, the higher score counts. Classes without a box stay as they are.

    Args:
        maps: of one image, on any grid.
        boxes: of the same image; those of other classes than the maps' are passed over.
        threshold: the background's, in [0, 1).

    Raises:
        PatchlearnError: the threshold is out of range.

    Source: that an object reaches the sides of its box is the tightness prior of Lempitsky et al., ICCV 2009; they
    enforce it in a graph cut, this rule in the scores.

    >>> maps = ScoreMaps(scores=np.array([[[0.3, 0.2, 1.0, 0.1, 0.8]]], np.float32), classes=(4,), size=(1, 5))
    >>> boxed(maps, [Box(1, 0, 3, 0, index=4)], threshold=0.4).scores.round(2)
    array([[[0.  , 0.55, 1.  , 0.43, 0.  ]]], dtype=float32)
    """
    if not 0 <= threshold < 1:
        raise PatchlearnError(f"threshold: {threshold} is out of range. Choose a number in [0, 1).")
    scores = maps.scores.copy()
    for place, index in enumerate(maps.classes):
        own = [box for box in boxes if box.index == index]
        if own:
            scores[place] = _inside(maps.scores[place], own, maps.size, threshold)
    return replace(maps, scores=scores)


def _inside(scores: Float32, boxes: Sequence[Box], size: tuple[int, int], threshold: float) -> Float32:
    """h×w: the scores of one class in its boxes, 0 elsewhere."""
    kept = np.zeros_like(scores)
    for box in boxes:
        area = _cells_of(box, size, scores.shape)
        kept[area] = np.maximum(kept[area], _reaching_all_sides(scores[area], threshold))
    return kept


def _cells_of(box: Box, size: tuple[int, int], cells: tuple[int, ...]) -> tuple[slice, slice]:
    """The cells that a box touches, on a grid that is laid over the whole image."""
    (height, width), (rows, columns) = size, cells
    return (
        slice(box.y * rows // height, -(-(box.y2 + 1) * rows // height)),
        slice(box.x * columns // width, -(-(box.x2 + 1) * columns // width)),
    )


def _reaching_all_sides(scores: Float32, threshold: float) -> Float32:
    top = scores.max()
    if top <= 0:
        return scores
    scores = scores / top
    weakest = min((highest for highest in _highest_near_sides(scores) if highest > 0), default=1.0)
    target = threshold + MARGIN * (1 - threshold)
    return scores if weakest >= target else scores ** (math.log(target) / math.log(weakest))


def _highest_near_sides(scores: Float32) -> list[float]:
    """The maxima of the four bands; none is above 0 where only the middle has a score."""
    height, width = (max(1, round(BAND * side)) for side in scores.shape)
    bands = (scores[:height], scores[-height:], scores[:, :width], scores[:, -width:])
    return [float(band.max()) for band in bands]
