"""Confusion matrices and the scores computed from them.

A confusion matrix counts pixels and is (K+1)×(K+2): rows are true classes, columns are predicted classes, 0 is
background and i + 1 is class i. The last column counts pixels without a predicted label (255). Pixels whose truth is
255 are not counted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import IGNORE, Integers, UInt8

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def confusion(truth: UInt8, prediction: UInt8, classes: int) -> Integers:
    """The confusion matrix of one image, (K+1)×(K+2).

    Args:
        truth: H×W, 0..K, or 255 (not counted).
        prediction: H×W, 0..K, or 255 (no label).
        classes: K.

    Raises:
        PatchlearnError: the sizes differ, or a value is not a class.

    >>> truth = np.array([[0, 1, 255]], np.uint8)
    >>> confusion(truth, np.array([[1, 255, 1]], np.uint8), classes=1).tolist()
    [[0, 1, 0], [0, 0, 1]]
    """
    require_size(prediction, truth, "prediction")
    require_classes(truth, classes, "truth")
    require_classes(prediction, classes, "prediction")
    pairs = (truth.astype(np.uint16) << 8) | prediction
    table = np.bincount(pairs.ravel(), minlength=1 << 16).reshape(256, 256)
    return np.column_stack([table[: classes + 1, : classes + 1], table[: classes + 1, IGNORE]])


@dataclass(frozen=True, kw_only=True)
class IouScores:
    """Scores of one confusion matrix, all in [0, 1]; 0/0 counts as 0.

    Args:
        miou: mean IoU over background and the classes that occur in the truth or the prediction.
        iou: K+1 values, background first; None for a class that occurs in neither, which enters no mean.
        precision: mean over the foreground classes that have an IoU.
        recall: mean over the same classes.
        labelled: share of the counted pixels with a predicted label.
        miou_labelled: mIoU over the labelled pixels only.
    """

    miou: float
    iou: tuple[float | None, ...]
    precision: float
    recall: float
    labelled: float
    miou_labelled: float


def iou_scores(confusion: Integers) -> IouScores:
    """Score one confusion matrix.

    A pixel without a predicted label is a false negative of its true class, and no false positive.

    >>> scores = iou_scores(np.array([[4, 0, 0, 0], [1, 2, 0, 1], [0, 0, 0, 0]]))
    >>> scores.iou, scores.miou, scores.labelled
    ((0.8, 0.5, None), 0.65, 0.875)
    """
    hits, true, predicted = _margins(confusion)
    union = true + predicted - hits
    labelled = np.concatenate([confusion[:, :-1], np.zeros_like(confusion[:, -1:])], axis=1)
    return IouScores(
        miou=float(mean_iou(confusion)),
        iou=tuple(float(value) if pixels else None for value, pixels in zip(ratio(hits, union), union)),
        precision=float(mean_of_present(ratio(hits, predicted)[1:], union[1:] > 0)),
        recall=float(mean_of_present(ratio(hits, true)[1:], union[1:] > 0)),
        labelled=float(ratio(labelled.sum(), confusion.sum())),
        miou_labelled=float(mean_iou(labelled)),
    )


def mean_iou(confusions: Integers) -> Floats:
    """The mIoU of each of …×(K+1)×(K+2) confusion matrices, over the classes in its truth or prediction."""
    hits, true, predicted = _margins(confusions)
    union = true + predicted - hits
    return mean_of_present(ratio(hits, union), union > 0)


def foreground_scores(confusions: Integers) -> tuple[Floats, Floats]:
    """(precision, recall) of each of …×(K+1)×(K+2) confusion matrices, over all foreground pixels together.

    Precision is the number of foreground pixels of the right class / pixels predicted as foreground; recall is the
    same number / true foreground pixels.
    """
    hits, true, predicted = (counts[..., 1:].sum(-1) for counts in _margins(confusions))
    return ratio(hits, predicted), ratio(hits, true)


def _margins(confusions: Integers) -> tuple[Integers, Integers, Integers]:
    """(hits, true pixels, predicted pixels), each …×(K+1)."""
    hits = np.diagonal(confusions, axis1=-2, axis2=-1)
    return hits, confusions.sum(-1), confusions[..., :-1].sum(-2)


def ratio(part: Integers, whole: Integers) -> Floats:
    """part / whole, elementwise; 0/0 is 0."""
    return np.divide(part, whole, out=np.zeros(np.shape(whole)), where=np.asarray(whole) > 0)


def mean_of_present(values: Floats, present: Bools) -> Floats:
    """Mean over the last axis of the values that are present; 0 if there are none."""
    return np.asarray((values * present).sum(-1) / np.maximum(present.sum(-1), 1))


def require_size(measured: NDArray[Any], truth: UInt8, name: str) -> None:
    """Raise `PatchlearnError`, beginning with `name`, unless both arrays have the same H×W."""
    if measured.shape[-2:] != truth.shape:
        raise PatchlearnError(
            f"{name}: {size_text(measured.shape[-2:])} pixels, but the truth has {size_text(truth.shape)} (height × "
            "width). Create it again at the size of its image."
        )


def require_classes(values: NDArray[Any], classes: int, name: str) -> None:
    """Raise `PatchlearnError`, beginning with `name`, unless every value is 0..K or 255."""
    unknown = (values > classes) & (values != IGNORE)
    if unknown.any():
        raise PatchlearnError(
            f"{name}: holds the value {int(values[unknown][0])}, but there are {classes} classes (1, 2, …), 0 is "
            "background and 255 no label. Create it again with the classes of this data set."
        )


def size_text(shape: Sequence[int]) -> str:
    """(3, 4) → "3×4"."""
    return "×".join(str(extent) for extent in shape)
