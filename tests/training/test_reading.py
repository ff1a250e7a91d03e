"""Which reading is chosen, from the tags alone."""

import pytest

from patchlearn.training.reading import choice


@pytest.mark.parametrize(
    ("local", "whole", "chance", "use"),
    [
        (0.99, 1.0, 0.4, "cells"),
        (0.60, 0.45, 0.1, "cells"),  # single cells tell more than the whole
        (0.66, 0.93, 0.21, "classifier"),
        (0.30, 0.93, 0.21, "classifier"),
        (0.21, 0.21, 0.21, "classifier"),  # nothing tells anything
    ],
)
def test_cells_are_read_where_they_tell_as_much_as_the_whole(
    local: float, whole: float, chance: float, use: str
) -> None:
    facts = choice(local, whole, chance)
    assert facts["use"] == use
    assert f"{local:.2f}" in facts["why"]


def test_a_set_too_small_to_judge_has_ordinary_maps() -> None:
    facts = choice(float("nan"), float("nan"), 0.5)
    assert facts["use"] == "classifier"
    assert "no image with a tag is left" in facts["why"]
