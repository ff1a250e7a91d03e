"""Images and tags that a program has handed over (`patchlearn.fit`): a list of them in the run folder."""

from pathlib import Path
from typing import Any

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import read_json, write_json
from patchlearn.core.types import Dataset, Sample
from patchlearn.data.labels import within_limits
from patchlearn.data.settings import DataSettings

LISTING = "collected.json"
PATHS = ("image", "mask")


def recognise(root: Path) -> str | None:
    """The list."""
    return f"images and tags of a program, in {LISTING}" if (root / LISTING).is_file() else None


def read(root: Path, settings: DataSettings, work: Path | None) -> Dataset:
    """Read the list that `write_listing` wrote.

    Raises:
        PatchlearnError: there is no list, or it is damaged.
    """
    path = root / LISTING
    found = read_json(path)
    try:
        classes = within_limits(found["classes"], path)
        splits = {name: tuple(_sample(each) for each in samples) for name, samples in found["splits"].items()}
        values, closed = tuple(found["mask_values"]), bool(found["masks_are_closed"])
    except (KeyError, TypeError, AttributeError) as error:
        raise PatchlearnError(f"{path}: not a list of images ({error!r}). Hand the images over again.") from None
    return Dataset(root=root, classes=classes, splits=splits, mask_values=values, masks_are_closed=closed)


def write_listing(root: Path, dataset: Dataset) -> None:
    """Write `root/collected.json`; paths are absolute, for the images stay where they are."""
    splits = {name: [_facts(sample) for sample in samples] for name, samples in dataset.splits.items()}
    facts = {
        "classes": dataset.classes,
        "mask_values": dataset.mask_values,
        "masks_are_closed": dataset.masks_are_closed,
    }
    write_json(root / LISTING, {**facts, "splits": splits}, compact=True)


def _facts(sample: Sample) -> dict[str, Any]:
    paths = {name: str(getattr(sample, name).absolute()) for name in PATHS if getattr(sample, name)}
    return {"id": sample.id, "labels": sample.labels, "unknown": sample.unknown, **paths}


def _sample(facts: dict[str, Any]) -> Sample:
    return Sample(
        id=facts["id"],
        image=Path(facts["image"]),
        labels=tuple(facts["labels"]),
        unknown=tuple(facts["unknown"]),
        mask=Path(facts["mask"]) if "mask" in facts else None,
    )
