import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.masks_io import write_mask, write_scores
from patchlearn.core.types import Dataset, Integers, Sample, ScoreMaps, UInt8
from patchlearn.evaluate.judge import (
    THRESHOLDS,
    EntryFacts,
    ThresholdCurve,
    boundary_counts,
    boundary_f,
    confusion,
    curve_table,
    evaluate_masks,
    evaluate_scores,
    foreground_scores,
    iou_scores,
    mean_iou,
    predict_at,
)
from patchlearn.evaluate.peaks import peak_hits

PROTOCOL_KEYS = {
    "artefact", "variant", "split", "labels", "rule", "miou", "iou", "precision", "recall", "boundary_f", "threshold",
    "images", "commit", "recipe",
}  # fmt: skip
EXTRA_KEYS = {"absent", "supervision", "foreground_precision", "foreground_recall"}
FACTS = EntryFacts(
    artefact="seed", variant="plain", split="val", labels="given", commit="0123456789", recipe="0123456789abcdef"
)


def mask(*rows: Sequence[int]) -> UInt8:
    return np.array(rows, np.uint8)


# --- confusion ---------------------------------------------------------------


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


# --- scores ------------------------------------------------------------------


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


# --- thresholds --------------------------------------------------------------


def made_up_image(seed: int, classes: int = 4, size: tuple[int, int] = (7, 9)) -> tuple[ScoreMaps, UInt8, UInt8]:
    """Half of the scores equal a threshold; the present classes may be none."""
    rng = np.random.default_rng(seed)
    present = tuple(np.flatnonzero(rng.random(classes) < 0.5).tolist())
    scores = rng.random((len(present), *size), dtype=np.float32)
    scores = np.where(rng.random(scores.shape) < 0.5, np.round(scores * 100).astype(np.float32) / 100, scores)
    truth = rng.choice(np.array([*range(classes + 1), 255], np.uint8), size=size)
    parts = rng.choice(np.array([0, 1, 2, 255], np.uint8), size=size)
    return ScoreMaps(scores=scores, classes=present, size=size), truth, parts


def swept(images: Sequence[tuple[ScoreMaps, UInt8]], classes: int, thresholds: Sequence[float]) -> Integers:
    return np.stack(
        [sum(confusion(truth, predict_at(maps, at), classes) for maps, truth in images) for at in thresholds]  # type: ignore[misc]
    )


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=3))
def test_one_pass_counts_what_the_sweep_counts(seeds: list[int]):
    images = [made_up_image(seed)[:2] for seed in seeds]
    curve = ThresholdCurve(classes=4)
    for maps, truth in images:
        curve.add(maps, truth)
    np.testing.assert_array_equal(curve.confusions, swept(images, 4, THRESHOLDS))


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.floats(-1, 2, width=32), min_size=1, max_size=12, unique_by=lambda value: np.float32(value) + 0.0),
    st.integers(0, 10_000),
)
def test_any_thresholds_are_exact(thresholds: list[float], seed: int):
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


def test_parts_are_found_where_their_class_is_predicted():
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


# --- contours ----------------------------------------------------------------


def box(top: int, left: int, value: int = 1, side: int = 20, size: int = 60) -> UInt8:
    canvas = np.zeros((size, size), np.uint8)
    canvas[top : top + side, left : left + side] = value
    return canvas


def test_identical_contours_match_wholly():
    counts = boundary_counts(box(10, 10), box(10, 10), classes=3)
    assert counts.tolist() == [[76] * 4, [0] * 4, [0] * 4]
    assert boundary_f(counts) == 1.0


@pytest.mark.parametrize(("shift", "matching"), [(0, 76), (1, 76), (2, 40)])
def test_contours_match_within_the_tolerance_only(shift: int, matching: int):
    # 60×60 has a diagonal of 85, 0.0075 of which is less than the one pixel that is always allowed. Moved by two, of
    # the upper and the lower side 19 pixels each match, and one beside each at the top and bottom of the left or right.
    counts = boundary_counts(box(10, 10), box(10, 10 + shift), classes=1)
    assert counts.tolist() == [[76, matching, 76, matching]]


@pytest.mark.parametrize(("columns", "rows", "matches"), [(5, 0, True), (6, 0, False), (3, 4, True), (4, 4, False)])
def test_the_tolerance_is_a_disc(columns: int, rows: int, matches: bool):
    point, moved = box(40, 40, side=1, size=100), box(40 + rows, 40 + columns, side=1, size=100)
    # 3.5 % of the diagonal of 141 pixels: 5 pixels. Both points' neighbours are background, which is not counted.
    counts = boundary_counts(point, moved, classes=1, tolerance=0.035)
    assert counts.tolist() == [[1, int(matches), 1, int(matches)]]


