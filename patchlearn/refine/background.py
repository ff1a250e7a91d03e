"""Where the background begins, without a look at any ground truth."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from patchlearn.core.errors import PatchlearnError, require_one_of
from patchlearn.core.types import BACKGROUND, IGNORE, Float32, Integers, ScoreMaps, UInt8
from patchlearn.refine.arrays import require_finite
from patchlearn.refine.crf.dense import dense_crf, label_probabilities

BINS = 256


@dataclass(frozen=True, kw_only=True)
class BackgroundRule:
    """How the background threshold of an image is found.

    Args:
        rule: "otsu" (the threshold that splits the image's own scores best: nothing to tune), "fixed" (one threshold
            for all) or "power" (background scores (1 − max)^power, as PSA does).
        threshold: for "fixed"; the field tunes it on ground truth: PSA 0.2, SEAM 0.26, IRN 0.15.
        power: for "power"; PSA uses 4 and 32 for its low and high background.
    """

    rule: str = "otsu"
    threshold: float = 0.3
    power: float = 4.0


def background_threshold(maps: ScoreMaps, settings: BackgroundRule) -> float:
    """The score above which a pixel is foreground, in 0–1.

    Raises:
        PatchlearnError: an unknown rule or a number out of range; or a score is not a number.

    >>> maps = ScoreMaps(scores=np.array([[[0.1, 0.1, 0.9, 1.0]]], np.float32), classes=(0,), size=(1, 4))
    >>> 0.1 < background_threshold(maps, BackgroundRule(rule="otsu")) < 0.9
    True
    """
    check_background(settings)
    if not maps.classes:
        return settings.threshold
    require_finite("score maps", maps.scores, "Delete them and make them again.")
    return RULES[settings.rule](maps.scores.max(0), settings)


@dataclass(frozen=True, kw_only=True)
class ConfidentRegions:
    """Which pixels are sure enough to learn affinities from (IRN: thresholds of 0.30 and 0.05 around its own 0.15).

    Args:
        high: foreground is what the CRF finds with the background at this multiple of the threshold.
        low: background is what it still finds with the background at this multiple.
    """

    high: float = 1.25
    low: float = 0.75


def confident_regions(image: UInt8, maps: ScoreMaps, rule: BackgroundRule, settings: ConfidentRegions) -> UInt8:
    """Labels for affinities, from an image and its score maps.

    Returns:
        H×W: i + 1 where class i is sure, 0 where background is, 255 elsewhere.

    Raises:
        PatchlearnError: `high` below `low`, an unknown rule, or a score that is not a number.

    >>> image = np.zeros((8, 8, 3), np.uint8)
    >>> image[:, 4:] = 255
    >>> scores = np.where(np.arange(8) < 4, 0.1, 0.9) * np.ones((1, 8, 1))
    >>> maps = ScoreMaps(scores=scores.astype(np.float32), classes=(2,), size=(8, 8))
    >>> confident_regions(image, maps, BackgroundRule(), ConfidentRegions())[0].tolist()
    [0, 0, 0, 0, 3, 3, 3, 3]
    """
    check_confident(settings)
    if not maps.classes:
        return np.full(maps.size, BACKGROUND, np.uint8)
    threshold = background_threshold(maps, rule)
    values = np.array([BACKGROUND, *(index + 1 for index in maps.classes)], np.uint8)
    # However high the threshold, the surest pixels of all stay above it.
    highest = min(threshold * settings.high, (threshold + 1) / 2)
    sure, possible = (values[_crf_labels(image, maps, level)] for level in (highest, threshold * settings.low))
    return np.where((sure == BACKGROUND) & (possible != BACKGROUND), IGNORE, sure).astype(np.uint8)


def check_confident(settings: ConfidentRegions) -> None:
    """Raise `PatchlearnError` unless 0 < low ≤ high."""
    if not 0 < settings.low <= settings.high:
        raise PatchlearnError(
            f"confident: low {settings.low} and high {settings.high} are no multiples of a threshold with low ≤ high. "
            "Choose 0 < low ≤ high."
        )


def _crf_labels(image: UInt8, maps: ScoreMaps, threshold: float) -> Integers:
    """H×W, 0 background, k the k-th class present; hard labels with a confidence of 0.7, preset irn (IRN)."""
    scores = maps.full_size()
    background = np.full((1, *maps.size), threshold, np.float32)
    labels = np.concatenate([background, scores]).argmax(0)
    return dense_crf(image, label_probabilities(labels.astype(np.uint8), len(scores) + 1), "irn").argmax(0)


def check_background(settings: BackgroundRule) -> None:
    """Raise `PatchlearnError`, naming the setting, unless every one is an option or in range."""
    require_one_of("pseudo.background.rule", settings.rule, RULES)
    if not (0 <= settings.threshold < 1 and settings.power > 0):
        raise PatchlearnError(
            "pseudo.background: threshold must lie in [0, 1) and power above 0; got "
            f"{settings.threshold} and {settings.power}."
        )


def _fixed(strongest: Float32, settings: BackgroundRule) -> float:
    return settings.threshold


def _power(strongest: Float32, settings: BackgroundRule) -> float:
    """The score s at which s = (1 − s)^power, by bisection: the left side rises, the right side falls."""
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if middle < (1 - middle) ** settings.power else (low, middle)
    return high


def _otsu(strongest: Float32, settings: BackgroundRule) -> float:
    """Otsu 1979: the threshold with the largest variance between the two sides."""
    # Clipped, for what lies outside the range would not be counted.
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


RULES: dict[str, Callable[[Float32, BackgroundRule], float]] = {"fixed": _fixed, "power": _power, "otsu": _otsu}
