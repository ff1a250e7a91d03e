"""The estimated mIoU rises and falls with what it rests on."""

import pytest

from patchlearn.evaluate.estimate import FLAGGED, estimate

GOOD = {"again": 0.7, "halves": 0.6, "found": 0.95, "missed": 0.2}


@pytest.mark.parametrize(("name", "better"), [("again", 0.9), ("found", 1.0), ("missed", 0.0)])
def test_it_is_monotone(name: str, better: float) -> None:
    assert (
        estimate(**{**GOOD, name: better}).miou >= estimate(**GOOD).miou >= estimate(**{**GOOD, name: 1 - better}).miou
    )


def test_it_lies_in_its_interval_and_both_in_range() -> None:
    for values in ((0.0, 0.0, 0.0, 1.0), (0.5, 0.5, 0.5, 0.5), (1.0, 1.0, 1.0, 0.0)):
        found = estimate(*values)
        assert 0 <= found.low <= found.miou <= found.high <= 1
        assert found.is_flagged == (found.miou < FLAGGED)
