"""Masks that are drawn once from the annotations of a format, into the folder of the run."""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from patchlearn.core.errors import PatchlearnError, listed
from patchlearn.core.files import read_json, write_json
from patchlearn.core.masks_io import write_mask
from patchlearn.core.types import IGNORE, Dataset, UInt8
from patchlearn.data.classes_table import LIST, read_classes
from patchlearn.data.formats.exports import chosen_classes, restricted
from patchlearn.data.formats.records import Record, dataset_of
from patchlearn.data.labels import normal_form

RULE = 1  # count up when the same annotations give other pixels than before: the masks are drawn again
MASKS, MARKER = "masks", "masks.json"
NO_FOLDER = "no masks are drawn, because there is no folder for them; patchlearn run has one (or pass `work`)"

Values = Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """How the mask of one image comes about.

    Args:
        sources: the files that decide its pixels; it is drawn again when one of them changes.
        draw: name of each class → value in the mask; returns the H×W mask of the upright image.
    """

    sources: tuple[Path, ...]
    draw: Callable[[Values], UInt8]


def drawn_dataset(
    root: Path,
    records: Sequence[Record],
    drawings: Mapping[Path, Drawing],
    work: Path | None,
    *,
    source: Path | str,
    classes: Sequence[str],
    notes: Iterable[str],
) -> Dataset:
    """`dataset_of` with the masks `work/masks/ID.png`; those that are there, and up to date, are not drawn again.

    Where two images would have one id (`train/1.jpg` and `val/1.jpg`), names begin at `root`.

    Args:
        root: the folder of the data.
        records: of every image.
        drawings: by image.
        work: the folder of the run for such files; None for no masks, and a note that says so.
        source: what lists the classes, for messages.
        classes: their names in order; `classes.txt`, if there is one, names those to keep, in its own order.
        notes: sentences for the user.

    Raises:
        PatchlearnError: what `dataset_of` refuses, or annotations that cannot be drawn; the first ten are listed.
    """
    given = classes
    classes, about_classes = _kept(root, classes, Path(source))
    records, notes = distinct(records, root), [*notes, *about_classes]
    if len(classes) < len(given):
        records = restricted(records, classes)
    if work is None:
        notes = [*notes, *([f"{root}: {NO_FOLDER}"] if drawings else [])]
        return dataset_of(root, records, source=source, classes=classes, notes=notes)
    with_masks = [
        replace(record, mask=work / MASKS / f"{record.id}.png") if record.image in drawings else record
        for record in records
    ]
    dataset = dataset_of(root, with_masks, source=source, classes=classes, notes=notes)
    files = {sample.mask: drawings[sample.image] for each in dataset.splits.values() for sample in each if sample.mask}
    _draw(root, files, work, _values(dataset.classes, given))
    return dataset


def _kept(root: Path, classes: Sequence[str], source: Path) -> tuple[Sequence[str], list[str]]:
    """(the classes that classes.txt names, notes); all of them where there is no such file, or it is their source."""
    if source == root / LIST or read_classes(root) is None:
        return classes, []
    return chosen_classes(root, classes, source)


def _values(classes: Sequence[str], given: Iterable[str]) -> Values:
    """Name → value in the mask; what is left out on purpose is ignored, as in VOC's masks."""
    return {**{normal_form(name): IGNORE for name in given}, **{name: place for place, name in enumerate(classes, 1)}}


def distinct(records: Sequence[Record], root: Path) -> Sequence[Record]:
    """The records; if two images have one id, with names that begin at `root`."""
    counts = Counter(record.id for record in {record.image: record for record in records}.values())
    if all(count == 1 for count in counts.values()):
        return records
    return [replace(record, name=os.path.relpath(record.image, root)) for record in records]


def _draw(root: Path, files: Mapping[Path, Drawing], work: Path, values: Values) -> None:
    """Draw the masks that are missing or out of date, side by side, and note what they were drawn from."""
    marker = work / MARKER
    before = read_json(marker) if marker.is_file() else {}
    now = {path.stem: _digest(root, drawing, values) for path, drawing in files.items()}
    stale = [path for path in files if before.get(path.stem) != now[path.stem] or not path.is_file()]
    if not stale:
        return
    left = {stem: digest for stem, digest in before.items() if now.get(stem) == digest}
    write_json(marker, left, compact=True)  # first: when it ends halfway, no new mask has an old mark
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        problems = [text for text in pool.map(lambda path: _problem(path, files[path], values), stale) if text]
    if problems:
        raise PatchlearnError(listed(list(dict.fromkeys(problems))))
    write_json(marker, now, compact=True)


def _problem(path: Path, drawing: Drawing, values: Values) -> str | None:
    try:
        write_mask(path, drawing.draw(values))
    except PatchlearnError as error:
        return str(error)
    return None


def _digest(root: Path, drawing: Drawing, values: Values) -> str:
    """Of all that decides the pixels. Paths are relative, so that data and run can move."""
    facts = [RULE, list(values.items()), [_stamp(root, path) for path in drawing.sources]]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:20]


def _stamp(root: Path, path: Path) -> list[str | int]:
    try:
        found = os.stat(path)
    except FileNotFoundError:  # an image without a file of labels is drawn, too
        return [os.path.relpath(path, root)]
    return [os.path.relpath(path, root), found.st_size, found.st_mtime_ns]
