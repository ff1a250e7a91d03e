"""The check of the data, and what it depends on."""

from pathlib import Path

import numpy as np
import pytest
from conftest import make_runtime
from rich.console import Console

from patchlearn.core.digests import Digests
from patchlearn.core.errors import PatchlearnError
from patchlearn.core.masks_io import write_mask
from patchlearn.data.open import open_dataset
from patchlearn.steps.check import CheckData
from patchlearn.steps.data_splits import DataSplits, TrueMasks


def check_step(data: Path, run: Path) -> CheckData:
    splits = DataSplits(open_dataset("folder", data), Digests(None)).all()
    return CheckData(run, splits, tuple(TrueMasks(split) for split in splits))


def test_a_damaged_image_is_named_and_sound_data_are_checked_once(
    folder_data: Path, tmp_path: Path, console: Console
) -> None:
    run, runtime = tmp_path / "run", make_runtime(console)
    check_step(folder_data, run).take(runtime)
    assert check_step(folder_data, run).is_complete
    image = folder_data / "images" / "img03.png"
    image.write_bytes(image.read_bytes()[:60])
    assert not check_step(folder_data, run).is_complete
    with pytest.raises(PatchlearnError, match=r"img03\.png"):
        check_step(folder_data, run).take(runtime)
    assert not check_step(folder_data, run).is_complete


def test_a_mask_that_changes_is_checked_anew(folder_data: Path, tmp_path: Path, console: Console) -> None:
    run, mask = tmp_path / "run", folder_data / "masks" / "img09.png"
    before = check_step(folder_data, run).key
    write_mask(mask, np.ones((40, 48), np.uint8))
    assert check_step(folder_data, run).key != before
    write_mask(mask, np.ones((3, 3), np.uint8))
    with pytest.raises(PatchlearnError, match=r"img09\.png: the mask has 3×3 pixels"):
        check_step(folder_data, run).take(make_runtime(console))
