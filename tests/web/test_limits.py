"""Limits check themselves."""

import pytest

from patchlearn.core.errors import PatchlearnError
from patchlearn.web.limits import Limits


def test_limits_are_in_units_of_their_own() -> None:
    limits = Limits(megabytes=0.5, megapixels=1.5)
    assert (limits.bytes, limits.pixels) == (500_000, 1_500_000)


@pytest.mark.parametrize("wrong", [{"megabytes": 0}, {"megapixels": -1}, {"images": 0}, {"waiting": 0}, {"kept": 0}])
def test_a_limit_of_nothing_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(PatchlearnError, match=f"^{next(iter(wrong))}"):
        Limits(**wrong)  # type: ignore[arg-type]
