"""Evaluation of score maps and masks from their files, by the protocol of docs/results.md."""

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
    confusion,
    foreground_scores,
    iou_scores,
    require_classes,
    require_size,
    size_text,
)
from patchlearn.evaluate.contours import boundary_counts, boundary_f
from patchlearn.evaluate.peaks import peak_hits
from patchlearn.evaluate.thresholds import STRONG, THRESHOLDS, WEAK, ThresholdCurve, part_kinds, predict_at

RULES = ("argmax", "label_free", "oracle")

Entry = dict[str, Any]
Files = Path | Callable[[Sample], Path]  # the folder of the files, or where that of a sample lies


@dataclass(frozen=True, kw_only=True)
class EntryFacts:
    """Facts that an entry of evaluation.json states beside its figures.

    Args:
        artefact: "seed", "pseudo" or "segmenter".
        variant: name of the variant in the recipe.
        split: name of the split.
        labels: "given" or "predicted".
        commit: commit of the code that made the artefact.
        recipe: hash of the recipe.
        supervision: "tags", or "masks" for the fully supervised reference.
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
    """Evaluation of score maps: one entry for each way to choose the background threshold, and the whole curve.

    Args:
        oracle: at the threshold with the highest mIoU on the evaluated images.
        label_free: at the threshold of a rule that uses no ground truth.
        curve: the confusion matrix at every threshold.
    """

    oracle: Entry
    label_free: Entry
    curve: ThresholdCurve


def _read_saved(path: Path, size: tuple[int, int]) -> ScoreMaps:
    return read_scores(path)


def evaluate_scores(
    dataset: Dataset,
    samples: Sequence[Sample],
    files: Files,
    *,
    facts: EntryFacts | None,
    label_free: Callable[[ScoreMaps], float],
    thresholds: Sequence[float] = THRESHOLDS,
    read: Callable[[Path, tuple[int, int]], ScoreMaps] = _read_saved,
) -> ScoreEvaluation:
    """Evaluate the score maps of all samples that have a mask.

    An entry holds the facts, "rule", the scores of `IouScores` ("iou" by class name with "background"; classes
    without an IoU are listed in "absent"), "foreground_precision", "foreground_recall", "boundary_f" (None without
    contours), "images", "threshold" (for label_free the mean over the images), "peaks_inside" (share of the maps
    whose highest score lies on their class), and "recall_strong" and "recall_weak" if the data set has part masks.

    Args:
        dataset: gives the classes and the values of the mask files.
        samples: all or some samples of a split.
        files: the folder of the score maps `ID.npz`, or a function that says where those of a sample lie.
        facts: are copied into the entries; None for maps of another program, of which nothing is known.
        label_free: computes the background threshold of one image from its maps as they were saved.
        thresholds: T thresholds in ascending order; the oracle is one of them.
        read: reads the maps of one file; given the (H, W) of its image.

    Raises:
        PatchlearnError: no sample has a mask, or a file is missing, damaged, of another size than the truth, or made
            with other classes or other labels than the entry states.
    """
    images = _ScoredImages(dataset, samples, _places(files, ".npz"), read, facts.labels if facts else None)
    curve, free, best = ThresholdCurve(len(dataset.classes), thresholds), _Counts(dataset), _Counts(dataset)
    peaks = np.zeros(2, np.int64)
    for saved, maps, truth, parts in images:
        threshold = label_free(saved)
        curve.add(maps, truth, parts)
        peaks += peak_hits(maps, truth)
        free.add(predict_at(maps, threshold), truth, parts, threshold)
    # The oracle is known only after all images. Contours at all T thresholds would take T times as long, and the maps
    # of a large split do not fit into memory, so the files are read a second time.
    oracle = curve.oracle
    for _, maps, truth, parts in images:
        best.add(predict_at(maps, oracle), truth, parts, oracle)
    located = {"peaks_inside": float(peaks[0] / peaks[1])} if peaks[1] else {}
    return ScoreEvaluation(
        oracle={**best.entry(facts, "oracle"), **located},
        label_free={**free.entry(facts, "label_free"), **located},
        curve=curve,
    )


def evaluate_masks(
    dataset: Dataset,
    samples: Sequence[Sample],
    files: Files,
    *,
    facts: EntryFacts | None,
    rule: str,
    threshold: float | None = None,
    read: Callable[[Path], UInt8] = read_indices,
) -> Entry:
    """Evaluate the masks of all samples that have a ground-truth mask.

    The masks hold 0 for background, i + 1 for class i and 255 for no label. The entry is that of `evaluate_scores`
    with "labelled" and "miou_labelled", and without "peaks_inside".

    Args:
        dataset: gives the classes and the values of the ground-truth files.
        samples: all or some samples of a split.
        files: the folder of the masks `ID.png`, or a function that says where that of a sample lies.
        facts: are copied into the entry; None for masks of another program, of which nothing is known.
        rule: how background was separated: "argmax", "label_free" or "oracle".
        threshold: the background threshold of the masks, if there was one.
        read: reads the H×W values of one file.

    Raises:
        PatchlearnError: no sample has a mask, the rule is unknown, or a file is missing, damaged, of another size than
            the truth, or contains a value that is not a class.
    """
    require_one_of("rule", rule, RULES)
    counts, place = _Counts(dataset), _places(files, ".png")
    for sample in _with_mask(dataset, samples):
        path, truth = place(sample), read_mask(dataset, sample)
        prediction = read(path)
        require_size(prediction, truth, str(path))
        require_classes(prediction, len(dataset.classes), str(path))
        counts.add(prediction, truth, _read_parts(sample, truth), threshold)
    scores = iou_scores(counts.confusion)
    return {**counts.entry(facts, rule), "labelled": scores.labelled, "miou_labelled": scores.miou_labelled}


@dataclass(frozen=True)
class _ScoredImages:
    """(maps as saved, maps at H×W, truth, parts) of all samples with a mask; every iteration reads the files again."""

    dataset: Dataset
    samples: Sequence[Sample]
    place: Callable[[Sample], Path]
    read: Callable[[Path, tuple[int, int]], ScoreMaps]
    labels: str | None

    def __iter__(self) -> Iterator[tuple[ScoreMaps, ScoreMaps, UInt8, UInt8 | None]]:
        for sample in _with_mask(self.dataset, self.samples):
            path, truth = self.place(sample), read_mask(self.dataset, sample)
            maps = self.read(path, (truth.shape[0], truth.shape[1]))
            self._check(path, maps, truth)
            yield maps, replace(maps, scores=maps.full_size()), truth, _read_parts(sample, truth)

    def _check(self, path: Path, maps: ScoreMaps, truth: UInt8) -> None:
        problem, classes = "", len(self.dataset.classes)
        if maps.size != truth.shape:
            problem = f"made for an image of {size_text(maps.size)} pixels, but its truth has {size_text(truth.shape)}"
        elif any(not 0 <= index < classes for index in maps.classes):
            problem = f"holds classes {maps.classes}, but the data set has {classes}, counted from 0"
        elif self.labels is not None and maps.labels != self.labels:
            problem = f"made with {maps.labels} labels, but {self.labels} labels are expected"
        if problem:
            raise PatchlearnError(f"{path}: {problem}. Make the maps again from these images (patchlearn cams).")


@final
class _Counts:
    """Pixel counts of the masks of one rule, added over a split."""

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

    def entry(self, facts: EntryFacts | None, rule: str) -> Entry:
        if not self.confusion.any():
            whose = f" of {facts.split!r}" if facts else ""
            raise PatchlearnError(
                f"{self.dataset.root}: every pixel of the masks{whose} is 255 (ignored). Add masks with labelled "
                "pixels."
            )
        scores, (precision, recall) = iou_scores(self.confusion), foreground_scores(self.confusion)
        iou = dict(zip(("background", *self.dataset.classes), scores.iou))
        chosen = [threshold for threshold in self.thresholds if threshold is not None]
        return {
            **(asdict(facts) if facts else {}),
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


def _places(files: Files, suffix: str) -> Callable[[Sample], Path]:
    """Where the file of a sample lies."""
    return (lambda sample: files / f"{sample.id}{suffix}") if isinstance(files, Path) else files


def _with_mask(dataset: Dataset, samples: Sequence[Sample]) -> list[Sample]:
    found = [sample for sample in samples if sample.mask is not None]
    if not found:
        raise PatchlearnError(
            f"{dataset.root}: none of the {len(samples)} images has a mask. Choose a split that has masks."
        )
    return found


def _read_parts(sample: Sample, truth: UInt8) -> UInt8 | None:
    if sample.parts is None:
        return None
    parts = read_indices(sample.parts)
    require_size(parts, truth, str(sample.parts))
    return parts
