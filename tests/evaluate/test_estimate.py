"""The estimated mIoU rises and falls with what it rests on."""

from dataclasses import replace

import pytest

from patchlearn.evaluate.estimate import FLAGGED, MOST_WHERE_TOLD, ClassEvidence, estimate

GOOD = ClassEvidence(halves=0.6, contrast=0.4, thickness=0.5, found=0.95)
AROUND = {"covered": 0.2, "missed": 0.4, "told": 0.0}


@pytest.mark.parametrize(
    ("name", "worse", "better"),
    [("halves", 0.5, 0.9), ("contrast", 0.2, 0.45), ("thickness", 0.05, 0.09), ("found", 0.3, 1.0)],
)
def test_a_class_is_as_good_as_what_speaks_for_it(name: str, worse: float, better: float) -> None:
    low, high = (replace(replace(GOOD, thickness=0.07), **{name: value}).iou for value in (worse, better))
    assert low < high


def test_what_could_not_be_measured_takes_no_part() -> None:
    assert replace(GOOD, halves=None).iou == pytest.approx(GOOD.iou / GOOD.halves**0.25)
    assert replace(GOOD, contrast=None).iou == replace(GOOD, contrast=1.0).iou
    assert 0 < replace(GOOD, thickness=0.0).iou < 0.6 * GOOD.iou


def test_what_is_missed_lowers_it_and_good_masks_miss_some() -> None:
    found = [estimate([GOOD], **{**AROUND, "missed": missed}).miou for missed in (0.9, 0.5, 0.3, 0.0)]
    assert found[0] < found[1] < found[2] == found[3]


def test_a_class_without_masks_counts_like_any_other() -> None:
    none = replace(GOOD, found=0.0)
    assert none.iou == 0
    assert estimate([GOOD, none], **AROUND).miou < estimate([GOOD], **AROUND).miou


def test_surroundings_that_tell_most_classes_set_a_limit() -> None:
    best = [ClassEvidence(halves=1.0, contrast=1.0, thickness=1.0, found=1.0)]
    free, told = (estimate(best, covered=0.1, missed=0.0, told=told).miou for told in (0.4, 0.6))
    assert free > told == MOST_WHERE_TOLD
    assert estimate([GOOD], **AROUND).miou == estimate([GOOD], **{**AROUND, "told": 1.0}).miou


# Measured (docs/log/trust.md): halves, contrast, thickness and found of each class; covered, missed, told; the truth.
KNOWN = [
    ([(0.67, 0.6, 0.56, 1.0), (0.41, 0.62, 0.35, 1.0), (0.66, 0.52, 0.46, 1.0), (0.74, 0.55, 0.56, 1.0),
      (0.58, 0.56, 0.52, 0.97), (0.71, 0.65, 0.57, 1.0)], (0.265, 0.82, 0.0), 0.188),
    ([(0.88, 0.58, 0.64, 1.0), (0.71, 0.71, 0.47, 1.0), (0.83, 0.6, 0.55, 1.0), (0.76, 0.53, 0.4, 1.0),
      (0.52, 0.59, 0.29, 1.0), (0.77, 0.66, 0.48, 1.0)], (0.264, 0.26, 0.0), 0.661),
    ([(0.84, 0.11, 0.19, 1.0), (0.91, 0.46, 0.36, 1.0), (0.87, 0.27, 0.23, 1.0), (0.93, 0.14, 0.22, 0.96),
      (0.97, 0.06, 0.39, 1.0)], (0.036, 0.0, 1.0), 0.347),
    ([(0.53, 0.94, 0.0, 0.32), (0.58, 0.87, 0.0, 0.39), (0.36, 0.93, 0.05, 0.88), (0.0, 0.0, 0.0, 0.0),
      (0.44, 0.85, 0.45, 0.13)], (0.002, 0.61, 0.0), 0.314),
    ([(0.84, 0.17, 0.31, 1.0), (0.87, 0.41, 0.39, 1.0), (0.92, 0.26, 0.28, 1.0), (0.82, 0.15, 0.26, 0.96),
      (0.8, 0.09, 0.42, 1.0)], (0.023, 0.28, 0.2), 0.375),
    ([(0.07, 0.85, 0.52, 0.15), (0.42, 0.89, 0.31, 0.7), (0.28, 0.82, 0.4, 0.55)], (0.076, 0.0, 1.0), 0.341),
    ([(0.89, 0.37, 0.46, 1.0), (0.94, 0.91, 0.48, 1.0), (0.93, 0.72, 0.38, 1.0)], (0.143, 0.0, 1.0), 0.666),
    ([(0.88, 0.63, 0.81, 1.0), (0.57, 0.64, 0.7, 1.0), (0.75, 0.63, 0.75, 0.97), (0.63, 0.57, 0.64, 0.98),
      (0.41, 0.62, 0.72, 0.61), (0.69, 0.59, 0.74, 1.0)], (0.289, 0.31, 0.0), 0.711),
]  # fmt: skip


@pytest.mark.parametrize(("classes", "around", "truth"), KNOWN)
def test_what_is_useless_is_flagged_and_what_is_good_is_not(
    classes: list[tuple[float, ...]], around: tuple[float, float, float], truth: float
) -> None:
    evidence = [ClassEvidence(halves=h, contrast=c, thickness=t, found=f) for h, c, t, f in classes]
    found = estimate(evidence, *around)
    assert found.is_flagged == (truth < 0.4)
    assert found.low <= truth <= found.high


def test_it_lies_in_its_interval_and_both_in_range() -> None:
    for value in (0.0, 0.5, 1.0):
        evidence = ClassEvidence(halves=value, contrast=value, thickness=value, found=value)
        for covered in (0.0, 1.0):
            found = estimate([evidence], covered=covered, missed=1 - value, told=1 - value)
            assert 0 <= found.low <= found.miou <= found.high <= 1
            assert found.is_flagged == (found.miou < FLAGGED)
