"""The permutohedral lattice: Gaussian filtering over any few features, in time linear in pixels.

Source: Adams, Baek, Davis, "Fast High-Dimensional Filtering Using the Permutohedral Lattice" (2010). A pixel with D
features lies in a simplex of D + 1 vertices; its value is splatted onto them, vertices are blurred along the D + 1
directions of the lattice, and the result is sliced out again with the same weights.

The functions are compiled once for each number of features or channels and cached on disk. What must be known when they
are compiled is handed over as the length of a tuple of zeros (`corners`, `lanes`), which numba makes part of the type.
"""

from math import sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import Float32, Integers
from patchlearn.refine.compiled import kernel
from patchlearn.refine.crf.vectors import blur_row

KEY_BITS = 60  # of the 63 that an int64 has, divided among D coordinates
FIRST_CAPACITY = 1 << 15
GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2^64 ÷ golden ratio: Fibonacci hashing (Knuth, TAOCP 6.4)
EMPTY = np.int64(-1)


class Lattice(NamedTuple):
    """The simplices of N pixels in a lattice of M vertices.

    Attributes:
        vertices: N×(D+1), the corners of each pixel's simplex, in 0..M-1.
        weights: N×(D+1), barycentric, scaled so that splat, blur and slice give the normalised kernel.
        neighbours: (D+1)×M×2, both neighbours of every vertex in every direction; M where there is none.
    """

    vertices: NDArray[np.int32]
    weights: Float32
    neighbours: NDArray[np.int32]


class _Table(NamedTuple):
    """A hash table from keys to vertices: its slots, the vertices in them, and the keys in order of their vertices."""

    slots: Integers
    vertices: NDArray[np.int32]
    keys: Integers


class _Row(NamedTuple):
    """Where the W pixels of one row lie; a coordinate is one of D + 1.

    Attributes:
        elevated: (D+1)×W, the features on the lattice's hyperplane.
        base: (D+1)×W, the simplex' first corner: multiples of D + 1.
        rank: (D+1)×W, of each coordinate's remainder, the largest first.
        remainders: (D+1)×W, by rank, in shares of D + 1.
        coordinates: (D+1)×W, whose remainder it is, by rank.
        keys: W, of the first corners.
    """

    elevated: Float32
    base: NDArray[np.int32]
    rank: NDArray[np.int32]
    remainders: Float32
    coordinates: NDArray[np.int32]
    keys: Integers


def build_lattice(features: Float32, strength: float = 1.0) -> Lattice:
    """The lattice of a kernel with symmetric normalisation (Krähenbühl & Koltun 2011), times a strength.

    Args:
        features: D×H×W, each in units of its standard deviation.
        strength: what the filtered values are multiplied with.

    Raises:
        PatchlearnError: the features reach too far for the lattice's keys.

    >>> lattice = build_lattice(np.zeros((2, 4, 5), np.float32))  # all pixels at one place
    >>> lattice.vertices.shape, lattice.neighbours.shape
    ((20, 3), (3, 3, 2))
    """
    dimensions = len(features)
    corners = (0,) * (dimensions + 1)
    fields = lattice_fields(dimensions)
    vertices, weights, keys = _simplices(
        features, lattice_scales(dimensions), lattice_origin(features), fields, corners
    )
    neighbours = _neighbours(keys, fields, corners)
    _normalise(vertices, weights, neighbours, np.float32(strength), corners)
    return Lattice(vertices, weights, neighbours)


@kernel()
def blur(table, spare, neighbours, lanes):
    """½, 1, ½ along every direction in turn: (the blurred table, the other one).

    Both have one more row than there are vertices, of zeros: the neighbour of those that have none.
    """
    count = neighbours.shape[1]
    spare[count] = 0
    for direction in range(len(neighbours)):
        for vertex in range(count):
            before, after = neighbours[direction, vertex, 0], neighbours[direction, vertex, 1]
            blur_row(spare, table, vertex, before, after, lanes)
        table, spare = spare, table
    return table, spare


def lattice_scales(dimensions: int) -> Float32:
    """What makes the blur's standard deviation one: it is √(2/3)·(D+1) lattice units (Adams et al., section 3)."""
    deviation = sqrt(2 / 3) * (dimensions + 1)
    return np.array([deviation / sqrt((i + 1) * (i + 2)) for i in range(dimensions)], np.float32)


def lattice_fields(dimensions: int) -> Integers:
    """What one step in each coordinate adds to a packed key; the last coordinate follows from the others."""
    bits = KEY_BITS // dimensions
    return np.array([*(1 << (bits * i) for i in range(dimensions)), 0], np.int64)


def lattice_origin(features: Float32) -> Integers:
    """A point of the lattice below all that the pixels and their neighbours have."""
    scales = lattice_scales(len(features)).astype(float)
    low, high = (extreme * scales for extreme in (features.min((1, 2)), features.max((1, 2))))
    # Coordinate i is the sum of the scaled features from i on, less i times the one before (`_elevate`).
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
def _simplices(features, scales, origin, fields, corners):
    """(vertices, barycentric weights, keys), a row of pixels at a time so that its loops become vector code."""
    _, height, width = features.shape
    vertices = np.empty((height * width, len(corners)), np.int32)
    weights = np.empty((height * width, len(corners)), np.float32)
    row = _empty_row(width, corners)
    table, count = _table(np.empty(0, np.int64), FIRST_CAPACITY), 0
    steps = fields.sum() - len(corners) * fields
    for y in range(height):
        pixels = slice(y * width, (y + 1) * width)
        _elevate(features[:, y], scales, row, corners)
        _round(row, corners)
        _order(row, corners)
        _first_keys(row, origin, fields)
        _weigh(row, weights[pixels], corners)
        if 2 * (count + len(corners) * width) > len(table.slots):
            table = _table(table.keys[:count], 4 * (count + len(corners) * width))
        count = _enter(row, vertices[pixels], table, count, steps, corners)
    return vertices, weights, table.keys[:count].copy()


