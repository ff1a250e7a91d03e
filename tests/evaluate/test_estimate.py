"""The estimated mIoU rises and falls with what it rests on."""

import pytest

from patchlearn.evaluate.estimate import FLAGGED, MOST_WHERE_TOLD, estimate

GOOD = {"halves": 0.6, "found": 0.95, "missed": 0.3, "told": 0.0}


@pytest.mark.parametrize(
    ("name", "worse", "better"), [("halves", 0.5, 0.9), ("found", 0.3, 1.0), ("missed", 0.8, 0.25)]
)
def test_it_is_monotone(name: str, worse: float, better: float) -> None:
    assert estimate(**{**GOOD, name: better}).miou > estimate(**GOOD).miou > estimate(**{**GOOD, name: worse}).miou


def test_surroundings_that_tell_most_classes_set_a_limit() -> None:
    best = {"halves": 1.0, "found": 1.0, "missed": 0.0}
    assert estimate(**best, told=0.4).miou > estimate(**best, told=0.6).miou == MOST_WHERE_TOLD
    assert estimate(**GOOD).miou == estimate(**{**GOOD, "told": 1.0}).miou


# Measured (docs/log/trust.md): what halves, found, missed and told were, and the true mIoU.
KNOWN = [
    ((0.55, 0.99, 0.63, 0.0), 0.21),
    ((0.37, 0.30, 0.00, 1.0), 0.28),
    ((0.21, 0.14, 0.00, 1.0), 0.21),
    ((0.51, 0.53, 0.00, 1.0), 0.34),
    ((0.25, 0.33, 0.45, 0.0), 0.29),
    ((0.85, 0.93, 0.00, 1.0), 0.65),
    ((0.60, 0.90, 0.18, 0.0), 0.73),
    ((0.72, 1.00, 0.17, 0.0), 0.653),
]


@pytest.mark.parametrize(("measures", "truth"), KNOWN)
def test_what_is_useless_is_flagged_and_what_is_good_is_not(measures: tuple[float, ...], truth: float) -> None:
    found = estimate(*measures)
    assert found.is_flagged == (truth < 0.4)
    assert found.low <= truth <= found.high


def test_it_lies_in_its_interval_and_both_in_range() -> None:
    for values in ((0.0, 0.0, 1.0, 1.0), (0.5, 0.5, 0.5, 0.5), (1.0, 1.0, 0.0, 0.0)):
        found = estimate(*values)
        assert 0 <= found.low <= found.miou <= found.high <= 1
        assert found.is_flagged == (found.miou < FLAGGED)
