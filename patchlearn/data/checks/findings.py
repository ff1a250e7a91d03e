"""What is in a data set, what is wrong with it, and what would make results poor."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from patchlearn.core.types import Dataset
from patchlearn.data.checks.check import SplitSummary, summarise, summarise_all
from patchlearn.data.checks.duplicates import Group, duplicates, leaks, name_below, repeats
from patchlearn.data.checks.file_findings import file_faults, file_hints
from patchlearn.data.checks.finding import Finding
from patchlearn.data.checks.mask_agreement import MaskAgreement, compare_masks
from patchlearn.data.checks.readings import read_all
from patchlearn.data.checks.tag_hints import tag_hints

Size = tuple[int, int]  # width, height


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """The (W, H) of three images, ordered by their number of pixels."""

    smallest: Size
    median: Size
    largest: Size


@dataclass(frozen=True, kw_only=True)
class Examination:
    """What is in a data set, and what is wrong with it.

    Args:
        classes: names of the K classes.
        splits: the counts of each split.
        total: the counts of all splits; an image that several splits list counts once.
        sizes: of the images of each split; a split without an image that can be read is left out.
        total_sizes: of all images; None where no image can be read.
        masks: masks against tags.
        duplicates: the images of equal content, a tuple each: "SPLIT: PATH".
        faults: what makes figures wrong, or stops a run.
        hints: what makes results poor.
        notes: what the reader of the format says.
    """

    classes: tuple[str, ...]
    splits: dict[str, SplitSummary]
    total: SplitSummary
    sizes: dict[str, Sizes]
    total_sizes: Sizes | None
    masks: MaskAgreement
    duplicates: tuple[tuple[str, ...], ...]
    faults: tuple[Finding, ...]
    hints: tuple[Finding, ...]
    notes: tuple[str, ...]


def examine(dataset: Dataset, *, threads: int | None = None, console: Console | None = None) -> Examination:
    """Read every image and mask once, and find out what would spoil a run; nothing is raised about the files.

    Args:
        dataset: as it was opened.
        threads: images at a time; None for one per core.
        console: where progress is shown; None for none.
    """
    readings = read_all(dataset, threads=threads, console=console)
    sound = [reading.sample.image for reading in readings if reading.size is not None]
    same = duplicates(dataset, sound, threads=threads)
    masks = compare_masks(dataset, readings)
    sizes = {reading.sample.image: reading.size for reading in readings if reading.size is not None}
    return Examination(
        classes=dataset.classes,
        splits={name: summarise(dataset, name) for name in dataset.splits},
        total=summarise_all(dataset),
        sizes=_sizes_by_split(dataset, sizes),
        total_sizes=_sizes(sizes.values()),
        masks=masks,
        duplicates=_named(dataset, same),
        faults=_found(file_faults(dataset, readings), leaks(dataset, same), [masks.fault]),
        hints=_found([masks.hint], file_hints(dataset, readings), repeats(dataset, same), tag_hints(dataset)),
        notes=dataset.notes,
    )


def as_json(examination: Examination) -> dict[str, Any]:
    """The examination as JSON can hold it; sizes are [width, height]."""
    masks, total = examination.masks, examination.total
    return {
        "images": total.images,
        "splits": {
            name: {**_counts(each), "sizes": _plain(examination.sizes.get(name))}
            for name, each in examination.splits.items()
        },
        "classes": [_class(examination, index) for index in range(len(examination.classes))],
        "sizes": _plain(examination.total_sizes),
        "masks": {
            "images": total.masks,
            **{name: getattr(masks, name) for name in ("compared", "differing", "surplus", "lacking")},
            "meaning": {str(value): name for value, name in masks.meaning.items()},
        },
        "duplicates": [list(group) for group in examination.duplicates],
        "faults": [asdict(finding) for finding in examination.faults],
        "hints": [asdict(finding) for finding in examination.hints],
        "notes": list(examination.notes),
    }


def _sizes_by_split(dataset: Dataset, sizes: Mapping[Path, Size]) -> dict[str, Sizes]:
    found = {
        name: _sizes(sizes[sample.image] for sample in samples if sample.image in sizes)
        for name, samples in dataset.splits.items()
    }
    return {name: each for name, each in found.items() if each is not None}


def _sizes(sizes: Iterable[Size]) -> Sizes | None:
    ordered = sorted(sizes, key=lambda size: (size[0] * size[1], size))
    if not ordered:
        return None
    return Sizes(smallest=ordered[0], median=ordered[len(ordered) // 2], largest=ordered[-1])


def _named(dataset: Dataset, groups: Iterable[Group]) -> tuple[tuple[str, ...], ...]:
    root = dataset.root
    return tuple(tuple(f"{place.split}: {name_below(root, place.sample.image)}" for place in group) for group in groups)


def _found(*findings: Iterable[Finding | None]) -> tuple[Finding, ...]:
    return tuple(finding for some in findings for finding in some if finding is not None)


def _counts(summary: SplitSummary) -> dict[str, int]:
    names = ("images", "negatives", "untagged", "partial", "masks")
    return {name: getattr(summary, name) for name in names}


def _plain(sizes: Sizes | None) -> dict[str, list[int]] | None:
    return None if sizes is None else {name: list(size) for name, size in asdict(sizes).items()}


def _class(examination: Examination, index: int) -> dict[str, Any]:
    """One class: its images in all and by split, and how often its masks and tags agree."""
    return {
        "name": examination.classes[index],
        "images": examination.total.labels[index],
        "splits": {name: each.labels[index] for name, each in examination.splits.items()},
        "masks": asdict(examination.masks.classes[index]),
    }
