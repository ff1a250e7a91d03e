"""An estimate of the mIoU of masks from what can be measured without true masks.

The constants were fitted to runs whose true masks are known (docs/log/trust.md).
"""

from dataclasses import dataclass
from math import sqrt

LEAST, RISE = 0.11, 0.62  # mIoU where halves agree on nothing, and what full agreement adds
LEFT = 0.25  # of the recognition is left by good masks, too: they never cover all of a thing
MOST_WHERE_TOLD = 0.65  # the highest mIoU that was seen where the surroundings tell most classes
HALF_INTERVAL = 0.19  # the largest error on a data set that the constants were not fitted to
HALF = 0.5  # of the classes
FLAGGED = 0.5  # below it the masks are likely to be useless


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What is expected of the masks.

    Args:
        miou: in [0, 1].
        low: the lower end of the interval.
        high: its upper end.
    """

    miou: float
    low: float
    high: float

    @property
    def is_flagged(self) -> bool:
        """Whether somebody should look before the masks are used."""
        return self.miou < FLAGGED


def estimate(halves: float, found: float, missed: float, told: float) -> Estimate:
    """The estimate. It rises with the first two measures and falls with the others.

    Args:
        halves: agreement of two LDA classifiers that have learned from one half of the images each, in [0, 1].
        found: share of the tagged images in whose mask a tagged class has a pixel.
        missed: how much of the recognition of the classes is left where their masks are erased, in [0, 1].
        told: share of the classes that the surroundings may tell.

    >>> good, bad = estimate(0.7, 1.0, 0.2, 0.0), estimate(0.5, 1.0, 0.7, 0.0)
    >>> good.miou > bad.miou, good.is_flagged, bad.is_flagged
    (True, False, True)
    """
    stable = LEAST + RISE * sqrt(halves * found)
    miou = stable * min(1.0, (1 - missed) / (1 - LEFT))
    if told >= HALF:
        miou = min(miou, MOST_WHERE_TOLD)
    return Estimate(miou=miou, low=max(0.0, miou - HALF_INTERVAL), high=min(1.0, miou + HALF_INTERVAL))
