"""Image-level labels and class names from text files."""

import csv
import re
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from patchlearn.core.errors import PatchlearnError, did_you_mean
from patchlearn.core.types import MAX_CLASSES

COLUMNS = ("image", "split", "labels")
SURPLUS = "surplus"  # the reader's key for cells beyond the last column


@dataclass(frozen=True)
class LabelRow:
    """One line of labels.csv."""

    image: str
    split: str
    labels: tuple[str, ...]
    line: int


def read_class_names(path: Path, *, spaces: bool = False) -> tuple[str, ...]:
    """Read class names, one per line; empty lines are skipped.

    Args:
        path: the file.
        spaces: whether names may contain spaces. They may not where spaces separate labels, as in labels.csv.

    Raises:
        PatchlearnError: a name occurs twice, contains a space or is "background", or there are not 1 to 254 names.
    """
    names = [line.strip() for line in read_text(path).splitlines() if line.strip()]
    for name in names:
        if names.count(name) > 1:
            raise PatchlearnError(f"{path}: class {name!r} occurs {names.count(name)} times. Keep one.")
        if " " in name and not spaces:
            raise PatchlearnError(
                f"{path}: class {name!r} contains a space, but spaces separate labels. Write a hyphen instead."
            )
    return within_limits(names, path)


def normal_form(text: str) -> str:
    """Unicode's form NFC: a Mac names files in another form than most programs write into tables."""
    return unicodedata.normalize("NFC", text)


def natural_order(names: Iterable[str]) -> list[str]:
    """Sorted as people count: 2 before 10.

    >>> natural_order(["cat10", "10", "cat2", "2"])
    ['2', '10', 'cat2', 'cat10']
    """
    return sorted(names, key=_parts)


def _parts(name: str) -> list[tuple[int, str]]:
    """Numbers and the text between them; a number comes before a text."""
    parts = [part for part in re.split(r"(\d+)", name) if part]
    return [(int(part), "") if part.isdecimal() else (sys.maxsize, part) for part in parts]


def within_limits(names: Sequence[str], path: Path | str) -> tuple[str, ...]:
    """The names as a tuple, if an 8-bit mask can hold that many classes.

    Raises:
        PatchlearnError: there are no names or more than 254, or one of them is "background"; the message begins with
            `path`.
    """
    background = [name for name in names if name.lower() == "background"]
    if background:
        raise PatchlearnError(f"{path}: {background[0]!r} is not a class; it is the value 0 of every mask. Remove it.")
    if not 1 <= len(names) <= MAX_CLASSES:
        raise PatchlearnError(
            f"{path}: {len(names)} classes, but an 8-bit mask holds 1 to {MAX_CLASSES}. "
            f"{'Merge classes, or split the data set by groups of classes.' if names else 'Name the classes.'}"
        )
    return tuple(names)


def read_text(path: Path) -> str:
    """Read UTF-8 text, with or without a byte order mark.

    Raises:
        PatchlearnError: the file has another encoding.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise PatchlearnError(f"{path}: not UTF-8. Save it as UTF-8 (in a spreadsheet: 'CSV UTF-8').") from None


def read_label_rows(path: Path) -> list[LabelRow]:
    """Read the rows of a CSV with the columns image, split and labels; spaces separate the labels.

    Raises:
        PatchlearnError: the file or a column is missing, a row has too few or too many cells, a quote is not closed,
            or an image occurs twice.
    """
    if not path.exists():
        raise PatchlearnError(f"{path}: no such file. Write one with the columns {','.join(COLUMNS)}.")
    reader = csv.DictReader(StringIO(read_text(path), newline=""), restkey=SURPLUS, strict=True)
    try:
        missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
        if missing:
            raise PatchlearnError(f"{path}: no column {missing[0]!r}. The first line must be {','.join(COLUMNS)}.")
        rows = [_row(path, reader.line_num, cells) for cells in reader]
    except csv.Error as error:
        raise PatchlearnError(f"{path}, line {reader.line_num}: not valid CSV ({error}). Close every quote.") from None
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
        raise PatchlearnError(f"{path}, line {line}: {split!r} is not a valid name of a split. Use letters and digits.")
    if "\0" in image + split:
        raise PatchlearnError(f"{path}, line {line}: contains a zero byte. Write the line again.")
    return LabelRow(image.strip(), split.strip(), tuple(labels.split()), line)


def _refuse_twins(path: Path, rows: Iterable[LabelRow]) -> None:
    seen: dict[str, int] = {}
    for row in rows:
        if row.image in seen:
            raise PatchlearnError(
                f"{path}, line {row.line}: image {row.image!r} is also in line {seen[row.image]}. Keep one."
            )
        seen[row.image] = row.line


def _shortened(names: tuple[str, ...]) -> str:
    return ", ".join(names) if len(names) <= 30 else f"{', '.join(names[:30])}, … ({len(names)} in all)"
