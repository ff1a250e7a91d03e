"""Score maps whose areas agree with stated sizes."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from patchlearn.core.types import ClassSize, Float32, ScoreMaps
from patchlearn.refine.components import component_numbers
from patchlearn.refine.sizes import sized

TENTHS = np.arange(11, dtype=np.float32) / 10
distinct_maps = st.permutations(range(1, 61)).map(lambda order: np.array(order, np.float32).reshape(6, 10) / 60)


def maps(scores: Any, classes: tuple[int, ...] = (0,), unknown: tuple[int, ...] = ()) -> ScoreMaps:
    scores = np.array(scores, np.float32).reshape(len(classes), -1, np.shape(scores)[-1])
    return ScoreMaps(scores=scores, classes=classes, size=scores.shape[1:], unknown=unknown)


def area(found: ScoreMaps, threshold: float, place: int = 0) -> int:
    return int((found.scores[place] > np.float32(threshold)).sum())


@pytest.mark.parametrize(
    "sizes", [(), (None,), (ClassSize(),), (ClassSize(least=0.1, most=0.7),), (ClassSize(least=7 / 11, most=7 / 11),)]
)
def test_what_is_within_its_bounds_is_not_touched(sizes: tuple[ClassSize | None, ...]) -> None:
    given = maps(TENTHS)  # 7 of 11 are above 0.35
    assert sized(given, 0.35, sizes) is given


def test_exact_values_when_a_map_shrinks() -> None:
    """The 3 largest of 0, 0.1, …, 1 remain: the knot is 0.75, halfway between 0.7 and 0.8, and becomes 0.35."""
    found = sized(maps(TENTHS), 0.35, (ClassSize(most=3, unit="pixels"),))
    low = TENTHS[:8] * 0.35 / 0.75
    high = 0.35 + (TENTHS[8:] - 0.75) * 0.65 / 0.25
    np.testing.assert_allclose(found.scores[0, 0], [*low, *high], atol=1e-6)
    assert found.scores[0, 0, [0, -1]].tolist() == [0, 1]


def test_exact_values_when_a_map_grows() -> None:
    found = sized(maps(TENTHS), 0.75, (ClassSize(least=8, unit="pixels"),))  # 0.3 and more: the knot is 0.25
    np.testing.assert_allclose(found.scores[0, 0, :3], TENTHS[:3] * 0.75 / 0.25, atol=1e-6)
    np.testing.assert_allclose(found.scores[0, 0, 3:], 0.75 + (TENTHS[3:] - 0.25) * 0.25 / 0.75, atol=1e-6)


def test_multiples_of_the_threshold_and_halfway_points_mean_the_same_as_at_the_knot() -> None:
    fine = np.linspace(0, 1, 10001, dtype=np.float32)
    found = sized(maps(fine), 0.4, (ClassSize(most=0.3),)).scores[0, 0]
    for before, after in ((0.7 * 0.75, 0.4 * 0.75), ((0.7 + 1) / 2, (0.4 + 1) / 2)):
        assert found[np.abs(fine - before).argmin()] == pytest.approx(after, abs=1e-3)


@given(distinct_maps, st.floats(0, 0.99), st.integers(1, 60), st.integers(0, 20))
def test_the_area_is_at_the_nearer_bound_and_the_order_stays(
    scores: Float32, threshold: float, least: int, more: int
) -> None:
    most = min(least + more, 60)
    before = maps(scores)
    found = sized(before, threshold, (ClassSize(least=least / 60, most=most / 60),))
    assert area(found, threshold) == min(max(area(before, threshold), least), most)
    assert (np.diff(found.scores.ravel()[scores.ravel().argsort()]) >= 0).all()
    assert found.scores.min() >= 0
    assert found.scores.max() == 1


@pytest.mark.parametrize(
    ("scores", "size", "expected"),
    [
        ([0.9, 0.6, 0.6, 0.6, 0.1], ClassSize(most=0.4), 1),  # 4 would be too many
        ([0.9, 0.3, 0.3, 0.3, 0.1], ClassSize(least=0.4), 4),  # 1 would be too few
        ([0.9, 0.9, 0.9, 0.3, 0.1], ClassSize(most=0.2), 3),  # a class does not vanish
        ([0.9, 0.6, 0.2, 0.2, 0.1], ClassSize(most=0.1), 1),  # below one pixel: nor here
        ([0.9, 0.0, 0.0, 0.0, 0.1], ClassSize(least=0.8), 2),  # no score, no class
        ([0.0, 0.0, 0.0, 0.0, 0.0], ClassSize(least=0.8), 0),
        ([0.1, 0.1, 0.1, 0.1, 0.1], ClassSize(least=0.8), 5),
        ([1.0, 1.0, 1.0, 1.0, 1.0], ClassSize(most=0.8), 5),
        ([0.9, 0.6, 0.2, 0.2, 0.1], ClassSize(least=100, unit="pixels"), 5),
    ],
)
def test_ties_and_limits(scores: list[float], size: ClassSize, expected: int) -> None:
    assert area(sized(maps(scores), 0.5, (size,)), 0.5) == expected


@pytest.mark.parametrize(("threshold", "size"), [(0.2, ClassSize(most=0.25)), (0.6, ClassSize(least=0.25))])
def test_neighbouring_floats_do_not_change_sides(threshold: float, size: ClassSize) -> None:
    low = np.float32(0.3)
    high = np.nextafter(low, np.float32(1))
    found = sized(maps([high, low, low, 0.1]), threshold, (size,))
    assert (found.scores[0, 0] > np.float32(threshold)).tolist() == [True, False, False, False]


@pytest.mark.parametrize("pixels", range(1, 43))  # 7 / 43 * 43 is above 7, 23 / 43 * 43 below 23
def test_whole_pixels_stay_whole_as_shares(pixels: int) -> None:
    for size in (ClassSize(least=pixels, most=pixels, unit="pixels"), ClassSize(least=pixels / 43, most=pixels / 43)):
        for threshold in (0.01, 0.99):  # too many, too few
            assert area(sized(maps(np.arange(1, 44) / 44), threshold, (size,)), threshold) == pixels


def test_what_rounding_put_above_one_is_one() -> None:
    above = np.float32(1 + 1e-6)
    found = sized(maps([above, 1.0, 0.5, 0.0]), 0.2, (ClassSize(most=0.25),)).scores[0, 0]
    np.testing.assert_array_equal(found[[0, 1, 3]], [1, 1, 0])
    assert found[2] < 0.2


def test_a_coarse_map_is_judged_at_the_size_of_its_image() -> None:
    generator = np.random.default_rng(0)
    coarse = ScoreMaps(scores=generator.random((1, 6, 8), dtype=np.float32), classes=(2,), size=(24, 32))
    sizes = (None, None, ClassSize(least=100, most=110, unit="pixels"))
    found = sized(coarse, 0.3, sizes)
    assert found.scores.shape == (1, 24, 32)
    assert area(found, 0.3) == 110


def test_each_class_has_its_own_size_and_unknown_ones_have_none() -> None:
    given = maps(np.stack([TENTHS, TENTHS, TENTHS[::-1], TENTHS]), classes=(1, 2, 4, 5), unknown=(1, 4))
    size = ClassSize(most=2, unit="pixels")
    found = sized(given, 0.35, (size, size, size, None, size, None))
    assert (found.classes, found.unknown) == ((1, 2, 5), (1,))
    assert [area(found, 0.35, place) for place in range(3)] == [11, 2, 7]
    np.testing.assert_array_equal(found.label_maps()[1:], given.label_maps()[1:])
    assert found.mask_values == given.mask_values == (3, 6, 255)


ONE = (ClassSize(count="one"),)


def test_of_one_thing_the_component_with_the_largest_total_remains() -> None:
    given = maps([0.9, 0.2, 0.6, 0.8, 0.6, 0.0, 0.7])
    found = sized(given, 0.5, ONE).scores[0, 0]
    np.testing.assert_array_equal(found, np.array([0.2, 0.2, 0.6, 0.8, 0.6, 0.0, 0.0], np.float32))


def test_one_thing_stays_one_while_it_grows_and_shrinks() -> None:
    given = maps([0.9, 0.2, 0.6, 0.8, 0.55, 0.7, 0.0])
    grown = sized(given, 0.5, (ClassSize(least=6 / 7, count="one"),)).scores[0, 0]
    assert (grown > 0.5).tolist() == [True, True, True, True, True, True, False]
    shrunk = sized(given, 0.5, (ClassSize(most=2 / 7, count="one"),)).scores[0, 0]
    assert (shrunk > 0.5).tolist() == [False, False, True, True, False, False, False]  # not 0.7, behind 0.55


@given(
    arrays(np.float32, (5, 6), elements=st.sampled_from([0, 0.2, 0.4, 0.6, 0.8, 1])),
    st.sampled_from([0.0, 0.3, 0.5]),
    st.integers(1, 30),
    st.integers(1, 30),
)
def test_one_thing_is_connected_at_every_threshold(scores: Float32, threshold: float, one: int, other: int) -> None:
    size = ClassSize(least=min(one, other), most=max(one, other), unit="pixels", count="one")
    found = sized(maps(scores), threshold, (size,)).scores[0]
    for level in (threshold, threshold * 0.75, (threshold + 1) / 2):
        assert component_numbers(found > level).max(initial=0) == 0
    assert (found > 0).any() == (scores > 0).any()