def test_the_tolerance_grows_with_the_image():
    near, far = box(100, 100, side=50, size=600), box(100, 106, side=50, size=600)
    assert boundary_f(boundary_counts(near, far, classes=1)) == 1.0
    assert boundary_f(boundary_counts(near, far, classes=1, tolerance=0.002)) != 1.0


def test_a_tolerance_larger_than_the_image_reaches_everything():
    assert boundary_counts(mask([1, 0, 0, 0]), mask([0, 0, 0, 1]), classes=1, tolerance=3).tolist() == [[1, 1, 1, 1]]


def test_at_least_one_pixel_is_tolerated():
    assert boundary_f(boundary_counts(box(5, 5, side=8, size=30), box(5, 6, side=8, size=30), classes=1)) == 1.0


def test_found_and_reached_contours_are_counted_apart():
    assert boundary_counts(box(10, 10), box(10, 15, side=1), classes=1).tolist() == [[1, 1, 76, 3]]


def test_a_wrong_class_has_no_matching_contour():
    counts = boundary_counts(box(10, 10, value=1), box(10, 10, value=2), classes=2)
    assert counts.tolist() == [[0, 0, 76, 0], [76, 0, 0, 0]]
    assert boundary_f(counts) == 0.0


def test_many_classes_are_matched_each_with_its_like():
    truth = np.kron(np.arange(1, 26, dtype=np.uint8).reshape(5, 5), np.ones((4, 4), np.uint8))
    counts = boundary_counts(truth, truth, classes=25)
    assert (counts > 0).all()
    assert (counts == counts[:, :1]).all()
    other = np.where(truth == 17, np.uint8(9), truth)
    assert boundary_counts(truth, other, classes=25)[16].tolist() == [0, 0, 12, 0]
    assert boundary_counts(truth, other, classes=25)[8].tolist() == [24, 12, 12, 12]


def test_the_frame_and_wide_ignored_regions_make_no_contour():
    half = np.full((40, 40), 1, np.uint8)
    assert boundary_f(boundary_counts(half, half, classes=1)) is None
    half[:, 20:] = 255
    for turned in (half, half.T, half[:, ::-1], half.T[::-1]):
        assert boundary_f(boundary_counts(turned, turned, classes=1)) is None


def test_a_predicted_contour_inside_an_ignored_region_does_not_count():
    truth = box(20, 20, value=255)
    assert not boundary_counts(truth, box(28, 28, side=4), classes=1).any()
    assert boundary_counts(truth, box(2, 2, side=4), classes=1)[0].tolist() == [12, 0, 0, 0]


def test_the_contour_runs_inside_a_thin_ignored_band():
    truth = box(20, 20)
    truth[box(20, 20) != box(21, 21, side=18)] = 255
    truth[box(20, 20) != box(19, 19, side=22)] = 255
    assert (truth == 255).sum() == 22**2 - 18**2
    assert boundary_f(boundary_counts(truth, box(20, 20), classes=1)) == 1.0


@pytest.mark.parametrize(("width", "has_contour"), [(10, True), (11, False)])
def test_a_band_is_thin_up_to_twice_the_tolerance(width: int, has_contour: bool):
    truth = np.zeros((60, 80), np.uint8)
    truth[:, :30], truth[:, 30 : 30 + width] = 1, 255
    # 5 % of the diagonal of 100 pixels: 5 pixels.
    assert boundary_counts(truth, truth, classes=1, tolerance=0.05).any() == has_contour


def test_boundary_f_accumulates_over_the_split():
    counts = np.array([[10, 5, 20, 20], [0, 0, 8, 0], [0, 0, 0, 0]])
    assert boundary_f(counts) == pytest.approx((2 * 0.5 * 1 / 1.5 + 0) / 2)


# --- files -------------------------------------------------------------------


