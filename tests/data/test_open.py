"""Opening a data set of any format, and what that loads."""

from pathlib import Path

import pytest
from test_public_names import loaded_by

from patchlearn.core.errors import PatchlearnError
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
