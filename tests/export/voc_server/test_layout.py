"""Names and sizes that the server expects."""

from pathlib import Path

import pytest
from submissions import NAMES, SIZES

from patchlearn.core.errors import PatchlearnError
from patchlearn.export.voc_server import FOLDERS
from patchlearn.export.voc_server.layout import require_image_size


def test_each_competition_has_a_folder() -> None:
    assert FOLDERS["comp5"] == "results/VOC2012/Segmentation/comp5_test_cls"
    assert FOLDERS["comp6"] == "results/VOC2012/Segmentation/comp6_test_cls"


def test_a_mask_must_be_as_large_as_its_image(images: Path) -> None:
    image, (height, width) = images / f"{NAMES[0]}.jpg", SIZES[NAMES[0]]
    require_image_size("mask", (height, width), image)
    with pytest.raises(PatchlearnError, match=r"^mask: 5×7 pixels, but 2008_000006\.jpg has 7×5 \(width × height\)"):
        require_image_size("mask", (width, height), image)
