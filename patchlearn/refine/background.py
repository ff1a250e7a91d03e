"""Background thresholds and confident regions of score maps, without ground truth."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from patchlearn.core.types import BACKGROUND, IGNORE, Float32, Integers, ScoreMaps, Sizes, UInt8, Window
from patchlearn.refine.area import bounded_labels
from patchlearn.refine.arrays import require_finite
from patchlearn.refine.crf.dense import dense_crf, dense_crf_parts, label_probabilities
from patchlearn.refine.settings import BackgroundRule, ConfidentRegions
from patchlearn.refine.sizes import sized

BINS = 256  # of Otsu's histogram


def background_threshold(maps: ScoreMaps, settings: BackgroundRule) -> float:
    """The score above which a pixel is foreground, in 0–1.

    It is that of the judged classes: an unknown class beside them does not change it. Where all are unknown, it is
    theirs.

    Args:
        maps: the scores of one image.
        settings: the rule. An image without classes has the rule's fixed threshold.

    Raises:
        PatchlearnError: a score is not a number.

    >>> maps = ScoreMaps(scores=np.array([[[0.1, 0.1, 0.9, 1.0]]], np.float32), classes=(0,), size=(1, 4))
    >>> 0.1 < background_threshold(maps, BackgroundRule(rule="otsu")) < 0.9
    True
    """
    if not maps.classes:
        return settings.threshold
    require_finite("score maps", maps.scores, "Delete them and make them again.")
    judged = maps.judged if maps.judged.classes else maps
    return _RULES[settings.rule](judged.scores.max(0), settings)


def within_sizes(maps: ScoreMaps, rule: BackgroundRule, sizes: Sizes) -> tuple[ScoreMaps, BackgroundRule]:
    """(maps in which the areas above the background threshold agree with the stated sizes, a rule for this threshold).

    The rule is "fixed" with the threshold of the maps as they were: the changed ones would have another. Without sizes,
    maps and rule are those that were given.

    Args:
        maps: the scores of one image.
        rule: finds the background threshold.
        sizes: of each class, see `sized`.
    """
    if not maps.classes or not any(sizes):
        return maps, rule
    threshold = background_threshold(maps, rule)
    return sized(maps, threshold, sizes), replace(rule, rule="fixed", threshold=threshold)


def confident_regions(
    image: UInt8, maps: ScoreMaps, rule: BackgroundRule, settings: ConfidentRegions, sizes: Sizes = ()
) -> UInt8:
    """The confident pixels of an image's score maps: labels to train an affinity network or an LDA classifier on.

    Args:
        image: H×W×3, RGB.
        maps: the scores of the image.
        rule: finds the background threshold, and bounds what the CRF adds to a class or takes away.
        settings: the two multiples of that threshold.
        sizes: of each of the K classes, see `patchlearn.refine.sizes.sized`; () where nothing is known.

    Returns:
        H×W: i + 1 where class i is confident, 0 where the background is, 255 elsewhere, also where an unknown class
        wins at one of the two thresholds and no judged class is confident.

    Raises:
        PatchlearnError: a score is not a number.

    Source: the foreground and background regions of Ahn, Cho & Kwak (IRN), CVPR 2019.

    >>> image = np.zeros((8, 8, 3), np.uint8)
    >>> image[:, 4:] = 255
    >>> scores = np.where(np.arange(8) < 4, 0.1, 0.9) * np.ones((1, 8, 1))
    >>> maps = ScoreMaps(scores=scores.astype(np.float32), classes=(2,), size=(8, 8))
    >>> confident_regions(image, maps, BackgroundRule(), ConfidentRegions())[0].tolist()
    [0, 0, 0, 0, 3, 3, 3, 3]
    """
    if not maps.classes:
        return np.full(maps.size, BACKGROUND, np.uint8)
    maps, rule = within_sizes(maps, rule, sizes)
    threshold = background_threshold(maps, rule)
    values = np.array([BACKGROUND, *maps.mask_values], np.uint8)
    # At most halfway between the threshold and 1: otherwise a high threshold would leave no foreground.
    high = min(threshold * settings.high, (threshold + 1) / 2)
    confident, possible = (
        values[_crf_labels(image, maps, level, rule.growth)] for level in (high, threshold * settings.low)
    )
    undecided = (confident == BACKGROUND) & (possible != BACKGROUND)
    return np.where(undecided, IGNORE, confident).astype(np.uint8)


def label_scores(maps: ScoreMaps, threshold: float, window: Window | None = None) -> Float32:
    """(L+1)×H×W: the background's threshold, then the label maps (`ScoreMaps.label_maps`).

    Args:
        maps: the scores of one image.
        threshold: of the background.
        window: the pixels that are wanted; None for all.
    """
    labels = maps.label_maps(window)
    scores = np.empty((len(labels) + 1, *labels.shape[1:]), np.float32)
    scores[0], scores[1:] = threshold, labels
    return scores


def _crf_labels(image: UInt8, maps: ScoreMaps, threshold: float, growth: float | None) -> Integers | UInt8:
    """H×W: 0 background, k the k-th of the label maps. Hard labels (0.7) and the preset "irn", as in IRN."""
    if growth is None:
        return _labels_in_parts(image, maps, threshold)
    scores = label_scores(maps, threshold)
    labels = scores.argmax(0)
    probabilities = dense_crf(image, label_probabilities(labels.astype(np.uint8), len(scores)), "irn")
    return bounded_labels(scores, probabilities, labels, growth)


def _labels_in_parts(image: UInt8, maps: ScoreMaps, threshold: float) -> UInt8:
    """The same without a bound on areas, which would need the whole image at once."""
    count = 1 + len(maps.mask_values)

    def read(rows: slice, columns: slice) -> Float32:
        labels = label_scores(maps, threshold, (rows, columns)).argmax(0).astype(np.uint8)
        return label_probabilities(labels, count)

    labels = np.empty(maps.size, np.uint8)
    for window, refined in dense_crf_parts(image, read, count, "irn"):
        labels[window] = refined.argmax(0)
        del refined  # before the next part takes as much
    return labels


def _power(strongest: Float32, settings: BackgroundRule) -> float:
    """The score s at which s = (1 − s)^power, by bisection: the left side rises, the right side falls."""
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if middle < (1 - middle) ** settings.power else (low, middle)
    return high


def _otsu(strongest: Float32, settings: BackgroundRule) -> float:
    """The threshold with the largest variance between its two sides (Otsu 1979)."""
    # A histogram leaves out values outside of its range, hence the clip.
    counts, edges = np.histogram(np.clip(strongest, 0, 1), bins=BINS, range=(0.0, 1.0))
    centres = (edges[:-1] + edges[1:]) / 2
    below = counts.cumsum()[:-1]
    above = counts.sum() - below
    mass = (counts * centres).cumsum()
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = mass[:-1] / below - (mass[-1] - mass[:-1]) / above
        variance = np.nan_to_num(below * above * gap**2, nan=-1.0)
    best = np.flatnonzero(variance == variance.max())
    return float(edges[1:-1][best].mean())


# Rule → the threshold for an image's strongest scores, H×W.
_RULES: dict[str, Callable[[Float32, BackgroundRule], float]] = {
    "fixed": lambda strongest, settings: settings.threshold,
    "otsu": _otsu,
    "power": _power,
}
