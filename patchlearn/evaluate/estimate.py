"""An estimate of the mIoU of masks from what can be measured without true masks.

The IoU of a class is a product: each measure can spoil it, and none can make up for another. The constants were fitted
to runs whose true masks are known (docs/log/trust.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

MOST = 0.75  # IoU of a class for which everything speaks
BY_HALVES = 0.25  # power of the agreement of two halves
FULL_CONTRAST, BY_CONTRAST = 0.48, 1.4  # from which contrast on it does no harm, and its power
LEAST_THICKNESS, FULL_THICKNESS, BY_THICKNESS = 0.01, 0.1, 0.25  # thinner masks are often what a refinement leaves
LEFT = 0.3  # of the recognition is left by good masks, too: they never cover all of a thing
MOST_WHERE_TOLD = 0.65  # mIoU; the highest that was seen where the surroundings tell most classes
HALF_INTERVAL = 0.2  # one of eight runs that the constants were not fitted to lies outside, and is better (the log)
HALF = 0.5  # of the classes
FLAGGED = 0.5  # below it the masks are likely to be useless


@dataclass(frozen=True, kw_only=True)
class ClassEvidence:
    """What speaks for the masks of one class, each in [0, 1]. What could not be measured takes no part.

    Args:
        halves: IoU of the maps of two LDA classifiers that have learned from one half of the images each;
            None where none of its images was compared.
        contrast: how other its masks look than what is around them; None where there is too little to compare.
        thickness: how much of its masks is not within half a cell of their outlines.
        found: share of its images in whose mask it has a pixel.
    """

    halves: float | None
    contrast: float | None
    thickness: float
    found: float

    @property
    def iou(self) -> float:
        """The IoU that is expected if what lies outside of the masks does not tell the class.

        >>> ClassEvidence(halves=1, contrast=0.6, thickness=0.9, found=1).iou
        0.75
        """
        by_halves = 1.0 if self.halves is None else self.halves**BY_HALVES
        by_contrast = 1.0 if self.contrast is None else min(1.0, self.contrast / FULL_CONTRAST) ** BY_CONTRAST
        by_thickness = min(1.0, max(LEAST_THICKNESS, self.thickness) / FULL_THICKNESS) ** BY_THICKNESS
        return float(MOST * self.found * by_halves * by_contrast * by_thickness)


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


def estimate(classes: Sequence[ClassEvidence], covered: float, missed: float, told: float) -> Estimate:
    """The estimate, over background and classes.

    Args:
        classes: at least one.
        covered: share of all pixels that the masks cover.
        missed: how much of the recognition of the classes is left where their masks are erased, in [0, 1].
        told: share of the classes that the surroundings may tell.

    >>> fine = ClassEvidence(halves=0.7, contrast=0.5, thickness=0.7, found=1.0)
    >>> good, bad = (estimate([fine], covered=0.2, missed=missed, told=0.0) for missed in (0.2, 0.9))
    >>> good.miou > bad.miou, good.is_flagged, bad.is_flagged
    (True, False, True)
    """
    ious = np.array([each.iou for each in classes]) * min(1.0, (1 - missed) / (1 - LEFT))
    background = 1 - covered * (1 - ious.mean())
    miou = float((background + ious.sum()) / (1 + len(ious)))
    if told >= HALF:
        miou = min(miou, MOST_WHERE_TOLD)
    return Estimate(miou=miou, low=max(0.0, miou - HALF_INTERVAL), high=min(1.0, miou + HALF_INTERVAL))
