"""Contours of a mask and of the truth, matched within a tolerance."""

from collections.abc import Sequence

import numpy as np
import pytest

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import UInt8
from patchlearn.evaluate.contours import boundary_counts, boundary_f


def mask(*rows: Sequence[int]) -> UInt8:
    return np.array(rows, np.uint8)


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


def test_masks_of_other_sizes_are_refused():
    with pytest.raises(PatchlearnError, match="prediction: 1×2 pixels, but the truth has 60×60"):
        boundary_counts(box(1, 1), mask([0, 1]), classes=1)
