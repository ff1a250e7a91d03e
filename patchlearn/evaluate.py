"""How good scores and masks are: confusion, mIoU, contours, and every threshold in one pass. Reads files, no network.

A confusion counts pixels, (K+1)×(K+2): a row for the truth, a column for the prediction, 0 background and i + 1 class
i, and a last column for pixels that were given no label (255). Where the truth is 255, nothing is counted.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from math import hypot, isqrt
from pathlib import Path
from statistics import mean
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from patchlearn.artifacts import read_scores
from patchlearn.datasets.images import read_indices, read_mask
from patchlearn.errors import PatchlearnError, require_one_of
from patchlearn.samples import BACKGROUND, IGNORE, Dataset, Float32, Integers, Sample, ScoreMaps, UInt8

THRESHOLDS = tuple(step / 100 for step in range(100))
BOUNDARY_TOLERANCE = 0.0075
RULES = ("argmax", "label_free", "oracle")
STRONG, WEAK = 1, 2

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Entry = dict[str, Any]


# --- confusion and what follows from it --------------------------------------


def confusion(truth: UInt8, prediction: UInt8, classes: int) -> Integers:
    """(K+1)×(K+2) pixels of one image by true and predicted class.

    Args:
        truth: H×W, 0..K, or 255, which is skipped.
        prediction: H×W, 0..K, or 255, "not labelled".
        classes: K.

    Raises:
        PatchlearnError: the sizes differ, or a value is no class.

    >>> truth = np.array([[0, 1, 255]], np.uint8)
    >>> confusion(truth, np.array([[1, 255, 1]], np.uint8), classes=1).tolist()
    [[0, 1, 0], [0, 0, 1]]
    """
    _require_size(prediction, truth, "prediction")
    _require_classes(truth, classes, "truth")
    _require_classes(prediction, classes, "prediction")
    pairs = (truth.astype(np.uint16) << 8) | prediction
    table = np.bincount(pairs.ravel(), minlength=1 << 16).reshape(256, 256)
    return np.column_stack([table[: classes + 1, : classes + 1], table[: classes + 1, IGNORE]])


@dataclass(frozen=True, kw_only=True)
class IouScores:
    """What one confusion says; all in 0..1, and 0/0 is 0.

    Args:
        miou: mean IoU over background and the classes that stand in the truth or the prediction.
        iou: K+1 values, background first; None for a class in neither, which no mean counts.
        precision: mean over the foreground classes that have an IoU.
        recall: mean over the same classes.
        labelled: share of the pixels with a truth that were given a label.
        miou_labelled: mIoU over those pixels alone.
    """

    miou: float
    iou: tuple[float | None, ...]
    precision: float
    recall: float
    labelled: float
    miou_labelled: float


def iou_scores(confusion: Integers) -> IouScores:
    """Score one confusion. A pixel without a label is a miss of its true class, and a false positive of none.

    >>> scores = iou_scores(np.array([[4, 0, 0, 0], [1, 2, 0, 1], [0, 0, 0, 0]]))
    >>> scores.iou, scores.miou, scores.labelled
    ((0.8, 0.5, None), 0.65, 0.875)
    """
    hits, true, predicted = _margins(confusion)
    union = true + predicted - hits
    labelled = np.concatenate([confusion[:, :-1], np.zeros_like(confusion[:, -1:])], axis=1)
    return IouScores(
        miou=float(mean_iou(confusion)),
        iou=tuple(float(value) if pixels else None for value, pixels in zip(_ratio(hits, union), union)),
        precision=float(_mean(_ratio(hits, predicted)[1:], union[1:] > 0)),
        recall=float(_mean(_ratio(hits, true)[1:], union[1:] > 0)),
        labelled=float(_ratio(labelled.sum(), confusion.sum())),
        miou_labelled=float(mean_iou(labelled)),
    )


def mean_iou(confusions: Integers) -> Floats:
    """The mIoU of each of …×(K+1)×(K+2) confusions, over the classes in its truth or prediction."""
    hits, true, predicted = _margins(confusions)
    union = true + predicted - hits
    return _mean(_ratio(hits, union), union > 0)


def foreground_scores(confusions: Integers) -> tuple[Floats, Floats]:
    """(precision, recall) of each of …×(K+1)×(K+2) confusions, all foreground pixels taken together.

    Correctly classified foreground pixels / pixels predicted as foreground, and / true foreground pixels.
    """
    hits, true, predicted = (counts[..., 1:].sum(-1) for counts in _margins(confusions))
    return _ratio(hits, predicted), _ratio(hits, true)


def _margins(confusions: Integers) -> tuple[Integers, Integers, Integers]:
    """(hits, true pixels, predicted pixels), each …×(K+1)."""
    hits = np.diagonal(confusions, axis1=-2, axis2=-1)
    return hits, confusions.sum(-1), confusions[..., :-1].sum(-2)


def _ratio(part: Integers, whole: Integers) -> Floats:
    return np.divide(part, whole, out=np.zeros(np.shape(whole)), where=np.asarray(whole) > 0)


def _mean(values: Floats, present: Bools) -> Floats:
    return np.asarray((values * present).sum(-1) / np.maximum(present.sum(-1), 1))


# --- every threshold in one pass ---------------------------------------------


def predict_at(maps: ScoreMaps, threshold: float) -> UInt8:
    """H×W mask: the class of the highest score where that exceeds the threshold (as float32), else background.

    >>> maps = ScoreMaps(scores=np.array([[[0.2, 0.9]], [[0.5, 0.9]]], np.float32), classes=(3, 7), size=(1, 2))
    >>> predict_at(maps, 0.5).tolist()  # of equal scores the first class wins, as with argmax
    [[0, 4]]
    """
    winner, best = _strongest(maps.full_size())
    return _mask_values(maps).astype(np.uint8).take(winner) * (best > np.float32(threshold))


@final
class ThresholdCurve:
    """The confusion at each of T thresholds over any number of images, in one pass over them.

    Each pixel is counted by its true class, its strongest class and the number of thresholds below its score; sums
    over those numbers give, to the pixel, what `confusion(truth, predict_at(maps, threshold), classes)` would.

    >>> curve = ThresholdCurve(classes=1, thresholds=(0.0, 0.5))
    >>> maps = ScoreMaps(scores=np.array([[[0.5, 0.9]]], np.float32), classes=(0,), size=(1, 2))
    >>> curve.add(maps, np.array([[0, 1]], np.uint8))
    >>> curve.miou.tolist(), curve.oracle
    ([0.25, 1.0], 0.5)
    """

    def __init__(self, classes: int, thresholds: Sequence[float] = THRESHOLDS) -> None:
        """Start with no image; `classes` is K, the T thresholds must ascend (else PatchlearnError)."""
        self.classes, self.thresholds, self._ladder = classes, tuple(thresholds), _Ladder(thresholds)
        levels = len(thresholds) + 1
        # Predicted column 0 holds the images without any class; their level 0 exceeds no threshold.
        self._pixels = np.zeros((classes + 1, classes + 1, levels), np.int64)
        self._part_pixels, self._found_parts = np.zeros(3, np.int64), np.zeros((3, levels), np.int64)

    def add(self, maps: ScoreMaps, truth: UInt8, parts: UInt8 | None = None) -> None:
        """Count one image.

        Args:
            maps: scores of the P classes present; enlarged to H×W if they are coarser.
            truth: H×W, 0..K, or 255, which is skipped.
            parts: H×W, 1 strong, 2 weak part; counted where the truth is a class. Any other value is no part.

        Raises:
            PatchlearnError: the sizes differ, or a value is no class.
        """
        scores, columns = maps.full_size(), _mask_values(maps)
        _require_size(scores, truth, "scores")
        _require_classes(truth, self.classes, "truth")
        _require_classes(columns, self.classes, "classes of the scores")
        counts = self._histogram(scores, truth, _part_kinds(parts, truth))
        self._pixels[:, columns] += counts.sum(0)
        self._part_pixels += counts[:, 1:].sum((1, 2, 3))
        for position, column in enumerate(columns[1:], 1):
            self._found_parts += counts[:, column, position]

    def _histogram(self, scores: Float32, truth: UInt8, kinds: UInt8) -> Integers:
        """3×(K+1)×(P+1)×(T+1) pixels by kind of part, true class, strongest class and thresholds below its score."""
        winner, best = _strongest(scores)
        rows = np.minimum(truth, self.classes + 1)  # the last for 255, cut off below
        shape = (3, self.classes + 2, len(scores) + 1, len(self.thresholds) + 1)
        code = kinds.astype(np.int32)
        digits: tuple[NDArray[Any], ...] = (rows, winner, self._ladder.below(best))
        for digit, base in zip(digits, shape[1:]):
            code *= base
            code += digit
        return np.bincount(code.ravel(), minlength=int(np.prod(shape))).reshape(shape)[:, :-1]

    @property
    def confusions(self) -> Integers:
        """T×(K+1)×(K+2): the confusion at each threshold."""
        counts = _exceeding(self._pixels)
        counts[:, BACKGROUND] = self._pixels.sum((1, 2))[:, None] - counts[:, 1:].sum(1)
        return np.pad(np.moveaxis(counts, -1, 0), ((0, 0), (0, 0), (0, 1)))

    @property
    def miou(self) -> Floats:
        """T: the mIoU at each threshold."""
        return mean_iou(self.confusions)

    @property
    def oracle(self) -> float:
        """The threshold of the highest mIoU; of equals the lowest."""
        return self.thresholds[int(self.miou.argmax())]

    @property
    def recall_strong(self) -> Floats | None:
        """T: share of the pixels of strong parts that were given their class; None if there are none."""
        return self._part_recall(STRONG)

    @property
    def recall_weak(self) -> Floats | None:
        """T: share of the pixels of weak parts that were given their class; None if there are none."""
        return self._part_recall(WEAK)

    def _part_recall(self, kind: int) -> Floats | None:
        pixels = self._part_pixels[kind]
        return np.asarray(_exceeding(self._found_parts[kind]) / pixels) if pixels else None


def curve_table(curve: ThresholdCurve) -> dict[str, list[float]]:
    """The curve's T-long columns for JSON and the report; precision and recall are those of `foreground_scores`.

    >>> sorted(curve_table(ThresholdCurve(classes=1)))
    ['miou', 'precision', 'recall', 'thresholds']
    """
    precision, recall = foreground_scores(curve.confusions)
    columns = {"miou": curve.miou, "precision": precision, "recall": recall}
    parts = {"recall_strong": curve.recall_strong, "recall_weak": curve.recall_weak}
    lists = {name: values.tolist() for name, values in {**columns, **parts}.items() if values is not None}
    return {"thresholds": list(curve.thresholds), **lists}


@final
class _Ladder:
    """Counts the thresholds below each score; exact, and several times as fast as a binary search.

    Even cells, finer than the thresholds: a table knows how many lie in lower cells, comparisons settle the rest. The
    cell of a score never falls as the score rises, whatever the rounding.
    """

    def __init__(self, thresholds: Sequence[float]) -> None:
        edges = np.array(thresholds, np.float32)
        if not len(edges) or (np.diff(edges) <= 0).any():
            raise PatchlearnError("thresholds: there must be one or more, each larger than the one before. Sort them.")
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
    """H×W position (1..P) of the highest of P×H×W scores, the first of equals, and that score; 0 and -inf if P = 0."""
    winner = np.zeros(scores.shape[1:], np.uint8)
    best = np.full(scores.shape[1:], -np.inf, np.float32)
    for position, score in enumerate(scores, 1):
        winner = np.maximum(winner, np.uint8(position) * (score > best))
        np.maximum(best, score, out=best)
    return winner, best


def _mask_values(maps: ScoreMaps) -> Integers:
    """P+1 values of a mask: background, then the classes of the maps."""
    return np.array([BACKGROUND, *(index + 1 for index in maps.classes)])


def _exceeding(counts_by_level: Integers) -> Integers:
    """…×(T+1) pixels by number of thresholds below their score → …×T pixels above each threshold."""
    return np.flip(np.flip(counts_by_level, -1).cumsum(-1), -1)[..., 1:]


def _part_kinds(parts: UInt8 | None, truth: UInt8) -> UInt8:
    """H×W: 1 strong, 2 weak, else 0."""
    if parts is None:
        return np.zeros_like(truth)
    _require_size(parts, truth, "parts")
    return parts * (parts <= WEAK)


# --- contours ----------------------------------------------------------------


def boundary_counts(truth: UInt8, prediction: UInt8, classes: int, tolerance: float = BOUNDARY_TOLERANCE) -> Integers:
    """K×4 contour pixels of one image: predicted, of these near a true one, true, of these near a predicted one.

    As BSDS (0.0075 of the diagonal, here at least a pixel) and DAVIS (a disc) do. A contour pixel has a neighbour (of
    4) with another label. The frame makes no contour, nor does 255, and a contour inside the truth's 255 is not
    counted; but a band of 255 up to twice the tolerance wide, as VOC draws around its objects, is first divided
    between its two sides, for the contour runs inside it. Add the counts of a split, then see `boundary_f`.

    Args:
        truth: H×W, 0..K or 255.
        prediction: H×W, 0..K or 255.
        classes: K.
        tolerance: share of the image's diagonal.

    Raises:
        PatchlearnError: the sizes differ.

    >>> square = np.pad(np.ones((4, 4), np.uint8), 3)
    >>> boundary_counts(square, square, classes=1).tolist()
    [[12, 12, 12, 12]]
    """
    _require_size(prediction, truth, "prediction")
    radius = max(1, round(tolerance * hypot(*truth.shape)))
    truth, prediction = _divide_bands(truth, radius), _divide_bands(prediction, radius)
    true, predicted = _contours(truth), _contours(prediction) * (truth != IGNORE)
    matched = _near_their_like(predicted, true, radius), _near_their_like(true, predicted, radius)
    columns = [_pixels_by_label(contours) for contours in (predicted, matched[0], true, matched[1])]
    return np.stack(columns, axis=1)[1 : classes + 1]


def boundary_f(counts: Integers) -> float | None:
    """Mean F-score of the classes' contours, from K×4 `boundary_counts` added over a split.

    F of each class's precision and recall over the whole split, then the mean over the foreground classes with a
    contour in the truth or the prediction; None if none has one.

    >>> boundary_f(np.array([[4, 2, 2, 2], [0, 0, 0, 0]])) == 2 / 3
    True
    """
    precision, recall = _ratio(counts[:, 1], counts[:, 0]), _ratio(counts[:, 3], counts[:, 2])
    f_scores = 2 * precision * recall / np.where(precision + recall > 0, precision + recall, 1)
    return float(_mean(f_scores, counts.sum(1) > 0)) if counts.any() else None


def _contours(mask: UInt8) -> UInt8:
    """H×W: the label where another one (not 255) lies above, below or beside it, else 0."""
    known, edge = mask != IGNORE, np.zeros(mask.shape, np.bool_)
    for here, there in ((np.s_[1:], np.s_[:-1]), (np.s_[:, 1:], np.s_[:, :-1])):
        differs = (mask[here] != mask[there]) & known[here] & known[there]
        edge[here] |= differs
        edge[there] |= differs
    return mask * edge


def _divide_bands(mask: UInt8, steps: int) -> UInt8:
    """Let every label grow into 255 by so many pixels; where two meet in one pixel, the higher stays."""
    if not (mask == IGNORE).any():
        return mask
    grown = mask + np.uint8(1)  # 255 becomes 0, over which every label wins
    for _ in range(steps):
        around = grown.copy()
        for here, there in ((np.s_[1:], np.s_[:-1]), (np.s_[:, 1:], np.s_[:, :-1])):
            around[here] = np.maximum(around[here], grown[there])
            around[there] = np.maximum(around[there], grown[here])
        grown += around * (grown == 0)
    return grown - np.uint8(1)


def _near_their_like(contours: UInt8, others: UInt8, radius: int) -> UInt8:
    """H×W: the contours, but 0 where no pixel of `others` within the radius has the same label."""
    kept, labels = np.zeros_like(contours), np.flatnonzero(_pixels_by_label(contours))
    for start in range(0, len(labels), 8):  # a bit each, so that eight labels spread at once
        some = labels[start : start + 8]
        bits = np.zeros(256, np.uint8)
        bits[some] = 1 << np.arange(len(some))
        kept += contours * ((bits.take(contours) & _spread(bits.take(others), radius)) != 0)
    return kept


def _pixels_by_label(contours: UInt8) -> Integers:
    """256 counts; that of 0 is left at 0, for counting a whole picture of it takes longer than all the rest."""
    return np.bincount(contours[contours != BACKGROUND], minlength=256)


def _spread(bits: UInt8, radius: int) -> UInt8:
    """H×W: the bits of all pixels within the radius, by Euclid."""
    near, wide, reach = np.zeros_like(bits), bits.copy(), 0
    for rise in range(radius, -1, -1):
        while reach < isqrt(radius**2 - rise**2):
            reach += 1
            wide[:, reach:] |= bits[:, :-reach]
            wide[:, :-reach] |= bits[:, reach:]
        near[rise:] |= wide[: -rise or None]
        near[: -rise or None] |= wide[rise:]
    return near


# --- a split, from its files -------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class EntryFacts:
    """What an entry of evaluation.json says besides its figures.

    Args:
        artefact: "seed", "pseudo" or "segmenter".
        variant: which of the recipe's variants made it.
        split: name of the split.
        labels: "given" or "predicted".
        commit: of the code that made it.
        recipe: hash of the recipe.
    """

    artefact: str
    variant: str
    split: str
    labels: str
    commit: str
    recipe: str


@dataclass(frozen=True, kw_only=True)
class ScoreEvaluation:
    """Two entries, for score maps have two figures and never one, and the curve behind them."""

    oracle: Entry
    label_free: Entry
    curve: ThresholdCurve


def evaluate_scores(
    dataset: Dataset,
    samples: Sequence[Sample],
    folder: Path,
    *,
    facts: EntryFacts,
    label_free: Callable[[ScoreMaps], float],
    thresholds: Sequence[float] = THRESHOLDS,
) -> ScoreEvaluation:
    """Judge the score maps `folder/ID.npz` of the samples that have a mask; the others are not counted.

    An entry holds the facts, "rule", the figures of `IouScores` ("iou" by class name, "background" included; classes
    without one are listed in "absent"), "foreground_precision", "foreground_recall", "boundary_f" (None without any
    contour), "images", "threshold" (label_free: the mean over the images), and "recall_strong" and "recall_weak" if
    the data has such parts.

    Args:
        dataset: gives the classes and the values of the mask files.
        samples: a split or some of it.
        folder: where the score maps lie.
        facts: copied into the entries.
        label_free: gives the background threshold of one image, as it was saved, without seeing its truth.
        thresholds: T, ascending, among which the oracle chooses.

    Raises:
        PatchlearnError: there is nothing to judge, or a file is missing, damaged, of another size than the truth, or
            holds other classes or other labels than the entry is about.
    """
    cases = _ScoreCases(dataset, samples, folder, facts.labels)
    curve, free, best = ThresholdCurve(len(dataset.classes), thresholds), _Tally(dataset), _Tally(dataset)
    for saved, maps, truth, parts in cases:
        threshold = label_free(saved)
        curve.add(maps, truth, parts)
        free.add(predict_at(maps, threshold), truth, parts, threshold)
    # A second look: only the whole split tells the best threshold, contours at every one would cost T times as much,
    # and the maps of a large split do not fit into memory.
    oracle = curve.oracle
    for _, maps, truth, parts in cases:
        best.add(predict_at(maps, oracle), truth, parts, oracle)
    return ScoreEvaluation(oracle=best.entry(facts, "oracle"), label_free=free.entry(facts, "label_free"), curve=curve)


def evaluate_masks(
    dataset: Dataset,
    samples: Sequence[Sample],
    folder: Path,
    *,
    facts: EntryFacts,
    rule: str,
    threshold: float | None = None,
) -> Entry:
    """Judge `folder/ID.png` (0 background, i + 1 class i, 255 not labelled) of the samples that have a mask.

    The entry is that of `evaluate_scores`, with "labelled" and "miou_labelled".

    Args:
        dataset: gives the classes and the values of the ground truth's files.
        samples: a split or some of it.
        folder: where the masks to be judged lie.
        facts: copied into the entry.
        rule: what told background: "argmax", "label_free" or "oracle".
        threshold: the one that made the masks, if there was one.

    Raises:
        PatchlearnError: there is nothing to judge, the rule is unknown, or a file is missing, damaged, of another
            size than the truth, or holds a value that is no class.
    """
    require_one_of("rule", rule, RULES)
    tally = _Tally(dataset)
    for sample in _with_mask(dataset, samples):
        path, truth = folder / f"{sample.id}.png", read_mask(dataset, sample)
        prediction = read_indices(path)
        _require_size(prediction, truth, str(path))
        _require_classes(prediction, len(dataset.classes), str(path))
        tally.add(prediction, truth, _read_parts(sample, truth), threshold)
    scores = iou_scores(tally.confusion)
    return {**tally.entry(facts, rule), "labelled": scores.labelled, "miou_labelled": scores.miou_labelled}


@dataclass(frozen=True)
class _ScoreCases:
    """Each time it is walked: (maps as saved, maps on H×W, truth, parts) of every sample with a mask, read anew."""

    dataset: Dataset
    samples: Sequence[Sample]
    folder: Path
    labels: str

    def __iter__(self) -> Iterator[tuple[ScoreMaps, ScoreMaps, UInt8, UInt8 | None]]:
        for sample in _with_mask(self.dataset, self.samples):
            path, truth = self.folder / f"{sample.id}.npz", read_mask(self.dataset, sample)
            maps = read_scores(path)
            self._check(path, maps, truth)
            yield maps, replace(maps, scores=maps.full_size()), truth, _read_parts(sample, truth)

    def _check(self, path: Path, maps: ScoreMaps, truth: UInt8) -> None:
        problem, classes = "", len(self.dataset.classes)
        if maps.size != truth.shape:
            problem = f"made for an image of {_size(maps.size)} pixels, but its truth has {_size(truth.shape)}"
        elif maps.scores.ndim != 3 or len(maps.scores) != len(maps.classes) or not np.isfinite(maps.scores).all():
            problem = f"expected {len(maps.classes)} finite maps, one for each class"
        elif any(not 0 <= index < classes for index in maps.classes):
            problem = f"holds classes {maps.classes}, but the data set has {classes}, counted from 0"
        elif maps.labels != self.labels:
            problem = f"made with {maps.labels} labels, but to be judged as {self.labels}"
        if problem:
            raise PatchlearnError(f"{path}: {problem}. Run patchlearn cams again on this data set.")


@final
class _Tally:
    """The counts of one rule's masks over a split."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset, classes = dataset, len(dataset.classes)
        self.confusion = np.zeros((classes + 1, classes + 2), np.int64)
        self.boundary = np.zeros((classes, 4), np.int64)
        self.part_pixels, self.found_parts = np.zeros(3, np.int64), np.zeros(3, np.int64)
        self.thresholds: list[float | None] = []

    def add(self, prediction: UInt8, truth: UInt8, parts: UInt8 | None, threshold: float | None) -> None:
        self.confusion += confusion(truth, prediction, len(self.dataset.classes))
        self.boundary += boundary_counts(truth, prediction, len(self.dataset.classes))
        self.thresholds.append(threshold)
        if parts is not None:
            self._add_parts(_part_kinds(parts, truth), truth, prediction)

    def _add_parts(self, kinds: UInt8, truth: UInt8, prediction: UInt8) -> None:
        is_class, found = (truth != BACKGROUND) & (truth != IGNORE), truth == prediction
        for kind in (STRONG, WEAK):
            part = (kinds == kind) & is_class
            self.part_pixels[kind] += np.count_nonzero(part)
            self.found_parts[kind] += np.count_nonzero(part & found)

    def entry(self, facts: EntryFacts, rule: str) -> Entry:
        if not self.confusion.any():
            raise PatchlearnError(f"{self.dataset.root}: all masks of {facts.split!r} are 255 throughout. Mend them.")
        scores, (precision, recall) = iou_scores(self.confusion), foreground_scores(self.confusion)
        iou = dict(zip(("background", *self.dataset.classes), scores.iou))
        chosen = [threshold for threshold in self.thresholds if threshold is not None]
        return {
            **asdict(facts),
            "rule": rule,
            "miou": scores.miou,
            "iou": {name: value for name, value in iou.items() if value is not None},
            "absent": [name for name, value in iou.items() if value is None],
            "precision": scores.precision,
            "recall": scores.recall,
            "foreground_precision": float(precision),
            "foreground_recall": float(recall),
            "boundary_f": boundary_f(self.boundary),
            "threshold": mean(chosen) if chosen else None,
            "images": len(self.thresholds),
            **self._part_recalls(),
        }

    def _part_recalls(self) -> dict[str, float]:
        kinds = {"recall_strong": STRONG, "recall_weak": WEAK}
        pixels, found = self.part_pixels, self.found_parts
        return {name: float(found[kind] / pixels[kind]) for name, kind in kinds.items() if pixels[kind]}


