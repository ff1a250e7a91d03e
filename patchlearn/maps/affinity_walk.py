"""The random walk of one image's scores along the affinities of an affinity network."""

from dataclasses import replace

import numpy as np

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import Float32, ScoreMaps, UInt8, enlarge
from patchlearn.maps.settings import WalkSettings
from patchlearn.models.walker import Walker
from patchlearn.refine.arrays import require_finite

EPSILON = 1e-5  # where no class has a score after the walk


def walk_scores(image: UInt8, maps: ScoreMaps, settings: WalkSettings, affinity: Walker | None = None) -> ScoreMaps:
    """The scores after the walk, in [0, 1]; the largest of all is 1.

    An unknown class walks as any other, but the judged classes are scaled as without it: what is the largest is asked
    of them alone, if they have any score.

    Args:
        image: H×W×3, RGB.
        maps: scores of the classes in it.
        settings: how far, and how the result is scaled.
        affinity: a trained network, or what it makes of stored features; without one the scores stay as they are.

    Returns:
        Scores on the network's grid, or on that of the maps if these have a weight in the result (`anchor`).

    Raises:
        PatchlearnError: the maps are of an image of another size, a score is not a number, or the grid of the maps is
            not a quarter of the image, for a boundary network.
    """
    check_maps(image, maps)
    if affinity is None or not maps.classes:
        return maps
    return scale_walked(maps, walk_along(image, maps, settings, affinity), settings)


def walk_along(image: UInt8, maps: ScoreMaps, settings: WalkSettings, affinity: Walker) -> Float32:
    """P×h×w, on the network's grid: the scores after the walk, before any scaling."""
    beta = affinity.usual_beta if settings.beta is None else settings.beta
    longest = max(maps.size)
    long_side = longest if settings.long_side is None else min(longest, settings.long_side)
    return affinity.walk(image, maps.scores, settings.radius, beta, settings.steps, long_side)


def scale_walked(maps: ScoreMaps, walked: Float32, settings: WalkSettings) -> ScoreMaps:
    """Scores after a walk, mixed with those before it (`anchor`) and divided by a maximum (`balance`)."""
    if settings.anchor:
        largest = max(float(_of_judged(maps, walked).max()), EPSILON)
        walked = enlarge(walked / largest, maps.scores.shape[1:]) ** (1 - settings.anchor)
        walked = walked * maps.scores**settings.anchor
    own = walked.max((1, 2), keepdims=True)
    divisor = _of_judged(maps, own).max() ** (1 - settings.balance) * own**settings.balance
    # A root times itself may lie below its square by the last digit, and an unknown class above all others: hence at
    # most 1.
    return replace(maps, scores=np.minimum(walked / np.where(divisor > 0, divisor, 1), 1).astype(np.float32))


def _of_judged(maps: ScoreMaps, values: Float32) -> Float32:
    """The values of the judged classes; those of all where the judged ones have no score, or there are none."""
    judged = values[[index not in maps.unknown for index in maps.classes]]
    return judged if judged.any() else values


def check_maps(image: UInt8, maps: ScoreMaps) -> None:
    """Raise `PatchlearnError` unless the maps are numbers, and of an image of this size."""
    if maps.size != image.shape[:2]:
        raise PatchlearnError(
            f"score maps of an image of {maps.size[1]}×{maps.size[0]} pixels, but this one has "
            f"{image.shape[1]}×{image.shape[0]}. Take the image they were made from."
        )
    require_finite("score maps", maps.scores, "Delete them and make them again.")
