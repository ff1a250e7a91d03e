"""Scribbles."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.masks_io import write_mask
from patchlearn.core.types import Dataset, UInt8
from patchlearn.data.clicks.scribbles import find_scribbles, read_scribble
from patchlearn.data.named_samples import NamedSamples
from patchlearn.data.open import open_dataset

SHAPES = {"garden": (40, 48), "holiday__sea": (8, 9), "street": (10, 20)}


def scribble(id: str, *values: int) -> UInt8:
    """One pixel of each value in the first row."""
    labels = np.full(SHAPES[id], 255, np.uint8)
    labels[0, : len(values)] = values
    return labels


def found(dataset: Dataset) -> dict[str, Path]:
    return find_scribbles(dataset.root / "scribbles", dataset, NamedSamples(dataset))


@pytest.mark.parametrize("name", ["holiday__sea.png", "holiday/sea.png", "sea.png"])
def test_scribbles_are_found_by_the_names_of_masks(photos: Dataset, name: str) -> None:
    folder = photos.root / "scribbles"
    write_mask(folder / name, scribble("holiday__sea", 0))
    write_mask(folder / "garden.png", scribble("garden", 0, 1))
    (folder / "classes.txt").write_text("cat\ndog\n")
    assert found(photos) == {"garden": folder / "garden.png", "holiday__sea": folder / name}


def test_a_palette_and_grey_values_are_read(tmp_path: Path) -> None:
    labels = scribble("street", 0, 1, 2)
    write_mask(tmp_path / "palette.png", labels)
    Image.fromarray(labels).save(tmp_path / "grey.png")
    for name in ("palette.png", "grey.png"):
        assert (read_scribble(tmp_path / name, (10, 20)) == labels).all()


def test_a_scribble_in_which_nothing_is_drawn_is_left_out(photos: Dataset) -> None:
    write_mask(photos.root / "scribbles" / "garden.png", scribble("garden"))
    assert found(photos) == {}


def test_a_class_that_nobody_judged_may_be_drawn(photos: Dataset) -> None:
    write_mask(photos.root / "scribbles" / "street.png", scribble("street", 2))
    assert list(found(photos)) == ["street"]


@pytest.mark.parametrize(
    ("name", "labels", "message"),
    [
        ("gardn.png", scribble("garden", 1), r"gardn\.png: .* has no image 'gardn'"),
        ("garden.png", scribble("street", 1), r"garden\.png: has 20×10 pixels .*, but its image has 48×40"),
        ("garden.png", scribble("garden", 3), r"garden\.png: holds the value 3\. The values are 0 background, 1 to 2"),
        (
            "garden.png",
            scribble("garden", 2),
            r"garden\.png: 'dog' is marked in the image 'garden', whose tags are cat",
        ),
        (
            "garden.png",
            np.ones((40, 48), np.uint8),
            r"garden\.png: labels every pixel\. Write 255 where nothing is drawn",
        ),
    ],
)
def test_a_wrong_scribble_is_an_error_with_its_file(photos: Dataset, name: str, labels: UInt8, message: str) -> None:
    write_mask(photos.root / "scribbles" / name, labels)
    with pytest.raises(PatchlearnError, match=message):
        found(photos)


def test_colours_and_transparency_are_refused(photos: Dataset) -> None:
    path = photos.root / "scribbles" / "garden.png"
    path.parent.mkdir()
    Image.new("RGB", (48, 40)).save(path)
    with pytest.raises(PatchlearnError, match=r"garden\.png: the mask has the mode RGB"):
        found(photos)
    Image.new("LA", (48, 40)).save(path)  # wholly transparent, which a mask would read as background
    with pytest.raises(PatchlearnError, match=r"garden\.png: has transparent pixels"):
        found(photos)


def test_all_wrong_files_are_listed_and_other_images_are_not_passed_over(photos: Dataset) -> None:
    folder = photos.root / "scribbles"
    write_mask(folder / "gardn.png", scribble("garden", 1))
    write_mask(folder / "holiday__sea.png", scribble("holiday__sea", 0))
    write_mask(folder / "holiday" / "sea.png", scribble("holiday__sea", 0))
    Image.new("L", (20, 10)).save(folder / "street.jpg")
    with pytest.raises(PatchlearnError) as error:
        found(photos)
    lines = str(error.value).splitlines()
    assert len(lines) == 3
    assert "street.jpg: scribbles are PNG" in lines[0]
    assert "gardn" in lines[1]
    assert "Keep one of them" in lines[2]


def test_two_files_of_one_image_are_refused(photos: Dataset) -> None:
    folder = photos.root / "scribbles"
    write_mask(folder / "sea.png", scribble("holiday__sea", 0))
    write_mask(folder / "holiday__sea.png", scribble("holiday__sea", 0))
    with pytest.raises(PatchlearnError, match="is of the same image 'holiday__sea'"):
        found(photos)


def test_a_missing_folder_is_an_error(photos: Dataset) -> None:
    with pytest.raises(PatchlearnError, match="scribbles: no such folder"):
        found(photos)


def test_scribbles_beside_the_images_are_no_images_and_no_class(photos: Dataset) -> None:
    write_mask(photos.root / "scribbles" / "garden.png", scribble("garden", 1))
    assert open_dataset("auto", photos.root).notes == photos.notes
