"""The area of a refined class stays near that of its evidence: what a refinement floods or loses is taken back.

A refinement (random walk, dense CRF) assumes that what looks alike belongs together. On a plain surface everything
looks alike: a class floods the surface, or the CRF's smoothness erases it. A class is taken as found where its score,
before any refinement, is the highest and above the background's threshold. These pixels are its *evidence*. A refined
class must keep a share 1/growth of them, and have at most growth times as many. The background must keep its share
too; where it does not, though every class is within its bounds, those that grew break the rule.

A class that breaks this rule is refined less: its refined values get a smaller weight in a geometric mean with those
before. The weight is halved until the rule holds; the last one is 0, which leaves the evidence.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from patchlearn.core.types import Float32, Integers
from patchlearn.refine.crf.features import LEAST_PROBABILITY

# Of refined values. A CRF's saturated ones give way at 1/32: their logarithm is ln 1e-5 = -11.5 at the most, that of
# an exact score over Otsu's threshold is ln 2 = 0.7.
WEIGHTS = np.array([1, 1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 32, 1 / 64, 0], np.float32)
ROUNDS = 2 * len(WEIGHTS)  # after them every class falls back to its evidence, so that time grows with the pixels alone

Bools = NDArray[np.bool_]
Labels = Callable[[Float32], Integers]  # the weight of each of the K classes → H×W: 0 background, k + 1 class k


def bounded_labels(before: Float32, after: Float32, evidence: Integers, growth: float | None) -> Integers:
    """H×W: the label that wins at each pixel after a refinement, 0 for the background, within the bounds of the rule.

    Args:
        before: (K+1)×H×W label scores, the background's first; nothing negative.
        after: the same after a refinement. Only the ratio to the background counts.
        evidence: H×W, the labels that won before any refinement.
        growth: see `refinement_weights`; None for no bound.

    >>> before = np.array([[[0.5, 0.5, 0.5, 0.5]], [[0.0, 0.9, 0.0, 0.0]]], np.float32)
    >>> flooded = np.array([[[0.1, 0.1, 0.1, 0.1]], [[0.9, 0.9, 0.9, 0.9]]], np.float32)
    >>> bounded_labels(before, flooded, before.argmax(0), growth=2.0).tolist()
    [[0, 1, 0, 0]]
    >>> bounded_labels(before, flooded, before.argmax(0), growth=None).tolist()
    [[1, 1, 1, 1]]
    """
    refined = after.argmax(0)
    if growth is None or not changed_classes(evidence, refined, len(after) - 1, growth).any():
        return refined
    first, last = _log_ratios(before), _log_ratios(after)

    def labels(weights: Float32) -> Integers:
        return winners(last * weights[:, None, None] + first * (1 - weights)[:, None, None], 0.0)

    return labels(refinement_weights(evidence, labels, np.ones(len(first), np.float32), growth))


def refinement_weights(
    evidence: Integers, labels: Labels, weights: Float32, growth: float, movable: Bools | None = None
) -> Float32:
    """K: how much of each class's refinement is believed, the largest of `WEIGHTS` at which the rule holds.

    Where a class breaks the rule though its own weight is 0, the others lie on it: their weights are halved too.

    Args:
        evidence: H×W, the labels that won before any refinement: 0 for the background, k + 1 for class k.
        labels: gives the labels at other weights.
        weights: K, to begin with.
        growth: above 1; a class keeps a share 1/growth of its evidence and is at most growth times as large. One
            without evidence stays without a pixel.
        movable: K, whose weight may change; None for all.

    >>> found = np.array([[1, 0, 0, 0, 2, 2, 2, 2]])
    >>> refined = lambda weights: np.array([[1, 1, 1, 1, 2, 2, 2, 0]]) if weights[0] > 0.3 else found
    >>> refinement_weights(found, refined, np.ones(2, np.float32), growth=2.0).tolist()
    [0.25, 1.0]
    """
    weights, movable = weights.copy(), np.ones(len(weights), bool) if movable is None else movable
    for _ in range(ROUNDS):
        wrong = changed_classes(evidence, labels(weights), len(weights), growth) & movable
        if not wrong.any() or not weights[movable].any():
            return weights
        less = wrong & (weights > 0) if weights[wrong].any() else movable
        weights[less] = _halved(weights[less])
    weights[movable] = 0
    return weights


def changed_classes(evidence: Integers, labels: Integers, classes: int, growth: float) -> Bools:
    """K: which classes break the rule, by their evidence and the labels after a refinement, both H×W.

    >>> found, refined = np.array([[1, 1, 2, 2, 0, 0]]), np.array([[1, 0, 1, 2, 3, 0]])
    >>> changed_classes(found, refined, classes=3, growth=2.0).tolist()  # class 2 has a pixel, but no evidence
    [False, False, True]
    """
    before, after, kept = (
        np.bincount(each.ravel(), minlength=classes + 1) for each in (evidence, labels, labels[evidence == labels])
    )
    is_lost = growth * kept < before
    wrong = ((after > growth * before) | is_lost)[1:]
    return wrong if wrong.any() or not is_lost[0] else (after > before)[1:]


def winners(scores: Float32, threshold: float) -> Integers:
    """H×W: k + 1 where class k of K×H×W scores is the largest and above the threshold, 0 elsewhere.

    >>> winners(np.array([[[0.1, 0.6, 0.3]], [[0.2, 0.7, 0.1]]], np.float32), 0.25).tolist()
    [[0, 2, 1]]
    """
    return np.where(scores.max(0) > threshold, scores.argmax(0) + 1, 0)


def _halved(weights: Float32) -> Float32:
    """Each one the next of `WEIGHTS`."""
    smaller = weights / 2
    return np.where(smaller < WEIGHTS[-2], WEIGHTS[-1], smaller)


def _log_ratios(labels: Float32) -> Float32:
    """K×H×W: ln(score of each class ÷ score of the background)."""
    logs = np.log(np.maximum(labels, LEAST_PROBABILITY))
    ratios: Float32 = logs[1:] - logs[0]
    return ratios
