"""How well the contours of a mask match the true contours."""

from math import hypot, isqrt

import numpy as np

from patchlearn.core.types import BACKGROUND, IGNORE, Integers, UInt8
from patchlearn.evaluate.confusions import mean_of_present, ratio, require_size

BOUNDARY_TOLERANCE = 0.0075


def boundary_counts(truth: UInt8, prediction: UInt8, classes: int, tolerance: float = BOUNDARY_TOLERANCE) -> Integers:
    """Contour pixels of one image by class, K×4: predicted, matched predicted, true, matched true.

    A contour pixel has another label above, below, left or right of it. It is matched if a contour pixel of the same
    class in the other mask lies within the tolerance. Add the counts of a split and pass them to `boundary_f`.

    The tolerance is that of BSDS, 0.0075 of the diagonal, but at least one pixel; distances are Euclidean, as in
    DAVIS. The image border and 255 make no contour, and predicted contours inside the 255 of the truth are not
    counted. A band of 255 up to twice as wide as the tolerance, which VOC draws around objects, is divided between
    its two sides first, because the true contour lies inside it.

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
    matched = _matched(predicted, true, radius), _matched(true, predicted, radius)
    columns = [_pixels_by_label(contours) for contours in (predicted, matched[0], true, matched[1])]
    return np.stack(columns, axis=1)[1 : classes + 1]


def boundary_f(counts: Integers) -> float | None:
    """Mean F-score of the contours, from K×4 `boundary_counts` added over a split.

    F is the harmonic mean of a class's precision and recall over the split. The mean is over the foreground classes
    with a contour in the truth or the prediction; None if there are none.

    >>> boundary_f(np.array([[4, 2, 2, 2], [0, 0, 0, 0]])) == 2 / 3
    True
    """
    precision, recall = ratio(counts[:, 1], counts[:, 0]), ratio(counts[:, 3], counts[:, 2])
    f_scores = 2 * precision * recall / np.where(precision + recall > 0, precision + recall, 1)
    return float(mean_of_present(f_scores, counts.sum(1) > 0)) if counts.any() else None


def _contours(mask: UInt8) -> UInt8:
    """H×W: the label of a pixel next to another label (not 255), else 0."""
    known, edge = mask != IGNORE, np.zeros(mask.shape, np.bool_)
    for here, there in ((np.s_[1:], np.s_[:-1]), (np.s_[:, 1:], np.s_[:, :-1])):
        differs = (mask[here] != mask[there]) & known[here] & known[there]
        edge[here] |= differs
        edge[there] |= differs
    return mask * edge


def _divide_bands(mask: UInt8, steps: int) -> UInt8:
    """Let every label grow into 255 by so many pixels; where two labels reach a pixel together, the higher wins."""
    if not (mask == IGNORE).any():
        return mask
    grown = mask + np.uint8(1)  # 255 becomes 0, which is below every label
    for _ in range(steps):
        around = grown.copy()
        for here, there in ((np.s_[1:], np.s_[:-1]), (np.s_[:, 1:], np.s_[:, :-1])):
            around[here] = np.maximum(around[here], grown[there])
            around[there] = np.maximum(around[there], grown[here])
        grown += around * (grown == 0)
    return grown - np.uint8(1)


def _matched(contours: UInt8, others: UInt8, radius: int) -> UInt8:
    """H×W: the contours, with 0 where no pixel of `others` within the radius has the same label."""
    kept, labels = np.zeros_like(contours), np.flatnonzero(_pixels_by_label(contours))
    for start in range(0, len(labels), 8):  # one bit for each label, so that eight are spread at once
        some = labels[start : start + 8]
        bits = np.zeros(256, np.uint8)
        bits[some] = 1 << np.arange(len(some))
        kept += contours * ((bits.take(contours) & _spread(bits.take(others), radius)) != 0)
    return kept


def _pixels_by_label(contours: UInt8) -> Integers:
    """256 counts; background is not counted, because that would take most of the time."""
    return np.bincount(contours[contours != BACKGROUND], minlength=256)


def _spread(bits: UInt8, radius: int) -> UInt8:
    """H×W: the bits of all pixels within the Euclidean radius, combined by OR."""
    near, wide, reach = np.zeros_like(bits), bits.copy(), 0
    for rise in range(radius, -1, -1):
        while reach < isqrt(radius**2 - rise**2):
            reach += 1
            wide[:, reach:] |= bits[:, :-reach]
            wide[:, :-reach] |= bits[:, reach:]
        near[rise:] |= wide[: -rise or None]
        near[: -rise or None] |= wide[rise:]
    return near
