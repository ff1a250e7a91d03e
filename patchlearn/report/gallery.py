"""The pictures of the report: maps and masks over the images, variant beside variant."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from patchlearn.core.masks_io import read_scores
from patchlearn.core.types import Dataset, Sample, UInt8
from patchlearn.data.images import read_image, read_indices, read_mask
from patchlearn.report.figures import data_uri, heat_overlay, mask_overlay, thumbnail


def gallery_rows(
    run: Path, dataset: Dataset, split: str, variants: Sequence[str], images: int
) -> Iterator[dict[str, Any]]:
    """One row an image: the picture, its true mask, and map and pseudo mask of every variant that has maps."""
    drawn = drawn_variants(run, split, variants)
    folders = [run / name / "cams" / split for name in drawn]
    complete = [
        sample for sample in dataset.split(split) if all((each / f"{sample.id}.npz").exists() for each in folders)
    ]
    for sample in _chosen(complete, images) if drawn else []:
        yield _row(run, dataset, sample, split, drawn)


def drawn_variants(run: Path, split: str, variants: Sequence[str]) -> list[str]:
    """Variants with score maps. One without maps does not empty the gallery of the others."""
    return [name for name in variants if any((run / name / "cams" / split).glob("*.npz"))]


def _chosen(samples: Sequence[Sample], count: int) -> list[Sample]:
    """Evenly spread: of every stretch the middle one, of every second stretch the first with several tags.

    Those with the most tags everywhere would show the rarest and hardest images only.
    """
    stretches = np.array_split(np.arange(len(samples)), max(1, min(count, len(samples)))) if samples else []
    chosen = []
    for turn, stretch in enumerate(stretches):
        middle = samples[stretch[len(stretch) // 2]]
        several = (samples[index] for index in stretch if turn % 2 and len(samples[index].labels) > 1)
        chosen.append(next(several, middle))
    return chosen


def _row(run: Path, dataset: Dataset, sample: Sample, split: str, variants: Sequence[str]) -> dict[str, Any]:
    small = thumbnail(read_image(sample.image))
    return {
        "id": sample.id,
        "tags": _tags(dataset, sample),
        "image": data_uri(small),
        "truth": data_uri(mask_overlay(small, read_mask(dataset, sample))) if sample.mask else None,
        "variants": [(name, _heat(run, name, split, sample, small), _mask(run, name, split, sample, small))
                     for name in variants],
    }  # fmt: skip


def _tags(dataset: Dataset, sample: Sample) -> list[str]:
    """The classes in the image; last, in one entry, those that nobody judged."""
    present, unknown = ([dataset.classes[index] for index in indices] for indices in (sample.labels, sample.unknown))
    return [*present, f"not judged: {', '.join(unknown)}"] if unknown else present


def segmented_rows(
    run: Path, dataset: Dataset, variants: Sequence[str], left_out: Sequence[Path], images: int
) -> Iterator[dict[str, Any]]:
    """New images with the masks of every segmenter; those of the fully supervised reference last."""
    folders = {name: run / name / "segmented" for name in variants}
    folders |= {f"{name}, true masks": run / name / "segmented-masks" for name in variants}
    there = [
        (split, name, folder / split)
        for split in dataset.splits
        for name, folder in folders.items()
        if (folder / split).is_dir() and folder / split not in left_out
    ]
    first = there[0][0] if there else ""
    shown = {name: folder for split, name, folder in there if split == first}
    for sample in _chosen(dataset.split(first), images) if there else []:
        yield _segmented_row(dataset, sample, {name: folder / f"{sample.id}.png" for name, folder in shown.items()})


def _segmented_row(dataset: Dataset, sample: Sample, masks: dict[str, Path]) -> dict[str, Any]:
    small = thumbnail(read_image(sample.image))
    return {
        "id": sample.id,
        "image": data_uri(small),
        "truth": data_uri(mask_overlay(small, read_mask(dataset, sample))) if sample.mask else None,
        "masks": [
            (name, data_uri(mask_overlay(small, read_indices(path))) if path.exists() else None)
            for name, path in masks.items()
        ],
    }


def picture_rows(
    run: Path, variant: str, split: str, samples: Sequence[Sample], images: int
) -> Iterator[dict[str, Any]]:
    """Image, map and mask of one variant, of evenly spread samples that have maps."""
    folder = run / variant / "cams" / split
    for sample in _chosen([each for each in samples if (folder / f"{each.id}.npz").exists()], images):
        small = thumbnail(read_image(sample.image))
        heat, mask = _heat(run, variant, split, sample, small), _mask(run, variant, split, sample, small)
        yield {"id": sample.id, "image": data_uri(small), "heat": heat, "mask": mask}


def _heat(run: Path, variant: str, split: str, sample: Sample, small: UInt8) -> str:
    maps = read_scores(run / variant / "cams" / split / f"{sample.id}.npz")
    return data_uri(heat_overlay(small, maps.judged.scores))


def _mask(run: Path, variant: str, split: str, sample: Sample, small: UInt8) -> str | None:
    path = run / variant / "pseudo" / split / f"{sample.id}.png"
    return data_uri(mask_overlay(small, read_indices(path))) if path.exists() else None
