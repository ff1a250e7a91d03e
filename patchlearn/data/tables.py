"""Tables as people write them, CSV, TSV or JSON lines: encoding, separator and header are found out."""

import csv
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from io import StringIO
from pathlib import Path

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import parse_json

SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson")
DELIMITERS = (",", ";", "\t", "|")
MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}  # at the beginning of a file in UTF-16
OF_LABELS = "Put the labels of an image into quotes, or separate them by semicolons."
FOR_SPREADSHEETS = re.compile(r'"?sep=(.)"?[ \t]*[\r\n]', re.IGNORECASE)  # a first line that names the delimiter
# A line before the header that begins with #, unless its first cell is the name of a file.
COMMENT = re.compile(r"#(?![^,;|\t\r\n]*\.\w{1,4}[\" ]*[,;|\t])[^\r\n]*")
BEGINNING = 65536  # bytes that are enough to find out what a table is


@dataclass(frozen=True)
class Row:
    """One line of a table."""

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table with a header.

    Args:
        path: the file.
        columns: the names in the header.
        rows: every line below the header, with as many cells as there are columns.
        encoding: of the file.
    """

    path: Path
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    encoding: str = "utf-8"

    @cached_property
    def name(self) -> str:
        """The file, for messages."""
        return str(self.path)

    def place(self, row: Row) -> str:
        """For messages: file and line."""
        return f"{self.name}, line {row.line}"

    def column(self, name: str) -> list[str]:
        """The cells of one column."""
        place = self.columns.index(name)
        return [row.cells[place] for row in self.rows]


def read_table(
    path: Path, *, without_header: Sequence[str] | None = None, wanted: str = "image,labels", advice: str = OF_LABELS
) -> Table:
    """Read a table; empty lines are skipped, as are those before the header that begin with #.

    Spaces around cells are cut off.

    Args:
        path: a CSV, TSV or JSONL file in UTF-8, UTF-16 or, failing these, Windows-1252.
        without_header: the names of the columns of a file that has no header.
        wanted: the columns that a message recommends.
        advice: what to do about a row with more cells than columns.

    Raises:
        PatchlearnError: the file is missing or not a table, or a row has more cells than there are columns.
    """
    if not path.is_file():
        raise PatchlearnError(f"{path}: no such file. Write a table with the columns {wanted}.")
    text, encoding = decoded(path.read_bytes(), path)
    rows = list(_json_rows(text, path) if is_json(path) else _csv_rows(text, path))
    if not rows:
        raise PatchlearnError(f"{path}: no line. Write a table with the columns {wanted}.")
    header = Row(0, tuple(without_header)) if without_header else rows.pop(0)
    columns = _header(header, path)
    return Table(path=path, columns=columns, rows=tuple(_filled(rows, columns, path, advice)), encoding=encoding)


def first_rows(path: Path) -> list[tuple[str, ...]]:
    """The cells of the first two lines; none where the file is no table that can be read."""
    with path.open("rb") as file:
        beginning = file.read(BEGINNING)
    try:
        text, _ = decoded(beginning.rpartition(b"\n")[0] or beginning, path)
        written = [line for line in _without_comments(text).splitlines() if line.strip()]
        lines = "\n".join(written[: 3 if FOR_SPREADSHEETS.match(text) else 2])
        return [row.cells for row in (_json_rows(lines, path) if is_json(path) else _csv_rows(lines, path))][:2]
    except PatchlearnError:
        return []


def find_column(columns: Sequence[str], names: Sequence[str]) -> str | None:
    """The column with the first of these names, however it is written; None where there is none.

    >>> find_column(["Image Name", "Labels"], ["image", "image_name"])
    'Image Name'
    """
    plain = {column.lower().replace(" ", "_").replace("-", "_"): column for column in columns}
    return next((plain[name] for name in names if name in plain), None)


def is_json(path: Path) -> bool:
    """Whether each line is a JSON object."""
    return path.suffix.lower() in (".jsonl", ".ndjson")


def decoded(content: bytes, path: Path) -> tuple[str, str]:
    """(text, encoding) of a file that a person or a spreadsheet wrote.

    Raises:
        PatchlearnError: the file is binary.
    """
    for encoding in [MARKS[content[:2]]] if content[:2] in MARKS else ["utf-8-sig", "cp1252"]:
        try:
            return content.decode(encoding), encoding.removesuffix("-sig")
        except UnicodeDecodeError:
            continue
    raise PatchlearnError(f"{path}: not text. Save it as UTF-8 (in a spreadsheet: 'CSV UTF-8').")


def delimiter_of(text: str, path: Path) -> str:
    """The delimiter that the first line has most often, comments aside; a comma where it has none."""
    if path.suffix.lower() == ".tsv":
        return "\t"
    said = FOR_SPREADSHEETS.match(text)
    if said:
        return said[1]
    first = next((line for line in _without_comments(text).splitlines() if line.strip()), "")
    return max(DELIMITERS, key=lambda each: (first.count(each), -DELIMITERS.index(each)))


def _csv_rows(text: str, path: Path) -> Iterator[Row]:
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise PatchlearnError(f"{path}, line {line}: contains a zero byte. Write the line again.")
    lines = StringIO(_without_comments(text), newline="")
    reader = csv.reader(lines, delimiter=delimiter_of(text, path), strict=True, skipinitialspace=True)
    try:
        if FOR_SPREADSHEETS.match(text):
            next(reader)
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield Row(reader.line_num, tuple(cell.strip() for cell in cells))
    except csv.Error as error:
        raise PatchlearnError(f"{path}, line {reader.line_num}: not valid CSV ({error}). Close every quote.") from None


def _without_comments(text: str) -> str:
    """The text with comments before the header as empty lines, so that the numbers of lines remain.

    >>> _without_comments("# by Anna\\n\\nimage,labels\\n#1.jpg,cat")
    '\\n\\nimage,labels\\n#1.jpg,cat'
    """
    if not text.lstrip().startswith("#"):
        return text
    lines = text.splitlines(keepends=True)
    header = next((place for place, line in enumerate(lines) if line.strip() and not COMMENT.match(line)), len(lines))
    return "".join([*(COMMENT.sub("", line) for line in lines[:header]), *lines[header:]])


def _json_rows(text: str, path: Path) -> Iterator[Row]:
    """The first row is the header: the keys of all objects, in the order in which they first occur."""
    objects = [(line, _object(words, path, line)) for line, words in enumerate(text.split("\n"), 1) if words.strip()]
    columns = tuple(dict.fromkeys(key for _, each in objects for key in each))
    if columns:
        yield Row(0, columns)
    for line, each in objects:
        yield Row(line, tuple(_cell(each.get(column)) for column in columns))


def _object(words: str, path: Path, line: int) -> dict[str, object]:
    try:
        found = parse_json(words)
    except ValueError as error:
        raise PatchlearnError(f"{path}, line {line}: not valid JSON ({error}). Correct the line.") from None
    if not isinstance(found, dict):
        raise PatchlearnError(f'{path}, line {line}: not a JSON object. Write {{"image": …, "labels": […]}}.')
    return found


def _cell(value: object) -> str:
    """JSON lists stay JSON; what is missing is empty."""
    if value is None:
        return ""
    return value.strip() if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _header(row: Row, path: Path) -> tuple[str, ...]:
    for name in row.cells:
        if name and row.cells.count(name) > 1:
            raise PatchlearnError(f"{path}: the column {name!r} occurs {row.cells.count(name)} times. Keep one.")
    return row.cells


def _filled(rows: Sequence[Row], columns: Sequence[str], path: Path, advice: str) -> Iterator[Row]:
    """Rows with as many cells as columns: spreadsheets leave out empty cells at the end of a line."""
    if len(columns) == 1:
        advice = f"If {columns[0]!r} is a title and the header follows it, remove the title."
    for row in rows:
        if any(row.cells[len(columns) :]):
            raise PatchlearnError(f"{path}, line {row.line}: more cells than columns. {advice}")
        missing = len(columns) - len(row.cells)
        yield row if not missing else Row(row.line, (*row.cells[: len(columns)], *[""] * missing))
