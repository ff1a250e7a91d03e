"""How far masks of the same images agree, where nobody knows the true ones.

Two readings that find the same places may both be wrong. Two that find other places cannot both be right.
"""

from collections.abc import Iterable

import numpy as np

from patchlearn.core.types import IGNORE, Float32, UInt8
from patchlearn.evaluate.confusions import confusion, iou_scores


def agreement(pairs: Iterable[tuple[UInt8, UInt8]], classes: int) -> tuple[float, tuple[float | None, ...]]:
    """(mIoU between the first and the second masks, IoU of the background and of each class).

    All images are counted together, as in the mIoU against true masks. It does not matter which mask is the first.

    Args:
        pairs: two masks of each image, H×W each: 0..K, or 255 (not counted, in both).
        classes: K.

    Returns:
        The mean over background and the classes that occur, in [0, 1]; None for the IoU of a class that does not
        occur.

    >>> first, second = np.array([[0, 0, 1, 1]], np.uint8), np.array([[0, 1, 1, 255]], np.uint8)
    >>> agreement([(first, second)], classes=2)
    (0.5, (0.5, 0.5, None))
    """
    total = np.zeros((classes + 1, classes + 2), np.int64)
    for first, second in pairs:
        counted = np.where(second == IGNORE, IGNORE, first).astype(np.uint8)
        total += confusion(counted, second, classes)
    scores = iou_scores(total)
    return scores.miou, scores.iou


def mask_of_scores(scores: Float32, threshold: float, values: tuple[int, ...]) -> UInt8:
    """H×W: the value of the strongest map above the threshold, else 0.

    Args:
        scores: P×H×W.
        threshold: of the background.
        values: P values of the mask.

    >>> mask_of_scores(np.array([[[0.1, 0.6]], [[0.2, 0.9]]], np.float32), 0.5, (3, 7)).tolist()
    [[0, 7]]
    """
    background = np.full((1, *scores.shape[1:]), threshold, np.float32)
    return np.array([0, *values], np.uint8)[np.concatenate([background, scores]).argmax(0)]
