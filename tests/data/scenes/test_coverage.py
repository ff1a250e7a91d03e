"""The share of every pixel that shapes cover."""

import numpy as np
import pytest

from patchlearn.data.scenes.coverage import covered
from patchlearn.data.scenes.drawing import ellipse


def test_coverage_has_the_area_of_the_shape_and_smooth_edges() -> None:
    coverage = covered(40, [ellipse(18.3, 21.6, 12.0, 7.0, 0.4)])
    assert coverage.sum() == pytest.approx(np.pi * 12 * 7, rel=0.05)
    assert coverage.max() == 1.0
    assert ((coverage > 0) & (coverage < 1)).sum() > 40


def test_coverage_lies_where_the_shape_lies() -> None:
    coverage = covered(40, [ellipse(10.0, 25.0, 4.0, 4.0)])
    rows, columns = np.nonzero(coverage >= 0.5)
    assert (columns.mean() + 0.5, rows.mean() + 0.5) == pytest.approx((10.0, 25.0), abs=0.1)


def test_shapes_that_overlap_cover_once_and_what_lies_outside_is_cut_off() -> None:
    twice = covered(20, [ellipse(0.0, 10.0, 6.0, 6.0), ellipse(0.0, 10.0, 6.0, 6.0)])
    assert np.array_equal(twice, covered(20, [ellipse(0.0, 10.0, 6.0, 6.0)]))
    assert twice.sum() == pytest.approx(np.pi * 36 / 2, rel=0.08)
