"""Erasing a part of an image."""

import numpy as np
import pytest

from patchlearn.refine.fill import around, filled, moved_elsewhere, narrowed, widened


def test_a_hole_takes_the_colour_around_it_and_nothing_else_changes() -> None:
    image = np.random.default_rng(0).integers(0, 255, (21, 30, 3), dtype=np.uint8)
    image[:, 15:] = (200, 10, 90)
    hole = np.zeros((21, 30), bool)
    hole[8:12, 20:26] = True
    image[hole] = 255
    result = filled(image, hole)
    assert (result[~hole] == image[~hole]).all()
    assert np.abs(result[hole].astype(int) - (200, 10, 90)).max() <= 1


def test_a_hole_between_two_colours_lies_between_them() -> None:
    image = np.zeros((8, 32, 3), np.uint8)
    image[:, 16:] = 200
    hole = np.zeros((8, 32), bool)
    hole[:, 8:24] = True
    row = filled(image, hole)[4, 8:24, 0].astype(int)
    assert (np.diff(row) >= 0).all()
    assert 0 <= row[0] < row[-1] <= 200


@pytest.mark.parametrize("whole", [True, False])
def test_without_a_hole_or_without_surroundings_an_image_stays(whole: bool) -> None:
    image = np.full((5, 7, 3), 9, np.uint8)
    assert (filled(image, np.full((5, 7), whole)) == image).all()


def test_a_mask_is_widened_to_all_sides() -> None:
    mask = np.zeros((7, 7), bool)
    mask[3, 3] = True
    assert widened(mask, 2).sum() == 25
    assert widened(mask, 0).sum() == 1


def test_a_mask_is_narrowed_from_all_sides_but_not_from_that_of_the_image() -> None:
    mask = np.zeros((7, 7), bool)
    mask[1:6, :5] = True
    assert np.argwhere(narrowed(mask, 2)).tolist() == [[3, 0], [3, 1], [3, 2]]
    assert (narrowed(mask, 0) == mask).all()
    assert narrowed(np.ones((3, 4), bool), 2).all()


def test_what_is_around_a_mask_is_as_large_as_it_if_there_is_as_much() -> None:
    mask, free = np.zeros((21, 21), bool), np.ones((21, 21), bool)
    mask[8:12, 8:12] = True
    free[6:14, 6:14] = False
    ring = around(mask, free)
    assert not (ring & ~free).any()
    assert mask.sum() <= ring.sum() <= 36
    assert np.argwhere(ring).min() == 5
    few = np.zeros((21, 21), bool)
    few[3, 4:9] = True
    assert (around(~few, few) == few).all()
    assert not around(mask, np.zeros_like(free)).any()


def test_the_same_shape_finds_another_place_unless_it_is_too_large() -> None:
    mask = np.zeros((20, 20), bool)
    mask[2:6, 3:8] = True
    other = moved_elsewhere(mask)
    assert other is not None
    assert other.sum() == mask.sum()
    assert not (other & mask).any()
    assert moved_elsewhere(np.ones((4, 4), bool)) is None
