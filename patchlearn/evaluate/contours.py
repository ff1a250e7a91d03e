"""How well the contours of a mask follow the true ones."""

from math import hypot, isqrt

import numpy as np

from patchlearn.core.types import BACKGROUND, IGNORE, Integers, UInt8
from patchlearn.evaluate.confusions import mean_of_present, ratio, require_size

BOUNDARY_TOLERANCE = 0.0075


def boundary_counts(truth: UInt8, prediction: UInt8, classes: int, tolerance: float = BOUNDARY_TOLERANCE) -> Integers:
    """K×4 contour pixels of one image: predicted, of these near a true one, true, of these near a predicted one.

    As BSDS (0.0075 of the diagonal, here at least a pixel) and DAVIS (a disc) do. A contour pixel has a neighbour (of
    4) with another label. The frame makes no contour, nor does 255, and a contour inside the truth's 255 is not
    counted; but a band of 255 up to twice the tolerance wide, as VOC draws around its objects, is first divided
    between its two sides, for the contour runs inside it. Add the counts of a split, then see `boundary_f`.

    Args:
        truth: H×W, 0..K or 255.
        prediction: H×W, 0..K or 255.
        classes: K.
        tolerance: share of the image's diagonal.

    Raises:
        PatchlearnError: the sizes differ.

    >>> square = np.pad(np.ones((4, 4), np.uint8), 3)
    >>> boundary_counts(square, square, classes=1).tolist()
    [[12, 12, 12, 12]]
    """
    require_size(prediction, truth, "prediction")
    radius = max(1, round(tolerance * hypot(*truth.shape)))
    truth, prediction = _divide_bands(truth, radius), _divide_bands(prediction, radius)
    true, predicted = _contours(truth), _contours(prediction) * (truth != IGNORE)
    matched = _near_their_like(predicted, true, radius), _near_their_like(true, predicted, radius)
    columns = [_pixels_by_label(contours) for contours in (predicted, matched[0], true, matched[1])]
    return np.stack(columns, axis=1)[1 : classes + 1]


def boundary_f(counts: Integers) -> float | None:
    """Mean F-score of the classes' contours, from K×4 `boundary_counts` added over a split.

    F of each class's precision and recall over the whole split, then the mean over the foreground classes with a
    contour in the truth or the prediction; None if none has one.

    >>> boundary_f(np.array([[4, 2, 2, 2], [0, 0, 0, 0]])) == 2 / 3
    True
    """
    precision, recall = ratio(counts[:, 1], counts[:, 0]), ratio(counts[:, 3], counts[:, 2])
    f_scores = 2 * precision * recall / np.where(precision + recall > 0, precision + recall, 1)
    return float(mean_of_present(f_scores, counts.sum(1) > 0)) if counts.any() else None


def _contours(mask: UInt8) -> UInt8:
    """H×W: the label where another one (not 255) lies above, below or beside it, else 0."""
    known, edge = mask != IGNORE, np.zeros(mask.shape, np.bool_)
    for here, there in ((np.s_[1:], np.s_[:-1]), (np.s_[:, 1:], np.s_[:, :-1])):
        differs = (mask[here] != mask[there]) & known[here] & known[there]
        edge[here] |= differs
        edge[there] |= differs
    return mask * edge


def _divide_bands(mask: UInt8, steps: int) -> UInt8:
    """Let every label grow into 255 by so many pixels; where two meet in one pixel, the higher stays."""
    if not (mask == IGNORE).any():
        return mask
    grown = mask + np.uint8(1)  # 255 becomes 0, over which every label wins
    for _ in range(steps):
        around = grown.copy()
        for here, there in ((np.s_[1:], np.s_[:-1]), (np.s_[:, 1:], np.s_[:, :-1])):
            around[here] = np.maximum(around[here], grown[there])
            around[there] = np.maximum(around[there], grown[here])
        grown += around * (grown == 0)
    return grown - np.uint8(1)


def _near_their_like(contours: UInt8, others: UInt8, radius: int) -> UInt8:
    """H×W: the contours, but 0 where no pixel of `others` within the radius has the same label."""
    kept, labels = np.zeros_like(contours), np.flatnonzero(_pixels_by_label(contours))
    for start in range(0, len(labels), 8):  # a bit each, so that eight labels spread at once
        some = labels[start : start + 8]
        bits = np.zeros(256, np.uint8)
        bits[some] = 1 << np.arange(len(some))
        kept += contours * ((bits.take(contours) & _spread(bits.take(others), radius)) != 0)
    return kept


def _pixels_by_label(contours: UInt8) -> Integers:
    """256 counts; that of 0 is left at 0, for counting a whole picture of it takes longer than all the rest."""
    return np.bincount(contours[contours != BACKGROUND], minlength=256)


def _spread(bits: UInt8, radius: int) -> UInt8:
    """H×W: the bits of all pixels within the radius, by Euclid."""
    near, wide, reach = np.zeros_like(bits), bits.copy(), 0
    for rise in range(radius, -1, -1):
        while reach < isqrt(radius**2 - rise**2):
            reach += 1
            wide[:, reach:] |= bits[:, :-reach]
            wide[:, :-reach] |= bits[:, reach:]
        near[rise:] |= wide[: -rise or None]
        near[: -rise or None] |= wide[rise:]
    return near
