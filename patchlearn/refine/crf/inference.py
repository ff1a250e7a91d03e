"""The dense CRF of an image on the CPU: as a whole or, where that takes too much memory, in parts."""

from collections.abc import Callable, Iterator
from functools import lru_cache

import numpy as np

from patchlearn.core.types import Float32, Integers, UInt8, Window
from patchlearn.refine.crf.features import LEAST_PROBABILITY, colour_features, space_features
from patchlearn.refine.crf.lattice import MOST_VERTICES, Lattice, build_bounded_lattice, build_lattice
from patchlearn.refine.crf.mean_field import mean_field
from patchlearn.refine.crf.memory import lanes_of, most_vertices
from patchlearn.refine.crf.parts import Part, whole_image
from patchlearn.refine.settings import CrfKernels

NEVER = -1e4  # a logit whose exponential is zero
SMALL = 1_000_000  # pixels; the spatial lattice of a size (24 bytes per pixel) is cached up to here
SPACE, COLOUR = (0,) * 3, (0,) * 6  # as long as a simplex over 2 and over 5 features has corners
BLOCK = 1 << 18  # pixels whose logarithms are taken at once
# A label that is less probable at every pixel of a part has no channel there. Its message is at most c = 13 r times its
# largest probability q, where 13 are the weights of the presets' kernels and r is the largest sum of a row of the
# normalised kernels (1 far from borders). Mean field keeps q ≤ p·exp(c q), so that q stays below e·p, which is 0.003,
# while c·p ≤ 1/e (r ≤ 28).
IMPLAUSIBLE = 1e-3

Read = Callable[[slice, slice], Float32]  # rows, columns → the K×h×w label probabilities there


def refined_parts(
    image: UInt8, read: Read, labels: int, kernels: CrfKernels, iterations: int
) -> Iterator[tuple[Window, Float32]]:
    """The refined probabilities, part by part: (rows and columns, K×h×w).

    An image that needs no more than `WORKING_BYTES` is one part, of all labels. Otherwise a part has channels for the
    labels that are plausible in it, and a part that still needs more is halved. No K×H×W array is held.

    Args:
        image: H×W×3, RGB.
        read: gives the probabilities before refinement, which sum to 1.
        labels: K.
        kernels: of the CRF.
        iterations: of mean field.
    """
    waiting = [whole_image((image.shape[0], image.shape[1]), kernels)]
    while waiting:
        part = waiting.pop()
        refined = _refine_part(image, read, part, labels, kernels, iterations)
        if refined is None:
            waiting += reversed(part.halves())
            continue
        yield part.kept, refined
        del refined  # before the next part takes as much


def _refine_part(
    image: UInt8, read: Read, part: Part, labels: int, kernels: CrfKernels, iterations: int
) -> Float32 | None:
    """K×h×w of the part without its margin; None where it must be halved."""
    height, width = part.seen_size
    if part.can_be_halved and most_vertices(height * width, labels, 1) <= 0:
        return None
    probabilities = read(*part.seen)
    if labels == 1:
        return np.ones_like(probabilities, np.float32)
    chosen = _plausible(probabilities)
    lattices = _lattices(image, part, kernels, labels, len(chosen))
    if lattices is None:
        return None
    if part.is_whole and _fits(lattices, labels, labels - 1):
        chosen = np.arange(labels)
    lanes = (0,) * lanes_of(len(chosen) - 1)
    logits = _logits(probabilities, chosen, len(lanes))
    del probabilities
    differences = mean_field(logits, *lattices, iterations, COLOUR, SPACE, lanes)
    del lattices
    return _probabilities(differences.reshape(*part.seen_size, -1)[part.inside], chosen, labels)


def _plausible(probabilities: Float32) -> Integers:
    """The labels that have a channel; at least the two that are the most probable anywhere."""
    highest = np.array([each.max() for each in probabilities], np.float32)
    highest[highest.argsort(kind="stable")[-2:]] = 1
    return np.flatnonzero(highest >= IMPLAUSIBLE)


def _lattices(
    image: UInt8, part: Part, kernels: CrfKernels, labels: int, chosen: int
) -> tuple[Lattice, Lattice] | None:
    """(colour, space); None where they are too large for as many labels as were chosen, and the part can be halved."""
    height, width = part.seen_size
    corner = part.seen[0].start, part.seen[1].start
    if part.is_whole and height * width <= SMALL:
        space = _cached_spatial_lattice(height, width, kernels.gaussian_sxy, kernels.gaussian_compat)
    else:
        space = _spatial_lattice(height, width, kernels.gaussian_sxy, kernels.gaussian_compat, corner)
    most = MOST_VERTICES
    if part.can_be_halved:
        most = most_vertices(height * width, labels, chosen - 1) - space.neighbours.shape[1]
    features = colour_features(image[part.seen], kernels, corner)
    colour = build_bounded_lattice(features, kernels.bilateral_compat, most)
    return None if colour is None else (colour, space)


def _fits(lattices: tuple[Lattice, Lattice], labels: int, channels: int) -> bool:
    vertices = sum(each.neighbours.shape[1] for each in lattices)
    return vertices <= most_vertices(len(lattices[0].vertices), labels, channels)


def _spatial_lattice(
    height: int, width: int, deviation: float, strength: float, corner: tuple[int, int] = (0, 0)
) -> Lattice:
    return build_lattice(space_features(height, width, deviation, corner), strength)


_cached_spatial_lattice = lru_cache(maxsize=4)(_spatial_lattice)


def _logits(probabilities: Float32, chosen: Integers, lanes: int) -> Float32:
    """N×lanes: log probabilities minus those of the last label, which needs no channel.

    Softmax ignores a common shift. Padded lanes are labels of probability zero.
    """
    flat = probabilities.reshape(len(probabilities), -1)
    logits = np.full((flat.shape[1], lanes), NEVER, np.float32)
    for first in range(0, len(logits), BLOCK):
        some = flat[:, first : first + BLOCK] if len(chosen) == len(flat) else flat[chosen, first : first + BLOCK]
        logs = np.log(np.clip(some, LEAST_PROBABILITY, 1, dtype=np.float32))
        np.subtract(logs[:-1].T, logs[-1][:, None], out=logits[first : first + BLOCK, : len(chosen) - 1])
    return logits


def _probabilities(differences: Float32, chosen: Integers, labels: int) -> Float32:
    """K×h×w from the differences to the last chosen label, h×w×lanes: all K sum to 1, those not chosen are 0."""
    others = np.moveaxis(differences, 2, 0)[: len(chosen) - 1]
    result = np.zeros((labels, *others.shape[1:]), np.float32)
    last = result[chosen[-1]]
    last[:] = (1 - others.sum(0)) / len(chosen)
    for label, difference in zip(chosen[:-1], others):
        np.add(difference, last, out=result[label])
    return np.clip(result, 0, 1, out=result)
