"""The highest score of each map, on its class or not."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from patchlearn.core.types import ScoreMaps, UInt8
from patchlearn.evaluate.peaks import peak_hits


def mask(*rows: Sequence[int]) -> UInt8:
    return np.array(rows, np.uint8)


def test_peaks_are_counted_where_they_can_be_judged():
    rows = [[0.1, 0.9, 0.0, 0.0], [0.0, 0.0, 1.0, 0.2], [0.0, 0.0, 0.0, 0.0], [0.0, 0.1, 0.2, 0.9]]
    maps = ScoreMaps(scores=np.array(rows, np.float32)[:, None], classes=(0, 1, 2, 3), size=(1, 4))
    # The first peak lies on its class, the second on another, the third map is empty, the fourth's truth is unknown.
    assert peak_hits(maps, mask([0, 1, 1, 255])).tolist() == [1, 2]
    nothing = ScoreMaps(scores=np.zeros((0, 1, 4), np.float32), classes=(), size=(1, 4))
    assert peak_hits(nothing, mask([0, 1, 1, 255])).tolist() == [0, 0]


def test_peaks_of_unknown_classes_are_not_counted():
    maps = ScoreMaps(scores=np.float32([[[0.1, 0.9]], [[0.9, 0.1]]]), classes=(0, 1), size=(1, 2), unknown=(1,))
    assert peak_hits(maps, mask([0, 1])).tolist() == [1, 1]
    assert peak_hits(replace(maps, unknown=(0, 1)), mask([0, 1])).tolist() == [0, 0]
