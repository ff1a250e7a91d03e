import numpy as np
import pytest

from patchlearn.refine.crf.features import colour_features
from patchlearn.refine.crf.lattice import FIRST_CAPACITY, blur, build_lattice
from patchlearn.refine.settings import PRESETS


def test_the_filter_is_the_gaussian_it_stands_for() -> None:
    """The lattice approximates the kernel: far from the border an impulse spreads like exp(−d²/2)."""
    side, deviation = 61, 5.0
    rows, columns = np.mgrid[:side, :side].astype(np.float32) / deviation
    lattice = build_lattice(np.stack([columns, rows]))
    table = np.zeros((lattice.neighbours.shape[1] + 1, 1), np.float32)
    middle = side * (side // 2) + side // 2
    np.add.at(table[:, 0], lattice.vertices[middle], lattice.weights[middle])
    blurred, _ = blur(table, np.empty_like(table), lattice.neighbours, (0,))
    spread = (blurred[lattice.vertices, 0] * lattice.weights).sum(1).reshape(side, side)
    distance = (rows - rows[side // 2, 0]) ** 2 + (columns - columns[0, side // 2]) ** 2
    kernel = np.exp(-distance / 2)
    assert np.corrcoef(spread.ravel(), kernel.ravel())[0, 1] > 0.99


def test_strength_scales_the_filter_and_the_normalised_filter_keeps_ones() -> None:
    features = np.random.default_rng(0).random((3, 9, 7), np.float32) * 0
    lattice = build_lattice(features, strength=2.5)
    table = np.zeros((lattice.neighbours.shape[1] + 1, 1), np.float32)
    np.add.at(table[:, 0], lattice.vertices, lattice.weights)
    blurred, _ = blur(table, np.empty_like(table), lattice.neighbours, (0,))
    np.testing.assert_allclose((blurred[lattice.vertices, 0] * lattice.weights).sum(1), 2.5, rtol=1e-5)


def test_neighbours_are_mutual_and_at_most_one_in_each_direction() -> None:
    image = np.random.default_rng(0).integers(0, 256, (12, 15, 3), dtype=np.uint8)
    lattice = build_lattice(colour_features(image, PRESETS["segmenter"]))
    count = lattice.neighbours.shape[1]
    assert lattice.vertices.min() == 0
    assert lattice.vertices.max() == count - 1
    assert len(np.unique(lattice.vertices)) == count
    for direction in lattice.neighbours:
        vertices = np.flatnonzero(direction[:, 0] < count)
        assert len(vertices)
        np.testing.assert_array_equal(direction[direction[vertices, 0], 1], vertices)
        assert (direction < count).sum() == 2 * len(vertices)


@pytest.mark.parametrize("width", [1, 3000])
def test_the_table_of_vertices_grows_and_keeps_its_content(width: int) -> None:
    """Columns, and groups of three rows, are far apart: each has its own simplex of three vertices."""
    features = np.zeros((2, 9, width), np.float32)
    features[0], features[1] = 9 * np.arange(width), 9 * (np.arange(9) // 3)[:, None]
    vertices = build_lattice(features).vertices.reshape(3, 3, width, 3)
    assert len(np.unique(vertices)) == 3 * 3 * width
    np.testing.assert_array_equal(vertices, np.broadcast_to(vertices[:, :1], vertices.shape))
    assert (2 * 3 * 3 * width > FIRST_CAPACITY) == (width == 3000)


def test_blurring_spreads_a_half_to_each_neighbour_and_nothing_to_missing_ones() -> None:
    """A line of three vertices in the only direction."""
    neighbours = np.array([[[3, 1], [0, 2], [1, 3]]], np.int32)
    table = np.array([[4.0, 1.0], [0.0, 1.0], [0.0, 1.0], [0.0, 0.0]], np.float32)
    blurred, other = blur(table, np.full_like(table, 9), neighbours, (0, 0))
    assert blurred.tolist() == [[4.0, 1.5], [2.0, 2.0], [0.0, 1.5], [0.0, 0.0]]
    assert other is table
