"""IoU and accuracy of masks, estimated from pixels that were drawn at random and labelled by a person.

A stratified sample (`patchlearn.evaluate.audit_sample`) gives an unbiased estimate of every entry of the confusion
matrix: each pixel counts as many pixels as it stands for. IoU and accuracy are ratios y / x of such totals; their
estimates are the combined ratio estimates of Cochran, Sampling Techniques (3rd edition, 1977, chapter 6). A ratio of
unbiased totals has a bias of its own, which falls with the number of pixels.

The variance is that of the sum of the linearised values z = (y - R x) / X, stratum by stratum (the delta method,
there). A stratum in which no error was drawn would have none, and a rare class would look surer than it is. So each
stratum has one further observation, with the labels of all strata together, when its variance is computed; and the
interval is symmetric in log(R / (1 - R)), not in R. Of 300 simulated draws from masks of photographed steel, the 95 %
interval of the mIoU held the true value in 83 % (100 pixels), 88 % (200) and 94 % (400) without these two, and in 99,
91 and 95 % with them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import exp, log, sqrt

import numpy as np
from numpy.typing import NDArray

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import IGNORE, Integers

NORMAL = 1.96  # the 97.5 % quantile of the normal distribution
EDGE = 0.01  # shares nearer to 0 or 1 have the log odds of this one
Float64 = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class AuditedPixels:
    """N labelled pixels of a sample.

    Args:
        truth: N, 0..K as in a mask; 255 where nobody can tell, which counts nowhere.
        prediction: N, 0..K, or 255 (no label).
        stratum: N, its number.
        pixels: N, how many pixels the stratum has, drawn or not.

    Raises:
        PatchlearnError: there is no pixel, or one stratum has two sizes.
    """

    truth: Integers
    prediction: Integers
    stratum: Integers
    pixels: Integers

    def __post_init__(self) -> None:
        if not len(self.truth):
            raise PatchlearnError("audit: no pixel. Draw some: patchlearn suggest RUN --audit.")
        for stratum in np.unique(self.stratum):
            if len(np.unique(self.pixels[self.stratum == stratum])) > 1:
                raise PatchlearnError(
                    f"audit: the stratum {stratum} has several sizes. Take the table as it was drawn."
                )


@dataclass(frozen=True)
class Estimated:
    """A share in [0, 1].

    Args:
        value: the estimate.
        low: end of its 95 % interval.
        high: the other end.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class AuditScores:
    """What is known of masks; as in `patchlearn.evaluate.iou_scores`, but estimated.

    Args:
        miou: mean IoU over background and the classes that occur among the pixels, in truth or prediction.
        iou: K+1 estimates, background first; None for a class that does not occur.
        accuracy: the share of the pixels with the right label.
        judged: pixels of the sample with a label.
        unsure: pixels of which nobody could tell.
    """

    miou: Estimated
    iou: tuple[Estimated | None, ...]
    accuracy: Estimated
    judged: int
    unsure: int


def audit_scores(sample: AuditedPixels, classes: int) -> AuditScores:
    """Estimate the scores of the masks from which the pixels were drawn, or of other masks of the same images.

    Args:
        sample: drawn from all pixels of the images.
        classes: K.

    Raises:
        PatchlearnError: a label is no class, or nobody could tell any.

    >>> truth, prediction = np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1])
    >>> stratum, pixels = np.array([1, 1, 2, 2]), np.array([100, 100, 10, 10])
    >>> sample = AuditedPixels(truth=truth, prediction=prediction, stratum=stratum, pixels=pixels)
    >>> audit_scores(sample, classes=1).accuracy.value == (50 + 10) / 110
    True
    """
    _require_labels(sample, classes)
    tables = list(_tables(sample, classes))
    total = np.sum([weight * table for table, weight, _ in tables], axis=0)
    judged = total[:-1]
    if not judged.any():
        raise PatchlearnError("audit: of no pixel could anybody tell the label. Draw others.")
    ratios = [_iou(judged, value) for value in range(classes + 1)]
    accuracy = _Ratio(np.eye(classes + 1, classes + 2), np.ones_like(judged), judged)
    there = [each for each in ratios if each.whole]
    mean = sum(each.value for each in there) / len(there)
    unsure = int((sample.truth == IGNORE).sum())
    return AuditScores(
        miou=_estimated(mean, np.mean([each.linear for each in there], axis=0), tables),
        iou=tuple(_estimated(each.value, each.linear, tables) if each.whole else None for each in ratios),
        accuracy=_estimated(accuracy.value, accuracy.linear, tables),
        judged=len(sample.truth) - unsure,
        unsure=unsure,
    )


