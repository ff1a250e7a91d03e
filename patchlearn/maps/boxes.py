"""The boxes of one image, wherever its score maps become labels: a boxed class stays in its boxes."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from patchlearn.core.types import IGNORE, Float32, ScoreMaps, Sizes, UInt8
from patchlearn.data.clicks.values import Box
from patchlearn.maps.clicks import boxed
from patchlearn.refine import BackgroundRule, ConfidentRegions, background_threshold, confident_regions
from patchlearn.refine.area import Bools

Boxes = Sequence[Box]


def within_boxes(maps: ScoreMaps, rule: BackgroundRule, boxes: Boxes) -> tuple[ScoreMaps, BackgroundRule]:
    """(maps in which each boxed class stays in its boxes and reaches their sides, a rule for this threshold).

    The rule is "fixed" with the threshold of the maps as they were: the changed ones would have another, at which a
    class might miss a side. Without boxes, maps and rule are those that were given.

    Args:
        maps: the scores of one image.
        rule: finds the background threshold.
        boxes: of the same image, in its pixels.

    >>> maps = ScoreMaps(scores=np.array([[[0.3, 0.2, 1.0, 0.1]]], np.float32), classes=(4,), size=(1, 4))
    >>> found, fixed = within_boxes(maps, BackgroundRule(rule="fixed", threshold=0.4), [Box(1, 0, 3, 0, index=4)])
    >>> found.scores.round(2).tolist() == boxed(maps, [Box(1, 0, 3, 0, index=4)], 0.4).scores.round(2).tolist()
    True
    """
    if not maps.classes or not boxes:
        return maps, rule
    threshold = background_threshold(maps, rule)
    return boxed(maps, boxes, threshold), replace(rule, rule="fixed", threshold=threshold)


def confident_in_boxes(
    image: UInt8,
    maps: ScoreMaps,
    rule: BackgroundRule,
    settings: ConfidentRegions,
    sizes: Sizes = (),
    boxes: Boxes = (),
) -> UInt8:
    """`patchlearn.refine.confident_regions` of the maps `within_boxes`: H×W, 255 where a boxed class would leave them.

    Args:
        image: H×W×3, RGB.
        maps: the scores of the image.
        rule: finds the background threshold.
        settings: the two multiples of it.
        sizes: how large each class usually is; () where nothing is known.
        boxes: of the image, in its pixels.
    """
    maps, rule = within_boxes(maps, rule, boxes)
    labels = confident_regions(image, maps, rule, settings, sizes)
    return mask_in_boxes(labels, np.full_like(labels, IGNORE), boxes)


def mask_in_boxes(mask: UInt8, instead: UInt8, boxes: Boxes) -> UInt8:
    """H×W: the mask, and another one where it holds a boxed class outside of its boxes.

    >>> mask_in_boxes(np.array([[5, 5, 5]], np.uint8), np.array([[0, 0, 0]], np.uint8), [Box(1, 0, 2, 0, index=4)])
    array([[0, 5, 5]], dtype=uint8)
    """
    kept = mask.copy() if boxes else mask
    for index in {box.index for box in boxes}:
        is_outside = (mask == index + 1) & ~_inside(index, boxes, mask.shape)
        kept[is_outside] = instead[is_outside]
    return kept


def scores_in_boxes(labels: Float32, values: Sequence[int], boxes: Boxes) -> Float32:
    """L×H×W label scores; those of a boxed class are 0 outside of its boxes. The scores themselves without boxes.

    Args:
        labels: one map for each value, at the size of the image.
        values: what a mask holds where each label wins: i + 1 for class i.
        boxes: of the image, in its pixels.

    >>> scores_in_boxes(np.ones((2, 1, 4), np.float32), (0, 5), [Box(1, 0, 2, 0, index=4)]).tolist()
    [[[1.0, 1.0, 1.0, 1.0]], [[0.0, 1.0, 1.0, 0.0]]]
    """
    kept = labels.copy() if boxes else labels
    for index in {box.index for box in boxes}.intersection(value - 1 for value in values):
        kept[list(values).index(index + 1), ~_inside(index, boxes, labels.shape[1:])] = 0
    return kept


def shares_in_boxes(labels: Float32, values: Sequence[int], boxes: Boxes) -> Float32:
    """As `scores_in_boxes`, of probabilities, the background's first: what a class loses goes to the others in their
    proportions, so that the winner beside it is not in doubt.

    >>> shares_in_boxes(np.array([[[0.25, 0.25]], [[0.75, 0.75]]], np.float32), (0, 1), [Box(1, 0, 1, 0, 0)]).tolist()
    [[[1.0, 0.25]], [[0.0, 0.75]]]
    """
    if not boxes:
        return labels
    kept, sums = scores_in_boxes(labels, values, boxes), labels.sum(0)
    kept[0, (kept.sum(0) == 0) & (sums > 0)] = 1
    found = kept.sum(0)
    return kept * np.divide(sums, found, out=np.ones_like(sums), where=found > 0)


def resized_boxes(boxes: Boxes, size: tuple[int, int], new: tuple[int, int]) -> tuple[Box, ...]:
    """The boxes in the pixels of a resized image; a pixel that a box touches is inside.

    Args:
        boxes: in pixels of the image.
        size: (H, W) of the image.
        new: (H, W) of the resized one.

    >>> resized_boxes([Box(4, 3, 7, 3, index=0)], size=(10, 15), new=(5, 5))
    (Box(x=1, y=1, x2=2, y2=1, index=0),)
    """
    (height, width), (rows, columns) = size, new
    return tuple(
        replace(
            box,
            x=box.x * columns // width,
            y=box.y * rows // height,
            x2=-(-(box.x2 + 1) * columns // width) - 1,
            y2=-(-(box.y2 + 1) * rows // height) - 1,
        )
        for box in boxes
    )


def _inside(index: int, boxes: Boxes, size: tuple[int, ...]) -> Bools:
    """H×W: the pixels of the boxes of one class."""
    inside = np.zeros(size, bool)
    for box in boxes:
        if box.index == index:
            inside[box.y : box.y2 + 1, box.x : box.x2 + 1] = True
    return inside
