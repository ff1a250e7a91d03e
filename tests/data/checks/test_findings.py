"""The examination of a whole data set."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import REAL_DATA
from rich.console import Console
from tagged_masks import Tagged, tagged_dataset

from patchlearn.core.masks_io import write_mask
from patchlearn.core.types import Dataset
from patchlearn.data.checks.findings import Sizes, as_json, examine
from patchlearn.data.open import open_dataset

CLASSES = ("cat", "dog")
KEYS = ["images", "splits", "classes", "sizes", "masks", "duplicates", "faults", "hints", "notes"]


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """Nothing is wrong with it; there are too few images for the hints about tags to be empty."""
    images = [
        Tagged(tags=["cat"], values=(0, 1), size=(4, 9)),
        Tagged(tags=["dog"], values=(0, 2, 255), size=(9, 2)),
        Tagged(tags=["cat", "dog"], values=(1, 2), size=(6, 6), unknown=[]),
        Tagged(),
        Tagged(split="val", tags=["dog"], values=(0, 2), size=(5, 5)),
    ]
    return tagged_dataset(tmp_path / "photos", CLASSES, images, notes=("A note.",))


def test_a_sound_data_set(dataset: Dataset, console: Console) -> None:
    found = examine(dataset, threads=2, console=console)
    assert (found.classes, list(found.splits), found.total.images) == (CLASSES, ["train", "val"], 5)
    assert (found.splits["train"].labels, found.splits["train"].negatives, found.total.masks) == ((2, 2), 1, 4)
    assert found.sizes["train"] == Sizes(smallest=(9, 2), median=(6, 6), largest=(8, 8))
    assert found.sizes["val"] == Sizes(smallest=(5, 5), median=(5, 5), largest=(5, 5))
    assert found.total_sizes == Sizes(smallest=(9, 2), median=(4, 9), largest=(8, 8))
    assert (found.faults, found.duplicates, found.notes) == ((), (), ("A note.",))
    assert [hint.kind for hint in found.hints] == ["absent classes", "rare classes"]


def test_every_fault_is_gathered(dataset: Dataset) -> None:
    images, masks = dataset.root / "images", dataset.root / "masks"
    (images / "img003.png").write_bytes(b"no image")
    write_mask(masks / "img000.png", np.ones((2, 2), np.uint8))
    write_mask(masks / "img001.png", np.full((2, 9), 9, np.uint8))
    shutil.copyfile(images / "img002.png", images / "img004.png")
    write_mask(masks / "img004.png", np.full((6, 6), 2, np.uint8))
    found = examine(dataset)
    assert [fault.kind for fault in found.faults] == [
        "damaged image",
        "mask size",
        "mask values",
        "leak",
        "masks and tags",
    ]
    assert found.duplicates == (("train: images/img002.png", "val: images/img004.png"),)
    assert found.total_sizes == Sizes(smallest=(9, 2), median=(6, 6), largest=(6, 6))


def test_a_data_set_without_a_single_image_that_can_be_read(dataset: Dataset) -> None:
    for path in (dataset.root / "images").iterdir():
        path.write_bytes(b"")
    found = examine(dataset)
    assert (found.sizes, found.total_sizes, found.masks.compared) == ({}, None, 0)
    assert len(found.faults) == 1
    assert found.faults[0].text.startswith("5 images cannot be read (images/img000.png, ")


def test_json_has_the_same_keys_always(dataset: Dataset) -> None:
    found = as_json(examine(dataset))
    assert list(found) == KEYS
    assert json.loads(json.dumps(found)) == found
    assert found["images"] == 5
    assert found["splits"]["val"] == {
        "images": 1,
        "negatives": 0,
        "untagged": 0,
        "partial": 0,
        "masks": 1,
        "sizes": {"smallest": [5, 5], "median": [5, 5], "largest": [5, 5]},
    }
    assert found["classes"][1] == {
        "name": "dog",
        "images": 3,
        "splits": {"train": 2, "val": 1},
        "masks": {"both": 3, "tag_alone": 0, "mask_alone": 0},
    }
    assert found["sizes"]["smallest"] == [9, 2]
    assert found["masks"] == {"images": 4, "compared": 4, "differing": 0, "surplus": 0, "lacking": 0, "meaning": {}}
    assert found["hints"][1]["kind"] == "rare classes"
    assert found["notes"] == ["A note."]


def test_json_tells_what_the_mask_values_seem_to_mean(tmp_path: Path) -> None:
    swapped = [Tagged(tags=["cat"], values=(0, 2)), Tagged(tags=["dog"], values=(0, 1))]
    found = as_json(examine(tagged_dataset(tmp_path, CLASSES, swapped)))
    assert found["masks"]["meaning"] == {"1": "dog", "2": "cat"}
    assert found["faults"][0]["kind"] == "masks and tags"


@pytest.mark.parametrize(("name", "format", "differing"), [("voc-animals", "voc", 26), ("steel", "folder", 0)])
def test_real_data_have_no_fault(name: str, format: str, differing: int) -> None:
    root = REAL_DATA.parent / name
    if not root.is_dir():
        pytest.skip(f"the real images are not on this machine ({name})")
    found = examine(open_dataset(format, root), threads=2)
    assert found.faults == ()
    assert found.masks.differing == differing
