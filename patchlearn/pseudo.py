"""Step 4: score maps → pseudo masks with an ignore band."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from rich.console import Console

from patchlearn.artifacts import read_scores, write_mask
from patchlearn.errors import PatchlearnError
from patchlearn.refine import BackgroundRule, background_threshold, check_background
from patchlearn.runtime import progress
from patchlearn.samples import BACKGROUND, IGNORE, Sample, ScoreMaps, UInt8


@dataclass(frozen=True, kw_only=True)
class PseudoSettings:
    """How score maps become masks.

    Args:
        background: the label-free rule for the background threshold.
        ignore_band: pixels whose best score lies within this distance of the threshold are undecided (255), and so
            are pixels at which two classes' scores are this close.
        splits: of which splits masks are written; their score maps must be there.
    """

    background: BackgroundRule = field(default_factory=BackgroundRule)
    ignore_band: float = 0.05
    splits: tuple[str, ...] = ("train",)


def pseudo_mask(maps: ScoreMaps, settings: PseudoSettings) -> UInt8:
    """H×W: 0 background, i + 1 class i, 255 undecided.

    >>> maps = ScoreMaps(scores=np.array([[[0.1, 0.31, 0.9]]], np.float32), classes=(4,), size=(1, 3))
    >>> pseudo_mask(maps, PseudoSettings(background=BackgroundRule(rule="fixed", threshold=0.3))).tolist()
    [[0, 255, 5]]
    """
    if not maps.classes:
        return np.full(maps.size, BACKGROUND, np.uint8)
    scores = maps.full_size()
    threshold = background_threshold(maps, settings.background)
    best = scores.max(0)
    values = np.array(maps.classes, np.uint8) + 1
    mask = np.where(best > threshold, values[scores.argmax(0)], BACKGROUND).astype(np.uint8)
    mask[np.abs(best - threshold) < settings.ignore_band] = IGNORE
    if len(scores) > 1:
        second = np.partition(scores, -2, axis=0)[-2]
        mask[(best > threshold) & (best - second < settings.ignore_band)] = IGNORE
    return mask


def check_pseudo(settings: PseudoSettings) -> None:
    """Raise `PatchlearnError`, naming the setting, unless every one is an option or in range."""
    if not 0 <= settings.ignore_band < 0.5:
        raise PatchlearnError(f"pseudo.ignore_band: {settings.ignore_band} is outside [0, 0.5).")
    check_background(settings.background)


def write_pseudo_masks(
    samples: Sequence[Sample], scores: Path, settings: PseudoSettings, folder: Path, console: Console
) -> None:
    """Write `folder/ID.png` for every sample from `scores/ID.npz`; those already there are kept.

    Raises:
        PatchlearnError: score maps are missing, or a setting is out of range.
    """
    check_pseudo(settings)
    todo = [sample for sample in samples if not (folder / f"{sample.id}.png").exists()]
    with progress(console, f"masks {folder.parent.parent.name} {folder.name}", len(todo)) as advance:
        for sample in todo:
            write_mask(folder / f"{sample.id}.png", pseudo_mask(read_scores(scores / f"{sample.id}.npz"), settings))
            advance("")