@kernel()
def _empty_row(width, corners):
    shape = (len(corners), width)
    return _Row(
        np.zeros(shape, np.float32),
        np.zeros(shape, np.int32),
        np.zeros(shape, np.int32),
        np.zeros(shape, np.float32),
        np.zeros(shape, np.int32),
        np.zeros(width, np.int64),
    )


@kernel()
def _elevate(features, scales, row, corners):
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
def _round(row, corners):
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
def _rank(row, corners):
    elevated, base, rank = row.elevated, row.base, row.rank
    rank[:] = 0
    for i in range(len(corners)):
        for j in range(i + 1, len(corners)):
            for x in range(rank.shape[1]):
                behind = np.int32(elevated[i, x] - base[i, x] < elevated[j, x] - base[j, x])
                rank[i, x] += behind
                rank[j, x] += np.int32(1) - behind


@kernel()
def _order(row, corners):
    share = np.float32(1 / len(corners))
    for i in range(len(corners)):
        for x in range(row.base.shape[1]):
            place = row.rank[i, x]
            row.remainders[place, x] = (row.elevated[i, x] - row.base[i, x]) * share
            row.coordinates[place, x] = i


@kernel()
def _first_keys(row, origin, fields):
    row.keys[:] = 0
    for i in range(len(fields) - 1):
        for x in range(len(row.keys)):
            row.keys[x] += (row.base[i, x] - origin[i]) * fields[i]


@kernel()
def _weigh(row, weights, corners):
    """Barycentric weights: the gaps between successive remainders."""
    last = len(corners) - 1
    for x in range(len(weights)):
        weights[x, 0] = np.float32(1) + row.remainders[last, x] - row.remainders[0, x]
        for k in range(1, len(corners)):
            weights[x, k] = row.remainders[last - k, x] - row.remainders[last - k + 1, x]


@kernel()
def _enter(row, vertices, table, count, steps, corners):
    """Look up the corners of every pixel and number those that are new; returns how many vertices there are now."""
    for x in range(len(vertices)):
        key = row.keys[x]
        for k in range(len(corners)):
            slot = _slot(table.slots, key)
            if table.slots[slot] == EMPTY:
                table.slots[slot] = table.keys[count] = key
                table.vertices[slot] = count
                count += 1
            vertices[x, k] = table.vertices[slot]
            # The next corner is one higher in every coordinate, but D lower in that of the next rank.
            key += steps[row.coordinates[len(corners) - 1 - k, x]]
    return count


@kernel()
def _slot(slots, key):
    """Where the key is, or the empty slot where it belongs."""
    mask = np.uint64(len(slots) - 1)
    slot = (np.uint64(key) * GOLDEN >> np.uint64(32)) & mask
    while slots[slot] != key and slots[slot] != EMPTY:
        slot = (slot + np.uint64(1)) & mask
    return slot


@kernel()
def _table(keys, least):
    """A table of these keys, at most half full with `least` / 2 of them; its size is a power of two."""
    capacity = FIRST_CAPACITY
    while capacity < least:
        capacity *= 2
    slots, vertices = np.full(capacity, EMPTY), np.empty(capacity, np.int32)
    room = np.empty(capacity // 2, np.int64)
    room[: len(keys)] = keys
    for vertex in range(len(keys)):
        slot = _slot(slots, keys[vertex])
        slots[slot] = keys[vertex]
        vertices[slot] = vertex
    return _Table(slots, vertices, room)


@kernel()
def _neighbours(keys, fields, corners):
    """The next vertex in direction j is one lower in every coordinate, but D higher in the j-th."""
    table = _table(keys, 2 * len(keys))
    neighbours = np.full((len(corners), len(keys), 2), len(keys), np.int32)
    for j in range(len(corners)):
        step = len(corners) * fields[j] - fields.sum()
        for vertex in range(len(keys)):
            slot = _slot(table.slots, keys[vertex] + step)
            if table.slots[slot] != EMPTY:
                neighbour = table.vertices[slot]
                neighbours[j, vertex, 0] = neighbour
                neighbours[j, neighbour, 1] = vertex
    return neighbours


@kernel()
def _normalise(vertices, weights, neighbours, strength, corners):
    """Scale each pixel's weights by √strength ÷ √(kernel × ones): splat and slice then carry both."""
    table = np.zeros((neighbours.shape[1] + 1, 1), np.float32)
    for pixel in range(len(vertices)):
        for k in range(len(corners)):
            table[vertices[pixel, k], 0] += weights[pixel, k]
    table, _ = blur(table, np.empty_like(table), neighbours, (0,))
    for pixel in range(len(vertices)):
        total = np.float32(0)
        for k in range(len(corners)):
            total += weights[pixel, k] * table[vertices[pixel, k], 0]
        scale = np.sqrt(strength / total)
        for k in range(len(corners)):
            weights[pixel, k] *= scale