class Folder:
    """A data set of made-up images with masks and parts, and the folders of what is to be judged."""

    def __init__(self, root: Path, images: int = 3) -> None:
        self.scores, self.masks, self.root = root / "scores", root / "pseudo", root
        self.images = [self._image(seed) for seed in range(images)]
        self.samples = tuple(self._sample(f"image{number}", *image) for number, image in enumerate(self.images))
        self.dataset = Dataset(
            root=root,
            classes=("ape", "bee", "cat"),
            splits={"val": self.samples},
            mask_values=(1, 2, 3),
            masks_are_closed=True,
        )

    def _image(self, seed: int) -> tuple[ScoreMaps, UInt8, UInt8]:
        maps, truth, parts = made_up_image(seed, classes=3, size=(12, 16))
        return replace(maps, scores=maps.scores[:, ::2, ::2].astype(np.float16).astype(np.float32)), truth, parts

    def _sample(self, name: str, maps: ScoreMaps, truth: UInt8, parts: UInt8) -> Sample:
        truth[truth == 3] = 0
        write_scores(self.scores / f"{name}.npz", maps)
        write_mask(self.masks / f"{name}.png", predict_at(maps, 0.5))
        write_mask(self.root / "truth" / f"{name}.png", truth)
        write_mask(self.root / "parts" / f"{name}.png", parts)
        return Sample(
            id=name,
            image=self.root / f"{name}.jpg",
            labels=(),
            mask=self.root / "truth" / f"{name}.png",
            parts=self.root / "parts" / f"{name}.png",
        )

    def judge_scores(self, samples: Sequence[Sample] | None = None, facts: EntryFacts = FACTS):
        given = self.samples if samples is None else samples
        return evaluate_scores(self.dataset, given, self.scores, facts=facts, label_free=lambda _: 0.25)

    def judge_masks(self, samples: Sequence[Sample] | None = None, **options: object):
        given = self.samples if samples is None else samples
        chosen = {"rule": "label_free", **options}
        return evaluate_masks(self.dataset, given, self.masks, facts=FACTS, **chosen)  # type: ignore[arg-type]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_score_entries_have_the_protocols_keys(folder: Folder):
    result = folder.judge_scores()
    for entry, rule in ((result.oracle, "oracle"), (result.label_free, "label_free")):
        assert entry.keys() == PROTOCOL_KEYS | EXTRA_KEYS | {"recall_strong", "recall_weak", "peaks_inside"}
        assert entry["rule"] == rule
        assert entry["images"] == 3
        assert {key: entry[key] for key in ("artefact", "variant", "split", "labels", "commit", "recipe")} == {
            "artefact": "seed", "variant": "plain", "split": "val", "labels": "given", "commit": "0123456789",
            "recipe": "0123456789abcdef",
        }  # fmt: skip
        assert json.loads(json.dumps(entry)) == entry


def test_peaks_are_counted_where_they_can_be_judged():
    rows = [[0.1, 0.9, 0.0, 0.0], [0.0, 0.0, 1.0, 0.2], [0.0, 0.0, 0.0, 0.0], [0.0, 0.1, 0.2, 0.9]]
    maps = ScoreMaps(scores=np.array(rows, np.float32)[:, None], classes=(0, 1, 2, 3), size=(1, 4))
    # The first peak lies on its class, the second on another, the third map is empty, the fourth's truth is unknown.
    assert peak_hits(maps, mask([0, 1, 1, 255])).tolist() == [1, 2]
    nothing = ScoreMaps(scores=np.zeros((0, 1, 4), np.float32), classes=(), size=(1, 4))
    assert peak_hits(nothing, mask([0, 1, 1, 255])).tolist() == [0, 0]


def test_score_entries_agree_with_the_curve(folder: Folder):
    result = folder.judge_scores()
    assert result.oracle["threshold"] == result.curve.oracle
    assert result.label_free["threshold"] == 0.25
    table = curve_table(result.curve)
    columns = {"miou": "miou", "foreground_precision": "precision", "foreground_recall": "recall"}
    columns |= {"recall_strong": "recall_strong", "recall_weak": "recall_weak"}
    for entry in (result.oracle, result.label_free):
        at = THRESHOLDS.index(entry["threshold"])
        assert {key: entry[key] for key in columns} == pytest.approx(
            {key: table[column][at] for key, column in columns.items()}
        )
    assert result.oracle["miou"] == max(table["miou"])


def test_label_free_sees_the_maps_as_saved_and_may_differ_by_image(folder: Folder):
    seen: list[ScoreMaps] = []

    def rule(maps: ScoreMaps) -> float:
        seen.append(maps)
        return 0.1 * len(seen)

    result = evaluate_scores(folder.dataset, folder.samples, folder.scores, facts=FACTS, label_free=rule)
    for maps, (saved, _, _) in zip(seen, folder.images, strict=True):
        np.testing.assert_array_equal(maps.scores, saved.scores)
        assert maps.size == (12, 16)
    assert result.label_free["threshold"] == pytest.approx(0.2)


def test_mask_entries_by_hand(folder: Folder):
    prediction = mask([0, 1, 255, 2])
    truth = mask([0, 1, 1, 255])
    sample = replace(folder.samples[0], parts=None)
    write_mask(folder.masks / f"{sample.id}.png", prediction)
    assert sample.mask is not None
    write_mask(sample.mask, truth)
    entry = folder.judge_masks([sample], threshold=0.4)
    assert entry.keys() == PROTOCOL_KEYS | EXTRA_KEYS | {"labelled", "miou_labelled"}
    assert entry["iou"] == {"background": 1.0, "ape": 0.5}
    assert entry["absent"] == ["bee", "cat"]
    assert (entry["miou"], entry["labelled"], entry["miou_labelled"]) == (0.75, pytest.approx(2 / 3), 1.0)
    assert (entry["precision"], entry["recall"]) == (1.0, 0.5)
    assert (entry["rule"], entry["threshold"], entry["images"]) == ("label_free", 0.4, 1)


