"""A folder of images and masks, and the readers of other tools.

The readers are optional and are imported only by the fixtures of the tests that need them.
"""

from pathlib import Path
from types import ModuleType

import pytest
from annotated_masks import CLASSES, MASKS
from PIL import Image

from patchlearn.core.masks_io import write_mask


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """`images` and `masks`, every second one in grey."""
    (tmp_path / "images").mkdir()
    for number, (stem, mask) in enumerate(MASKS.items()):
        Image.new("RGB", mask.shape[::-1]).save(tmp_path / "images" / f"{stem}.{'JPG' if number % 2 else 'png'}")
        write_mask(tmp_path / "masks" / f"{stem}.png", mask)
        if number % 2:
            Image.fromarray(mask).save(tmp_path / "masks" / f"{stem}.png")
    (tmp_path / "masks" / "classes.txt").write_text("\n".join(CLASSES), encoding="utf-8")
    return tmp_path


@pytest.fixture
def cocoapi() -> ModuleType:
    return pytest.importorskip("pycocotools.coco")


@pytest.fixture
def datumaro() -> ModuleType:
    return pytest.importorskip("datumaro")
