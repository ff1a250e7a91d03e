"""Regions and polygons are the mask again, pixel for pixel."""

from typing import Any

import numpy as np
import pytest
from annotated_masks import known
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from matplotlib.path import Path as Curve

from patchlearn.core.types import UInt8
from patchlearn.export.annotations.regions import regions

small_masks = arrays(
    np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.sampled_from([0, 1, 2, 255])
)


@given(small_masks)
def test_regions_are_the_mask_again(mask: UInt8) -> None:
    for per in ("component", "class"):
        again = np.zeros_like(mask)
        for region in regions(mask, per):
            assert not again[region.full()].any()
            again[region.full()] = region.label + 1
            assert region.inside.any(axis=0)[[0, -1]].all()
            assert region.inside.any(axis=1)[[0, -1]].all()
        np.testing.assert_array_equal(again, known(mask))


@given(small_masks)
def test_polygons_hold_the_centres_of_their_pixels_and_no_others(mask: UInt8) -> None:
    rows, columns = np.indices(mask.shape)
    centres = np.stack([columns.ravel(), rows.ravel()], axis=1) + 0.5
    for per in ("component", "class"):
        for region in regions(mask, per):
            within = [Curve(np.vstack([ring, ring[:1]])).contains_points(centres) for ring in region.polygons()]
            np.testing.assert_array_equal(np.sum(within, axis=0).reshape(mask.shape), region.full())


def test_polygons_are_small_where_the_outline_is_plain() -> None:
    [region] = regions(np.ones((40, 60), np.uint8), "component")
    assert [len(corners) for corners in region.polygons()] == [8]


def test_many_holes_are_cut_without_deep_recursion() -> None:
    mask = np.ones((5, 2001), np.uint8)
    mask[2, 1::2] = 0
    [region] = regions(mask, "class")
    area = sum(polygon_area(corners) for corners in region.polygons())
    assert area == pytest.approx(mask.sum(), rel=0.25)


def polygon_area(corners: Any) -> float:
    x, y = corners.T
    return abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2
