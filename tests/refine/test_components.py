"""Connected components."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from patchlearn.core.types import UInt8
from patchlearn.refine.components import component_numbers

small_masks = arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.sampled_from([0, 1, 2]))


@given(small_masks)
def test_components_are_those_of_a_flood(mask: UInt8) -> None:
    pixels = [tuple(pixel) for pixel in np.argwhere(mask == 1).tolist()]
    flooded: dict[tuple[int, ...], int] = {}
    for number, pixel in enumerate(pixels):
        waiting = [pixel]
        while waiting:
            row, column = here = waiting.pop()
            if here in pixels and here not in flooded:
                flooded[here] = number
                waiting += [(row + i, column + j) for i in (-1, 0, 1) for j in (-1, 0, 1)]
    order = sorted(set(flooded.values()))
    assert component_numbers(mask == 1).tolist() == [order.index(flooded[pixel]) for pixel in pixels]
