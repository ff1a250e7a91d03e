"""Thresholds for wished rates, and exact intervals."""

from math import comb

import numpy as np
import pytest

from patchlearn.core.errors import PatchlearnError
from patchlearn.evaluate.operating_point import (
    OperatingPoint,
    Rate,
    check_rates,
    clopper_pearson,
    images_needed,
    operating_point,
)


@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    [
        (0, 100, 0.0, 0.0362),
        (100, 100, 0.9638, 1.0),
        (5, 50, 0.0333, 0.2181),
        (45, 50, 0.7819, 0.9667),
        (1, 1, 0.025, 1.0),
        (10, 20, 0.2720, 0.7280),
        (0, 0, 0.0, 1.0),
    ],
)
def test_intervals_are_those_of_the_tables(count: int, of: int, low: float, high: float) -> None:
    assert clopper_pearson(count, of) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(("count", "of"), [(0, 7), (3, 7), (6, 7), (2, 300), (150, 300), (299, 300)])
def test_the_ends_have_the_tails_of_the_binomial_distribution(count: int, of: int) -> None:
    low, high = clopper_pearson(count, of)
    at_most = sum(comb(of, hits) * high**hits * (1 - high) ** (of - hits) for hits in range(count + 1))
    assert at_most == pytest.approx(0.025, rel=1e-6)
    if count:
        at_least = sum(comb(of, hits) * low**hits * (1 - low) ** (of - hits) for hits in range(count, of + 1))
        assert at_least == pytest.approx(0.025, rel=1e-6)


def test_an_interval_of_many_images_is_narrow() -> None:
    assert clopper_pearson(1000, 100_000) == pytest.approx((0.0094, 0.0106), abs=5e-5)


def shares(negatives: list[float], positives: list[float], point: OperatingPoint) -> tuple[int, int]:
    assert point.threshold is not None
    return sum(score >= point.threshold for score in negatives), sum(score < point.threshold for score in positives)


@pytest.mark.parametrize("wished", [0.29, 0.05, 0.5, 0.003, 0.0004])
def test_the_threshold_is_the_lowest_that_keeps_the_rate(wished: float) -> None:
    negatives = [index / 2000 for index in range(1000)]
    positives = [index / 1000 for index in range(1000)]
    point = operating_point(np.array(positives), np.array(negatives), false_alarms=wished)
    found = shares(negatives, positives, point)
    assert (point.false_alarms, point.misses) == (Rate(found[0], 1000), Rate(found[1], 1000))
    most = round(1000 * wished - 0.4)  # 0.4 of an image is none
    assert found[0] == most
    assert point.threshold == pytest.approx((999 - most) / 2000 + 0.00025)  # halfway to the next score


def test_the_threshold_for_misses_is_the_highest_that_keeps_them() -> None:
    positives = np.linspace(0.5, 1, 200)
    point = operating_point(positives, np.array([0.1, 0.505, 0.9]), misses=0.1)
    assert point.misses == Rate(20, 200)
    assert positives[19] < point.threshold <= positives[20]  # type: ignore[operator]
    lowest = operating_point(np.array([0.5, 0.6]), np.array([]), misses=0.1)
    assert (lowest.threshold, lowest.misses) == (0.5, Rate(0, 2))


def test_of_equal_scores_none_or_all_are_false_alarms() -> None:
    point = operating_point(np.array([0.9]), np.array([0.2] * 90 + [0.5] * 10), false_alarms=0.05)
    assert point.false_alarms == Rate(0, 100)
    assert point.threshold == pytest.approx(0.7)


def test_above_the_highest_score_the_threshold_is_the_next_number() -> None:
    point = operating_point(np.array([0.1]), np.array([0.5, 0.25]), false_alarms=0.05)
    assert point.threshold is not None
    assert 0.5 < point.threshold < 0.500001
    assert (point.false_alarms, point.misses) == (Rate(0, 2), Rate(1, 1))


