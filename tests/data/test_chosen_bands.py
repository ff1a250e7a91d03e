"""A data set whose images have chosen bands."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiff_files import write_tiff

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import Dataset
from patchlearn.data.images import read_image
from patchlearn.data.open import open_data
from patchlearn.data.settings import DataSettings

PIXELS = np.arange(8 * 9 * 5, dtype=np.uint16).reshape(8, 9, 5) * 100


@pytest.fixture
def fields(tmp_path: Path) -> Path:
    root = tmp_path / "fields"
    for split, name in (("train", "a"), ("train", "b"), ("val", "a")):
        (root / split / "wheat").mkdir(parents=True, exist_ok=True)
        write_tiff(root / split / "wheat" / f"{name}.tif", PIXELS + len(split))
    (root / "train" / "maize").mkdir()
    write_tiff(root / "train" / "maize" / "c.tif", PIXELS + 99)
    return root


def opened(root: Path, bands: tuple[int, int, int] | None = (5, 4, 2)) -> Dataset:
    return open_data(DataSettings(root=str(root), bands=bands), root.parent / "work")


def test_every_image_is_read_with_its_bands(fields: Path) -> None:
    plain, data = opened(fields, None), opened(fields)
    assert data.bands == (5, 4, 2)
    for split in ("train", "val"):
        for before, after in zip(plain.split(split), data.split(split), strict=True):
            assert (after.id, after.labels) == (before.id, before.labels)
            assert (read_image(after.image) == read_image(before.image, (5, 4, 2))).all()
    assert data.notes[-1] == f"{fields}: bands 5, 4, 2 of every image are read as red, green and blue"


def test_only_changed_images_are_read_again(fields: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = opened(fields)
    read: list[Path] = []
    monkeypatch.setattr(
        "patchlearn.data.chosen_bands.read_image", lambda path, bands: read.append(path) or read_image(path, bands)
    )
    assert opened(fields) == first
    assert read == []
    changed = fields / "val" / "wheat" / "a.tif"
    write_tiff(changed, PIXELS * 2)
    os.utime(changed, (1, 1))
    second = opened(fields)
    assert read == [changed]
    assert (read_image(second.split("val")[0].image) == read_image(changed, (5, 4, 2))).all()
    third = opened(fields, (1, 2, 3))
    assert (read_image(third.split("val")[0].image) == read_image(changed, (1, 2, 3))).all()


def test_images_without_a_band_are_all_named(fields: Path) -> None:
    for name in ("d", "e"):
        Image.new("L", (9, 8)).save(fields / "train" / "maize" / f"{name}.png")
    with pytest.raises(PatchlearnError) as caught:
        opened(fields)
    lines = str(caught.value).splitlines()
    assert [line.rpartition("/")[2] for line in lines] == [
        f"{name}.png: has 1 band, and no band 5. Choose other bands, or leave it out." for name in ("d", "e")
    ]


def test_a_band_is_numbered_from_1() -> None:
    with pytest.raises(PatchlearnError, match=r"bands: 0 is out of range\. Choose 1 or more"):
        DataSettings(bands=(0, 1, 2))