class _Ratio:
    """y / x of two totals over the cells of a confusion matrix, (K+1)×(K+2).

    Args:
        part: which cells y counts.
        whole: which cells x counts.
        matrix: the estimated confusion matrix.
    """

    def __init__(self, part: Float64, whole: Float64, matrix: Float64):
        self.whole = float((whole * matrix).sum())
        self.value = float((part * matrix).sum()) / self.whole if self.whole else 0.0
        self.linear = (part - self.value * whole) / self.whole if self.whole else np.zeros_like(matrix)


def _iou(matrix: Float64, value: int) -> _Ratio:
    hit, union = np.zeros_like(matrix), np.zeros_like(matrix)
    union[value], union[:, value], hit[value, value] = 1, 1, 1
    return _Ratio(hit, union, matrix)


Tables = Sequence[tuple[Float64, float, int]]


def _tables(sample: AuditedPixels, classes: int) -> Iterator[tuple[Float64, float, int]]:
    """(counts, weight of each, pixels) of every stratum; (K+2)×(K+2), the last row holds what nobody could tell."""
    rows = np.where(sample.truth == IGNORE, classes + 1, sample.truth)
    columns = np.where(sample.prediction == IGNORE, classes + 1, sample.prediction)
    for stratum in np.unique(sample.stratum):
        own = np.flatnonzero(sample.stratum == stratum)
        table = np.zeros((classes + 2, classes + 2))
        np.add.at(table, (rows[own], columns[own]), 1)
        pixels = int(sample.pixels[own[0]])
        yield table, pixels / len(own), pixels


def _estimated(value: float, linear: Float64, tables: Tables) -> Estimated:
    """The interval of a ratio, or of a mean of ratios, with these linearised values."""
    values = np.vstack([linear, np.zeros(linear.shape[1])])  # what nobody could tell counts nowhere
    error = sqrt(sum(_variances(values, tables)))
    share = min(max(value, EDGE), 1 - EDGE)
    odds, reach = log(share / (1 - share)), NORMAL * error / (share * (1 - share))
    low, high = (1 / (1 + exp(-max(-700.0, min(700.0, odds + side * reach)))) for side in (-1, 1))
    return Estimated(value, min(low, value) if error else value, max(high, value) if error else value)


def _variances(values: Float64, tables: Tables) -> Iterator[float]:
    """The variance of each stratum's total, with one further observation that has the labels of all strata."""
    truth = np.sum([weight * table.sum(1) for table, weight, _ in tables], axis=0)
    truth = truth / truth.sum()
    for table, _, pixels in tables:
        drawn = table.sum()
        shares = (table + np.outer(truth, table.sum(0) / drawn)) / (drawn + 1)
        variance = float((shares * values**2).sum() - (shares * values).sum() ** 2)
        yield pixels**2 * (1 - drawn / pixels) * max(0.0, variance) / drawn


def _require_labels(sample: AuditedPixels, classes: int) -> None:
    for name, labels in (("truth", sample.truth), ("prediction", sample.prediction)):
        wrong = labels[(labels != IGNORE) & ((labels < 0) | (labels > classes))]
        if len(wrong):
            raise PatchlearnError(f"audit: the {name} holds {wrong[0]}, but there are {classes} classes.")
