"""Where pixels lie in the permutohedral lattice: the simplex of each pixel and its barycentric weights.

A pixel with D features becomes a point with D + 1 coordinates whose sum is zero. The lattice divides that hyperplane
into simplices with D + 1 corners. A corner is named by a key: its first D coordinates packed into one int64.

Source: Adams, Baek, Davis, "Fast High-Dimensional Filtering Using the Permutohedral Lattice" (2010), section 3.
"""

from math import sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import Float32, Integers
from patchlearn.refine.compiled import kernel

KEY_BITS = 60  # of the 63 that an int64 has, divided among D coordinates
Corners = tuple[int, ...]  # D + 1 zeros; their number is known when the functions are compiled


class Row(NamedTuple):
    """The positions of the W pixels of one row; a coordinate is one of D + 1.

    Attributes:
        elevated: (D+1)×W, the features on the lattice's hyperplane.
        base: (D+1)×W, the simplex' first corner: multiples of D + 1.
        rank: (D+1)×W, of each coordinate's remainder, the largest first.
        remainders: (D+1)×W, ordered by rank, in shares of D + 1.
        coordinates: (D+1)×W, the coordinate of each remainder, ordered by rank.
        keys: W, of the first corners.
    """

    elevated: Float32
    base: NDArray[np.int32]
    rank: NDArray[np.int32]
    remainders: Float32
    coordinates: NDArray[np.int32]
    keys: Integers


def lattice_scales(dimensions: int) -> Float32:
    """Factors on the features for which the blur's standard deviation is 1: it is √(2/3)·(D+1) lattice units."""
    deviation = sqrt(2 / 3) * (dimensions + 1)
    return np.array([deviation / sqrt((i + 1) * (i + 2)) for i in range(dimensions)], np.float32)


def lattice_fields(dimensions: int) -> Integers:
    """What one step in each coordinate adds to a key; 0 for the last coordinate, which follows from the others.

    >>> lattice_fields(2).tolist()  # 30 bits for each coordinate
    [1, 1073741824, 0]
    """
    bits = KEY_BITS // dimensions
    return np.array([*(1 << (bits * i) for i in range(dimensions)), 0], np.int64)


def lattice_origin(features: Float32) -> Integers:
    """A lattice point below the corners of all pixels and their neighbours, D + 1 coordinates.

    Args:
        features: D×H×W, each in units of its standard deviation.

    Raises:
        PatchlearnError: the features span more cells than a key can hold.
    """
    scales = lattice_scales(len(features)).astype(float)
    low, high = (extreme * scales for extreme in (features.min((1, 2)), features.max((1, 2))))
    # Coordinate i is the sum of the scaled features from i on, minus i times the one before (`place_row`).
    lowest = [low[i:].sum() - (i * high[i - 1] if i else 0.0) for i in range(len(features) + 1)]
    highest = [high[i:].sum() - (i * low[i - 1] if i else 0.0) for i in range(len(features) + 1)]
    margin = 3 * len(lowest)
    room = (1 << (KEY_BITS // len(features))) - 2 * margin
    widest = max(top - bottom for top, bottom in zip(highest, lowest, strict=True))
    if widest >= room:
        raise PatchlearnError(
            f"dense CRF: image and colours span {widest:.0f} cells of the lattice, more than {room}. Choose larger "
            "standard deviations or a smaller image."
        )
    return np.floor(lowest).astype(np.int64) - margin


@kernel()
def empty_row(width: int, corners: Corners) -> Row:
    """Arrays for the positions of a row's pixels."""
    shape = (len(corners), width)
    return Row(
        np.zeros(shape, np.float32),
        np.zeros(shape, np.int32),
        np.zeros(shape, np.int32),
        np.zeros(shape, np.float32),
        np.zeros(shape, np.int32),
        np.zeros(width, np.int64),
    )


@kernel()
def place_row(
    features: Float32,
    scales: Float32,
    origin: Integers,
    fields: Integers,
    row: Row,
    weights: Float32,
    corners: Corners,
) -> None:
    """Overwrite the row's positions and the barycentric weights, W×(D+1), of its pixels.

    Args:
        features: D×W, of one row of pixels.
        scales, origin, fields: see `lattice_scales`, `lattice_origin`, `lattice_fields`.
        row: from `empty_row`.
        weights: overwritten, in the order of the simplex' corners.
        corners: a tuple of D + 1 zeros.
    """
    _elevate(features, scales, row, corners)
    _round(row, corners)
    _order(row, corners)
    row.keys[:] = 0
    for i in range(len(fields) - 1):
        for x in range(len(row.keys)):
            row.keys[x] += (row.base[i, x] - origin[i]) * fields[i]
    _weigh(row, weights, corners)


@kernel()
def _elevate(features: Float32, scales: Float32, row: Row, corners: Corners) -> None:
    """D features → D + 1 coordinates whose sum is zero (Adams et al., section 3.1)."""
    elevated, width = row.elevated, features.shape[1]
    total = elevated[0]
    total[:] = 0
    for i in range(len(corners) - 1, 0, -1):
        for x in range(width):
            scaled = features[i - 1, x] * scales[i - 1]
            elevated[i, x] = total[x] - np.float32(i) * scaled
            total[x] += scaled


@kernel()
def _round(row: Row, corners: Corners) -> None:
    """The nearest point whose coordinates are multiples of D + 1, moved onto the hyperplane, and the ranks."""
    base, rank, width = row.base, row.rank, row.base.shape[1]
    share = np.float32(1 / len(corners))
    surplus = np.zeros(width, np.int32)
    for i in range(len(corners)):
        for x in range(width):
            nearest = np.int32(np.rint(row.elevated[i, x] * share))
            base[i, x] = nearest * len(corners)
            surplus[x] += nearest
    _rank(row, corners)
    for i in range(len(corners)):
        for x in range(width):
            shifted = rank[i, x] + surplus[x]
            wrap = np.int32(shifted < 0) - np.int32(shifted >= len(corners))
            rank[i, x] = shifted + wrap * len(corners)
            base[i, x] += wrap * len(corners)


@kernel()
def _rank(row: Row, corners: Corners) -> None:
    """How many remainders are larger than each coordinate's own; of equal ones, the earlier coordinate ranks first."""
    elevated, base, rank = row.elevated, row.base, row.rank
    rank[:] = 0
    for i in range(len(corners)):
        for j in range(i + 1, len(corners)):
            for x in range(rank.shape[1]):
                behind = np.int32(elevated[i, x] - base[i, x] < elevated[j, x] - base[j, x])
                rank[i, x] += behind
                rank[j, x] += np.int32(1) - behind


@kernel()
def _order(row: Row, corners: Corners) -> None:
    """Remainders and their coordinates, sorted by rank."""
    share = np.float32(1 / len(corners))
    for i in range(len(corners)):
        for x in range(row.base.shape[1]):
            place = row.rank[i, x]
            row.remainders[place, x] = (row.elevated[i, x] - row.base[i, x]) * share
            row.coordinates[place, x] = i


@kernel()
def _weigh(row: Row, weights: Float32, corners: Corners) -> None:
    """Barycentric weights: the gaps between successive remainders."""
    last = len(corners) - 1
    for x in range(len(weights)):
        weights[x, 0] = np.float32(1) + row.remainders[last, x] - row.remainders[0, x]
        for k in range(1, len(corners)):
            weights[x, k] = row.remainders[last - k, x] - row.remainders[last - k + 1, x]
