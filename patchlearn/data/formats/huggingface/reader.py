"""Folders of Hugging Face data sets: Parquet files with images or their paths, or what `save_to_disk` writes."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import MAX_CLASSES, Dataset
from patchlearn.data.classes_table import LIST, TABLE, read_classes
from patchlearn.data.formats import folder
from patchlearn.data.formats.exports import chosen_classes, restricted
from patchlearn.data.formats.huggingface.arrow import (
    DICTIONARY,
    LOOKED_AT,
    STATE,
    Part,
    features_of,
    is_saved,
    parquet_files,
    parts_of,
    rows_of,
)
from patchlearn.data.formats.huggingface.columns import (
    Columns,
    choose_columns,
    class_names,
    has_images,
    label_feature,
    names_images,
)
from patchlearn.data.formats.huggingface.rows import Rows, mask_name
from patchlearn.data.formats.records import MaskCoding, Record, dataset_of
from patchlearn.data.image_files import ImageFiles
from patchlearn.data.labels import natural_order, normal_form
from patchlearn.data.settings import DataSettings
from patchlearn.data.stored_images import IMAGES, LISTING, StoredImages, below

KIND = "huggingface"
VERSION = 2  # of what is kept of the rows; a change of it has the files read again


def recognise(root: Path) -> str | None:
    """The files of `save_to_disk`, or Parquet files of which the first has a column of images, or of their paths."""
    if is_saved(root):
        return f"the data set of save_to_disk ({DICTIONARY if (root / DICTIONARY).is_file() else STATE})"
    files = parquet_files(root, LOOKED_AT)
    what = _what_it_has(root, files[0]) if files else None
    if what is None:
        return None
    shown = ", ".join(path.relative_to(root).as_posix() for path in files[:3])
    return f"Parquet files with {what}: {shown}{', …' if len(files) > 3 else ''}"


def read(root: Path, settings: DataSettings, work: Path | None) -> Dataset:
    """Read the rows, and write their images into `work`, byte for byte; a second call writes and reads none.

    - The name of a file says its split: `train-00000-of-00001.parquet`, `data/validation-*.parquet`.
    - The images are the column `image`, `img`, `picture` or `photo`, or the one with the feature Image. A row may name
      a file below `root` in place of the image; the file stays where it is.
    - The labels are the column `label`, `tags`, …, or the one with a ClassLabel. `settings.labels` names another.
      Without such a column they are the categories of the objects in a row, as in data sets of boxes.
    - A column `mask` or `annotation` is the true mask, if the labels are a ClassLabel and its values are their numbers:
      i + 1 is the i-th class, or its number where the ClassLabel begins with "background".
    - `classes.txt`, if there is one, lists the classes to keep.

    Raises:
        PatchlearnError: a library, a column or a label is missing, or there is no folder to write images into.
    """
    parts = parts_of(root)
    stored = StoredImages(work, _source(root, parts, settings), replaces=True)
    contents = stored.contents
    if contents is None:
        contents = _taken(root, parts, settings, stored)
        stored.finish(contents)
    return _dataset(root, work, contents)


def _what_it_has(root: Path, path: Path) -> str | None:
    """A file that cannot be read counts as one with images, so that reading it says why. A table goes before paths."""
    try:
        features = features_of(path)
    except PatchlearnError:
        return "images"
    if has_images(features):
        return "images"
    return "the paths of images" if names_images(features) and not folder.recognise(root) else None


def _source(root: Path, parts: Iterable[Part], settings: DataSettings) -> dict[str, Any]:
    """What the images depend on: the files by size and time of change, and the settings."""
    lists = [root / name for name in (TABLE, LIST) if (root / name).is_file()]
    files = [*(part.path for part in parts), *lists]
    return {
        "kind": KIND,
        "version": VERSION,
        "files": [[str(path.absolute()), *_facts(path)] for path in files],
        "labels": settings.labels,
        "separator": settings.separator,
    }


def _facts(path: Path) -> tuple[int, int]:
    """(size, time of change)."""
    try:
        facts = path.stat()
    except FileNotFoundError:
        raise PatchlearnError(f"{path}: no such file. Restore it, or write the data set again.") from None
    return facts.st_size, facts.st_mtime_ns


def _taken(root: Path, parts: Sequence[Part], settings: DataSettings, stored: StoredImages) -> dict[str, Any]:
    """Every row as JSON, with the classes and notes; the images are written."""
    features = {part.path: features_of(part.path) for part in parts}
    first = next((part.path for part in parts if settings.labels in features[part.path]), parts[0].path)
    columns = choose_columns(features[first], settings.labels, str(first))
    rows = Rows(stored, columns, locate=_located(ImageFiles(root)))
    for part in parts:
        _require_agreement(columns, features[part.path], part.path)
        known = [name for name in columns.used if name in features[part.path]]
        for row in rows_of(part.path, known):
            rows.add(row, part.split, str(root))
    return _contents(root, columns, rows, settings)


def _located(images: ImageFiles) -> Callable[[str, str], Path]:
    def locate(path: str, place: str) -> Path:
        file = images.base / images.find(path, place, anywhere=True)
        if file.is_file():
            return file
        raise PatchlearnError(
            f"{place}: the row names the file {path!r} and does not hold the image. Put the file into {images.base}, "
            "or write the data set again with the images inside: dataset.save_to_disk(FOLDER)."
        )

    return locate


def _contents(root: Path, columns: Columns, rows: Rows, settings: DataSettings) -> dict[str, Any]:
    listed = None if columns.names else read_classes(root)
    records = rows.records(listed.names if listed else None, settings.separator)
    occurring = natural_order({name for each in records for name in (*each.labels, *each.unknown)})
    known = [normal_form(name) for name in columns.classes or occurring]
    classes, notes = chosen_classes(root, known, root)
    return {
        "records": [_as_json(record, root, rows.stored) for record in restricted(records, classes)],
        "classes": list(classes),
        "values": [known.index(name) + 1 for name in classes] if len(known) <= MAX_CLASSES else None,
        "closed": len(classes) == len(known),
        "notes": [*rows.notes(str(root)), *notes],
    }


def _require_agreement(columns: Columns, features: dict[str, Any], path: Path) -> None:
    """A split for tests may lack the labels; it may not have others."""
    if columns.image not in features:
        raise PatchlearnError(
            f"{path}: no column {columns.image!r}, which other files have. Add it, or remove the file."
        )
    if columns.labels not in features:
        return
    key, feature = label_feature(features[columns.labels])
    if (key, class_names(feature, str(path))) != (columns.key, columns.names):
        raise PatchlearnError(
            f"{path}: the column {columns.labels!r} has other classes than in other files. Cast all to the same "
            "ClassLabel."
        )


def _as_json(record: Record, root: Path, stored: StoredImages) -> list[Any]:
    file = None if f"{IMAGES}/{record.name}" in stored.files else record.image.relative_to(root).as_posix()
    return [record.name, file, record.split, record.labels, record.unknown, record.mask is not None]


def _record(
    root: Path, work: Path, name: str, file: str | None, split: str, labels: list[str], unknown: list[str], mask: bool
) -> Record:
    return Record(
        image=below(work, f"{IMAGES}/{name}") if file is None else below(root, file),
        name=name,
        labels=tuple(labels),
        unknown=tuple(unknown),
        split=split,
        mask=below(work, mask_name(name)) if mask else None,
        place=f"{work / LISTING if file is None else root}, {name}",
    )


def _dataset(root: Path, work: Path | None, contents: dict[str, Any]) -> Dataset:
    values = tuple(contents["values"]) if contents["values"] else None
    return dataset_of(
        root,
        [_record(root, work or root, *row) for row in contents["records"]],
        source=root,
        classes=contents["classes"],
        masks=MaskCoding(values=values, closed=contents["closed"]),
        notes=contents["notes"],
    )
