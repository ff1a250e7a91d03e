"""The size of a mask, and its orientation."""

from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

from patchlearn.core.errors import PatchlearnError
from patchlearn.data.formats.canvas import Canvas, canvas_of
from patchlearn.data.images import read_image


def turned_image(path: Path, orientation: int) -> Path:
    """6×4 pixels (width × height) as stored, of which the upper left one is black."""
    image = Image.new("RGB", (6, 4), "white")
    image.putpixel((0, 0), (0, 0, 0))
    exif = image.getexif()
    exif[ExifTags.Base.Orientation] = orientation
    image.save(path, exif=exif)
    return path


@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_size_is_that_of_the_upright_image(tmp_path: Path, orientation: int, suffix: str) -> None:
    path = turned_image(tmp_path / f"a.{suffix}", orientation)
    assert canvas_of(path) == Canvas(read_image(path).shape[:2])  # type: ignore[arg-type]
    assert canvas_of(path).size == ((4, 6) if orientation < 5 else (6, 4))


@pytest.mark.parametrize("orientation", range(5, 9))
def test_annotations_of_the_stored_image_are_turned_with_it(tmp_path: Path, orientation: int) -> None:
    path = turned_image(tmp_path / "a.png", orientation)
    mask = np.zeros((4, 6), np.uint8)
    mask[0, 0] = 1
    canvas = canvas_of(path, (4, 6))
    assert canvas.size == (4, 6)
    assert ((canvas.upright(mask) == 1) == (read_image(path)[..., 0] == 0)).all()
    upright = canvas_of(path, (6, 4))
    assert upright.upright(mask.T) is not None
    assert (upright.upright(mask.T) == mask.T).all()


def test_another_size_and_a_damaged_file_are_explained(tmp_path: Path) -> None:
    path = turned_image(tmp_path / "a.png", 1)
    with pytest.raises(PatchlearnError, match=r"^x, image 'a': the annotations are for 6×5 pixels.*a\.png has 6×4"):
        canvas_of(path, (5, 6), "x, image 'a'")
    path.write_bytes(b"no image")
    with pytest.raises(PatchlearnError, match=r"a\.png: not an image"):
        canvas_of(path)
