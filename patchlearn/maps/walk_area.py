"""A random walk whose classes stay near the area of their evidence; see `patchlearn.refine.area`."""

from dataclasses import replace

import numpy as np

from patchlearn.core.types import Float32, Integers, ScoreMaps, enlarge
from patchlearn.refine.area import Bools, refinement_weights, winners
from patchlearn.refine.background import background_threshold
from patchlearn.refine.settings import BackgroundRule


def bounded_walk(maps: ScoreMaps, walked: ScoreMaps, rule: BackgroundRule) -> ScoreMaps:
    """The scores after a walk; those of a class that it floods or loses are mixed with those before.

    A class with the weight w has the scores walked^w · before^(1 - w), as `WalkSettings.anchor` has it for all. Unknown
    classes change nothing about the judged ones.

    Args:
        maps: the scores before the walk.
        walked: the scores after it, of the same classes, on any grid.
        rule: of the background threshold, and by how much a class may grow.

    Returns:
        `walked` where no class breaks the rule; else scores on the grid of `maps`.

    Raises:
        PatchlearnError: a score is not a number.

    >>> maps = ScoreMaps(scores=np.array([[[0.0, 0.0, 0.1, 1.0]]], np.float32), classes=(0,), size=(1, 4))
    >>> flooded = replace(maps, scores=np.array([[[0.2, 0.9, 1.0, 1.0]]], np.float32))
    >>> bounded_walk(maps, flooded, BackgroundRule()).scores.round(2).tolist()
    [[[0.0, 0.0, 0.3199999928474426, 1.0]]]
    """
    if rule.growth is None or not maps.classes:
        return walked
    weights = np.ones(len(maps.classes), np.float32)
    judged = np.array([index not in maps.unknown for index in maps.classes])
    if judged.any():
        weights[judged] = _weights(maps.judged, walked.judged, rule, weights[judged])
    if not judged.all():
        weights = _weights(maps, walked, rule, weights, ~judged)
    return mixed_scores(maps, walked, weights)


def mixed_scores(maps: ScoreMaps, walked: ScoreMaps, weights: Float32) -> ScoreMaps:
    """walked^weight · before^(1 - weight) for the weight of each class, P."""
    if (weights == 1).all():
        return walked
    shares = weights[:, None, None]
    return replace(maps, scores=enlarge(walked.scores, maps.scores.shape[1:]) ** shares * maps.scores ** (1 - shares))


def _weights(
    maps: ScoreMaps, walked: ScoreMaps, rule: BackgroundRule, weights: Float32, movable: Bools | None = None
) -> Float32:
    enlarged = replace(walked, scores=enlarge(walked.scores, maps.scores.shape[1:]))
    assert rule.growth is not None
    evidence = _labels(maps, rule)

    def labels(weights: Float32) -> Integers:
        return _labels(mixed_scores(maps, enlarged, weights), rule)

    return refinement_weights(evidence, labels, weights, rule.growth, movable)


def _labels(maps: ScoreMaps, rule: BackgroundRule) -> Integers:
    return winners(maps.scores, background_threshold(maps, rule))
