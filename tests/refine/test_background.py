from dataclasses import replace

import numpy as np
import pytest

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import ClassSize, Float32, ScoreMaps, UInt8
from patchlearn.refine import (
    BackgroundRule,
    ConfidentRegions,
    background,
    background_threshold,
    confident_regions,
    within_sizes,
)
from patchlearn.refine.settings import RULES


def maps(values: np.ndarray) -> ScoreMaps:  # type: ignore[type-arg]
    return ScoreMaps(scores=values[None].astype(np.float32), classes=(0,), size=values.shape)


def test_power_is_where_the_background_score_meets_the_foreground() -> None:
    for power in (1.0, 4.0, 32.0):
        threshold = background_threshold(maps(np.zeros((2, 2))), BackgroundRule(rule="power", power=power))
        assert threshold == pytest.approx((1 - threshold) ** power, abs=1e-9)


def test_otsu_is_the_best_of_all_thresholds() -> None:
    generator = np.random.default_rng(0)
    values = np.clip(np.concatenate([generator.normal(0.2, 0.1, 3000), generator.normal(0.7, 0.1, 1000)]), 0, 1)
    threshold = background_threshold(maps(values.reshape(40, 100)), BackgroundRule(rule="otsu"))

    def spread(at: float) -> float:
        low, high = values[values <= at], values[values > at]
        return len(low) * len(high) * (low.mean() - high.mean()) ** 2 if len(low) and len(high) else 0.0

    candidates = np.linspace(0.01, 0.99, 197)
    assert threshold == pytest.approx(candidates[np.argmax([spread(at) for at in candidates])], abs=0.01)


@pytest.mark.parametrize("values", [np.zeros((3, 3)), np.ones((3, 3)), np.full((1, 1), 0.5)])
@pytest.mark.parametrize("rule", ["fixed", "power", "otsu"])
def test_flat_maps_have_a_threshold_too(values: np.ndarray, rule: str) -> None:  # type: ignore[type-arg]
    assert 0 <= background_threshold(maps(values), BackgroundRule(rule=rule)) <= 1


def test_an_image_without_classes_has_a_threshold_too() -> None:
    empty = ScoreMaps(scores=np.zeros((0, 2, 2), np.float32), classes=(), size=(8, 8))
    assert background_threshold(empty, BackgroundRule(rule="otsu", threshold=0.3)) == 0.3


def test_every_rule_of_the_settings_has_a_threshold() -> None:
    assert set(background._RULES) == set(RULES)


def test_what_only_the_low_threshold_finds_is_undecided() -> None:
    """Left background, in the middle a weak response, at the right a strong one; every third of its own colour."""
    colours = np.array([[0, 0, 0], [120, 90, 60], [250, 240, 200]], np.uint8)
    image = np.repeat(colours, 12, axis=0)[None].repeat(24, axis=0)
    scores = np.repeat(np.array([0.05, 0.5, 0.95], np.float32), 12)[None, None].repeat(24, axis=1)
    third = ScoreMaps(scores=scores, classes=(4,), size=(24, 36))
    rule = BackgroundRule(rule="fixed", threshold=0.5)
    regions = confident_regions(image, third, rule, ConfidentRegions(high=1.25, low=0.75))
    np.testing.assert_array_equal(regions, np.repeat([0, 255, 5], 12)[None].repeat(24, axis=0))


def test_what_is_no_number_is_neither_background_nor_foreground() -> None:
    unknown = maps(np.array([[0.1, np.nan]]))
    with pytest.raises(PatchlearnError, match="score maps: 1 values are infinite or not a number"):
        background_threshold(unknown, BackgroundRule())
    with pytest.raises(PatchlearnError, match="score maps: 1 values"):
        confident_regions(np.zeros((1, 2, 3), np.uint8), unknown, BackgroundRule(), ConfidentRegions())


def test_otsu_counts_what_rounding_put_above_one() -> None:
    scores = np.repeat(np.array([0.05, 0.25, 1.0], np.float32), 50)
    above = scores * np.float32(1 + 1e-6)
    assert above.max() > 1
    assert background_threshold(maps(above[None]), BackgroundRule()) > 0.3


def test_some_pixels_stay_confident_however_high_the_threshold() -> None:
    image = np.array([[[0, 0, 0], [255, 255, 255]]], np.uint8)
    rule = BackgroundRule(rule="fixed", threshold=0.9)
    settings = ConfidentRegions(high=1.25)
    assert confident_regions(image, maps(np.array([[0.0, 1.0]])), rule, settings).tolist() == [[0, 1]]


@pytest.mark.parametrize("rule", RULES)
def test_the_threshold_is_that_of_the_judged_classes(rule: str) -> None:
    scores = np.random.default_rng(0).random((2, 6, 8), np.float32) ** np.float32([[[3]], [[0.2]]])
    both, settings = ScoreMaps(scores=scores, classes=(0, 4), size=(6, 8), unknown=(4,)), BackgroundRule(rule=rule)
    known, other = (ScoreMaps(scores=scores[[row]], classes=(row,), size=(6, 8)) for row in (0, 1))
    assert background_threshold(both, settings) == background_threshold(known, settings)
    alone = replace(other, unknown=other.classes)
    assert background_threshold(alone, settings) == background_threshold(other, settings)


