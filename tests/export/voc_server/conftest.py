"""The folders and the list from which a submission is made."""

from pathlib import Path

import pytest
from submissions import write_animal_masks, write_images, write_list


@pytest.fixture
def images(tmp_path: Path) -> Path:
    return write_images(tmp_path / "JPEGImages")


@pytest.fixture
def masks(tmp_path: Path) -> Path:
    return write_animal_masks(tmp_path / "masks")


@pytest.fixture
def test_list(tmp_path: Path) -> Path:
    return write_list(tmp_path / "test.txt")
