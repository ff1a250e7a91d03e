"""The permutohedral lattice: Gaussian filtering over any few features, in time linear in pixels.

Source: Adams, Baek, Davis, "Fast High-Dimensional Filtering Using the Permutohedral Lattice" (2010). A pixel with D
features lies in a simplex of D + 1 vertices (`geometry.py`). Its value is splatted onto them, the vertices are blurred
along the D + 1 directions of the lattice, and the result is sliced out again with the same weights.

The functions are compiled once for each number of features or channels and cached on disk. Numbers that must be known
at compile time are passed as the length of a tuple of zeros (`corners`, `lanes`), because numba makes that length part
of the tuple's type.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from patchlearn.core.types import Float32, Integers
from patchlearn.refine.compiled import kernel
from patchlearn.refine.crf.geometry import empty_row, lattice_fields, lattice_origin, lattice_scales, place_row
from patchlearn.refine.crf.vectors import blur_row

FIRST_CAPACITY = 1 << 15
GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2^64 ÷ golden ratio: Fibonacci hashing (Knuth, TAOCP 6.4)
EMPTY = np.int64(-1)
MOST_VERTICES = 2**31 - 1  # that int32 counts


class Lattice(NamedTuple):
    """The simplices of N pixels in a lattice of M vertices.

    Attributes:
        vertices: N×(D+1), the corners of each pixel's simplex, in 0..M-1.
        weights: N×(D+1), barycentric, scaled so that splat, blur and slice give the normalised kernel.
        neighbours: (D+1)×M×2, both neighbours of every vertex in every direction; M for a missing one.
    """

    vertices: NDArray[np.int32]
    weights: Float32
    neighbours: NDArray[np.int32]


class _Table(NamedTuple):
    """A hash table from keys to vertices: the keys in its slots, their vertices, and the keys in order of vertices."""

    slots: Integers
    vertices: NDArray[np.int32]
    keys: Integers


def build_lattice(features: Float32, strength: float = 1.0) -> Lattice:
    """The lattice of a kernel with symmetric normalisation (Krähenbühl & Koltun 2011).

    Args:
        features: D×H×W, each in units of its standard deviation.
        strength: factor on the filtered values.

    Raises:
        PatchlearnError: the features span more cells than the lattice's keys can hold.

    >>> lattice = build_lattice(np.zeros((2, 4, 5), np.float32))  # all pixels at one position
    >>> lattice.vertices.shape, lattice.neighbours.shape
    ((20, 3), (3, 3, 2))
    """
    return _completed(*_placed(features, MOST_VERTICES), strength)


def build_bounded_lattice(features: Float32, strength: float, most: int) -> Lattice | None:
    """`build_lattice`, or None where there are more vertices than `most`; it stops as soon as this is known."""
    vertices, weights, keys = _placed(features, most)
    return None if len(keys) > most else _completed(vertices, weights, keys, strength)


def _placed(features: Float32, most: int) -> tuple[NDArray[np.int32], Float32, Integers]:
    """(the corners of each pixel's simplex, their weights, the vertices' keys); without an end where they are too many.

    "Too many" is above `most`.
    """
    dimensions = len(features)
    scales, origin, fields = lattice_scales(dimensions), lattice_origin(features), lattice_fields(dimensions)
    return _simplices(features, scales, origin, fields, (0,) * (dimensions + 1), most)


def _completed(vertices: NDArray[np.int32], weights: Float32, keys: Integers, strength: float) -> Lattice:
    """The lattice with its neighbours; the weights are scaled in place."""
    corners = (0,) * vertices.shape[1]
    neighbours = _neighbours(keys, lattice_fields(len(corners) - 1), corners)
    _normalise(vertices, weights, neighbours, np.float32(strength), corners)
    return Lattice(vertices, weights, neighbours)


@kernel()
def blur(table, spare, neighbours, lanes):
    """Blur with ½, 1, ½ along every direction in turn; returns (the blurred table, the other table).

    Both tables have one row more than there are vertices. It is zero and stands for missing neighbours.
    """
    count = neighbours.shape[1]
    spare[count] = 0
    for direction in range(len(neighbours)):
        for vertex in range(count):
            before, after = neighbours[direction, vertex, 0], neighbours[direction, vertex, 1]
            blur_row(spare, table, vertex, before, after, lanes)
        table, spare = spare, table
    return table, spare


@kernel()
def _simplices(features, scales, origin, fields, corners, most):
    """(vertices, barycentric weights, keys); it ends after the row in which there are more keys than `most`.

    The pixels of a row are placed together: such loops become vector code.
    """
    _, height, width = features.shape
    vertices = np.empty((height * width, len(corners)), np.int32)
    weights = np.empty((height * width, len(corners)), np.float32)
    row = empty_row(width, corners)
    table, count = _table(np.empty(0, np.int64), FIRST_CAPACITY), 0
    steps = fields.sum() - len(corners) * fields
    for y in range(height):
        pixels = slice(y * width, (y + 1) * width)
        place_row(features[:, y], scales, origin, fields, row, weights[pixels], corners)
        if 2 * (count + len(corners) * width) > len(table.slots):
            table = _table(table.keys[:count], 4 * (count + len(corners) * width))
        count = _enter(row, vertices[pixels], table, count, steps, corners)
        if count > most:
            break
    return vertices, weights, table.keys[:count].copy()


@kernel()
def _enter(row, vertices, table, count, steps, corners):
    """Look up the corners of every pixel and number the new ones; returns the number of vertices so far."""
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
    """The slot of the key, or the empty slot for it."""
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
    """Scale each pixel's weights by √strength ÷ √(kernel × ones), so that splat and slice apply both factors."""
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
