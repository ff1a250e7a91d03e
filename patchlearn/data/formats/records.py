"""What every reader of a format gives, a record for each image, and how records become a data set."""

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from patchlearn.core.errors import PatchlearnError, did_you_mean, listed
from patchlearn.core.types import Dataset, Sample
from patchlearn.data.labels import natural_order, normal_form, within_limits
from patchlearn.data.names import image_id as image_id

TRAIN = "train"
USUAL = (TRAIN, "val", "test")  # names of splits, in their order
SYNONYMS = {"training": TRAIN, "trainset": TRAIN, "valid": "val", "validation": "val", "testing": "test"}
SPLITS = {TRAIN, "val", "test", *SYNONYMS}  # words that a folder or a file of a split is called by
SHOWN = 30  # classes that a message lists


@dataclass(frozen=True, kw_only=True)
class Record:
    """One image as its format describes it: the classes have names and no indices yet.

    Args:
        image: the file; it need not be there, `dataset_of` names those that are not.
        name: the path below the folder of the images, as the format writes it.
        labels: names of the classes in the image.
        unknown: names of the classes that nobody judged for this image.
        split: of the data set.
        mask: file of the true mask.
        parts: file of the part mask (drawn scenes).
        place: where the record comes from, for messages: "photos/labels.csv, line 7".
    """

    image: Path
    name: str
    labels: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    split: str = TRAIN
    mask: Path | None = None
    parts: Path | None = None
    place: str = ""

    @cached_property
    def id(self) -> str:
        """The image `a/b.jpg` has the id `a__b`, because steps write their files into one flat folder."""
        return image_id(self.name)


@dataclass(frozen=True, kw_only=True)
class MaskCoding:
    """What the values of the mask files mean.

    Args:
        values: of each class, in the order of the classes; None for 1, 2, ….
        closed: whether another value is an error.
        colours: (red, green, blue) → value, for masks of colours; None for VOC's colour map.
    """

    values: tuple[int, ...] | None = None
    closed: bool = True
    colours: dict[tuple[int, int, int], int] | None = field(default=None)


def dataset_of(
    root: Path,
    records: Sequence[Record],
    *,
    source: Path | str,
    classes: Sequence[str] | None = None,
    masks: MaskCoding | None = None,
    notes: Iterable[str] = (),
) -> Dataset:
    """The data set of these records, in their order.

    Args:
        root: the folder of the data.
        records: of every image; those of one image (one line for each label) are united.
        source: what lists the classes, for messages.
        classes: their names in order; None for the labels that occur, in natural order.
        masks: what the values of the mask files mean.
        notes: sentences for the user: what was found out, and what is not used.

    Raises:
        PatchlearnError: an image is missing or has two splits, two images have one id, a label is no class, or there
            are not 1 to 254 classes.
    """
    united = _united([_in_normal_form(record) for record in records])
    _require_files(united)
    _refuse_equal_ids(united)
    names = within_limits([normal_form(name) for name in classes], source) if classes else _occurring(united, source)
    places = {name: index for index, name in enumerate(names)}
    coding = masks or MaskCoding()
    return Dataset(
        root=root,
        classes=names,
        splits=_splits(united, places),
        mask_values=coding.values or tuple(range(1, len(names) + 1)),
        masks_are_closed=coding.closed,
        mask_colours=coding.colours,
        notes=tuple(notes),
    )


def _in_normal_form(record: Record) -> Record:
    """A Mac writes accents of class names as letters of their own."""
    if "".join((*record.labels, *record.unknown)).isascii() and not record.unknown:
        return record
    labels, unknown = (tuple(normal_form(name) for name in names) for names in (record.labels, record.unknown))
    return replace(record, labels=labels, unknown=tuple(name for name in unknown if name not in labels))


def _united(records: Iterable[Record]) -> list[Record]:
    """The records of one image as one: a table may have one line for each image and label."""
    found: dict[Path, Record] = {}
    for record in records:
        first = found.get(record.image)
        found[record.image] = record if first is None else _union(first, record)
    return list(found.values())


