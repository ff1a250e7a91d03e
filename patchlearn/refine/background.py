"""Where the background begins, without a look at any ground truth."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from patchlearn.errors import PatchlearnError, require_one_of
from patchlearn.samples import Float32, ScoreMaps

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
        PatchlearnError: an unknown rule or a number out of range.

    >>> maps = ScoreMaps(scores=np.array([[[0.1, 0.1, 0.9, 1.0]]], np.float32), classes=(0,), size=(1, 4))
    >>> 0.1 < background_threshold(maps, BackgroundRule(rule="otsu")) < 0.9
    True
    """
    check_background(settings)
    if not maps.classes:
        return settings.threshold
    return RULES[settings.rule](maps.scores.max(0), settings)


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
    counts, edges = np.histogram(strongest, bins=BINS, range=(0.0, 1.0))
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
