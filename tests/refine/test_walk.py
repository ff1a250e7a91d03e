import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from patchlearn.core.errors import PatchlearnError
from patchlearn.refine.walk import random_walk, random_walk_features, walk_bytes

Float64 = NDArray[np.float64]
Cell = tuple[int, int]

SIZES = [(1, 1), (1, 7), (7, 1), (3, 2), (9, 8), (17, 13)]


def path_cells(start: Cell, end: Cell) -> list[Cell]:
    """The cells of the closed box between two cells whose distance from the line through both is below one."""
    (y0, x0), (y1, x1) = start, end
    length = np.hypot(y1 - y0, x1 - x0)
    return [
        (y, x)
        for y in range(min(y0, y1), max(y0, y1) + 1)
        for x in range(min(x0, x1), max(x0, x1) + 1)
        if abs((y1 - y0) * (x - x0) - (x1 - x0) * (y - y0)) / length < 1 - 1e-9
    ]


def dense_walk(scores: Float64, affinity: Float64, beta: float, steps: int) -> Float64:
    """scores · T^steps with the whole N×N matrix; the affinity of pixels that are not tied is 0."""
    weights = affinity**beta
    np.fill_diagonal(weights, 1.0)
    transition = weights / weights.sum(axis=0, keepdims=True)
    moved = scores.reshape(len(scores), -1) @ np.linalg.matrix_power(transition, steps)
    return moved.reshape(scores.shape)


def affinity_matrix(height: int, width: int, radius: int, pair: object) -> Float64:
    cells = [(y, x) for y in range(height) for x in range(width)]
    matrix = np.zeros((len(cells), len(cells)))
    for p, first in enumerate(cells):
        for q, second in enumerate(cells):
            if p != q and (first[0] - second[0]) ** 2 + (first[1] - second[1]) ** 2 < radius**2:
                matrix[p, q] = pair(first, second)  # type: ignore[operator]
    return matrix


def dense_boundary_walk(scores: Float64, boundary: Float64, radius: int, beta: float, steps: int) -> Float64:
    def pair(p: Cell, q: Cell) -> float:
        return 1 - max(float(boundary[cell]) for cell in path_cells(p, q))

    affinity = affinity_matrix(*boundary.shape, radius, pair)
    return dense_walk(scores.astype(np.float64) * (1 - boundary), affinity, beta, steps)


def dense_feature_walk(scores: Float64, features: Float64, radius: int, beta: float, steps: int) -> Float64:
    def pair(p: Cell, q: Cell) -> float:
        return float(np.exp(-np.abs(features[:, p[0], p[1]] - features[:, q[0], q[1]]).mean()))

    affinity = affinity_matrix(*features.shape[1:], radius, pair)
    return dense_walk(scores.astype(np.float64), affinity, beta, steps)


def made_up(classes: int, height: int, width: int, seed: int = 0) -> tuple[NDArray[np.float32], Float64]:
    generator = np.random.default_rng(seed)
    return generator.random((classes, height, width), dtype=np.float32), generator.random((height, width))


