"""The keys of the data: the content of the files that a step reads."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from patchlearn.core.digests import Digests
from patchlearn.core.errors import PatchlearnError
from patchlearn.core.manifest import fingerprint
from patchlearn.core.masks_io import write_mask
from patchlearn.core.types import Dataset
from patchlearn.data.open import open_dataset
from patchlearn.steps.data_splits import DataSplit, DataSplits, TrueMasks


@pytest.fixture
def dataset(folder_data: Path) -> Dataset:
    return open_dataset("folder", folder_data)


def split(dataset: Dataset, name: str = "train") -> DataSplit:
    return DataSplits(dataset, Digests(None))[name]


def changed(dataset: Dataset, change: Callable[[tuple], tuple]) -> Dataset:  # type: ignore[type-arg]
    return replace(dataset, splits={**dataset.splits, "train": change(dataset.splits["train"])})


def test_order_labels_and_classes_are_in_the_key(dataset: Dataset) -> None:
    key = split(dataset).key
    turned = changed(dataset, lambda samples: samples[::-1])
    other = changed(dataset, lambda samples: (replace(samples[0], labels=(1, 0)), *samples[1:]))
    renamed = replace(dataset, classes=("rot", "blue"))
    assert len({key, *(split(each).key for each in (turned, other, renamed))}) == 4


def test_unknown_classes_are_in_the_key_only_where_there_are_some(dataset: Dataset) -> None:
    """The key of data without any is that of runs which were finished before there were unknown classes."""
    data = split(dataset)
    listing = [(sample.id, sample.labels, data.digest(sample.image)) for sample in data.samples]
    assert data.key == fingerprint("images", data.classes, listing)
    first, second, *rest = dataset.split("train")
    unknown = [
        changed(dataset, lambda samples: (replace(first, unknown=(1,)), second, *rest)),
        changed(dataset, lambda samples: (first, replace(second, unknown=(1,)), *rest)),
        changed(dataset, lambda samples: (replace(first, unknown=(0, 1)), second, *rest)),
    ]
    assert len({data.key, *(split(each).key for each in unknown)}) == 4


def test_other_splits_and_masks_are_not_in_the_key_of_the_images(dataset: Dataset) -> None:
    key = split(dataset).key
    more = replace(dataset, splits={**dataset.splits, "test": dataset.splits["val"]})
    for sample in dataset.split("train"):
        assert sample.mask
        sample.mask.unlink()
    assert split(more).key == key


def test_the_content_of_an_image_is_in_both_keys(dataset: Dataset) -> None:
    before = split(dataset).key, TrueMasks(split(dataset)).key
    Image.new("RGB", (48, 40), (1, 2, 3)).save(dataset.split("train")[0].image)
    after = split(dataset).key, TrueMasks(split(dataset)).key
    assert before[0] != after[0]
    assert before[1] != after[1]


def test_true_masks_are_those_that_are_there(dataset: Dataset) -> None:
    first, *rest = dataset.split("train")
    assert first.mask
    masks = TrueMasks(split(changed(dataset, lambda samples: (replace(first, mask=None), *samples[1:]))))
    assert [sample.id for sample in masks.samples] == [sample.id for sample in rest]
    key = TrueMasks(split(dataset)).key
    write_mask(first.mask, np.ones((40, 48), np.uint8))
    assert TrueMasks(split(dataset)).key != key
    np.testing.assert_array_equal(TrueMasks(split(dataset)).read(first), np.ones((40, 48)))


def test_a_split_is_found_or_named(dataset: Dataset) -> None:
    splits = DataSplits(dataset, Digests(None))
    assert splits.find("nosuch") is None
    assert splits.find("val") is splits["val"]
    assert [each.name for each in splits.all()] == ["train", "val"]
    with pytest.raises(PatchlearnError, match=r"no split 'nosuch'\. It has: train, val"):
        splits["nosuch"]
    assert split(dataset).has_truth
    assert not split(changed(dataset, lambda samples: ()), "train").has_truth


def test_an_image_without_a_mask_is_not_in_the_key_of_the_masks(dataset: Dataset) -> None:
    first = dataset.split("train")[0]
    fewer = changed(dataset, lambda samples: (replace(first, mask=None), *samples[1:]))
    before = split(fewer).key, TrueMasks(split(fewer)).key
    Image.new("RGB", (48, 40), (1, 2, 3)).save(first.image)
    after = split(fewer).key, TrueMasks(split(fewer)).key
    assert before[0] != after[0]
    assert before[1] == after[1]


def test_what_the_values_of_a_mask_mean_is_in_the_key_of_the_masks(dataset: Dataset) -> None:
    others = (
        replace(dataset, mask_values=(2, 1)),
        replace(dataset, masks_are_closed=not dataset.masks_are_closed),
        replace(dataset, mask_colours={(255, 0, 0): 1}),
    )
    assert len({TrueMasks(split(each)).key for each in (dataset, *others)}) == 4
    assert len({split(each).key for each in (dataset, *others)}) == 1
