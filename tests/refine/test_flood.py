"""How high a way leads from one pixel to another."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from patchlearn.core.types import Float32
from patchlearn.refine.components import component_numbers
from patchlearn.refine.flood import flooded

small_maps = arrays(
    np.float32, st.tuples(st.integers(1, 7), st.integers(1, 7)), elements=st.sampled_from([0, 0.25, 0.5, 0.75, 1])
)


def test_what_is_reached_only_through_low_scores_falls_to_them() -> None:
    scores = np.array([[1.0, 0.25, 0.5], [0.0, 0.0, 0.0], [0.0, 0.0, 0.75]], np.float32)
    assert flooded(scores, (0, 0)).tolist() == [[1, 0.25, 0.25], [0, 0, 0], [0, 0, 0]]
    assert flooded(scores, (2, 2)).tolist() == [[0, 0, 0], [0, 0, 0], [0, 0, 0.75]]


def test_corners_connect() -> None:
    assert flooded(np.eye(3, dtype=np.float32), (0, 0)).tolist() == np.eye(3).tolist()


@given(small_maps, st.data())
def test_every_level_is_the_component_of_the_start(scores: Float32, data: st.DataObject) -> None:
    start = tuple(data.draw(st.integers(0, side - 1)) for side in scores.shape)
    found = flooded(scores, (start[0], start[1]))
    for level in (0.25, 0.5, 0.75, 1):
        numbers = np.full(scores.shape, -1)
        numbers[scores >= level] = component_numbers(scores >= level)
        expected = (numbers == numbers[start]) & (numbers >= 0)
        np.testing.assert_array_equal(found >= level, expected)
