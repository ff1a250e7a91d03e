"""The list of classes that lies beside the data: classes.csv with colours, values and sizes, or classes.txt."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from patchlearn.core.errors import PatchlearnError, did_you_mean
from patchlearn.core.types import BACKGROUND, IGNORE, ClassSize, Dataset, Sizes
from patchlearn.data.class_sizes import SIZE_COLUMNS, refuse_size, size_of
from patchlearn.data.labels import normal_form, read_class_names, within_limits
from patchlearn.data.tables import Table, read_table

Colour = tuple[int, int, int]
TABLE, LIST = "classes.csv", "classes.txt"
COLUMNS = ("name", "colour", "r", "g", "b", "value", *SIZE_COLUMNS)
SYNONYMS = {"color": "colour", "rgb": "colour", "red": "r", "green": "g", "blue": "b"}
NO_CLASS = "background"
HEX = re.compile(r"#?([0-9a-fA-F]{6}|[0-9a-fA-F]{3})")
NUMBERS = re.compile(r"[\[(]?\s*(\d{1,3})[\s,;]+(\d{1,3})[\s,;]+(\d{1,3})\s*[\])]?")
WRITTEN = "Write it as #ff0000 or 255 0 0."
QUOTE = 'Put a name or a colour with commas into quotes: "255,0,0".'


@dataclass(frozen=True, kw_only=True)
class ClassesTable:
    """The classes of a data set, and how mask files code them.

    Args:
        path: the file that was read.
        names: of the K classes, in order; background is none of them.
        colours: (red, green, blue) → value, for mask files of colours; None if the table has no colours.
        values: of each class in the mask files; None for 1, 2, ….
        sizes: of each class, None where nothing is known; () if nothing is known of any.
    """

    path: Path
    names: tuple[str, ...]
    colours: dict[Colour, int] | None = None
    values: tuple[int, ...] | None = None
    sizes: Sizes = ()


@dataclass(frozen=True, kw_only=True)
class _Line:
    """One line of the table."""

    place: str
    name: str
    colour: Colour | None
    value: int | None
    size: ClassSize | None

    @property
    def is_class(self) -> bool:
        return self.name.lower() != NO_CLASS and self.value != IGNORE


def read_classes(root: Path) -> ClassesTable | None:
    """Read `classes.csv` or, failing it, `classes.txt` of a folder.

    `classes.csv` has a column `name` and may have: `colour` (#ff0000, 255 0 0, or "255,0,0"), or r, g and b, of the
    class in masks of colours; `value`, its index in mask files, from 1 to 254; and the size of the class:
    `size_min` and `size_max`, their `unit` (share or pixels), and `count` (one or many). The row `background` gives
    the colour of the background. A row with the value 255 gives the colour of ignored pixels. Both are no classes.

    Returns:
        The classes, or None if the folder has neither file.

    Raises:
        PatchlearnError: a column is unknown, a cell cannot be understood, a name, colour or value occurs twice, or only
            some of the classes have a colour or a value.
    """
    return next((read_classes_file(root / name) for name in (TABLE, LIST) if (root / name).is_file()), None)


def read_classes_file(path: Path) -> ClassesTable:
    """Read one file: a table as `classes.csv` if its name ends in `.csv`, else a list as `classes.txt`.

    Raises:
        PatchlearnError: there is no such file, or what `read_classes` raises.
    """
    if not path.is_file():
        raise PatchlearnError(f"{path}: no such file. Name a classes.txt (a class a line) or a classes.csv.")
    if path.suffix.lower() == Path(TABLE).suffix:
        return _table(path)
    return ClassesTable(path=path, names=read_class_names(path, spaces=True))


def with_sizes(dataset: Dataset) -> Dataset:
    """The data set with the sizes that `classes.csv` beside it states; the data set itself where it states none.

    Raises:
        PatchlearnError: what `read_classes` raises.
    """
    found = read_classes(dataset.root) if (dataset.root / TABLE).is_file() else None
    if found is None or not found.sizes:
        return dataset
    stated = dict(zip(found.names, found.sizes, strict=True))
    return replace(dataset, sizes=tuple(stated.get(name) for name in dataset.classes))


def _table(path: Path) -> ClassesTable:
    table = read_table(path, wanted="name,colour", advice=QUOTE)
    columns = _columns(table)
    lines = [_line(table.place(row), dict(zip(columns, row.cells, strict=True))) for row in table.rows]
    _refuse_twins(lines)
    classes = [line for line in lines if line.is_class]
    names = within_limits([line.name for line in classes], path)
    values = _values(classes)
    return ClassesTable(
        path=path,
        names=names,
        colours=_colours(lines, classes, values or range(1, len(names) + 1)),
        values=values,
        sizes=tuple(line.size for line in classes) if any(line.size for line in classes) else (),
    )


def _columns(table: Table) -> list[str]:
    """The names of the columns as they are called here."""
    plain = [name.strip().lower() for name in table.columns]
    columns = [SYNONYMS.get(name, name) for name in plain]
    if "name" not in columns:
        raise PatchlearnError(f"{table.path}: no column 'name'. The first line must be name, or name,colour.")
    for name in columns:
        if name not in COLUMNS:
            raise PatchlearnError(
                f"{table.path}: unknown column {name!r}{did_you_mean(name, COLUMNS)} Choose of: {', '.join(COLUMNS)}."
            )
        if columns.count(name) > 1:
            raise PatchlearnError(f"{table.path}: {columns.count(name)} columns mean {name!r}. Keep one.")
    return columns


def _line(place: str, cells: dict[str, str]) -> _Line:
    if not cells["name"]:
        raise PatchlearnError(f"{place}: no name. Complete the line, or remove it.")
    name = normal_form(cells["name"])
    is_background = name.lower() == NO_CLASS
    value = _value(place, cells.get("value", ""), is_background=is_background)
    if is_background or value == IGNORE:
        refuse_size(place, name, cells)
    return _Line(place=place, name=name, colour=_colour(place, cells), value=value, size=size_of(place, cells))


def _colour(place: str, cells: dict[str, str]) -> Colour | None:
    text = cells.get("colour", "") or " ".join(cells.get(channel, "") for channel in "rgb").strip()
    if not text:
        return None
    hexadecimal, numbers = HEX.fullmatch(text), NUMBERS.fullmatch(text)
    if hexadecimal and (text.startswith("#") or len(text) == 6):
        digits = hexadecimal[1] if len(hexadecimal[1]) == 6 else "".join(digit * 2 for digit in hexadecimal[1])
        return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16)
    if numbers and max(map(int, numbers.groups())) <= 255:
        return int(numbers[1]), int(numbers[2]), int(numbers[3])
    raise PatchlearnError(f"{place}: {text!r} is no colour. {WRITTEN}")


def _value(place: str, text: str, *, is_background: bool) -> int | None:
    if not text:
        return BACKGROUND if is_background else None
    value = int(text) if re.fullmatch(r"[0-9]{1,3}", text) else -1
    if is_background and value != BACKGROUND:
        raise PatchlearnError(f"{place}: background has the value {text!r}, but it is 0 in every mask. Write 0.")
    if not is_background and not BACKGROUND < value <= IGNORE:
        raise PatchlearnError(
            f"{place}: the value {text!r} is not of a class. Write a whole number from 1 to 254 (0 is background, 255 "
            "ignored)."
        )
    return value


def _values(classes: Sequence[_Line]) -> tuple[int, ...] | None:
    found = [line.value for line in classes if line.value is not None]
    if found and len(found) < len(classes):
        line = next(line for line in classes if line.value is None)
        raise PatchlearnError(f"{line.place}: {line.name!r} has no value. Give every class a value, or none.")
    return tuple(found) or None


def _colours(lines: Iterable[_Line], classes: Iterable[_Line], values: Iterable[int]) -> dict[Colour, int] | None:
    """Colour → value, of the classes, the background and what is ignored."""
    lines = list(lines)
    coded = {line.name: value for line, value in zip(classes, values, strict=True)}
    found = {line.colour: coded.get(line.name, line.value) for line in lines if line.colour}
    bare = [line for line in lines if line.is_class and not line.colour]
    if found and bare:
        raise PatchlearnError(f"{bare[0].place}: {bare[0].name!r} has no colour. Give every class a colour, or none.")
    return {colour: value for colour, value in found.items() if value is not None} or None


def _refuse_twins(lines: Sequence[_Line]) -> None:
    """Names, colours and values are of one line each; several kinds of ignored pixels are possible."""
    seen: dict[object, str] = {}
    for line in lines:
        value = None if line.value == IGNORE else line.value
        kinds = {"name": line.name, "colour": line.colour, "value": value}
        for kind, found in kinds.items():
            if found is None:
                continue
            if (kind, found) in seen:
                shown = " ".join(map(str, found)) if isinstance(found, tuple) else found
                raise PatchlearnError(f"{line.place}: the {kind} {shown!r} is also in {seen[kind, found]}. Keep one.")
            seen[kind, found] = line.place
