"""The folders and the list from which a submission is made."""

from pathlib import Path

import pytest
from PIL import Image
from submissions import ANIMALS, NAMES, SIZES, mask_of

from patchlearn.core.masks_io import write_mask


@pytest.fixture
def images(tmp_path: Path) -> Path:
    (tmp_path / "JPEGImages").mkdir()
    for name, (height, width) in SIZES.items():
        Image.new("RGB", (width, height)).save(tmp_path / "JPEGImages" / f"{name}.jpg")
    return tmp_path / "JPEGImages"


@pytest.fixture
def masks(tmp_path: Path) -> Path:
    """Of a model of six animals: its person is 5, its cow 2."""
    for name, value in zip(NAMES, (0, 5, 2)):
        write_mask(tmp_path / "masks" / f"{name}.png", mask_of(name, value))
    (tmp_path / "masks" / "classes.txt").write_text("\n".join(ANIMALS) + "\n")
    return tmp_path / "masks"


@pytest.fixture
def test_list(tmp_path: Path) -> Path:
    (tmp_path / "test.txt").write_text("\n".join(NAMES) + "\n")
    return tmp_path / "test.txt"
