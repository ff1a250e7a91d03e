"""The confusion matrix at every threshold, in one pass over the images."""

from collections.abc import Sequence
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import BACKGROUND, IGNORE, Float32, Integers, ScoreMaps, UInt8
from patchlearn.evaluate.confusions import Floats, foreground_scores, mean_iou, require_classes, require_size

THRESHOLDS = tuple(step / 100 for step in range(100))
STRONG, WEAK = 1, 2


def predict_at(maps: ScoreMaps, threshold: float) -> UInt8:
    """H×W mask: the class of the highest score where it exceeds the threshold (as float32), else background.

    It is 255 where the class is unknown.

    >>> maps = ScoreMaps(scores=np.array([[[0.2, 0.9]], [[0.5, 0.9]]], np.float32), classes=(3, 7), size=(1, 2))
    >>> predict_at(maps, 0.5).tolist()  # the first of equal scores wins, as with argmax
    [[0, 4]]
    """
    winner, best = _strongest(maps.label_maps())
    return _mask_values(maps).astype(np.uint8).take(winner) * (best > np.float32(threshold))


@final
class ThresholdCurve:
    """The confusion matrix of any number of images at each of T thresholds, in one pass over the images.

    Each pixel is counted by its true class, the class of its highest score, and the number of thresholds below that
    score. Sums of these counts equal `confusion(truth, predict_at(maps, threshold), classes)` at every threshold.

    Args:
        classes: K.
        thresholds: T numbers in ascending order.

    Raises:
        PatchlearnError: there are no thresholds, or they are not in ascending order.

    >>> curve = ThresholdCurve(classes=1, thresholds=(0.0, 0.5))
    >>> maps = ScoreMaps(scores=np.array([[[0.5, 0.9]]], np.float32), classes=(0,), size=(1, 2))
    >>> curve.add(maps, np.array([[0, 1]], np.uint8))
    >>> curve.miou.tolist(), curve.oracle
    ([0.25, 1.0], 0.5)
    """

    def __init__(self, classes: int, thresholds: Sequence[float] = THRESHOLDS) -> None:
        self.classes, self.thresholds, self._counter = classes, tuple(thresholds), _ThresholdCounter(thresholds)
        levels = len(thresholds) + 1
        # Predicted column 0 counts images without any class; they are at level 0, below every threshold. The last
        # column counts pixels of an unknown class.
        self._pixels = np.zeros((classes + 1, classes + 2, levels), np.int64)
        self._part_pixels, self._found_parts = np.zeros(3, np.int64), np.zeros((3, levels), np.int64)

    def add(self, maps: ScoreMaps, truth: UInt8, parts: UInt8 | None = None) -> None:
        """Count one image.

        Args:
            maps: scores of the P classes present; enlarged to H×W if they are coarser.
            truth: H×W, 0..K, or 255 (not counted).
            parts: H×W, 1 strongly, 2 weakly discriminative part, other values no part; counted where the truth is a
                class.

        Raises:
            PatchlearnError: the sizes differ, or a value is not a class.
        """
        scores, columns = maps.label_maps(), _mask_values(maps)
        require_size(scores, truth, "scores")
        require_classes(truth, self.classes, "truth")
        require_classes(columns, self.classes, "classes of the scores")
        counts = self._histogram(scores, truth, part_kinds(parts, truth))
        self._pixels[:, np.minimum(columns, self.classes + 1)] += counts.sum(0)
        self._part_pixels += counts[:, 1:].sum((1, 2, 3))
        for position, column in enumerate(columns[1:], 1):
            if column != IGNORE:
                self._found_parts += counts[:, column, position]

    def _histogram(self, scores: Float32, truth: UInt8, kinds: UInt8) -> Integers:
        """3×(K+1)×(P+1)×(T+1) pixels by part, true class, class of the highest score, thresholds below that score."""
        winner, best = _strongest(scores)
        rows = np.minimum(truth, self.classes + 1)  # 255 gets the last row, which is cut off below
        shape = (3, self.classes + 2, len(scores) + 1, len(self.thresholds) + 1)
        code = kinds.astype(np.int32)
        digits: tuple[NDArray[Any], ...] = (rows, winner, self._counter.below(best))
        for digit, base in zip(digits, shape[1:]):
            code *= base
            code += digit
        return np.bincount(code.ravel(), minlength=int(np.prod(shape))).reshape(shape)[:, :-1]

    @property
    def confusions(self) -> Integers:
        """T×(K+1)×(K+2): the confusion matrix at each threshold."""
        counts = _exceeding(self._pixels)
        counts[:, BACKGROUND] = self._pixels.sum((1, 2))[:, None] - counts[:, 1:].sum(1)
        return np.moveaxis(counts, -1, 0)

    @property
    def miou(self) -> Floats:
        """T: the mIoU at each threshold."""
        return mean_iou(self.confusions)

    @property
    def oracle(self) -> float:
        """The threshold of the highest mIoU; the lowest of equal ones."""
        return self.thresholds[int(self.miou.argmax())]

    @property
    def recall_strong(self) -> Floats | None:
        """T: share of the pixels of strongly discriminative parts with the right class; None if there are none."""
        return self._part_recall(STRONG)

    @property
    def recall_weak(self) -> Floats | None:
        """T: share of the pixels of weakly discriminative parts with the right class; None if there are none."""
        return self._part_recall(WEAK)

    def _part_recall(self, kind: int) -> Floats | None:
        pixels = self._part_pixels[kind]
        return np.asarray(_exceeding(self._found_parts[kind]) / pixels) if pixels else None