def _union(first: Record, second: Record) -> Record:
    if first.split != second.split:
        raise PatchlearnError(
            f"{second.place}: image {second.name!r} is of the split {second.split!r}, but {first.place} says "
            f"{first.split!r}. Choose one of the two."
        )
    labels = dict.fromkeys([*first.labels, *second.labels])
    unknown = dict.fromkeys(name for name in (*first.unknown, *second.unknown) if name not in labels)
    return replace(first, labels=tuple(labels), unknown=tuple(unknown))


def _require_files(records: Sequence[Record]) -> None:
    missing = [record for record in records if not os.path.isfile(record.image)]
    if len(missing) == len(records) > 1:
        raise PatchlearnError(
            f"{missing[0].place}: {missing[0].image} does not exist, nor does any other of the {len(records)} images. "
            "Put the images there, or correct the names."
        )
    if missing:
        raise PatchlearnError(
            listed([f"{record.place}: {record.image} {_why_missing(record.image)}" for record in missing])
        )


def _why_missing(image: Path) -> str:
    if image.is_symlink():
        return "is a link to a file that does not exist. Restore the file, or remove the link."
    return "does not exist. Correct the name."


def _refuse_equal_ids(records: Iterable[Record]) -> None:
    seen: dict[str, Record] = {}
    for record in records:
        twin = seen.setdefault(record.id, record)
        if twin is not record:
            raise PatchlearnError(
                f"{record.place}: {record.name!r} and {twin.name!r} ({twin.place}) both have the id {record.id!r}, "
                "which names masks and score maps. Rename one of the images."
            )


def _occurring(records: Iterable[Record], source: Path | str) -> tuple[str, ...]:
    names = {name for record in records for name in (*record.labels, *record.unknown)}
    if not names:
        raise PatchlearnError(f"{source}: no image has a label. Write the classes of each image beside its name.")
    return within_limits(natural_order(names), source)


def _splits(records: Iterable[Record], places: dict[str, int]) -> dict[str, tuple[Sample, ...]]:
    found: dict[str, list[Sample]] = {}
    records = list(records)
    given = {record.split.lower() for record in records}
    for record in records:
        found.setdefault(_usual(record.split, given), []).append(_sample(record, places))
    order = sorted(found, key=lambda name: USUAL.index(name) if name in USUAL else len(USUAL))
    return {name: tuple(found[name]) for name in order}


def _usual(split: str, given: Collection[str]) -> str:
    """`Train` is `train`, and `valid` is `val`; beside `val` it keeps its name."""
    plain = split.lower()
    if plain in USUAL:
        return plain
    common = SYNONYMS.get(plain, split)
    return split if common in given else common


def _sample(record: Record, places: dict[str, int]) -> Sample:
    return Sample(
        id=record.id,
        image=record.image,
        labels=class_indices(record.labels, places, record.place),
        unknown=class_indices(record.unknown, places, record.place),
        mask=record.mask,
        parts=record.parts,
    )


def class_indices(names: Iterable[str], places: Mapping[str, int], place: str) -> tuple[int, ...]:
    """The sorted indices of classes.

    Args:
        names: of the classes; a name may occur twice.
        places: name → index.
        place: where the names come from, for the message.

    Raises:
        PatchlearnError: a name is no class.

    >>> class_indices(["dog", "cat", "dog"], {"cat": 0, "dog": 1}, "labels.csv, line 2")
    (0, 1)
    """
    for name in names:
        if name not in places:
            shown = list(places)[:SHOWN]
            more = f", … ({len(places)} in all)" if len(places) > SHOWN else ""
            raise PatchlearnError(
                f"{place}: unknown class {name!r}{did_you_mean(name, places)} "
                f"The classes are {', '.join(shown)}{more}. Correct the label, or add the class to classes.txt."
            )
    return tuple(sorted({places[name] for name in names}))
