"""The lines of label files, and the pixels of polygons."""

from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image
from yolo_folder import BOX, LEFT, RIGHT_TOP, image, write

from patchlearn.core.errors import PatchlearnError
from patchlearn.data.formats.yolo.labels import YoloObject, paint_polygons, read_objects, spans

NAMES = {0: "cat", 1: "dog", 2: "sky", 5: "sea"}
VALUES = {"cat": 1, "dog": 2, "sky": 3, "sea": 4}


def read(tmp_path: Path, *lines: str) -> tuple[YoloObject, ...]:
    return read_objects(write(tmp_path / "a.txt", *lines), NAMES)


def test_boxes_and_polygons_are_told_apart(tmp_path: Path) -> None:
    box, polygon, of_float = read(tmp_path, BOX, "", LEFT, "5.0\t0 0 1 0 1 1 ")
    assert (box.index, box.corners) == (2, None)
    assert polygon.corners is not None
    assert polygon.corners.tolist() == [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]
    assert of_float.index == 5
    assert of_float.corners is not None
    assert read(tmp_path) == ()


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("cat 0.5 0.5 1 1", "neither a box"),
        ("0 0.5 0.5 1", "neither a box"),
        ("0", "neither a box"),
        ("0 0.5 0.5 1 1 0.9", "neither a box"),
        ("0 0 0 1 0 1 1 0", "neither a box"),
        ("0,0.5,0.5,1,1", "neither a box"),
        ("0.5 0.5 0.5 1 1", "neither a box"),
        ("-1 0.5 0.5 1 1", "neither a box"),
        ("inf 0.5 0.5 1 1", "neither a box"),
        ("nan 0.5 0.5 1 1", "neither a box"),
        ("3 0.5 0.5 1 1", "the class 3 has no name; the named ones are 0 to 2, 5"),
        ("0 350 20 10 10", "not between 0 and 1"),
        ("0 0.5 0.5 nan 1", "not between 0 and 1"),
        ("0 0 0 1 0 1 -0.5", "not between 0 and 1"),
    ],
)
def test_a_broken_line_is_explained(tmp_path: Path, line: str, complaint: str) -> None:
    with pytest.raises(PatchlearnError, match=rf"a\.txt, line 3: .*{complaint}"):
        read(tmp_path, BOX, "", line)


def test_key_points_are_passed_over(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", "0 0.5 0.5 1 1 0.2 0.2 2 0.3 0.4 0")
    (found,) = read_objects(path, NAMES, has_keypoints=True)
    assert (found.index, found.corners) == (0, None)
    with pytest.raises(PatchlearnError, match="not between 0 and 1"):
        read_objects(path, NAMES)


def test_small_polygons_lie_over_large_ones(tmp_path: Path) -> None:
    path = image(tmp_path / "a.jpg")
    for lines in ((LEFT, "1 0.25 0 1 0 1 0.5 0.25 0.5", BOX), ("1 0.25 0 1 0 1 0.5 0.25 0.5", LEFT)):
        mask = paint_polygons(read(tmp_path, *lines), path, NAMES, VALUES)
        # Both shapes: 16 pixels at the left, 12 at the top.
        assert mask.tolist() == [[1, 1, 2, 2, 2, 2, 2, 2]] * 2 + [[1, 1, 1, 1, 0, 0, 0, 0]] * 2
    mask = paint_polygons(read(tmp_path, RIGHT_TOP), path, NAMES, VALUES)
    assert mask.tolist() == [[0] * 4 + [3] * 4] * 2 + [[0] * 8] * 2


def test_the_size_is_that_of_the_upright_image(tmp_path: Path) -> None:
    picture = Image.new("RGB", (8, 4))
    exif = picture.getexif()
    exif[ExifTags.Base.Orientation] = 6
    picture.save(tmp_path / "a.jpg", exif=exif)
    assert paint_polygons(read(tmp_path, LEFT), tmp_path / "a.jpg", NAMES, VALUES).tolist() == [[1, 1, 0, 0]] * 8


def test_a_pixel_is_inside_if_its_centre_is() -> None:
    generator = np.random.default_rng(0)
    corners = generator.random((7, 2)) * (14, 10) - 2  # star-like, over the border
    mask = np.zeros((8, 11), bool)
    for row, start, end in spans(corners, (8, 11)):
        assert not mask[row, start:end].any()
        mask[row, start:end] = True
    expected = [[is_inside(column + 0.5, row + 0.5, corners.tolist()) for column in range(11)] for row in range(8)]
    assert mask.tolist() == expected
    assert mask.any()


def is_inside(x: float, y: float, corners: list[list[float]]) -> bool:
    """Count the edges to the left."""
    left = 0
    for (x1, y1), (x2, y2) in zip(corners, corners[1:] + corners[:1]):
        if (y1 <= y) != (y2 <= y) and x1 + (y - y1) / (y2 - y1) * (x2 - x1) <= x:
            left += 1
    return left % 2 == 1


def test_parts_that_a_line_joins_stay_apart() -> None:
    joined = [(0, 0), (2, 0), (2, 2), (0, 2), (0, 0), (5, 0), (7, 0), (7, 2), (5, 2), (5, 0), (0, 0)]
    assert list(spans(np.array(joined, float), (3, 9))) == [(0, 0, 2), (0, 5, 7), (1, 0, 2), (1, 5, 7)]