@pytest.mark.parametrize("radius", [1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize("size", SIZES)
def test_it_equals_the_dense_formulation(size: Cell, radius: int) -> None:
    scores, boundary = made_up(2, *size)
    boundary *= 0.6
    for beta, steps in [(10.0, 256), (0.7, 3), (3.0, 1)]:
        truth = dense_boundary_walk(scores, boundary, radius, beta, steps)
        result = random_walk(scores, boundary, radius=radius, beta=beta, steps=steps)
        assert result.dtype == np.float32
        np.testing.assert_allclose(result, truth, rtol=0, atol=1e-5)


@pytest.mark.parametrize("radius", [1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize("size", SIZES)
def test_the_feature_walk_equals_the_dense_formulation(size: Cell, radius: int) -> None:
    scores, _ = made_up(2, *size)
    features = np.random.default_rng(1).normal(size=(5, *size)).astype(np.float32)
    for beta, steps in [(8.0, 256), (0.7, 3), (3.0, 1)]:
        truth = dense_feature_walk(scores, features.astype(np.float64), radius, beta, steps)
        result = random_walk_features(scores, features, radius=radius, beta=beta, steps=steps)
        assert result.dtype == np.float32
        np.testing.assert_allclose(result, truth, rtol=0, atol=1e-5)


@settings(deadline=None, max_examples=40)
@given(
    height=st.integers(1, 8),
    width=st.integers(1, 8),
    classes=st.integers(1, 3),
    radius=st.integers(1, 6),
    beta=st.floats(0.1, 30),
    steps=st.integers(0, 40),
    seed=st.integers(0, 2**16),
)
def test_any_walk_equals_the_dense_formulation(
    height: int, width: int, classes: int, radius: int, beta: float, steps: int, seed: int
) -> None:
    scores, boundary = made_up(classes, height, width, seed)
    boundary = np.where(boundary > 0.85, 1.0, boundary * (boundary > 0.3))
    truth = dense_boundary_walk(scores, boundary, radius, beta, steps)
    np.testing.assert_allclose(random_walk(scores, boundary, radius, beta, steps), truth, rtol=0, atol=1e-5)


def test_one_step_touches_exactly_the_pixels_within_the_radius() -> None:
    scores = np.zeros((1, 21, 21), np.float32)
    scores[0, 10, 10] = 1
    for radius, others in [(2, 8), (5, 68), (10, 304)]:
        result = random_walk(scores, np.zeros((21, 21)), radius=radius, steps=1)
        assert int((result > 0).sum()) == others + 1


def test_the_path_to_a_neighbour_two_by_four_away_is_nine_cells_besides_its_ends() -> None:
    scores = np.zeros((1, 3, 5), np.float32)
    scores[0, 0, 0] = 1
    boundaries = [(y, x) for y in range(3) for x in range(5) if (y, x) not in ((0, 0), (2, 4))]
    stops = []
    for cell in boundaries:
        boundary = np.zeros((3, 5))
        boundary[cell] = 1
        if random_walk(scores, boundary, radius=5, steps=1)[0, 2, 4] == 0:
            stops.append(cell)
    assert stops == [(0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (1, 3), (1, 4), (2, 2), (2, 3)]


def test_constant_scores_without_boundaries_stay_constant_up_to_the_rim() -> None:
    scores = np.full((1, 9, 11), 0.7, np.float32)
    np.testing.assert_allclose(random_walk(scores, np.zeros((9, 11))), 0.7, atol=1e-6)


def test_a_certain_boundary_lets_nothing_through() -> None:
    scores = np.zeros((1, 12, 13), np.float32)
    scores[0, :, :6] = np.random.default_rng(0).random((12, 6))
    boundary = np.zeros((12, 13))
    boundary[:, 6] = 1
    result = random_walk(scores, boundary)
    assert (result[0, :, 6:] == 0).all()
    assert (result[0, :, :6] > 0).all()


def test_unlike_features_let_nothing_through() -> None:
    scores = np.zeros((1, 8, 10), np.float32)
    scores[0, :, :5] = 1
    features = np.zeros((2, 8, 10), np.float32)
    features[:, :, 5:] = 50
    np.testing.assert_array_equal(random_walk_features(scores, features), scores)


def test_a_walk_is_an_average_so_it_never_leaves_the_range_of_the_scores() -> None:
    scores, boundary = made_up(3, 30, 20)
    result = random_walk(scores, boundary)
    assert result.min() >= 0
    assert (result.max((1, 2)) <= (scores * (1 - boundary)).max((1, 2)) + 1e-6).all()


def test_two_walks_of_half_the_steps_are_one_walk() -> None:
    scores, _ = made_up(2, 10, 9)
    features = np.random.default_rng(1).random((3, 10, 9))
    once = random_walk_features(scores, features, steps=20)
    twice = random_walk_features(random_walk_features(scores, features, steps=10), features, steps=10)
    np.testing.assert_allclose(once, twice, atol=1e-6)


def test_each_class_walks_alone() -> None:
    scores, boundary = made_up(3, 8, 9)
    alone = np.concatenate([random_walk(scores[k : k + 1], boundary) for k in range(3)])
    np.testing.assert_array_equal(random_walk(scores, boundary), alone)


def test_faint_affinities_cost_nothing_and_change_nothing() -> None:
    scores = np.zeros((1, 9, 9), np.float32)
    scores[0, 4, 4] = 1
    boundary = np.full((9, 9), 0.9999)
    np.testing.assert_allclose(random_walk(scores, boundary), scores * np.float32(1e-4), rtol=1e-4)


def test_without_steps_or_neighbours_the_boundary_alone_counts() -> None:
    scores, boundary = made_up(2, 5, 6)
    alone = (scores * (1 - boundary)).astype(np.float32)
    np.testing.assert_array_equal(random_walk(scores, boundary, steps=0), alone)
    np.testing.assert_array_equal(random_walk(scores, boundary, radius=1), alone)
    np.testing.assert_array_equal(random_walk_features(scores, boundary[None], steps=0), scores)
    np.testing.assert_array_equal(random_walk_features(scores, boundary[None], radius=1), scores)


def test_zero_scores_stay_zero() -> None:
    assert (random_walk(np.zeros((1, 5, 5), np.float32), np.zeros((5, 5))) == 0).all()


def test_tensors_give_tensors_and_nothing_is_changed() -> None:
    scores, boundary = made_up(2, 5, 6)
    before = scores.copy(), boundary.copy()
    for walk, second in ((random_walk, boundary), (random_walk_features, boundary[None])):
        result = walk(torch.from_numpy(scores), torch.from_numpy(second))  # type: ignore[operator]
        assert isinstance(result, torch.Tensor)
        assert result.dtype == torch.float32
        np.testing.assert_array_equal(result.numpy(), walk(scores, second))  # type: ignore[operator]
        assert isinstance(walk(scores, torch.from_numpy(second)), np.ndarray)  # type: ignore[operator]
    np.testing.assert_array_equal(scores, before[0])
    np.testing.assert_array_equal(boundary, before[1])


def test_strided_arrays_walk_like_contiguous_ones() -> None:
    scores, boundary = made_up(2, 6, 7)
    flipped = random_walk(scores[:, ::-1, ::-1], boundary[::-1, ::-1])
    np.testing.assert_allclose(flipped[:, ::-1, ::-1], random_walk(scores, boundary), atol=1e-6)


def test_the_estimate_grows_with_the_pixels_not_with_their_square() -> None:
    small, large = walk_bytes(3, 200, 300), walk_bytes(3, 400, 600)
    assert 3.8 < large / small < 4
    assert walk_bytes(3, 375, 500) < 200e6
    assert walk_bytes(1, 1, 1, radius=1) > 0


def test_a_need_above_the_limit_is_refused_with_the_numbers() -> None:
    scores, boundary = made_up(2, 20, 30)
    need = walk_bytes(2, 20, 30)
    random_walk(scores, boundary, memory_limit=need)
    with pytest.raises(PatchlearnError, match=f"{need:,}.*{need - 1:,}.*coarser grid"):
        random_walk(scores, boundary, memory_limit=need - 1)
    with pytest.raises(PatchlearnError, match="memory_limit"):
        random_walk_features(scores, boundary[None], memory_limit=1)


def with_nan(array: Float64) -> Float64:
    broken = array.copy()
    broken.flat[0] = np.nan
    return broken


SCORES = np.ones((2, 4, 5), np.float32)
BOUNDARY = np.zeros((4, 5))


@pytest.mark.parametrize(
    ("scores", "boundary", "message"),
    [
        (SCORES[0], BOUNDARY, "scores: .*K×H×W"),
        (SCORES[:0], BOUNDARY, "scores: .*K×H×W"),
        (SCORES, BOUNDARY[None], "boundary: .*H×W"),
        (SCORES, BOUNDARY.T, "boundary: .*grid"),
        (with_nan(SCORES), BOUNDARY, "scores: 1 values"),
        (SCORES, with_nan(BOUNDARY), "boundary: 1 values"),
        (SCORES, BOUNDARY - 0.1, r"boundary: .*outside \[0, 1\]"),
        (SCORES, BOUNDARY + 1.1, r"boundary: .*outside \[0, 1\].*sigmoid"),
    ],
)
def test_wrong_arrays_are_errors(scores: Float64, boundary: Float64, message: str) -> None:
    with pytest.raises(PatchlearnError, match=message):
        random_walk(scores, boundary)


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (BOUNDARY, "features: .*C×H×W"),
        (BOUNDARY.T[None], "features: .*grid"),
        (with_nan(BOUNDARY[None]), "features: 1 values"),
    ],
)
def test_wrong_features_are_errors(features: Float64, message: str) -> None:
    with pytest.raises(PatchlearnError, match=message):
        random_walk_features(SCORES, features)


@pytest.mark.parametrize(
    "setting",
    [{"radius": 0}, {"radius": 2.5}, {"steps": -1}, {"steps": 1.5}, {"beta": 0}, {"beta": np.nan}, {"beta": np.inf}],
)
def test_wrong_settings_are_errors(setting: dict[str, float]) -> None:
    for walk, second in ((random_walk, BOUNDARY), (random_walk_features, BOUNDARY[None])):
        with pytest.raises(PatchlearnError, match=f"{next(iter(setting))}: "):
            walk(SCORES, second, **setting)  # type: ignore[operator]
