from pathlib import Path

import numpy as np
import pytest

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import Dataset, ScoreMaps, enlarge


def make_dataset(*, closed: bool) -> Dataset:
    return Dataset(
        root=Path("d"), classes=("a", "b"), splits={"train": ()}, mask_values=(8, 3), masks_are_closed=closed
    )


def test_a_split_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(PatchlearnError, match=r"no split 'val'\. It has: train"):
        make_dataset(closed=True).split("val")


@pytest.mark.parametrize(("closed", "other"), [(True, -1), (False, 255)])
def test_values_of_mask_files_become_classes(closed: bool, other: int) -> None:
    table = make_dataset(closed=closed).mask_table
    assert [table[value] for value in (0, 8, 3, 255, 7)] == [0, 1, 2, 255, other]


def test_maps_are_enlarged_to_their_image() -> None:
    maps = ScoreMaps(scores=np.array([[[0.0, 1.0]]], np.float32), classes=(0,), size=(2, 4))
    assert maps.full_size().shape == (1, 2, 4)
    assert enlarge(np.zeros((0, 1, 1), np.float32), (3, 5)).shape == (0, 3, 5)
