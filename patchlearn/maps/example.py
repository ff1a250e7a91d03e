"""Score maps to time later steps with, where no classifier has been trained yet."""

from collections.abc import Sequence

import numpy as np

from patchlearn.core.types import ScoreMaps
from patchlearn.maps.cam import CELL


def disc_maps(size: tuple[int, int], classes: Sequence[int]) -> ScoreMaps:
    """A soft disc in the middle for each class; those of later classes are smaller.

    Args:
        size: (H, W) of the image.
        classes: P class indices, sorted.

    >>> disc_maps((40, 60), [2]).scores.shape
    (1, 10, 15)
    """
    rows, columns = (-(-side // CELL) for side in size)
    y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j]
    distance = np.sqrt(x**2 + y**2)
    scores = [np.clip(1 - distance * (1 + index / 2), 0, 1) for index in range(len(classes))]
    return ScoreMaps(scores=np.stack(scores).astype(np.float32), classes=tuple(classes), size=size)
