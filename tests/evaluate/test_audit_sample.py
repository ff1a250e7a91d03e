"""A random sample of the pixels of masks."""

from collections import Counter
from functools import partial

import numpy as np
import pytest

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import UInt8
from patchlearn.evaluate.audit_sample import allocate, draw_pixels, strata_of


def square(side: int, label: int, of: int = 24) -> UInt8:
    mask = np.zeros((of, of + 4), np.uint8)
    mask[2 : 2 + side, 3 : 3 + side] = label
    return mask


MASKS = [square(10, 1), square(6, 2), square(4, 1), square(0, 0)]


def draw(count: int, seed: int = 0) -> list:  # type: ignore[type-arg]
    return draw_pixels([partial(np.copy, mask) for mask in MASKS], count, seed)


def test_strata_are_the_labels_near_a_border_and_far_from_one() -> None:
    mask = np.zeros((9, 12), np.uint8)
    mask[:, 6:] = 255
    strata = strata_of(mask, near=2 / 15)  # the diagonal is 15
    assert strata[4].tolist() == [0, 0, 0, 0, 1, 1, 511, 511, 510, 510, 510, 510]
    assert strata_of(mask.T, near=2 / 15).T.tolist() == strata.tolist()
    assert not (strata_of(np.full((3, 2), 7, np.uint8)) - 14).any()
    assert strata_of(np.array([[0, 1]], np.uint8), near=1).tolist() == [[1, 3]]


def test_weights_of_a_sample_add_up_to_the_pixels_of_each_stratum() -> None:
    pixels = draw(60)
    assert len({(each.image, each.y, each.x) for each in pixels}) == 60
    kinds = {each.stratum: set() for each in pixels}  # type: ignore[var-annotated]
    for each in pixels:
        kinds[each.stratum].add(int(strata_of(MASKS[each.image])[each.y, each.x]))
    assert sorted(kinds) == list(range(1, len(kinds) + 1))
    assert all(len(found) == 1 for found in kinds.values())
    everything = np.concatenate([strata_of(mask).ravel() for mask in MASKS])
    for stratum, (kind,) in kinds.items():
        own = [each for each in pixels if each.stratum == stratum]
        assert {each.pixels for each in own} == {(everything == kind).sum()}
        assert sum(each.weight for each in own) == pytest.approx((everything == kind).sum())
        assert len(own) >= 2


def test_the_same_seed_draws_the_same_pixels_in_the_order_of_the_images() -> None:
    assert draw(40, seed=3) == draw(40, seed=3)
    assert draw(40, seed=3) != draw(40, seed=4)
    places = [(each.image, each.y, each.x) for each in draw(40)]
    assert places == sorted(places)


def test_the_number_of_a_stratum_does_not_tell_its_label() -> None:
    def label_of_first(seed: int) -> int:
        first = next(each for each in draw(40, seed) if each.stratum == 1)
        return int(strata_of(MASKS[first.image])[first.y, first.x])

    assert len({label_of_first(seed) for seed in range(12)}) > 2


def test_every_pixel_of_a_stratum_is_drawn_equally_often() -> None:
    counts: Counter[tuple[int, int, int]] = Counter()
    for seed in range(200):
        counts.update((each.image, each.y, each.x) for each in draw(60, seed))
    strata = [strata_of(mask) for mask in MASKS]
    inside = [(0, 4, 5), (2, 3, 4)]  # far from the border of the large square of class 1, and of the small one
    assert strata[0][4, 5] == 2
    kind = [(image, y, x) for image, found in enumerate(strata) for y, x in np.argwhere(found == 2)]
    drawn = np.array([counts[tuple(map(int, each))] for each in kind])  # type: ignore[index]
    expected = drawn.mean()
    assert abs(drawn - expected).max() < 5 * np.sqrt(expected)
    assert all(counts[each] for each in inside)


def test_all_pixels_can_be_drawn() -> None:
    total = sum(mask.size for mask in MASKS)
    assert {each.weight for each in draw(total)} == {1.0}
    with pytest.raises(PatchlearnError, match=f"{total + 1} pixels are more than the masks have, which is {total}"):
        draw(total + 1)
    with pytest.raises(PatchlearnError, match=r"9 pixels are too few for \d strata .* Draw \d+ or more"):
        draw(9)


def test_large_strata_have_more_but_not_in_proportion() -> None:
    found = allocate(np.array([1_000_000, 10_000, 3]), 113)
    assert found.sum() == 113
    assert found[2] == 2
    assert found[0] / found[1] == pytest.approx(10, rel=0.1)
