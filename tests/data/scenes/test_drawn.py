"""What drawn images share: seeds of their own, classes in turn, and the share of images without a class."""

import numpy as np
import pytest

from patchlearn.data.scenes.drawn import first_class, image_seed, labels_of, main_class
from patchlearn.data.settings import SceneSettings


def test_every_image_has_a_seed_of_its_own() -> None:
    seeds = [(seed, split, index) for seed in range(3) for split in ("train", "val") for index in range(5)]
    states = {tuple(image_seed(*each).generate_state(2)) for each in seeds}
    assert len(states) == len(seeds)


def test_each_class_comes_first_once_in_a_turn_in_changing_order() -> None:
    turns = [[first_class(0, "train", 5 * turn + place, 5) for place in range(5)] for turn in range(6)]
    assert all(sorted(turn) == [0, 1, 2, 3, 4] for turn in turns)
    assert len({tuple(turn) for turn in turns}) > 3


@pytest.mark.parametrize("normal", [0.0, 0.1, 0.3, 0.75])
def test_the_share_without_a_class_is_exact_and_the_others_keep_their_turns(normal: float) -> None:
    settings = SceneSettings(kind="surfaces", normal=normal)
    mains = [main_class(settings, "val", index, 5) for index in range(40)]
    assert mains.count(None) == round(40 * normal)
    others = [main for main in mains if main is not None]
    assert others == [first_class(0, "val", place, 5) for place in range(len(others))]


def test_labels_of_an_empty_mask_are_none() -> None:
    assert labels_of(np.zeros((4, 4), np.uint8)) == ()
    assert labels_of(np.array([[5, 2], [0, 2]], np.uint8)) == (1, 4)
