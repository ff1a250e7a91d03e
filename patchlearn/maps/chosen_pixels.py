"""Which of many doubtful pixels to label: those that many others are like, and that differ from each other."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from patchlearn.core.types import Float32, Integers

NEAREST = 0.01  # of the sampled cells, which a cell is compared with; ours
AT_ONCE = 4096  # candidates that are compared at the same time


@dataclass(frozen=True, kw_only=True)
class Candidates:
    """M pixels of many images.

    Args:
        image: M, the number of the image.
        y: M rows, from 0.
        x: M columns.
        label: M, what the maps say there, as in a mask.
        margin: M, how sure the maps are there.
        features: M×C, of length 1 (`of_length_one`).
        apart: M, how far two chosen pixels of the image must be from each other, in pixels.
    """

    image: Integers
    y: Integers
    x: Integers
    label: Integers
    margin: Float32
    features: Float32
    apart: Float32


def of_length_one(features: Float32, scale: Float32) -> Float32:
    """M×C: each channel divided by its scale, then each vector by its length, so that products are similarities.

    Args:
        features: M×C.
        scale: C, such as the standard deviations; a channel of scale 0 counts for nothing.

    >>> of_length_one(np.array([[3.0, 8.0]], np.float32), np.array([1.0, 2.0], np.float32))
    array([[0.6, 0.8]], dtype=float32)
    """
    even = np.divide(features, scale, out=np.zeros_like(features), where=scale > 0)
    return even / np.maximum(np.linalg.norm(even, axis=1, keepdims=True), 1e-12)


def typicality(features: Float32, sample: Float32) -> Float32:
    """M: how dense the sample is around each vector, as the mean cosine similarity to its nearest hundredth.

    Args:
        features: M×C, of length 1.
        sample: S×C, of length 1: cells of all images.
    """
    nearest = max(1, round(NEAREST * len(sample)))
    found = np.zeros(len(features), np.float32)
    for start in range(0, len(features), AT_ONCE):
        likeness = features[start : start + AT_ONCE] @ sample.T
        found[start : start + AT_ONCE] = np.partition(likeness, -nearest, axis=1)[:, -nearest:].mean(1)
    return found


def choose(
    candidates: Candidates, typical: Float32, count: int, most_of_an_image: int, known: Float32 | None = None
) -> list[int]:
    """The places of the chosen candidates, in the order in which they are chosen.

    The labels take turns. Of the candidates of a label, the one with the highest product of three numbers is chosen:
    the rank of its doubt, the rank of its typicality, both among those of its label, and its distance to the nearest
    one that was chosen before or is known.

    Args:
        candidates: M pixels.
        typical: M, see `typicality`.
        count: how many to choose; fewer are chosen where there are no more.
        most_of_an_image: at most so many of one image.
        known: N×C, of length 1: the features of pixels that are labelled already.

    Source: the distance to the nearest one is the greedy k-centre rule (Gonzalez, Theoretical Computer Science 38,
    1985), used by Sener & Savarese (ICLR 2018) to choose what is labelled.
    """
    worth = _ranks(-candidates.margin, candidates.label) * _ranks(typical, candidates.label)
    nearest = (candidates.features @ known.T).max(1) if known is not None and len(known) else np.full(len(worth), -1.0)
    free, turns, chosen = np.ones(len(worth), np.bool_), sorted(set(candidates.label.tolist())), list[int]()
    while turns and len(chosen) < count:
        label = turns.pop(0)
        possible = np.flatnonzero(free & (candidates.label == label))
        if not len(possible):
            continue
        best = int(possible[(worth[possible] * (1 - nearest[possible])).argmax()])
        turns.append(label)
        chosen.append(best)
        free &= ~_too_near(candidates, best)
        if sum(candidates.image[chosen] == candidates.image[best]) >= most_of_an_image:
            free &= candidates.image != candidates.image[best]
        nearest = np.maximum(nearest, candidates.features @ candidates.features[best])
    return chosen


def _ranks(values: Float32, labels: Integers) -> Float32:
    """M in (0, 1]: the share of the values of the same label that are not higher."""
    ranks = np.zeros(len(values), np.float32)
    for label in set(labels.tolist()):
        own = values[labels == label]
        ranks[labels == label] = np.searchsorted(np.sort(own), own, side="right") / len(own)
    return ranks


def _too_near(candidates: Candidates, place: int) -> NDArray[np.bool_]:
    """M: which pixels of the same image are too near to a chosen one, itself among them."""
    squares = (candidates.y - candidates.y[place]) ** 2 + (candidates.x - candidates.x[place]) ** 2
    near = (candidates.image == candidates.image[place]) & (squares < candidates.apart**2)
    near[place] = True
    return near


def evenly(count: int, wanted: int) -> Sequence[int]:
    """The numbers of at most `wanted` of `count` things, evenly spaced.

    >>> list(evenly(10, 3)), list(evenly(2, 3))
    ([1, 5, 8], [0, 1])
    """
    taken = min(count, wanted)
    return [(2 * index + 1) * count // (2 * taken) for index in range(taken)]
