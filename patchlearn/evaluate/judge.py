"""How good scores and masks are, from their files: never a network, never a look at what made them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import mean
from typing import Any, final

import numpy as np

from patchlearn.core.errors import PatchlearnError, require_one_of
from patchlearn.core.masks_io import read_scores
from patchlearn.core.types import BACKGROUND, IGNORE, Dataset, Sample, ScoreMaps, UInt8
from patchlearn.data.images import read_indices, read_mask
from patchlearn.evaluate.confusions import (
    IouScores,
    confusion,
    foreground_scores,
    iou_scores,
    mean_iou,
    require_classes,
    require_size,
    size_text,
)
from patchlearn.evaluate.contours import BOUNDARY_TOLERANCE, boundary_counts, boundary_f
from patchlearn.evaluate.peaks import peak_hits
from patchlearn.evaluate.thresholds import (
    STRONG,
    THRESHOLDS,
    WEAK,
    ThresholdCurve,
    curve_table,
    part_kinds,
    predict_at,
)

__all__ = [
    "BOUNDARY_TOLERANCE",
    "THRESHOLDS",
    "Entry",
    "EntryFacts",
    "IouScores",
    "ScoreEvaluation",
    "ThresholdCurve",
    "boundary_counts",
    "boundary_f",
    "confusion",
    "curve_table",
    "evaluate_masks",
    "evaluate_scores",
    "foreground_scores",
    "iou_scores",
    "mean_iou",
    "predict_at",
    "require_classes",
]

RULES = ("argmax", "label_free", "oracle")

Entry = dict[str, Any]


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
        supervision: "tags", or "masks" of the fully supervised reference.
    """

    artefact: str
    variant: str
    split: str
    labels: str
    commit: str
    recipe: str
    supervision: str = "tags"


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
    contour), "images", "threshold" (label_free: the mean over the images), "peaks_inside" (how many of the maps have
    their highest score on their class; not for masks), and "recall_strong" and "recall_weak" if the data has such
    parts.

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
    peaks = np.zeros(2, np.int64)
    for saved, maps, truth, parts in cases:
        threshold = label_free(saved)
        curve.add(maps, truth, parts)
        peaks += peak_hits(maps, truth)
        free.add(predict_at(maps, threshold), truth, parts, threshold)
    # A second look: only the whole split tells the best threshold, contours at every one would cost T times as much,
    # and the maps of a large split do not fit into memory.
    oracle = curve.oracle
    for _, maps, truth, parts in cases:
        best.add(predict_at(maps, oracle), truth, parts, oracle)
    entries = best.entry(facts, "oracle"), free.entry(facts, "label_free")
    located = {"peaks_inside": float(peaks[0] / peaks[1])} if peaks[1] else {}
    return ScoreEvaluation(oracle={**entries[0], **located}, label_free={**entries[1], **located}, curve=curve)


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
        require_size(prediction, truth, str(path))
        require_classes(prediction, len(dataset.classes), str(path))
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
            problem = f"made for an image of {size_text(maps.size)} pixels, but its truth has {size_text(truth.shape)}"
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
            self._add_parts(part_kinds(parts, truth), truth, prediction)

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
    require_size(parts, truth, str(sample.parts))
    return parts
