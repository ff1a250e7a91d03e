"""Areas, components and boxes, counted by hand and by another algorithm."""

import numpy as np
import pytest

from patchlearn.core.types import UInt8
from patchlearn.export.annotations.regions import regions
from patchlearn.inference.mask_facts import ClassFacts, class_facts


def test_numbers_by_hand() -> None:
    mask = np.zeros((6, 8), np.uint8)
    mask[1:3, 2:5] = 1
    mask[3, 5] = 1  # touches at a corner
    mask[5, 0] = 1
    mask[0, 7] = 255
    assert class_facts(mask, 2) == [
        ClassFacts(area=8, components=2, box=(0, 1, 6, 5)),
        ClassFacts(area=0, components=0, box=None),
    ]


def test_the_end_of_a_row_does_not_touch_the_beginning_of_the_next_but_one() -> None:
    mask = np.array([[0, 1], [0, 0], [1, 0]], np.uint8)
    assert class_facts(mask, 1)[0].components == 2
    assert class_facts(np.array([[0, 0, 1], [1, 0, 0]], np.uint8), 1)[0].components == 2


def test_a_full_mask_is_one_component() -> None:
    assert class_facts(np.full((3, 5), 254, np.uint8), 254)[253] == ClassFacts(area=15, components=1, box=(0, 0, 5, 3))


def spiral(size: int) -> UInt8:
    mask = np.zeros((size, size), np.uint8)
    mask[::2] = 1
    mask[1::4, -1] = 1
    mask[3::4, 0] = 1
    return mask


def test_a_long_snake_is_one_component() -> None:
    assert class_facts(spiral(101), 1)[0].components == 1


@pytest.mark.parametrize("seed", range(30))
def test_numbers_agree_with_those_of_the_annotations(seed: int) -> None:
    generator = np.random.default_rng(seed)
    mask = generator.choice([0, 1, 2, 255], generator.integers(1, 14, 2)).astype(np.uint8)
    pieces, wholes = regions(mask, "component"), {each.label: each for each in regions(mask, "class")}
    for label, found in enumerate(class_facts(mask, 3)):
        assert found.area == (mask == label + 1).sum()
        assert found.components == sum(piece.label == label for piece in pieces)
        whole = wholes.get(label)
        assert found.box == (whole and (whole.left, whole.top, *whole.inside.shape[::-1]))
