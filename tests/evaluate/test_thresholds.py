"""One pass over the images counts the same as one pass for each threshold."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import Integers, ScoreMaps, UInt8
from patchlearn.evaluate.confusions import confusion, mean_iou
from patchlearn.evaluate.thresholds import THRESHOLDS, ThresholdCurve, curve_table, predict_at

MakeImage = Callable[..., tuple[ScoreMaps, UInt8, UInt8]]


def mask(*rows: Sequence[int]) -> UInt8:
    return np.array(rows, np.uint8)


def swept(images: Sequence[tuple[ScoreMaps, UInt8]], classes: int, thresholds: Sequence[float]) -> Integers:
    return np.stack(
        [sum(confusion(truth, predict_at(maps, at), classes) for maps, truth in images) for at in thresholds]  # type: ignore[misc]
    )


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=3))
def test_one_pass_counts_what_the_sweep_counts(made_up_image: MakeImage, seeds: list[int]):
    images = [made_up_image(seed)[:2] for seed in seeds]
    curve = ThresholdCurve(classes=4)
    for maps, truth in images:
        curve.add(maps, truth)
    np.testing.assert_array_equal(curve.confusions, swept(images, 4, THRESHOLDS))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sets(st.integers(0, 3)))
def test_one_pass_counts_unknown_classes_as_no_label(made_up_image: MakeImage, seed: int, unjudged: set[int]):
    maps, truth, _ = made_up_image(seed)
    maps = replace(maps, unknown=tuple(sorted(unjudged.intersection(maps.classes))))
    curve = ThresholdCurve(classes=4)
    curve.add(maps, truth)
    np.testing.assert_array_equal(curve.confusions, swept([(maps, truth)], 4, THRESHOLDS))


def test_where_an_unknown_class_wins_there_is_no_label_and_no_part_is_found():
    scores = np.float32([[[0.9, 0.1, 0.1]], [[0.2, 0.8, 0.1]], [[0.3, 0.9, 0.2]]])
    maps = ScoreMaps(scores=scores, classes=(0, 1, 2), size=(1, 3), unknown=(1, 2))
    assert predict_at(maps, 0.5).tolist() == [[1, 255, 0]]
    curve = ThresholdCurve(classes=3, thresholds=(0.5,))
    curve.add(maps, mask([1, 3, 0]), mask([1, 1, 0]))
    assert curve.confusions[0].tolist() == [[1, 0, 0, 0, 0], [0, 1, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 1]]
    assert curve.recall_strong is not None
    assert curve.recall_strong.tolist() == [0.5]


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.floats(-1, 2, width=32), min_size=1, max_size=12, unique_by=lambda value: np.float32(value) + 0.0),
    st.integers(0, 10_000),
)
def test_any_thresholds_are_exact(made_up_image: MakeImage, thresholds: list[float], seed: int):
    maps, truth, _ = made_up_image(seed)
    edges = np.float32(sorted(thresholds))
    on_edges = np.resize(np.concatenate([edges, np.nextafter(edges, np.float32(2))]), maps.scores.shape)
    maps = replace(maps, scores=on_edges.astype(np.float32))
    curve = ThresholdCurve(classes=4, thresholds=sorted(thresholds))
    curve.add(maps, truth)
    np.testing.assert_array_equal(curve.confusions, swept([(maps, truth)], 4, sorted(thresholds)))


def test_a_score_equal_to_the_threshold_is_background_and_of_equal_scores_the_first_class_wins():
    maps = ScoreMaps(scores=np.float32([[[0.29, 0.3]], [[0.29, 0.1]]]), classes=(0, 2), size=(1, 2))
    assert predict_at(maps, 0.28).tolist() == [[1, 1]]
    assert predict_at(maps, 0.29).tolist() == [[0, 1]]
    curve = ThresholdCurve(classes=3)
    curve.add(maps, mask([1, 1]))
    assert curve.confusions[28:31, 1].tolist() == [[0, 2, 0, 0, 0], [1, 1, 0, 0, 0], [2, 0, 0, 0, 0]]


def test_an_image_without_classes_is_background_and_one_that_is_ignored_counts_nothing():
    nothing = ScoreMaps(scores=np.zeros((0, 1, 1), np.float32), classes=(), size=(2, 3))
    curve = ThresholdCurve(classes=2)
    curve.add(nothing, np.full((2, 3), 255, np.uint8))
    assert not curve.confusions.any()
    curve.add(nothing, mask([0, 1, 2], [0, 0, 255]))
    assert (curve.confusions == [[3, 0, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0]]).all()


def test_coarse_scores_are_enlarged():
    coarse = ScoreMaps(
        scores=np.random.default_rng(0).random((2, 3, 4), dtype=np.float32), classes=(0, 1), size=(9, 12)
    )
    truth = np.zeros((9, 12), np.uint8)
    curve = ThresholdCurve(classes=2)
    curve.add(coarse, truth)
    np.testing.assert_array_equal(curve.confusions, swept([(coarse, truth)], 2, THRESHOLDS))


def test_the_oracle_is_the_lowest_of_the_best_thresholds():
    maps = ScoreMaps(scores=np.float32([[[0.2, 0.4, 0.8]]]), classes=(0,), size=(1, 3))
    curve = ThresholdCurve(classes=1)
    curve.add(maps, mask([0, 1, 1]))
    assert curve.oracle == 0.2
    assert curve.miou[20] == curve.miou[39] == 1.0
    assert curve.miou[19] == pytest.approx((0 + 2 / 3) / 2)
    assert curve.miou[40] == pytest.approx((1 / 2 + 1 / 2) / 2)


def test_parts_are_found_where_their_class_is_predicted(made_up_image: MakeImage):
    curve = ThresholdCurve(classes=4)
    found, pixels = np.zeros((3, len(THRESHOLDS))), np.zeros(3)
    for seed in range(20):
        maps, truth, parts = made_up_image(seed)
        curve.add(maps, truth, parts)
        for kind in (1, 2):
            is_part = (parts == kind) & (truth > 0) & (truth < 255)
            pixels[kind] += is_part.sum()
            found[kind] += [(is_part & (predict_at(maps, at) == truth)).sum() for at in THRESHOLDS]
    np.testing.assert_allclose(curve.recall_strong, found[1] / pixels[1], rtol=1e-12)
    np.testing.assert_allclose(curve.recall_weak, found[2] / pixels[2], rtol=1e-12)


def test_part_recall_by_hand():
    maps = ScoreMaps(scores=np.float32([[[0.9, 0.3, 0.5, 0.9]]]), classes=(0,), size=(1, 4))
    curve = ThresholdCurve(classes=1, thresholds=(0.1, 0.4, 0.6))
    curve.add(maps, mask([1, 1, 1, 0]), mask([1, 2, 2, 2]))
    assert curve.recall_strong is not None
    assert curve.recall_weak is not None
    assert curve.recall_strong.tolist() == [1.0, 1.0, 1.0]
    assert curve.recall_weak.tolist() == [1.0, 0.5, 0.0]
    table = curve_table(curve)
    assert table["recall_weak"] == [1.0, 0.5, 0.0]
    assert table["thresholds"] == [0.1, 0.4, 0.6]
    assert table["precision"] == [0.75, pytest.approx(2 / 3), 0.5]
    assert table["recall"] == [1.0, pytest.approx(2 / 3), pytest.approx(1 / 3)]
    assert table["miou"] == mean_iou(curve.confusions).tolist()
    json.dumps(table)


def test_without_parts_there_is_no_part_recall():
    curve = ThresholdCurve(classes=1)
    curve.add(ScoreMaps(scores=np.ones((1, 1, 1), np.float32), classes=(0,), size=(1, 1)), mask([1]))
    assert curve.recall_strong is None
    assert curve_table(curve).keys() == {"thresholds", "miou", "precision", "recall"}


@pytest.mark.parametrize("thresholds", [(), (0.5, 0.5), (0.5, 0.4)])
def test_thresholds_must_ascend(thresholds: tuple[float, ...]):
    with pytest.raises(PatchlearnError, match="thresholds"):
        ThresholdCurve(classes=1, thresholds=thresholds)


def test_the_curve_refuses_other_sizes_and_unknown_classes():
    maps = ScoreMaps(scores=np.ones((1, 2, 3), np.float32), classes=(1,), size=(2, 3))
    with pytest.raises(PatchlearnError, match="scores: 2×3 pixels, but the truth has 3×2"):
        ThresholdCurve(classes=2).add(maps, np.zeros((3, 2), np.uint8))
    with pytest.raises(PatchlearnError, match="classes of the scores: holds the value 2"):
        ThresholdCurve(classes=1).add(maps, np.zeros((2, 3), np.uint8))
    with pytest.raises(PatchlearnError, match="truth: holds the value 3"):
        ThresholdCurve(classes=2).add(maps, np.full((2, 3), 3, np.uint8))
    with pytest.raises(PatchlearnError, match="parts: 1×1"):
        ThresholdCurve(classes=2).add(maps, np.zeros((2, 3), np.uint8), mask([1]))
