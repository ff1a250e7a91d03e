"""An estimate of the mIoU of masks from what can be measured without true masks.

The constants were fitted to runs whose true masks are known (docs/log/trust.md).
"""

from dataclasses import dataclass

STABLE, OFFSET = 0.6, 0.15  # points of mIoU for the agreement of two halves, and without any
HALF_INTERVAL = 0.2  # the largest error on a data set that the constants were not fitted to
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


def estimate(again: float, halves: float, found: float, missed: float) -> Estimate:
    """The estimate. It rises with the first three measures and falls with the last one.

    Args:
        again: agreement of the maps with those of an LDA classifier that has learned from half of the images.
        halves: agreement of two such classifiers, from one half of the images each.
        found: share of the tagged images in whose mask a tagged class has a pixel.
        missed: what is recognised of the classes where their masks are erased, from 0 to 1.

    >>> good, bad = estimate(0.9, 0.8, 1.0, 0.2), estimate(0.4, 0.2, 0.3, 0.7)
    >>> good.miou > bad.miou, good.is_flagged, bad.is_flagged
    (True, False, True)
    """
    miou = min(1.0, max(0.0, OFFSET + STABLE * halves * found))
    return Estimate(miou=miou, low=max(0.0, miou - HALF_INTERVAL), high=min(1.0, miou + HALF_INTERVAL))
