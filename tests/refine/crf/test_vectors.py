"""Each vector instruction against the same arithmetic in NumPy, for all numbers of lanes that `dense_crf` pads to."""

from typing import Any

import numba
import numpy as np
import pytest

from patchlearn.refine.crf.vectors import blur_row, slice_row, softmax_row, splat_row

LANES = [1, 2, 4, 8, 24]
CORNERS = (0, 0, 0)


@numba.njit
def softmax(row: Any, lanes: Any) -> None:
    softmax_row(row, lanes)


@numba.njit
def sliced(row: Any, base: Any, start: Any, table: Any, vertices: Any, weights: Any, pixel: Any, lanes: Any) -> None:
    slice_row(row, base, start, table, vertices, weights, pixel, CORNERS, lanes)


@numba.njit
def splatted(row: Any, table: Any, vertices: Any, weights: Any, pixel: Any, lanes: Any) -> None:
    splat_row(row, table, vertices, weights, pixel, CORNERS, lanes)


@numba.njit
def blurred(result: Any, table: Any, vertex: Any, before: Any, after: Any, lanes: Any) -> None:
    blur_row(result, table, vertex, before, after, lanes)


def made_up(lanes: int) -> tuple[Any, Any, Any, Any]:
    """One row, a table of six rows, and the corners and weights of two pixels."""
    rng = np.random.default_rng(lanes)
    row, table = rng.normal(size=(1, lanes)).astype(np.float32), rng.normal(size=(6, lanes)).astype(np.float32)
    vertices = np.array([[5, 0, 2], [1, 4, 3]], np.int32)
    return row, table, vertices, rng.random((2, 3), dtype=np.float32)


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("scale", [0.1, 5.0, 200.0])
def test_softmax_against_a_last_label_whose_logit_is_zero(lanes: int, scale: float) -> None:
    row = (made_up(lanes)[0] * scale).astype(np.float32)
    logits = np.append(row[0].astype(np.float64), 0.0)
    powers = np.exp(logits - logits.max())
    expected = powers / powers.sum()
    softmax(row, (0,) * lanes)
    np.testing.assert_allclose(row[0], expected[:-1] - expected[-1], atol=1e-6)


@pytest.mark.parametrize("lanes", LANES)
def test_slicing_adds_the_corners_to_the_base(lanes: int) -> None:
    row, table, vertices, weights = made_up(lanes)
    base = np.stack([row[0] + 1, row[0] + 2])
    sliced(row, base, 1, table, vertices, weights, 0, (0,) * lanes)
    expected = base[1] + weights[0] @ table[vertices[0]]
    np.testing.assert_allclose(row[0], expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("lanes", LANES)
def test_splatting_adds_the_row_to_its_corners_alone(lanes: int) -> None:
    row, table, vertices, weights = made_up(lanes)
    expected = table.copy()
    expected[vertices[1]] += weights[1][:, None] * row[0]
    splatted(row, table, vertices, weights, 1, (0,) * lanes)
    np.testing.assert_allclose(table, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(table[vertices[0]], made_up(lanes)[1][vertices[0]])


@pytest.mark.parametrize("lanes", LANES)
def test_blurring_writes_one_row(lanes: int) -> None:
    _, table, _, _ = made_up(lanes)
    result = np.zeros_like(table)
    blurred(result, table, 3, 1, 5, (0,) * lanes)
    np.testing.assert_allclose(result[3], table[3] + (table[1] + table[5]) / 2, rtol=1e-5, atol=1e-6)
    assert not result[[0, 1, 2, 4, 5]].any()
