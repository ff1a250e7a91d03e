"""Images and tags that a program has handed over (`patchlearn.fit`): a list of them in the run folder."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import read_json, write_json
from patchlearn.core.types import ClassSize, Dataset, Sample
from patchlearn.data.labels import within_limits
from patchlearn.data.settings import DataSettings

LISTING = "collected.json"
PATHS = ("image", "mask", "parts")


def recognise(root: Path) -> str | None:
    """Never by itself: the list names files anywhere on the machine."""
    return None


def read(root: Path, settings: DataSettings, work: Path | None) -> Dataset:
    """Read the list that `write_listing` wrote.

    Raises:
        PatchlearnError: there is no list, or it is damaged.
    """
    path = root / LISTING
    found = read_json(path)
    try:
        classes = within_limits(found["classes"], path)
        splits = {
            _plain(name): tuple(_sample(each, len(classes)) for each in samples)
            for name, samples in found["splits"].items()
        }
        values, closed = tuple(found["mask_values"]), bool(found["masks_are_closed"])
        colours = {tuple(colour): value for colour, value in found["mask_colours"] or ()} or None
        sizes = tuple(ClassSize(**each) if each else None for each in found.get("sizes", ()))
    except (KeyError, TypeError, AttributeError) as error:
        raise PatchlearnError(f"{path}: not a list of images ({error!r}). Hand the images over again.") from None
    return Dataset(
        root=root,
        classes=classes,
        splits=splits,
        mask_values=values,
        masks_are_closed=closed,
        mask_colours=colours,
        sizes=sizes,
    )


def write_listing(root: Path, dataset: Dataset) -> None:
    """Write `root/collected.json`; paths are absolute, for the images stay where they are."""
    facts = {
        "classes": dataset.classes,
        "mask_values": dataset.mask_values,
        "masks_are_closed": dataset.masks_are_closed,
        "mask_colours": list(dataset.mask_colours.items()) if dataset.mask_colours else None,
        "splits": {name: [_facts(sample) for sample in samples] for name, samples in dataset.splits.items()},
    }
    sizes = {"sizes": [each and asdict(each) for each in dataset.sizes]} if dataset.sizes else {}
    write_json(root / LISTING, {**facts, **sizes}, compact=True)


def _facts(sample: Sample) -> dict[str, Any]:
    paths = {name: str(getattr(sample, name).absolute()) for name in PATHS if getattr(sample, name)}
    return {"id": sample.id, "labels": sample.labels, "unknown": sample.unknown, **paths}


def _sample(facts: dict[str, Any], classes: int) -> Sample:
    return Sample(
        id=_plain(facts["id"]),
        image=Path(facts["image"]),
        labels=_indices(facts["labels"], classes),
        unknown=_indices(facts["unknown"], classes),
        mask=Path(facts["mask"]) if "mask" in facts else None,
        parts=Path(facts["parts"]) if "parts" in facts else None,
    )


def _indices(found: list[int], classes: int) -> tuple[int, ...]:
    if not all(type(index) is int and 0 <= index < classes for index in found):
        raise TypeError(f"labels {found} of {classes} classes")
    return tuple(found)


def _plain(name: str) -> str:
    """A name of files and folders that a run writes."""
    if name in ("", ".", "..") or any(sign in name for sign in "/\\\0"):
        raise TypeError(f"the name {name!r}")
    return name
