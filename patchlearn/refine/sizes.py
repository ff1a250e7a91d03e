"""Score maps whose areas agree with what a user knows of the size of a class."""

from dataclasses import replace
from math import ceil, floor

import numpy as np

from patchlearn.core.types import ClassSize, Float32, ScoreMaps, Sizes, in_shares
from patchlearn.refine.components import Bools, component_numbers
from patchlearn.refine.flood import flooded

ROUNDING = 1e-6  # of a pixel: a share of an image times its pixels may miss a whole number by rounding


def sized(maps: ScoreMaps, threshold: float, sizes: Sizes) -> ScoreMaps:
    """Score maps in which the area of each class above a threshold is within the bounds that the user stated.

    A map whose area is outside is rescaled: the score at which its area would be at the nearer bound becomes the
    threshold. The rescaling rises, is linear below and above this score, and leaves 0 and 1 where they are. Then a
    multiple of the threshold below it, and a point part of the way from the threshold to 1, mean the same as before:
    `confident_regions` uses both. A power of the scores would bring them closer together or farther apart.

    The area is that of the map alone, before other classes and a CRF. With equal scores at the bound, it is as large as
    they allow within the bound; but a class with any score keeps a pixel, and pixels without a score do not come in.

    For a class of which there is one thing (`count`), the map is first that of the component above the threshold with
    the largest total score, as it is flooded from its highest pixel (`flooded`): the others, and everything that is
    reached from there only through lower scores, fall to the score of the way to it. Every area is then connected.

    Args:
        maps: the scores of one image.
        threshold: of the background, in [0, 1).
        sizes: of each of the K classes, None where nothing is known; those in pixels are of an image of `maps.size`
            (see `in_shares`). Unknown classes of the image are not changed.

    Returns:
        The maps themselves if no map changes. Otherwise maps at the size of the image, in which one stands for all
        unknown classes, as in `ScoreMaps.label_maps`.

    >>> scores = np.array([[[0.0, 0.2, 0.4, 0.6, 0.8, 1.0]]], np.float32)
    >>> maps = ScoreMaps(scores=scores, classes=(0,), size=(1, 6))
    >>> (sized(maps, 0.3, (ClassSize(most=1 / 3),)).scores > 0.3).tolist()
    [[[False, False, False, False, True, True]]]
    """
    stated = in_shares(sizes, maps.size)
    known = {
        place: size
        for place, index in enumerate(maps.judged.classes)
        if (size := stated[index] if stated else None) is not None
    }
    if not known:
        return maps
    labels = list(maps.label_maps())
    new = {place: _sized(labels[place], np.float32(threshold), size) for place, size in known.items()}
    if all(each is labels[place] for place, each in new.items()):
        return maps
    return _with_scores(maps, np.stack([new.get(place, each) for place, each in enumerate(labels)]))


def _with_scores(maps: ScoreMaps, labels: Float32) -> ScoreMaps:
    """The maps with these label maps, in the order of their classes."""
    unknown = maps.unknown[:1]
    classes = (*maps.judged.classes, *unknown)
    order = np.argsort(classes)
    return replace(maps, scores=labels[order], classes=tuple(sorted(classes)), unknown=unknown)


def _sized(scores: Float32, threshold: np.float32, size: ClassSize) -> Float32:
    if scores.max() > 1:  # by rounding
        scores = np.minimum(scores, np.float32(1))
    if size.count == "one":
        scores = flooded(scores, _start(scores, threshold))
    least, most = _in_pixels(size, scores.size)
    above = _wanted(scores, threshold, least, most)
    return scores if above is None or not above.any() else _rescaled(scores, threshold, above)


def _in_pixels(size: ClassSize, pixels: int) -> tuple[int, int]:
    """The bounds in whole pixels; 0 and all of them where there is no bound."""
    least = 0 if size.least is None else ceil(size.least * pixels - ROUNDING)
    return least, pixels if size.most is None else floor(size.most * pixels + ROUNDING)


def _start(scores: Float32, threshold: np.float32) -> tuple[int, int]:
    """The highest pixel of the component above the threshold with the largest total score."""
    inside = scores > threshold
    places = np.arange(scores.size)
    if inside.any():
        numbers = component_numbers(inside)
        totals = np.bincount(numbers, weights=scores[inside].astype(np.float64))
        places = np.flatnonzero(inside)[numbers == totals.argmax()]
    row, column = divmod(int(places[scores.ravel()[places].argmax()]), scores.shape[1])
    return row, column


def _wanted(scores: Float32, threshold: np.float32, least: int, most: int) -> Bools | None:
    """H×W: the pixels that are to be above the threshold; None where their number is within the bounds."""
    area = int(np.count_nonzero(scores > threshold))
    if area > most:
        edge = _largest(scores, most + 1)
        above = scores > edge
        return above if above.any() else scores >= edge
    if area < least:
        edge = _largest(scores, least)
        return scores >= edge if edge > 0 else scores > 0
    return None


def _largest(scores: Float32, place: int) -> np.float32:
    """The score in this place, from 1, of all scores from the largest to the smallest."""
    value: np.float32 = np.partition(scores, scores.size - place, axis=None)[scores.size - place]
    return value


def _rescaled(scores: Float32, threshold: np.float32, above: Bools) -> Float32:
    """The scores, rescaled so that the pixels of `above`, which have the largest ones, are above the threshold."""
    knot = (float(scores[above].min()) + float(scores.max(initial=0, where=~above))) / 2
    level = float(threshold)
    low = scores.astype(np.float64) * (level / knot)
    high = level + (scores.astype(np.float64) - knot) * ((1 - level) / (1 - knot))
    # The limits are for rounding: no pixel changes sides.
    low, high = np.minimum(low, level), np.clip(high, np.nextafter(threshold, np.float32(1)), 1)
    return np.where(above, high, low).astype(np.float32)
