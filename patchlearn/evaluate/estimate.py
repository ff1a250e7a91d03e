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


def estimate(halves: float, found: float) -> Estimate:
    """The estimate; it rises with both measures.

    Args:
        halves: agreement of two LDA classifiers that have learned from one half of the images each, in [0, 1].
        found: share of the tagged images in whose mask a tagged class has a pixel.

    >>> estimate(halves=0.9, found=1.0).miou > estimate(halves=0.2, found=0.5).miou
    True
    """
    miou = min(1.0, max(0.0, OFFSET + STABLE * halves * found))
    return Estimate(miou=miou, low=max(0.0, miou - HALF_INTERVAL), high=min(1.0, miou + HALF_INTERVAL))
