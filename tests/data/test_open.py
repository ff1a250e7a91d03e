"""Opening a data set of any format, and what that loads."""

from pathlib import Path

import numpy as np
import pytest
from test_public_names import loaded_by
from tiff_files import write_tiff

from patchlearn.core.errors import PatchlearnError
from patchlearn.data.images import read_image
from patchlearn.data.open import open_dataset


def test_an_unknown_format_and_a_missing_folder_are_explained(tmp_path: Path) -> None:
    with pytest.raises(PatchlearnError, match=r"^format: 'vok' is not an option; did you mean 'voc'"):
        open_dataset("vok", tmp_path)
    with pytest.raises(PatchlearnError, match="no such folder"):
        open_dataset("voc", tmp_path / "nowhere")


def test_an_unknown_split_is_explained(folder_data: Path) -> None:
    with pytest.raises(PatchlearnError, match="It has: train, val"):
        open_dataset("folder", folder_data).split("test")


def test_the_path_may_be_a_string(folder_data: Path) -> None:
    assert open_dataset("folder", str(folder_data)) == open_dataset("folder", folder_data)


def test_data_loads_no_torch() -> None:
    use_all = "import patchlearn.data as data; [getattr(data, name) for name in dir(data)]"
    assert not loaded_by(use_all) & {"torch", "torchvision", "timm", "accelerate", "numba"}


def test_the_bands_of_the_images_may_be_chosen(tmp_path: Path) -> None:
    pixels = np.arange(4 * 5 * 6, dtype=np.uint8).reshape(4, 5, 6)
    for name in ("cat", "dog"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        write_tiff(tmp_path / "photos" / name / "a.tif", pixels)
    data = open_dataset("auto", tmp_path / "photos", work=tmp_path / "work", bands=(6, 2, 1))
    assert data.bands == (6, 2, 1)
    assert (read_image(data.split("train")[0].image) == pixels[..., [5, 1, 0]]).all()
    with pytest.raises(PatchlearnError, match="bands: 0 is out of range"):
        open_dataset("auto", tmp_path / "photos", work=tmp_path / "work", bands=(0, 2, 1))
    with pytest.raises(PatchlearnError):  # no place for the images
        open_dataset("auto", tmp_path / "photos", bands=(6, 2, 1))
