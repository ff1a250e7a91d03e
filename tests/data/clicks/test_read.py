"""All clicks of a data set."""

from pathlib import Path

import numpy as np
import pytest

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.masks_io import write_mask
from patchlearn.core.types import Dataset
from patchlearn.data.clicks.read import read_clicks
from patchlearn.data.clicks.values import Box, Clicks, ImageClicks, Point

HEADER = "image,x,y,label,x2,y2\n"


@pytest.fixture
def points(photos: Dataset) -> Path:
    return photos.root / "points.csv"


def draw(photos: Dataset, pixels: dict[tuple[int, int], int]) -> Path:
    """A scribble on the garden: (x, y) → value."""
    labels = np.full((40, 48), 255, np.uint8)
    for (x, y), value in pixels.items():
        labels[y, x] = value
    write_mask(photos.root / "scribbles" / "garden.png", labels)
    return photos.root / "scribbles"


def test_points_boxes_and_scribbles_come_together(photos: Dataset, points: Path) -> None:
    points.write_text(HEADER + "garden,3,3,cat,,\nstreet,1,1,dog,4,4\ngarden,3,3,cat,,\nstreet,1,1,dog,4,4\n")
    scribbles = draw(photos, {(3, 3): 1, (9, 9): 0})
    clicks = read_clicks(points, photos, scribbles)
    assert clicks.images == {  # rows that say the same count once
        "garden": ImageClicks(points=(Point(3, 3, 1),), scribble=scribbles / "garden.png"),
        "street": ImageClicks(boxes=(Box(1, 1, 4, 4, 1),)),
    }
    assert clicks.supervision == "tags + 1 click + 1 box + 1 scribbled image"
    assert read_clicks(None, photos, scribbles).supervision == "tags + 1 scribbled image"
    assert read_clicks(None, photos) == Clicks()


def test_a_table_without_rows_holds_no_clicks(photos: Dataset, points: Path) -> None:
    points.write_text(HEADER)
    assert read_clicks(points, photos) == Clicks()


def test_one_pixel_with_two_labels_is_an_error_that_names_both_rows(photos: Dataset, points: Path) -> None:
    points.write_text(HEADER + "garden,3,3,cat,,\nholiday/sea.png,3,3,background,,\ngarden,3.2,3,background,,\n")
    with pytest.raises(
        PatchlearnError,
        match=r"csv, line 4: the pixel 3,3 of 'garden' is background, but .*csv, line 2 says cat\. Keep one",
    ):
        read_clicks(points, photos)


def test_a_class_outside_of_its_boxes_is_an_error(photos: Dataset, points: Path) -> None:
    boxes = HEADER + "garden,3,3,cat,9,9\ngarden,20,3,cat,24,9\n"
    points.write_text(boxes + "garden,9,9,cat,,\ngarden,20,3,cat,,\ngarden,10,9,background,,\nstreet,0,0,cat,,\n")
    assert read_clicks(points, photos).points == 4
    points.write_text(boxes + "garden,10,9,cat,,\n")
    with pytest.raises(
        PatchlearnError, match=r"line 4: the pixel 10,9 of 'garden' is cat, but lies outside of all boxes of cat"
    ):
        read_clicks(points, photos)


def test_a_point_against_a_scribble_is_an_error(photos: Dataset, points: Path) -> None:
    points.write_text(HEADER + "garden,3,4,cat,,\n")
    with pytest.raises(
        PatchlearnError, match=r"line 2: the pixel 3,4 of 'garden' is cat, but .*garden\.png says background"
    ):
        read_clicks(points, photos, draw(photos, {(3, 4): 0}))
    assert read_clicks(points, photos, draw(photos, {(4, 3): 0})).points == 1


def test_a_scribble_outside_of_the_boxes_is_an_error(photos: Dataset, points: Path) -> None:
    points.write_text(HEADER + "garden,3,4,cat,6,7\n")
    inside = {(3, 4): 1, (6, 7): 1, (7, 7): 0}
    assert read_clicks(points, photos, draw(photos, inside)).boxes == 1
    with pytest.raises(
        PatchlearnError, match=r"garden\.png: the pixel 6,8 of 'garden' is cat, but lies outside of all boxes"
    ):
        read_clicks(points, photos, draw(photos, inside | {(6, 8): 1}))


def test_clicks_of_all_splits_are_read(photos: Dataset, points: Path) -> None:
    (garden, *others) = photos.split("train")
    both = Dataset(
        root=photos.root, classes=photos.classes, splits={"train": tuple(others), "val": (garden, others[0])},
        mask_values=photos.mask_values, masks_are_closed=True,
    )  # fmt: skip
    points.write_text("image,x,y,label\ngarden,3,4,cat\nholiday/sea.png,0,0,background\n")
    assert read_clicks(points, both).points == 2