def _with_mask(dataset: Dataset, samples: Sequence[Sample]) -> list[Sample]:
    judged = [sample for sample in samples if sample.mask is not None]
    if not judged:
        raise PatchlearnError(
            f"{dataset.root}: none of these {len(samples)} images has a mask. Evaluate a split that has them."
        )
    return judged


def _read_parts(sample: Sample, truth: UInt8) -> UInt8 | None:
    if sample.parts is None:
        return None
    parts = read_indices(sample.parts)
    _require_size(parts, truth, str(sample.parts))
    return parts


# --- what is refused ---------------------------------------------------------


def _require_size(judged: NDArray[Any], truth: UInt8, name: str) -> None:
    if judged.shape[-2:] != truth.shape:
        raise PatchlearnError(
            f"{name}: {_size(judged.shape[-2:])} pixels, but the truth has {_size(truth.shape)}. Both must be of the "
            "same image at the same size; make it again."
        )


def _require_classes(values: NDArray[Any], classes: int, name: str) -> None:
    unknown = (values > classes) & (values != IGNORE)
    if unknown.any():
        raise PatchlearnError(
            f"{name}: holds the value {int(values[unknown][0])}, but there are {classes} classes (1, 2, …), 0 is "
            "background and 255 no label. Make it again with the classes of this data set."
        )


def _size(shape: Sequence[int]) -> str:
    return "×".join(str(extent) for extent in shape)
