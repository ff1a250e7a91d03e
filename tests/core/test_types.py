from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import ClassSize, Dataset, ScoreMaps, enlarge, in_shares


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


def test_pixels_become_shares_of_one_image_and_shares_stay() -> None:
    share, both = ClassSize(least=0.1, most=0.2, count="one"), ClassSize(least=50, most=500, unit="pixels", count="one")
    assert in_shares((), (10, 20)) == ()
    assert in_shares((share, None, both), (10, 20)) == (share, None, ClassSize(least=0.25, most=1.0, count="one"))


def test_maps_are_enlarged_to_their_image() -> None:
    maps = ScoreMaps(scores=np.array([[[0.0, 1.0]]], np.float32), classes=(0,), size=(2, 4))
    assert maps.full_size().shape == (1, 2, 4)
    assert enlarge(np.zeros((0, 1, 1), np.float32), (3, 5)).shape == (0, 3, 5)


def test_unknown_classes_have_one_map_which_is_their_strongest_and_255() -> None:
    scores = np.array([[[0.1, 0.9]], [[0.5, 0.5]], [[0.8, 0.2]], [[0.3, 0.6]]], np.float32)
    maps = ScoreMaps(scores=scores, classes=(0, 2, 3, 7), size=(1, 4), unknown=(0, 3))
    assert maps.mask_values == (3, 8, 255)
    full = replace(maps, unknown=()).full_size()
    np.testing.assert_array_equal(maps.label_maps(), [full[1], full[3], np.maximum(full[0], full[2])])
    assert maps.judged.classes == (2, 7)
    np.testing.assert_array_equal(maps.judged.scores, scores[[1, 3]])


def test_where_all_classes_are_judged_the_label_maps_are_the_maps() -> None:
    maps = ScoreMaps(scores=np.ones((2, 1, 2), np.float32), classes=(0, 2), size=(2, 4))
    assert maps.judged is maps
    assert maps.mask_values == (1, 3)
    np.testing.assert_array_equal(maps.label_maps(), maps.full_size())