def thirds(*scores: tuple[float, float, float]) -> tuple[UInt8, Float32]:
    """An image of three colours from left to right, 24×36, and maps that are constant in each third of it."""
    colours = np.array([[0, 0, 0], [120, 90, 60], [250, 240, 200]], np.uint8)
    maps = np.repeat(np.array(scores, np.float32)[:, None], 12, axis=2).repeat(24, axis=1)
    return np.repeat(colours, 12, axis=0)[None].repeat(24, axis=0), maps


def test_where_an_unknown_class_wins_nothing_is_confident() -> None:
    """In the middle it is the strongest, at the right it is above the threshold but weaker than the known class."""
    image, scores = thirds((0.05, 0.1, 0.95), (0.05, 0.9, 0.8))
    found = ScoreMaps(scores=scores, classes=(2, 4), size=(24, 36), unknown=(4,))
    regions = confident_regions(image, found, BackgroundRule(rule="fixed", threshold=0.5), ConfidentRegions())
    np.testing.assert_array_equal(regions, np.repeat([0, 255, 3], 12)[None].repeat(24, axis=0))


def test_an_image_without_labels_is_background_only_where_no_unknown_class_may_be() -> None:
    image, scores = thirds((0.05, 0.5, 0.95))
    found = ScoreMaps(scores=scores, classes=(4,), size=(24, 36), unknown=(4,))
    regions = confident_regions(image, found, BackgroundRule(rule="fixed", threshold=0.5), ConfidentRegions())
    np.testing.assert_array_equal(regions, np.repeat([0, 255, 255], 12)[None].repeat(24, axis=0))


@pytest.mark.parametrize("level", [0.0, 0.3])
def test_the_crf_takes_no_class_all_its_confident_pixels(level: float) -> None:
    """A line of one pixel and a square of 5×5 on a plain surface; the CRF alone erases the line."""
    scores = np.full((2, 40, 40), level, np.float32)
    scores[0, 20, 4:36], scores[1, 30:35, 4:9] = 1, 1
    found = ScoreMaps(scores=scores, classes=(0, 3), size=(40, 40))
    plain = np.full((40, 40, 3), 120, np.uint8)
    free = confident_regions(plain, found, BackgroundRule(growth=None), ConfidentRegions())
    assert not (free == 1).any()
    bounded = confident_regions(plain, found, BackgroundRule(growth=2.0), ConfidentRegions())
    for value, pixels in ((1, 32), (4, 25)):
        assert pixels / 2 <= (bounded == value).sum() <= 2 * pixels
    assert (bounded == 0).sum() > 800


def test_what_the_crf_floods_is_not_confident() -> None:
    scores = np.full((1, 40, 40), 0.1, np.float32)
    scores[0, :22] = 1
    found = ScoreMaps(scores=scores, classes=(0,), size=(40, 40))
    plain = np.full((40, 40, 3), 120, np.uint8)
    free = confident_regions(plain, found, BackgroundRule(growth=None), ConfidentRegions())
    assert (free == 1).all()
    bounded = confident_regions(plain, found, BackgroundRule(growth=2.0), ConfidentRegions())
    assert (bounded == 1).sum() >= 440
    assert (bounded == 0).sum() >= 360


@pytest.mark.parametrize("rule", RULES)
def test_areas_are_within_their_sizes_at_the_threshold_of_the_maps_as_they_were(rule: str) -> None:
    given = maps(np.random.default_rng(0).random((20, 30)) ** 2)
    settings = BackgroundRule(rule=rule, threshold=0.4)
    threshold = background_threshold(given, settings)
    found, fixed = within_sizes(given, settings, (ClassSize(most=0.05),))
    assert background_threshold(found, fixed) == threshold
    assert (found.scores > np.float32(threshold)).sum() == 30
    kept, fixed = within_sizes(given, settings, (ClassSize(most=1.0),))
    assert kept is given
    assert background_threshold(kept, fixed) == threshold


@pytest.mark.parametrize("sizes", [(), (None, None)])
def test_without_sizes_maps_and_rule_are_those_given(sizes: tuple[None, ...]) -> None:
    given, settings = maps(np.eye(3)), BackgroundRule()
    assert within_sizes(given, settings, sizes) == (given, settings)


def test_confident_regions_are_those_of_maps_within_their_sizes() -> None:
    """Of a weak and a strong third, the strong one alone may be the object; the weak one is then background."""
    image, scores = thirds((0.05, 0.6, 0.95))
    found = ScoreMaps(scores=scores, classes=(1,), size=(24, 36))
    rule, settings = BackgroundRule(rule="fixed", threshold=0.4), ConfidentRegions()
    values = [
        confident_regions(image, found, rule, settings, sizes)[0, [0, 18, 30]].tolist()
        for sizes in ((), (ClassSize(most=0.1), None), (None, ClassSize(most=0.4)), (None, ClassSize(least=0.9)))
    ]
    assert values == [[0, 2, 2], [0, 2, 2], [0, 255, 2], [255, 2, 2]]


@pytest.mark.parametrize("growth", [None, 3.0])
def test_sizes_leave_the_bound_of_the_refinement_as_it_is(growth: float | None) -> None:
    given = maps(np.random.default_rng(0).random((20, 30)))
    assert within_sizes(given, BackgroundRule(growth=growth), (ClassSize(most=0.05),))[1].growth == growth
