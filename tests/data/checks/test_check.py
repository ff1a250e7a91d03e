"""Every file is read before training starts."""

from pathlib import Path

import numpy as np
import pytest
from tagged_masks import Tagged, tagged_dataset

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.masks_io import write_mask
from patchlearn.data.checks.check import SplitSummary, check_dataset, summarise, summarise_all
from patchlearn.data.open import open_dataset


def test_the_check_finds_damage_and_misfits(folder_data: Path) -> None:
    damaged = folder_data / "images" / "img03.png"
    damaged.write_bytes(damaged.read_bytes()[:300])
    write_mask(folder_data / "masks" / "img05.png", np.zeros((3, 3), np.uint8))
    with pytest.raises(PatchlearnError) as caught:
        check_dataset(open_dataset("folder", folder_data))
    assert "img03.png: damaged image" in str(caught.value)
    assert "img05.png: the mask has 3×3 pixels, but its image img05.png has 40×48" in str(caught.value)


def test_a_split_is_counted_without_reading_its_files(folder_data: Path) -> None:
    with (folder_data / "labels.csv").open("a") as file:
        file.write("new.png,extra,red blue\nmore.png,extra,\nlast.png,extra,blue\n")
    for name in ("new", "more", "last"):
        (folder_data / "images" / f"{name}.png").write_bytes(b"no image")
    summary = summarise(open_dataset("folder", folder_data), "extra")
    assert summary == SplitSummary(images=3, masks=0, labels=(1, 2), unlabelled=1)


def test_the_first_ten_problems_are_listed(folder_data: Path) -> None:
    for path in (folder_data / "images").iterdir():
        path.write_bytes(b"")
    with pytest.raises(PatchlearnError, match="… and 2 more") as caught:
        check_dataset(open_dataset("folder", folder_data))
    assert str(caught.value).count("not an image") == 10


def test_masks_that_contradict_the_tags_do_not_stop_a_run(tmp_path: Path) -> None:
    dataset = tagged_dataset(tmp_path, ["cat", "dog"], [Tagged(tags=["cat"], values=(0, 2))])
    assert check_dataset(dataset, threads=1) == {"train": SplitSummary(images=1, masks=1, labels=(1, 0), unlabelled=0)}


def test_images_without_any_class_are_not_those_that_nobody_tagged(tmp_path: Path) -> None:
    images = [
        Tagged(tags=["cat"]),
        Tagged(tags=["cat"], unknown=["dog"]),
        Tagged(),
        Tagged(unknown=["cat", "dog"]),
        Tagged(split="test"),
        Tagged(split="test"),
    ]
    dataset = tagged_dataset(tmp_path, ["cat", "dog"], images)
    train, test = summarise(dataset, "train"), summarise(dataset, "test")
    assert train == SplitSummary(images=4, masks=0, labels=(2, 0), unlabelled=2, untagged=1, partial=1)
    assert (train.negatives, test.untagged, test.negatives) == (1, 2, 0)
    assert summarise_all(dataset) == SplitSummary(images=6, masks=0, labels=(2, 0), unlabelled=4, untagged=3, partial=1)


def test_an_image_of_two_lists_counts_once_with_its_tags(tmp_path: Path) -> None:
    dataset = tagged_dataset(tmp_path, ["cat"], [Tagged(tags=["cat"]), Tagged(), Tagged(split="val", tags=["cat"])])
    dataset.splits["trainval"] = dataset.splits["train"] + dataset.splits["val"]
    assert summarise_all(dataset) == SplitSummary(images=3, masks=0, labels=(2,), unlabelled=1)
