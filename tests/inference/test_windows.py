"""Windows cover an image and overlap."""

from itertools import pairwise

import numpy as np
import pytest

from patchlearn.inference.windows import window_corners

SIZES = [(320, 448, 128), (96, 1024, 512), (1056, 800, 768), (992, 1024, 96), (64, 96, 32)]


@pytest.mark.parametrize(("height", "width", "window"), SIZES)
def test_windows_cover_everything_on_the_grid_of_the_network(height: int, width: int, window: int) -> None:
    covered = np.zeros((height, width), int)
    for top, left in window_corners(height, width, window):
        assert top % 32 == left % 32 == 0
        assert top + min(window, height) <= height
        assert left + min(window, width) <= width
        covered[top : top + window, left : left + window] += 1
    assert covered.min() >= 1


@pytest.mark.parametrize(("height", "width", "window"), SIZES[:3])
def test_neighbours_overlap_by_about_a_third(height: int, width: int, window: int) -> None:
    corners = list(window_corners(height, width, window))
    for starts in (sorted({top for top, _ in corners}), sorted({left for _, left in corners})):
        assert all(after - before <= window * 2 / 3 + 32 for before, after in pairwise(starts))


def test_windows_come_row_by_row() -> None:
    corners = list(window_corners(320, 448, 128))
    assert corners == sorted(set(corners))


def test_an_image_no_larger_than_a_window_is_one_window() -> None:
    assert list(window_corners(512, 512, 512)) == [(0, 0)]
    assert list(window_corners(96, 64, 512)) == [(0, 0)]
    assert list(window_corners(96, 1024, 512)) == [(0, 0), (0, 256), (0, 512)]
