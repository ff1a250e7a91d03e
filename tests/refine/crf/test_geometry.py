import numpy as np
import pytest
from numpy.typing import NDArray

from patchlearn.core.errors import PatchlearnError
from patchlearn.refine.crf.geometry import (
    Row,
    empty_row,
    lattice_fields,
    lattice_origin,
    lattice_scales,
    place_row,
)

WIDTH = 40


def placed(dimensions: int) -> tuple[NDArray[np.float32], Row, NDArray[np.float32]]:
    """Features of one row, its positions and its weights."""
    features = np.random.default_rng(dimensions).normal(0, 3, (dimensions, 1, WIDTH)).astype(np.float32)
    corners = (0,) * (dimensions + 1)
    row, weights = empty_row(WIDTH, corners), np.empty((WIDTH, dimensions + 1), np.float32)
    scales, origin, fields = lattice_scales(dimensions), lattice_origin(features), lattice_fields(dimensions)
    place_row(features[:, 0], scales, origin, fields, row, weights, corners)
    return features[:, 0], row, weights


def simplex(row: Row, x: int) -> NDArray[np.int64]:
    """The corners of one pixel: the next is 1 higher in every coordinate, but D lower in that of the next rank."""
    corners = [row.base[:, x].astype(np.int64)]
    for coordinate in row.coordinates[:0:-1, x]:
        corners.append(corners[-1] + 1 - (len(row.base)) * (np.arange(len(row.base)) == coordinate))
    return np.array(corners)


@pytest.mark.parametrize("dimensions", [2, 3, 5])
def test_pixels_are_where_their_weights_say_within_their_simplex(dimensions: int) -> None:
    _, row, weights = placed(dimensions)
    np.testing.assert_allclose(weights.sum(1), 1, atol=1e-5)
    assert weights.min() > -1e-5
    for x in range(WIDTH):
        corners = simplex(row, x)
        assert (corners.sum(1) == 0).all()
        assert all(len(set(corner % (dimensions + 1))) == 1 for corner in corners)  # points of the lattice
        np.testing.assert_allclose(weights[x] @ corners, row.elevated[:, x], atol=1e-4)


@pytest.mark.parametrize("dimensions", [2, 3, 5])
def test_the_plane_keeps_distances_up_to_one_factor(dimensions: int) -> None:
    features, row, _ = placed(dimensions)
    apart = np.linalg.norm(features - features[:, :1], axis=0)[1:]
    elevated = np.linalg.norm(row.elevated - row.elevated[:, :1], axis=0)[1:]
    np.testing.assert_allclose(elevated / apart, np.sqrt(2 / 3) * (dimensions + 1), rtol=1e-4)


@pytest.mark.parametrize("dimensions", [2, 5])
def test_keys_name_first_corners(dimensions: int) -> None:
    _, row, _ = placed(dimensions)
    corners = {tuple(row.base[:, x].tolist()) for x in range(WIDTH)}
    keys = {(tuple(row.base[:, x].tolist()), int(row.keys[x])) for x in range(WIDTH)}
    assert len(keys) == len(corners) == len(set(row.keys.tolist()))
    assert row.keys.min() > 0


def test_the_origin_is_below_all_corners() -> None:
    features, row, _ = placed(3)
    origin = lattice_origin(features[:, None])
    assert (row.base >= origin[:, None] + 4).all()


def test_features_that_span_too_many_cells_are_refused() -> None:
    """Twelve bits for each of five coordinates, minus a margin of 18 cells on both sides."""
    features = np.zeros((5, 1, 2), np.float32)
    features[4, 0, 1] = 4059 / (5 * lattice_scales(5)[4])
    lattice_origin(features)
    features[4, 0, 1] = 4061 / (5 * lattice_scales(5)[4])
    with pytest.raises(PatchlearnError, match=r"^dense CRF: .* span 4061 cells of the lattice, more than 4060"):
        lattice_origin(features)
