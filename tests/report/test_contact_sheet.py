from pathlib import Path

import numpy as np
import pytest

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.masks_io import write_mask, write_scores
from patchlearn.core.types import Dataset, ScoreMaps
from patchlearn.report.contact_sheet import class_key, contact_sheet, side_by_side
from patchlearn.report.figures import class_colour


def test_a_row_for_each_image_that_has_map_and_mask(data: Dataset, tmp_path: Path) -> None:
    run = tmp_path / "run"
    with pytest.raises(PatchlearnError, match="no maps and masks of 'train'"):
        contact_sheet(run, data, "plain", 2)
    for sample in data.split("train")[:3]:
        maps = ScoreMaps(scores=np.ones((1, 10, 12), np.float32), classes=(0,), size=(40, 48))
        write_scores(run / "plain" / "cams" / "train" / f"{sample.id}.npz", maps)
        write_mask(run / "plain" / "pseudo" / "train" / f"{sample.id}.png", np.ones((40, 48), np.uint8))
    two, many = (contact_sheet(run, data, "plain", count) for count in (2, 99))
    assert two.width == many.width == 4 * 220 + 3 * 6  # image, map, mask, true mask
    assert many.height > two.height


def test_the_classes_of_the_mask_are_named_in_their_colours() -> None:
    mask = np.zeros((40, 48), np.uint8)
    plain = side_by_side(np.zeros((40, 48, 3), np.uint8), mask, ("cat", "dog"))
    mask[:10] = 2
    sheet = side_by_side(np.zeros((40, 48, 3), np.uint8), mask, ("cat", "dog"))
    assert sheet.height == plain.height
    red, green, blue = sheet.getpixel((7, sheet.height - 9))  # type: ignore[misc]
    assert f"#{red:02x}{green:02x}{blue:02x}" == class_colour(1)


def test_names_are_escaped() -> None:
    assert "&lt;cat&gt;" in class_key(["<cat>"])
