"""Three photographs of two classes."""

from pathlib import Path

import pytest
from PIL import Image

from patchlearn.core.types import Dataset
from patchlearn.data.open import open_dataset

SIZES = {"garden.jpg": (48, 40), "holiday/sea.png": (9, 8), "street.jpg": (20, 10)}  # width, height


@pytest.fixture
def photos(tmp_path: Path) -> Dataset:
    """The garden shows a cat, the sea nothing; in the street is a cat, and nobody has looked for a dog."""
    root = tmp_path / "photos"
    for name, size in SIZES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size, (90, 120, 90)).save(root / name)
    (root / "labels.csv").write_text("image,labels\ngarden.jpg,cat\nholiday/sea.png,\nstreet.jpg,cat; ?dog\n")
    (root / "classes.txt").write_text("cat\ndog\n")
    return open_dataset("auto", root)
