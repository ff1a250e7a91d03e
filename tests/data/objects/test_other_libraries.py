"""Values of tables and data sets of other libraries."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from PIL import Image

from patchlearn.core.errors import PatchlearnError
from patchlearn.data.objects.other_libraries import (
    cell_tags,
    column_values,
    huggingface_columns,
    is_frame,
    is_missing,
    path_below,
    torchvision_classes,
    torchvision_items,
    whole,
)


@pytest.mark.parametrize("value", [None, float("nan"), np.nan, np.float64("nan"), pd.NA, pd.NaT])
def test_what_is_missing(value: Any) -> None:
    assert is_missing(value)


@pytest.mark.parametrize("value", ["", [], 0, 0.0, np.array([np.nan]), np.array(["a", "b"])])
def test_what_is_not_missing(value: Any) -> None:
    assert not is_missing(value)


def test_tables_are_known_by_what_they_can_do() -> None:
    assert is_frame(pd.DataFrame({"a": [1]}))
    assert is_frame(pl.DataFrame({"a": [1]}))
    assert not any(map(is_frame, (pl.DataFrame({"a": [1]}).lazy(), pd.Series([1]), [1], {"a": [1]})))


@pytest.mark.parametrize("library", [pd, pl])
def test_the_values_of_a_column(library: Any) -> None:
    frame = library.DataFrame({"Image": ["a", None], "tags": [["x"], ["y", "z"]]})
    assert column_values(frame, ("image", "path"), "images") == ["a", None]
    assert [list(each) for each in column_values(frame, ("tags",), "labels")] == [["x"], ["y", "z"]]
    with pytest.raises(PatchlearnError, match=r"no column of splits among Image, tags. Rename the column"):
        column_values(frame, ("split",), "splits")
    with pytest.raises(PatchlearnError, match=r"several columns of labels: Image, tags. Drop all but one"):
        column_values(frame, ("image", "tags"), "labels")


def test_strings_are_separated_and_lists_stay() -> None:
    tags = cell_tags(["cat, red car", ["a,b"], None, "?dog", ""], None, "auto")
    assert tags == [["cat", "red car"], ["a,b"], None, ["?dog"], []]
    assert cell_tags(["red car"], ["red car"], "auto") == [["red car"]]
    assert cell_tags(["red car"], None, "space") == [["red", "car"]]
    with pytest.raises(PatchlearnError) as caught:
        cell_tags(["red car"], None, "auto")
    assert "row 0: 'red car' may be one class or 2" in str(caught.value)
    assert "Pass separator='semicolon'" in str(caught.value)
    assert "--data" not in str(caught.value)


def test_paths_stay_below_their_folder(tmp_path: Path) -> None:
    assert path_below(tmp_path, "a/b.png", "row 0") == tmp_path / "a" / "b.png"
    assert path_below(None, "../b.png", "row 0") == "../b.png"
    assert path_below(tmp_path, 3, "row 0") == 3
    for path in ("../b.png", "/b.png", Path("a/../../b.png")):
        with pytest.raises(PatchlearnError, match=r"row 0: .* is outside of"):
            path_below(tmp_path, path, "row 0")


class Items:
    """As MNIST or CIFAR of torchvision: items of (image, index)."""

    classes = ("cat", "dog")

    def __init__(self, targets: list[Any]):
        self.targets = targets
        self.loaded: list[int] = []

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> Any:
        self.loaded.append(index)
        return Image.new("RGB", (4, 3), (index, 0, 0)), self.targets[index]


class Part:
    """As a Subset of torch."""

    def __init__(self, dataset: Any, indices: list[int]):
        self.dataset, self.indices = dataset, indices

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> Any:
        return self.dataset[self.indices[index]]


def test_items_are_loaded_one_after_another() -> None:
    data = Items([1, np.int64(0)])
    items = torchvision_items(data, data.classes, "train")
    first = next(items)
    assert (first.tags, first.place, first.image.size, data.loaded) == (["dog"], "train[0]", (4, 3), [0])
    assert next(items).tags == ["cat"]


def test_a_part_of_a_part_has_its_own_items() -> None:
    data = Items([0, 1, 1])
    part = Part(Part(data, [2, 1]), [1])
    assert whole(part) is data
    assert torchvision_classes(part) == ("cat", "dog")
    assert [item.image.getpixel((0, 0))[0] for item in torchvision_items(part, data.classes, "train")] == [1]


@pytest.mark.parametrize("target", [2, -1, "cat", 0.5, [1, 0], None])
def test_a_target_that_is_no_index_is_explained(target: Any) -> None:
    with pytest.raises(PatchlearnError, match=r"train\[0\]: the target .* is no index of the 2 classes"):
        list(torchvision_items(Items([target]), Items.classes, "train"))


def test_other_data_is_explained() -> None:
    with pytest.raises(PatchlearnError, match="list has no list `classes`, or no items"):
        torchvision_classes([1])
    with pytest.raises(PatchlearnError, match="list says no features"):
        huggingface_columns([1], None, "train")