def curve_table(curve: ThresholdCurve) -> dict[str, list[float]]:
    """The curve as lists of T numbers, for JSON and the report; precision and recall are of `foreground_scores`.

    >>> sorted(curve_table(ThresholdCurve(classes=1)))
    ['miou', 'precision', 'recall', 'thresholds']
    """
    precision, recall = foreground_scores(curve.confusions)
    columns = {"miou": curve.miou, "precision": precision, "recall": recall}
    parts = {"recall_strong": curve.recall_strong, "recall_weak": curve.recall_weak}
    lists = {name: values.tolist() for name, values in {**columns, **parts}.items() if values is not None}
    return {"thresholds": list(curve.thresholds), **lists}


@final
class _ThresholdCounter:
    """Counts the thresholds below each score; exact, and several times as fast as a binary search.

    The range of scores is divided into equal cells, finer than the thresholds. A table gives the number of thresholds
    in lower cells, and comparisons add those of the same cell. This is exact despite rounding, because a higher score
    never gets a lower cell.
    """

    def __init__(self, thresholds: Sequence[float]) -> None:
        edges = np.array(thresholds, np.float32)
        if not len(edges) or (np.diff(edges) <= 0).any():
            raise PatchlearnError("thresholds: must be at least one number, in ascending order. Sort them.")
        self._low, self._high = edges[0], edges[-1]
        self._scale = np.float32(4 * len(edges) / max(self._high - self._low, np.float32(1e-6)))
        cells = self._cells(edges)
        self._lower = np.searchsorted(cells, np.arange(cells[-1] + 1)).astype(np.int32)
        self._most_in_a_cell = int(np.bincount(cells).max())
        self._edges = np.append(edges, np.full(self._most_in_a_cell, np.inf, np.float32))

    def below(self, scores: Float32) -> NDArray[np.int32]:
        """The number of thresholds < score, in the shape of the scores."""
        lower = self._lower[self._cells(scores)]
        count: NDArray[np.int32] = lower.copy()
        for further in range(self._most_in_a_cell):
            count += scores > self._edges[further:][lower]
        return count

    def _cells(self, scores: Float32) -> NDArray[np.int32]:
        above: Float32 = np.clip(scores, self._low, self._high) - self._low
        return (above * self._scale).astype(np.int32)


def _strongest(scores: Float32) -> tuple[UInt8, Float32]:
    """H×W position (1..P) of the highest of P×H×W scores (the first of equal ones), and that score.

    Without scores (P = 0) the position is 0 and the score -inf.
    """
    winner = np.zeros(scores.shape[1:], np.uint8)
    best = np.full(scores.shape[1:], -np.inf, np.float32)
    for position, score in enumerate(scores, 1):
        winner = np.maximum(winner, np.uint8(position) * (score > best))
        np.maximum(best, score, out=best)
    return winner, best


def _mask_values(maps: ScoreMaps) -> Integers:
    """L+1 values in a mask: background, then those of the label maps."""
    return np.array([BACKGROUND, *maps.mask_values])


def _exceeding(counts_by_level: Integers) -> Integers:
    """…×(T+1) counts by the number of thresholds below the score → …×T counts of scores above each threshold."""
    return np.flip(np.flip(counts_by_level, -1).cumsum(-1), -1)[..., 1:]


def part_kinds(parts: UInt8 | None, truth: UInt8) -> UInt8:
    """H×W: 1 strongly, 2 weakly discriminative part, else 0."""
    if parts is None:
        return np.zeros_like(truth)
    require_size(parts, truth, "parts")
    return parts * (parts <= WEAK)
