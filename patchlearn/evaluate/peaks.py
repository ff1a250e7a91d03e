"""Whether the highest score of a map lies on its class."""

import numpy as np

from patchlearn.core.types import IGNORE, Integers, ScoreMaps, UInt8


def peak_hits(maps: ScoreMaps, truth: UInt8) -> Integers:
    """(maps whose highest score lies on their own class, maps whose highest score lies on a pixel with a truth).

    Maps without a positive score are not counted, nor are those of unknown classes.

    Source: the pointing game, Zhang et al., "Top-down Neural Attention by Excitation Backprop", ECCV 2016.

    Args:
        maps: P×H×W, at the size of the image.
        truth: H×W, 0..K, or 255 (not counted).

    >>> maps = ScoreMaps(scores=np.array([[[0.2, 1.0]], [[1.0, 0.9]]], np.float32), classes=(0, 1), size=(1, 2))
    >>> peak_hits(maps, np.array([[0, 1]], np.uint8)).tolist()
    [1, 2]
    """
    maps = maps.judged
    flat = maps.scores.reshape(len(maps.classes), truth.size)
    has_peak = flat.max(1, initial=0.0) > 0
    found = truth.ravel()[flat[has_peak].argmax(1)]
    own = np.array(maps.classes, np.int64)[has_peak] + 1
    return np.array([np.count_nonzero(found == own), np.count_nonzero(found != IGNORE)])
