"""Confusion matrices and their scores."""

from collections.abc import Sequence

import numpy as np
import pytest

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import UInt8
from patchlearn.evaluate.confusions import confusion, foreground_scores, iou_scores


def mask(*rows: Sequence[int]) -> UInt8:
    return np.array(rows, np.uint8)


def test_confusion_counts_by_hand():
    truth = mask([0, 1, 1], [2, 255, 0])
    prediction = mask([0, 1, 2], [255, 1, 255])
    expected = [[1, 0, 0, 1], [0, 1, 1, 0], [0, 0, 0, 1]]
    counts = confusion(truth, prediction, classes=2)
    assert counts.tolist() == expected
    assert counts.dtype == np.int64


def test_confusion_holds_the_most_classes_a_mask_can():
    counts = confusion(mask([254, 254, 254]), mask([254, 255, 0]), classes=254)
    assert counts.shape == (255, 256)
    assert (counts[254, 254], counts[254, 255], counts[254, 0], counts.sum()) == (1, 1, 1, 3)


@pytest.mark.parametrize(
    ("truth", "prediction", "message"),
    [
        (mask([0, 1]), mask([0], [1]), "prediction: 2×1 pixels, but the truth has 1×2"),
        (mask([0, 3]), mask([0, 0]), "truth: holds the value 3"),
        (mask([0, 0]), mask([0, 3]), "prediction: holds the value 3"),
        (mask([0, 255]), mask([0, 254]), "prediction: holds the value 254"),
    ],
)
def test_confusion_refuses(truth: UInt8, prediction: UInt8, message: str):
    with pytest.raises(PatchlearnError, match=message):
        confusion(truth, prediction, classes=2)


def test_scores_by_hand():
    truth = mask([0, 0, 1], [1, 1, 2])
    prediction = mask([0, 1, 1], [1, 2, 2])
    scores = iou_scores(confusion(truth, prediction, classes=3))
    assert scores.iou == (1 / 2, 2 / 4, 1 / 2, None)
    assert scores.miou == pytest.approx(1 / 2)
    assert scores.precision == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert scores.recall == pytest.approx((2 / 3 + 1) / 2)
    assert (scores.labelled, scores.miou_labelled) == (1.0, scores.miou)


def test_a_pixel_without_a_label_is_a_miss_and_no_false_positive():
    truth = mask([0, 0, 1], [1, 1, 255])
    prediction = mask([0, 255, 1], [1, 255, 1])
    scores = iou_scores(confusion(truth, prediction, classes=1))
    assert scores.iou == (1 / 2, 2 / 3)
    assert (scores.precision, scores.recall) == (1.0, pytest.approx(2 / 3))
    assert (scores.labelled, scores.miou_labelled) == (3 / 5, 1.0)


def test_a_class_only_predicted_counts_and_one_in_neither_does_not():
    scores = iou_scores(confusion(mask([0, 0]), mask([0, 1]), classes=2))
    assert scores.iou == (1 / 2, 0.0, None)
    assert scores.miou == 1 / 4
    assert (scores.precision, scores.recall) == (0.0, 0.0)


def test_nothing_counted_scores_zero():
    scores = iou_scores(confusion(mask([255, 255]), mask([0, 1]), classes=1))
    assert scores.iou == (None, None)
    assert (scores.miou, scores.precision, scores.labelled) == (0.0, 0.0, 0.0)


def test_foreground_takes_all_classes_together():
    truth = mask([0, 1, 1], [2, 2, 255])
    prediction = mask([1, 1, 2], [2, 0, 2])
    precision, recall = foreground_scores(confusion(truth, prediction, classes=2))
    assert (float(precision), float(recall)) == (2 / 4, 2 / 4)
    precision, recall = foreground_scores(confusion(truth, mask([1, 1, 2], [255, 0, 2]), classes=2))
    assert (float(precision), float(recall)) == (pytest.approx(1 / 3), 1 / 4)
