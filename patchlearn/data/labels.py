"""Image-level labels and class names from text files."""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from patchlearn.core.errors import PatchlearnError, did_you_mean
from patchlearn.core.types import MAX_CLASSES

COLUMNS = ("image", "split", "labels")
SURPLUS = "surplus"  # under which the reader puts cells beyond the last column


@dataclass(frozen=True)
class LabelRow:
    """One line of labels.csv."""

    image: str
    split: str
    labels: tuple[str, ...]
    line: int


def read_class_names(path: Path, *, spaces: bool = False) -> tuple[str, ...]:
    """One class a line; empty lines are skipped.

    Args:
        path: the file.
        spaces: whether a name may hold some; not where labels.csv separates labels by them.

    Raises:
        PatchlearnError: a name stands twice, holds a space or is "background", or there are none or more than 254.
    """
    names = [line.strip() for line in read_text(path).splitlines() if line.strip()]
    for name in names:
        if names.count(name) > 1:
            raise PatchlearnError(f"{path}: class {name!r} stands {names.count(name)} times; keep one.")
        if " " in name and not spaces:
            raise PatchlearnError(f"{path}: class {name!r} holds a space, which separates labels; write a hyphen.")
    return within_limits(names, path)


def within_limits(names: Sequence[str], path: Path) -> tuple[str, ...]:
    """The names, unless there are more than masks of 8 bits can hold, or one is what these hold anyway.

    Raises:
        PatchlearnError: none, or more than 254; or one is the background.
    """
    if "background" in names:
        raise PatchlearnError(f"{path}: 'background' is no class of its own; it is 0 in every mask. Take it out.")
    if not 1 <= len(names) <= MAX_CLASSES:
        raise PatchlearnError(
            f"{path}: {len(names)} classes; a mask of 8 bits holds 1 to {MAX_CLASSES}. Split the data."
        )
    return tuple(names)


def read_text(path: Path) -> str:
    """UTF-8 text, with or without a byte order mark.

    Raises:
        PatchlearnError: the file is in another encoding.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise PatchlearnError(f"{path}: not UTF-8. Save it as UTF-8 (in a spreadsheet: 'CSV UTF-8').") from None


def read_label_rows(path: Path) -> list[LabelRow]:
    """The rows of a `image,split,labels` CSV, labels separated by spaces.

    Raises:
        PatchlearnError: the file or a column is missing, a row is short or too long, a quote is left
            open, or an image stands twice.
    """
    if not path.exists():
        raise PatchlearnError(f"{path}: no such file. Write one with the columns {','.join(COLUMNS)}.")
    reader = csv.DictReader(StringIO(read_text(path), newline=""), restkey=SURPLUS, strict=True)
    try:
        missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
        if missing:
            raise PatchlearnError(f"{path}: no column {missing[0]!r}; the first line must be {','.join(COLUMNS)}.")
        rows = [_row(path, reader.line_num, cells) for cells in reader]
    except csv.Error as error:
        raise PatchlearnError(f"{path}, line {reader.line_num}: not CSV ({error}). Close every quote.") from None
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
    if any(cells.get(SURPLUS) or ()):
        raise PatchlearnError(
            f"{path}, line {line}: more cells than columns. Separate the labels by spaces, not by commas."
        )
    if Path(split.strip()).name != split.strip() or split.strip() in ("", ".."):
        raise PatchlearnError(f"{path}, line {line}: split {split!r} is no name of one; use letters and digits.")
    if "\0" in image + split:
        raise PatchlearnError(f"{path}, line {line}: holds a zero byte. Write the line again.")
    return LabelRow(image.strip(), split.strip(), tuple(labels.split()), line)


def _refuse_twins(path: Path, rows: Iterable[LabelRow]) -> None:
    seen: dict[str, int] = {}
    for row in rows:
        if row.image in seen:
            raise PatchlearnError(f"{path}, line {row.line}: {row.image!r} stands in line {seen[row.image]} too.")
        seen[row.image] = row.line


def _shortened(names: tuple[str, ...]) -> str:
    return ", ".join(names) if len(names) <= 30 else f"{', '.join(names[:30])}, … ({len(names)} in all)"
