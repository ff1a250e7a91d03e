"""Image-level labels and class names from text files."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from patchlearn.errors import PatchlearnError, did_you_mean
from patchlearn.samples import MAX_CLASSES

COLUMNS = ("image", "split", "labels")


@dataclass(frozen=True)
class LabelRow:
    """One line of labels.csv."""

    image: str
    split: str
    labels: tuple[str, ...]
    line: int


def read_class_names(path: Path) -> tuple[str, ...]:
    """One class a line; empty lines are skipped.

    Raises:
        PatchlearnError: a name stands twice, holds a space, or there are none or more than 254.
    """
    names = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    for name in names:
        if names.count(name) > 1:
            raise PatchlearnError(f"{path}: class {name!r} stands {names.count(name)} times; keep one.")
        if " " in name:
            raise PatchlearnError(f"{path}: class {name!r} holds a space, which separates labels; write a hyphen.")
    if not 1 <= len(names) <= MAX_CLASSES:
        raise PatchlearnError(f"{path}: {len(names)} classes; a palette mask holds 1 to {MAX_CLASSES}.")
    return tuple(names)


def read_label_rows(path: Path) -> list[LabelRow]:
    """The rows of a `image,split,labels` CSV, labels separated by spaces.

    Raises:
        PatchlearnError: the file or a column is missing, a row is short, or an image stands twice.
    """
    if not path.exists():
        raise PatchlearnError(f"{path}: no such file. Write one with the columns {','.join(COLUMNS)}.")
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
        if missing:
            raise PatchlearnError(f"{path}: no column {missing[0]!r}; the first line must be {','.join(COLUMNS)}.")
        rows = [_row(path, reader.line_num, cells) for cells in reader]
    _refuse_twins(path, rows)
    return rows


def class_indices(row: LabelRow, classes: tuple[str, ...], path: Path) -> tuple[int, ...]:
    """The row's labels as sorted class indices.

    Raises:
        PatchlearnError: a label is not a class of the data set.
    """
    for label in row.labels:
        if label not in classes:
            raise PatchlearnError(
                f"{path}, line {row.line}: unknown class {label!r};{did_you_mean(label, classes)} "
                f"The classes are {_shortened(classes)}. Correct the line, or add the class to classes.txt."
            )
    return tuple(sorted({classes.index(label) for label in row.labels}))


def _row(path: Path, line: int, cells: dict[str, str | None]) -> LabelRow:
    image, split, labels = (cells[column] for column in COLUMNS)
    if not image or not split or labels is None:
        raise PatchlearnError(f"{path}, line {line}: expected image,split,labels. Complete the line.")
    return LabelRow(image.strip(), split.strip(), tuple(labels.split()), line)


def _refuse_twins(path: Path, rows: Iterable[LabelRow]) -> None:
    seen: dict[str, int] = {}
    for row in rows:
        if row.image in seen:
            raise PatchlearnError(f"{path}, line {row.line}: {row.image!r} stands in line {seen[row.image]} too.")
        seen[row.image] = row.line


def _shortened(names: tuple[str, ...]) -> str:
    return ", ".join(names) if len(names) <= 30 else f"{', '.join(names[:30])}, … ({len(names)} in all)"