def test_where_images_without_the_class_have_the_highest_score_there_is_no_threshold() -> None:
    point = operating_point(np.array([0.9, 1.0]), np.array([1.0, 1.0, 0.5]), false_alarms=0.5)
    assert (point.threshold, point.false_alarms, point.more_without) == (None, Rate(2, 3), None)


def test_without_images_there_is_no_threshold_and_it_is_said_how_many_it_takes() -> None:
    none = np.array([])
    point = operating_point(np.array([0.9]), none, false_alarms=0.01)
    assert (point.threshold, point.false_alarms, point.more_without) == (None, Rate(0, 0), 183)
    assert point.false_alarms.share is None
    point = operating_point(none, np.array([0.9]), misses=0.01)
    assert (point.threshold, point.misses, point.more_with) == (None, Rate(0, 0), 183)
    point = operating_point(none, np.linspace(0, 0.5, 1000), false_alarms=0.1)
    assert point.threshold is not None
    assert (point.misses, point.more_with) == (Rate(0, 0), 0)


@pytest.mark.parametrize(("negatives", "more"), [(50, 133), (182, 1), (183, 0)])
def test_without_a_false_alarm_the_number_of_further_images_is_exact(negatives: int, more: int) -> None:
    scores = np.append(np.linspace(0, 0.3, negatives - 2), [0.5, 0.5])  # of two equal ones, none may be a false alarm
    point = operating_point(np.array([0.9]), scores, false_alarms=0.01)
    assert (point.false_alarms, point.more_without) == (Rate(0, negatives), more)


def test_of_a_share_of_false_alarms_it_is_told_how_many_images_make_it_sure() -> None:
    negatives = np.linspace(0, 0.5, 100)
    point = operating_point(np.array([0.9]), negatives, false_alarms=0.01)
    assert point.false_alarms == Rate(1, 100)
    assert point.more_without is not None
    again = np.linspace(0, 0.5, 100 + point.more_without)
    assert operating_point(np.array([0.9]), again, false_alarms=0.01).more_without == 0


def test_the_advice_of_a_rate_that_chooses_nothing() -> None:
    negatives = np.linspace(0, 0.5, 400)
    sure = operating_point(np.linspace(0.6, 1, 200), negatives, false_alarms=0.05, misses=0.05)
    assert (sure.more_without, sure.more_with) == (0, 0)
    unsure = operating_point(np.linspace(0.6, 1, 20), negatives, false_alarms=0.05, misses=0.05)
    assert unsure.more_with == images_needed(Rate(0, 20), 0.05) - 20
    missing = operating_point(np.linspace(0, 1, 20), negatives, false_alarms=0.05, misses=0.05)
    assert missing.more_with is None
    assert operating_point(np.linspace(0, 1, 20), negatives, false_alarms=0.05).more_with == 0


@pytest.mark.parametrize(("rate", "wished"), [(Rate(0, 3), 0.01), (Rate(1, 100), 0.01), (Rate(3, 40), 0.1)])
def test_the_number_of_images_is_enough(rate: Rate, wished: float) -> None:
    images = images_needed(rate, wished)
    count = -(-rate.count * images // rate.of)
    assert Rate(count, images).interval[1] < 2 * wished
    if not rate.count:
        assert Rate(0, images - 1).interval[1] >= 2 * wished


@pytest.mark.parametrize("rate", [0.0, 1.0, -0.1, float("nan"), 5.0])
def test_rates_that_no_images_show_are_refused(rate: float) -> None:
    with pytest.raises(PatchlearnError, match=r"^false alarms: .* above 0 and below 1"):
        check_rates(rate, None)
    with pytest.raises(PatchlearnError, match=r"^misses: .* above 0 and below 1"):
        operating_point(np.array([0.5]), np.array([0.5]), misses=rate)


def test_a_rate_is_wished() -> None:
    with pytest.raises(PatchlearnError, match="no rate is wished"):
        check_rates(None, None)


def test_a_share_that_is_kept_exactly_is_kept() -> None:
    assert int(100 * 0.29) == 28
    point = operating_point(np.array([0.9]), np.linspace(0, 0.5, 100), false_alarms=0.29)
    assert point.false_alarms == Rate(29, 100)
