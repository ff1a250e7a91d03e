"""Labelled pixels as a mask."""

from pathlib import Path

import numpy as np
import pytest

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.masks_io import write_mask
from patchlearn.data.clicks.pixels import labelled_pixels
from patchlearn.data.clicks.values import Box, ImageClicks, Point


def test_a_point_is_its_pixel_and_a_box_is_none() -> None:
    clicks = ImageClicks(points=(Point(3, 1, 2), Point(0, 0, 0)), boxes=(Box(0, 0, 3, 1, 0),))
    assert labelled_pixels(clicks, (2, 4)).tolist() == [[0, 255, 255, 255], [255, 255, 255, 2]]
    assert (labelled_pixels(ImageClicks(), (2, 4)) == 255).all()


def test_a_scribble_is_joined_with_the_points(tmp_path: Path) -> None:
    drawn = np.array([[1, 255], [255, 0]], np.uint8)
    write_mask(tmp_path / "a.png", drawn)
    clicks = ImageClicks(points=(Point(1, 0, 1),), scribble=tmp_path / "a.png")
    assert labelled_pixels(clicks, (2, 2)).tolist() == [[1, 1], [255, 0]]


@pytest.mark.parametrize("point", [Point(4, 0, 1), Point(0, 2, 1), Point(-1, 0, 1)])
def test_another_size_than_that_of_the_image_is_an_error(point: Point, tmp_path: Path) -> None:
    with pytest.raises(PatchlearnError, match=r"lies outside of an image of 4×2 pixels"):
        labelled_pixels(ImageClicks(points=(point,)), (2, 4))
    write_mask(tmp_path / "a.png", np.full((3, 4), 255, np.uint8))
    with pytest.raises(PatchlearnError, match=r"a\.png: has 4×3 pixels .* its image has 4×2"):
        labelled_pixels(ImageClicks(scribble=tmp_path / "a.png"), (2, 4))
