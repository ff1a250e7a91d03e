"""How high a way leads from one pixel to another: grey-level reconstruction from one pixel."""

import heapq

import numpy as np

from patchlearn.core.types import Float32
from patchlearn.refine.compiled import kernel


def flooded(scores: Float32, start: tuple[int, int]) -> Float32:
    """H×W: for each pixel the largest score s so that a way from `start` leads to it over pixels of at least s.

    Above every threshold below the score of `start`, the result is one connected component: that of the scores in
    which `start` lies. Corners connect pixels. No score rises.

    Args:
        scores: H×W, at least 0.
        start: (row, column).

    Source: Vincent, "Morphological Grayscale Reconstruction in Image Analysis", IEEE TIP 1993, computed with a queue
    by priority.

    >>> flooded(np.array([[1, 0.25, 0.5, 0.75]], np.float32), (0, 0)).tolist()
    [[1.0, 0.25, 0.25, 0.25]]
    """
    return _flooded(np.ascontiguousarray(scores, np.float32), start[0], start[1])


@kernel()
def _flooded(scores, row, column):  # type: ignore[no-untyped-def]
    height, width = scores.shape
    found, seen = np.zeros_like(scores), np.zeros(scores.shape, np.bool_)
    seen[row, column] = True
    waiting = [(-scores[row, column], row, column)]
    while waiting:
        negative, row, column = heapq.heappop(waiting)
        level = -negative
        found[row, column] = level
        for below in range(max(row - 1, 0), min(row + 2, height)):
            for right in range(max(column - 1, 0), min(column + 2, width)):
                if not seen[below, right] and scores[below, right] > 0:
                    seen[below, right] = True
                    heapq.heappush(waiting, (-min(level, scores[below, right]), below, right))
    return found
