"""How many bytes the dense CRF holds, and the most that it works with.

The limit is one number for all machines. It decides how an image is cut into parts, and thereby, in a few pixels, the
result; a result must not depend on how much memory happens to be free.
"""

from patchlearn.refine.crf.parts import SMALLEST
from patchlearn.refine.crf.vectors import VECTOR

WORKING_BYTES = 900_000_000  # so that a process with torch stays within 2 GB
MOST_CORNERS = 6  # of the simplex over five features; noise has as many vertices for each pixel
OF_PIXEL = 100  # both lattices' corners and weights (72 bytes), and one pair of features
OF_NEIGHBOURS = 48  # of a vertex: six pairs of int32
OF_HASH = 192  # of a vertex, while the lattice grows: keys and slots of two tables, at most an eighth full


def lanes_of(channels: int) -> int:
    """The number of channels, padded to what vector instructions take.

    >>> [lanes_of(channels) for channels in (1, 3, 20)]
    [1, 4, 24]
    """
    return channels if channels <= 2 else 4 if channels <= 4 else -(-channels // VECTOR) * VECTOR


def pixel_bytes(labels: int, channels: int) -> int:
    """What each pixel takes: label probabilities, logits of the channels, and its place in the lattices."""
    return 4 * (labels + lanes_of(channels)) + OF_PIXEL


def vertex_bytes(channels: int) -> int:
    """What each vertex takes: three tables of the channels and the neighbours; or, before, the hash table."""
    return max(12 * lanes_of(channels) + OF_NEIGHBOURS, OF_HASH)


def most_vertices(pixels: int, labels: int, channels: int) -> int:
    """How many vertices there may be beside so many pixels; below 0 where the pixels alone are too many."""
    return (WORKING_BYTES - pixels * pixel_bytes(labels, channels)) // vertex_bytes(channels)


def crf_bytes(shape: tuple[int, int], labels: int, margin: int = 160) -> int:
    """The most that `dense_crf` holds at once beside its arguments and its result, whatever the image shows.

    Args:
        shape: (H, W) of the image.
        labels: K, with the background.
        margin: of the parts, in pixels; that of the preset "psa" is the widest.

    >>> crf_bytes((375, 500), 21) // 10**6, crf_bytes((3000, 4000), 21) // 10**6
    (430, 900)
    """
    channels = max(1, labels - 1)
    of_pixel = pixel_bytes(labels, channels) + MOST_CORNERS * vertex_bytes(channels)
    smallest = (SMALLEST + 2 * margin) ** 2 * of_pixel
    return min(shape[0] * shape[1] * of_pixel, max(WORKING_BYTES, smallest))
