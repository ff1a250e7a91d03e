"""Random walks that spread scores over an image, along affinities from a boundary map (IRN) or from features (PSA).

The transition matrix of N pixels is never formed. A pixel is connected only to the pixels within the radius, so that a
step is a stencil; time and memory grow with N, not with N³ and N². The weights are symmetric and are stored once per
pair, in float32. The walk is computed in float64, because the rounding of float32 sums adds up over hundreds of steps.

The arrays have a margin of zeros as wide as the largest offset, so that inner loops need not check whether a neighbour
exists. A weight of zero is the same as IRN's boundary value of 1 outside the image.

Weights below `FAINTEST_WEIGHT` and states below `FAINTEST_STATE` are set to zero. Smaller numbers become subnormal,
which makes a CPU several times slower, and they are too small to change a result.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import Float32, Integers
from patchlearn.refine.arrays import Array, like, require_finite, require_shape, require_whole, to_numpy
from patchlearn.refine.compiled import kernel

Float64 = NDArray[np.float64]

FAINTEST_WEIGHT = 1e-37
FAINTEST_STATE = 1e-200


def random_walk(
    scores: Array,
    boundary: Any,
    radius: int = 5,
    beta: float = 10.0,
    steps: int = 256,
    memory_limit: int | None = None,
) -> Array:
    """IRN's walk: scores spread until a boundary stops them. Nothing is resized or rescaled.

    The affinity a of two pixels less than `radius` apart is 1 − the largest boundary value on the path between them.
    With W = a^β, W_pp = 1 and T_pq = W_pq / Σ_p W_pq the result is (scores ⊙ (1 − boundary)) · T^steps.

    Args:
        scores: K×H×W, float32.
        boundary: H×W in [0, 1]; 1 is a certain boundary between objects.
        radius: in cells of the grid; with 1 no pixel is connected to another. IRN uses 5.
        beta: above 0. The larger it is, the less of a score crosses a faint boundary. IRN uses 10.
        steps: 0 or more. IRN uses 2^8.
        memory_limit: in bytes, for the estimate of `walk_bytes`; None for no limit.

    Returns:
        K×H×W, float32, an array of the same kind (NumPy or torch) and on the same device as `scores`.

    Raises:
        PatchlearnError: wrong axes or sizes, a value out of range or not a number, or an estimate above
            `memory_limit`.

    Source: Ahn, Cho & Kwak, "Weakly Supervised Learning of Instance Segmentation with Inter-pixel Relations" (IRN),
    CVPR 2019.

    >>> scores = np.array([[[1.0, 0.0, 0.0, 0.0]]], np.float32)
    >>> random_walk(scores, np.array([[0.0, 0.0, 1.0, 0.0]]), radius=2).round(3).tolist()
    [[[0.5, 0.5, 0.0, 0.0]]]
    """
    values, edges = to_numpy(scores), to_numpy(boundary)
    _check_walk(values, radius, beta, steps, memory_limit)
    _check_boundary(edges, values)
    openness = 1.0 - edges.astype(np.float64)
    passage = openness**beta
    passage[passage < FAINTEST_WEIGHT] = 0.0
    offsets = half_offsets(int(radius))
    margin = int(radius) - 1
    weights = _path_weights(_pad(passage, margin).astype(np.float32), offsets, margin, *_paths(offsets))
    return like(_walk(_pad(values * openness, margin), weights, offsets, margin, int(steps)), scores)


def random_walk_features(
    scores: Array,
    features: Any,
    radius: int = 5,
    beta: float = 8.0,
    steps: int = 256,
    memory_limit: int | None = None,
) -> Array:
    """PSA's walk: scores spread between pixels with similar features. Nothing is resized or rescaled.

    The affinity a of two pixels less than `radius` apart is exp(−mean over channels |f_p − f_q|). With W = a^β,
    W_pp = 1 and T_pq = W_pq / Σ_p W_pq the result is scores · T^steps.

    Args:
        scores: K×H×W, float32. In PSA the background is one of the K.
        features: C×H×W, of any range; used in float32.
        radius: in cells of the grid; with 1 no pixel is connected to another. PSA uses 5 at stride 8.
        beta: above 0. PSA and SEAM use 8.
        steps: 0 or more. PSA uses 256, SEAM 64.
        memory_limit: in bytes, for the estimate of `walk_bytes`; None for no limit.

    Returns:
        K×H×W, float32, an array of the same kind (NumPy or torch) and on the same device as `scores`.

    Raises:
        PatchlearnError: wrong axes or sizes, a value out of range or not a number, or an estimate above
            `memory_limit`.

    Source: Ahn & Kwak, "Learning Pixel-level Semantic Affinity with Image-level Supervision" (PSA), CVPR 2018.

    >>> scores = np.array([[[1.0, 0.0, 0.0]]], np.float32)
    >>> random_walk_features(scores, np.array([[[0.0, 0.0, 99.0]]]), radius=2).round(3).tolist()
    [[[0.5, 0.5, 0.0]]]
    """
    values, vectors = to_numpy(scores), to_numpy(features)
    _check_walk(values, radius, beta, steps, memory_limit)
    _check_features(vectors, values)
    offsets = half_offsets(int(radius))
    margin = int(radius) - 1
    contiguous = np.ascontiguousarray(vectors, dtype=np.float32)
    weights = _feature_weights(contiguous, offsets, margin, float(beta))
    return like(_walk(_pad(values.astype(np.float64), margin), weights, offsets, margin, int(steps)), scores)


def walk_bytes(classes: int, height: int, width: int, radius: int = 5) -> int:
    """Estimate of the bytes that a walk holds at once, in addition to its arguments.

    It counts one weight per pair and the result in float32; two states per class and five maps in float64: the
    openness, its power, ones, the degrees and their inverse. Features that are not contiguous float32 are also copied.

    Args:
        classes: maps that walk, K.
        height: of the grid, in cells.
        width: likewise.
        radius: of the walk, in cells.

    >>> walk_bytes(classes=3, height=94, width=125) // 10**6
    3
    """
    margin = radius - 1
    cells = (height + 2 * margin) * (width + 2 * margin)
    return cells * (4 * len(half_offsets(radius)) + 8 * (2 * classes + 5)) + 4 * classes * height * width


def _check_walk(scores: NDArray[Any], radius: int, beta: float, steps: int, memory_limit: int | None) -> None:
    require_shape("scores", scores, "K×H×W", "one map per class, np.stack(maps)")
    require_whole("radius", radius, least=1)
    require_whole("steps", steps, least=0)
    if not (math.isfinite(beta) and beta > 0):
        raise PatchlearnError(f"beta: {beta} is not a finite number above 0. IRN uses 10, PSA 8.")
    classes, height, width = scores.shape
    need = walk_bytes(classes, height, width, int(radius))
    if memory_limit is not None and need > memory_limit:
        raise PatchlearnError(
            f"memory_limit: the walk of {classes} maps of {height}×{width} at radius {radius} needs about "
            f"{need:,} bytes, the limit is {memory_limit:,}. Use a coarser grid, a smaller radius or fewer maps."
        )
    require_finite("scores", scores, "Check the step that made them.")


def _check_boundary(boundary: NDArray[Any], scores: NDArray[Any]) -> None:
    require_shape("boundary", boundary, "H×W", "one value per cell of the score maps")
    _require_same_grid("boundary", boundary, scores)
    require_finite("boundary", boundary, "Check the network that made it.")
    if boundary.min() < 0 or boundary.max() > 1:
        raise PatchlearnError(
            f"boundary: values from {boundary.min()} to {boundary.max()} are outside [0, 1]. "
            "Hand over probabilities: logits need a sigmoid first."
        )


def _check_features(features: NDArray[Any], scores: NDArray[Any]) -> None:
    require_shape("features", features, "C×H×W", "one plane per channel")
    _require_same_grid("features", features, scores)
    require_finite("features", features, "Check the network that made them.")


def _require_same_grid(name: str, array: NDArray[Any], scores: NDArray[Any]) -> None:
    if array.shape[-2:] != scores.shape[-2:]:
        raise PatchlearnError(
            f"{name}: its grid {array.shape[-2:]} is not that of the scores, {scores.shape[-2:]}. Resize one of them."
        )


def half_offsets(radius: int) -> Integers:
    """IRN's offsets (dy, dx), n×2: half of the neighbours less than `radius` away; the other half are their negatives.

    >>> half_offsets(2).tolist()
    [[0, 1], [1, -1], [1, 0], [1, 1]]
    """
    right = [(0, dx) for dx in range(1, radius)]
    below = [
        (dy, dx) for dy in range(1, radius) for dx in range(1 - radius, radius) if dy * dy + dx * dx < radius * radius
    ]
    return np.array(right + below, np.int64).reshape(-1, 2)


def _paths(offsets: Integers) -> tuple[Integers, Integers]:
    """The cells (y, x) on the path of every offset, path after path, and the index at which each path begins."""
    paths = [path_cells(dy, dx) for dy, dx in offsets.tolist()]
    starts = np.cumsum([0, *(len(path) for path in paths)])
    cells = [cell for path in paths for cell in path]
    return np.array(cells, np.int64).reshape(-1, 2), starts


def path_cells(dy: int, dx: int) -> list[tuple[int, int]]:
    """IRN's path from (0, 0) to (dy, dx): the cells of their bounding box closer than 1 to the line through both.

    >>> path_cells(0, 2)
    [(0, 0), (0, 1), (0, 2)]
    """
    rows = range(min(dy, 0), max(dy, 0) + 1)
    columns = range(min(dx, 0), max(dx, 0) + 1)
    return [(y, x) for y in rows for x in columns if (dy * x - dx * y) ** 2 < dy * dy + dx * dx]


def _pad(maps: Float64, margin: int) -> Float64:
    """The maps with a margin of zeros around the last two axes."""
    around = [(0, 0)] * (maps.ndim - 2) + [(margin, margin)] * 2
    return np.pad(maps, around)


@kernel()
def _path_weights(passage: Float32, offsets: Integers, margin: int, cells: Integers, starts: Integers) -> Float32:
    """W of each offset, stored at the upper pixel of the pair: n×H×W with margins.

    `passage` is (1 − E)^β with a margin of zeros. The power falls as E rises, so (1 − max E)^β = min (1 − E)^β: the
    power is computed once per pixel, not once per pair.
    """
    height, width = passage.shape[0] - 2 * margin, passage.shape[1] - 2 * margin
    weights = np.zeros((len(offsets), *passage.shape), np.float32)
    for n in range(len(offsets)):
        for row in range(margin, margin + height):
            least = weights[n, row, margin : margin + width]
            least[:] = 1.0
            for dy, dx in cells[starts[n] : starts[n + 1]]:
                on_path = passage[row + dy, margin + dx : margin + dx + width]
                for x in range(width):
                    least[x] = min(least[x], on_path[x])
    return weights


@kernel()
def _feature_weights(features: Float32, offsets: Integers, margin: int, beta: float) -> Float32:
    """W of each offset, stored at the upper pixel: n×H×W with margins; 0 where the other pixel is outside the image."""
    channels, height, width = features.shape
    weights = np.zeros((len(offsets), height + 2 * margin, width + 2 * margin), np.float32)
    for n in range(len(offsets)):
        dy, dx = offsets[n]
        left, right = max(0, -dx), min(width, width - dx)
        for y in range(height - dy):
            distance = np.zeros(max(0, right - left))
            for c in range(channels):
                here, there = features[c, y, left:], features[c, y + dy, left + dx :]
                for x in range(len(distance)):
                    distance[x] += abs(np.float64(here[x]) - there[x])
            for x in range(len(distance)):
                weight = math.exp(-beta * distance[x] / channels)
                weights[n, y + margin, left + margin + x] = weight if weight > FAINTEST_WEIGHT else 0.0
    return weights


def _walk(state: Float64, weights: Float32, offsets: Integers, margin: int, steps: int) -> Float32:
    """K×H×W: state · T^steps. The arguments have margins, the result has none."""
    inside = (slice(None), *(slice(margin, size - margin) for size in state.shape[1:]))
    ones = np.zeros_like(state[:1])
    ones[inside] = 1.0
    degrees = np.ones_like(ones)
    _step(ones, weights, offsets, ones[0], degrees)
    state = _steps(state, weights, offsets, 1.0 / degrees[0], steps)
    return np.ascontiguousarray(state[inside], dtype=np.float32)


@kernel()
def _steps(state: Float64, weights: Float32, offsets: Integers, inverse: Float64, steps: int) -> Float64:
    following = np.zeros_like(state)
    for _ in range(steps):
        _step(state, weights, offsets, inverse, following)
        state, following = following, state
    return state


@kernel(fastmath={"contract"})
def _step(state: Float64, weights: Float32, offsets: Integers, inverse: Float64, result: Float64) -> None:
    """result_q = Σ_p state_p W_pq · inverse_q for all pixels of the image; the margins of `result` do not change."""
    margin = offsets.max() if len(offsets) else 0
    classes, height, width = state.shape
    left, right = margin, width - margin
    for row in range(margin, height - margin):
        for k in range(classes):
            result[k, row, left:right] = state[k, row, left:right]
        for n in range(len(offsets)):
            dy, dx = offsets[n]
            forth, back = weights[n, row, left:right], weights[n, row - dy, left - dx : right - dx]
            for k in range(classes):
                total = result[k, row, left:right]
                after, before = state[k, row + dy, left + dx : right + dx], state[k, row - dy, left - dx : right - dx]
                for x in range(right - left):
                    total[x] += forth[x] * after[x] + back[x] * before[x]
        for k in range(classes):
            for x in range(left, right):
                value = result[k, row, x] * inverse[row, x]
                result[k, row, x] = value if abs(value) > FAINTEST_STATE else 0.0