def test_masks_and_scores_at_the_same_threshold_agree(folder: Folder):
    for sample, (maps, _, _) in zip(folder.samples, folder.images):
        write_mask(folder.masks / f"{sample.id}.png", predict_at(maps, 0.25))
    by_scores, by_masks = folder.judge_scores().label_free, folder.judge_masks(threshold=0.25)
    by_scores.pop("peaks_inside")
    assert {**by_scores, "labelled": 1.0, "miou_labelled": by_scores["miou"]} == by_masks


def test_contours_are_added_over_the_images(folder: Folder):
    truths = [truth for _, truth, _ in folder.images]
    predictions = [predict_at(maps, 0.5) for maps, _, _ in folder.images]
    counts = sum(boundary_counts(truth, prediction, 3) for truth, prediction in zip(truths, predictions))
    assert folder.judge_masks()["boundary_f"] == boundary_f(np.asarray(counts))


def test_argmax_masks_have_no_threshold(folder: Folder):
    assert folder.judge_masks(rule="argmax")["threshold"] is None


def test_samples_without_a_mask_are_not_counted(folder: Folder):
    bare = replace(folder.samples[0], id="bare", mask=None)
    assert folder.judge_masks([bare, *folder.samples]) == folder.judge_masks()
    assert folder.judge_scores([bare, *folder.samples]).oracle == folder.judge_scores().oracle


def test_nothing_to_judge_is_an_error(folder: Folder):
    bare = replace(folder.samples[0], mask=None)
    with pytest.raises(PatchlearnError, match="none of these 1 images has a mask"):
        folder.judge_masks([bare])
    with pytest.raises(PatchlearnError, match="none of these 0 images has a mask"):
        folder.judge_scores([])
    assert folder.samples[0].mask is not None
    write_mask(folder.samples[0].mask, np.full((12, 16), 255, np.uint8))
    with pytest.raises(PatchlearnError, match="255 throughout"):
        folder.judge_masks(folder.samples[:1])


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({"size": (11, 16)}, r"image1\.npz: made for an image of 11×16 pixels, but its truth has 12×16"),
        ({"classes": (0, 7), "scores": np.ones((2, 2, 2), np.float32)}, r"image1\.npz: holds classes \(0, 7\)"),
        ({"classes": (0,), "scores": np.ones((2, 2, 2), np.float32)}, r"image1\.npz: not score maps \(an array"),
        ({"classes": (0,), "scores": np.full((1, 2, 2), np.nan, np.float32)}, r"image1\.npz: not score maps \(scores"),
        ({"labels": "predicted"}, r"image1\.npz: made with predicted labels, but to be judged as given"),
    ],
)
def test_a_broken_score_file_is_named(folder: Folder, broken: dict[str, object], message: str):
    maps = replace(folder.images[1][0], **broken)  # type: ignore[arg-type]
    write_scores(folder.scores / "image1.npz", maps)
    with pytest.raises(PatchlearnError, match=message):
        folder.judge_scores()


def test_a_missing_file_is_named(folder: Folder):
    (folder.scores / "image1.npz").unlink()
    (folder.masks / "image2.png").unlink()
    with pytest.raises(PatchlearnError, match=r"image1\.npz: no such score maps"):
        folder.judge_scores()
    with pytest.raises(PatchlearnError, match=r"image2\.png: no such file"):
        folder.judge_masks()


def test_a_broken_mask_is_named(folder: Folder):
    write_mask(folder.masks / "image1.png", np.zeros((12, 15), np.uint8))
    with pytest.raises(PatchlearnError, match=r"pseudo/image1\.png: 12×15 pixels, but the truth has 12×16"):
        folder.judge_masks()
    write_mask(folder.masks / "image1.png", np.full((12, 16), 4, np.uint8))
    with pytest.raises(PatchlearnError, match=r"pseudo/image1\.png: holds the value 4"):
        folder.judge_masks()


def test_parts_of_another_size_are_named(folder: Folder):
    write_mask(folder.root / "parts" / "image1.png", mask([1, 2]))
    with pytest.raises(PatchlearnError, match=r"parts/image1\.png: 1×2 pixels"):
        folder.judge_scores()


def test_an_unknown_rule_lists_the_known_ones(folder: Folder):
    with pytest.raises(PatchlearnError, match="argmax, label_free, oracle"):
        folder.judge_masks(rule="best")
