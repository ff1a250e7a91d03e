"""points.csv: a row for each labelled pixel or box, `image,x,y,label` and, for a box, `x2,y2`.

Tables of `patchlearn suggest` have the same columns and further ones. A row whose label is empty, or "?", waits for
somebody to label it, and is passed over. Rows that were drawn for an audit are refused.
"""

import csv
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from patchlearn.core.errors import PatchlearnError, did_you_mean, listed
from patchlearn.core.files import atomic
from patchlearn.core.types import BACKGROUND, IGNORE, Dataset, Sample
from patchlearn.data.clicks.values import Box, Clicks, Point
from patchlearn.data.formats.canvas import canvas_of
from patchlearn.data.formats.folder import IMAGE_COLUMNS, LABEL_COLUMNS
from patchlearn.data.formats.records import SHOWN
from patchlearn.data.labels import normal_form
from patchlearn.data.named_samples import NamedSamples
from patchlearn.data.tables import Table, find_column, read_table

POINT = ("image", "x", "y", "label")
BOX = (*POINT, "x2", "y2")
KIND = "kind"
AUDIT = "audit"  # in the column `kind`: a pixel that was drawn to measure masks
UNSURE = "?"  # the label of a pixel of which nobody can tell what it shows
NAMES = {"image": IMAGE_COLUMNS, "label": LABEL_COLUMNS}  # columns that may be called otherwise, too
BACKGROUND_LABEL = "background"
WANTED = f"{','.join(POINT)}, and for boxes x2,y2"
ADVICE = f"The columns are {WANTED}."
SEPARATORS = {".csv": ",", ".tsv": "\t"}
Size = tuple[int, int]
Cells = dict[str, str]  # column → cell
Read = TypeVar("Read")


@dataclass(frozen=True, kw_only=True)
class ClickRow:
    """A row of points.csv, as it is written.

    Args:
        image: the id of the image, or its path.
        x: column of the pixel in the upright image, from 0; of a box, the first one.
        y: row, likewise.
        label: a class, or "background".
        x2: last column of a box; None for a point.
        y2: last row of a box; None for a point.
    """

    image: str
    x: int
    y: int
    label: str
    x2: int | None = None
    y2: int | None = None


@dataclass(frozen=True)
class Mark:
    """A row as it was read: what is labelled, in which image, and where the row stands."""

    sample: Sample
    what: Point | Box
    place: str


def write_points(path: Path, rows: Iterable[ClickRow]) -> None:
    """Write a table that `read_clicks` reads, atomically; the columns x2 and y2 are there if there is a box.

    Args:
        path: a CSV or TSV file.
        rows: of points and boxes.

    Raises:
        PatchlearnError: the file has another ending.
    """
    if path.suffix.lower() not in SEPARATORS:
        raise PatchlearnError(f"{path}: a table of clicks ends in .csv or .tsv. Name it {path.stem}.csv, for example.")
    rows = list(rows)
    columns = BOX if any(row.x2 is not None for row in rows) else POINT
    with atomic(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=SEPARATORS[path.suffix.lower()], lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([getattr(row, column) for column in columns] for row in rows)


def rows_of(clicks: Clicks, classes: tuple[str, ...]) -> Iterator[ClickRow]:
    """The rows of all points and boxes; scribbles have none.

    Args:
        clicks: of a data set.
        classes: the K names.

    >>> from patchlearn.data.clicks.values import ImageClicks
    >>> next(rows_of(Clicks(images={"garden": ImageClicks(points=(Point(4, 2, value=1),))}), ("cat",)))
    ClickRow(image='garden', x=4, y=2, label='cat', x2=None, y2=None)
    """
    names = (BACKGROUND_LABEL, *classes)
    for id, image in clicks.images.items():
        for point in image.points:
            yield ClickRow(image=id, x=point.x, y=point.y, label=names[point.value])
        for box in image.boxes:
            yield ClickRow(image=id, x=box.x, y=box.y, label=classes[box.index], x2=box.x2, y2=box.y2)


def read_marks(path: Path, dataset: Dataset, samples: NamedSamples) -> tuple[list[Mark], int]:
    """(the rows of a table of points and boxes, how many further rows have no label); of images, headers are read.

    Args:
        path: the table.
        dataset: whose images are meant.
        samples: the same images by name.

    Raises:
        PatchlearnError: a column is missing; no row has a label; rows were drawn for an audit; or rows are wrong, of
            which the first ten are listed.
    """
    rows = list(cells_of_rows(read_table(path, wanted=WANTED, advice=ADVICE)))
    _refuse_audited(path, rows)
    labelled = [(place, cells) for place, cells in rows if cells["label"] not in ("", UNSURE)]
    if rows and not labelled:
        raise PatchlearnError(f"{path}: no row has a label yet. Write one into the column label of at least one row.")
    reader = RowReader(dataset, samples)
    return read_rows(labelled, reader.read), len(rows) - len(labelled)


def read_rows(rows: Iterable[tuple[str, Cells]], read: Callable[[Cells, str], Read]) -> list[Read]:
    """What `read` makes of every row, given its cells and its place.

    Raises:
        PatchlearnError: rows are wrong, of which the first ten are listed.
    """
    found, problems = [], []
    for place, cells in rows:
        try:
            found.append(read(cells, place))
        except PatchlearnError as error:
            problems.append(str(error))
    if problems:
        raise PatchlearnError(listed(problems))
    return found


def _refuse_audited(path: Path, rows: Iterable[tuple[str, Cells]]) -> None:
    """Masks that have learned from a pixel are right there more often than elsewhere: it can measure them no more."""
    if any(cells[KIND] == AUDIT for _, cells in rows):
        raise PatchlearnError(
            f"{path}: holds pixels that were drawn for an audit. They measure masks, so nothing may learn from them. "
            "Name a table of other pixels, such as that of patchlearn suggest without --audit."
        )


def cells_of_rows(table: Table, further: tuple[str, ...] = (KIND,)) -> Iterator[tuple[str, Cells]]:
    """(place, column → cell) of every row; a column that a table lacks is empty.

    Args:
        table: as it was read.
        further: columns beside those of points and boxes.

    Raises:
        PatchlearnError: there is no column for the image, x, y or the label.
    """
    wanted = (*BOX, *further)
    columns = {name: find_column(table.columns, NAMES.get(name, (name,))) for name in wanted}
    missing = [name for name in POINT if columns[name] is None]
    if missing:
        raise PatchlearnError(f"{table.path}: no column {missing[0]!r}. The first line must be {','.join(POINT)}.")
    places = {name: table.columns.index(column) for name, column in columns.items() if column is not None}
    for row in table.rows:
        yield table.place(row), {name: row.cells[places[name]] if name in places else "" for name in wanted}


class RowReader:
    """Rows of one table; of each image, the header is read once.

    Args:
        dataset: whose images are meant.
        samples: the same images by name.
    """

    def __init__(self, dataset: Dataset, samples: NamedSamples):
        self.classes, self.samples = dataset.classes, samples
        self.sizes: dict[Path, Size] = {}

    def read(self, cells: Cells, place: str) -> Mark:
        """The point or the box of a row.

        Args:
            cells: of the row, by column.
            place: for messages.

        Raises:
            PatchlearnError: the row is wrong.
        """
        sample = self.samples.find(cells["image"], place)
        value = label_value(cells["label"], self.classes, place)
        require_tag(sample, value, self.classes, place)
        size = self._size(sample)
        x, y = (_coordinate(cells, name, size, sample, place) for name in ("x", "y"))
        if not (cells["x2"] or cells["y2"]):
            return Mark(sample, Point(x, y, value), place)
        _require_box(cells, value, place)
        x2, y2 = (_coordinate(cells, name, size, sample, place) for name in ("x2", "y2"))
        _require_order({"x": x, "x2": x2, "y": y, "y2": y2}, place)
        return Mark(sample, Box(x, y, x2, y2, value - 1), place)

    def read_unsure(self, cells: Cells, place: str) -> Mark:
        """The pixel of a row that nobody can label; its value is 255.

        Raises:
            PatchlearnError: the row is wrong.
        """
        sample = self.samples.find(cells["image"], place)
        x, y = (_coordinate(cells, name, self._size(sample), sample, place) for name in ("x", "y"))
        return Mark(sample, Point(x, y, IGNORE), place)

    def _size(self, sample: Sample) -> Size:
        if sample.image not in self.sizes:
            self.sizes[sample.image] = canvas_of(sample.image).size
        return self.sizes[sample.image]


def label_value(label: str, classes: tuple[str, ...], place: str) -> int:
    """The value of a label in a mask: 0 for "background", i + 1 for the class i.

    Raises:
        PatchlearnError: the label is missing, or is no class.

    >>> label_value("dog", ("cat", "dog"), "points.csv, line 2")
    2
    """
    names = (BACKGROUND_LABEL, *classes)
    plain = normal_form(label)
    if plain in names:
        return names.index(plain)
    if plain.lower() == BACKGROUND_LABEL:
        return BACKGROUND
    shown = ", ".join(names[: SHOWN + 1]) + (f", … ({len(classes)} classes in all)" if len(classes) > SHOWN else "")
    if not plain:
        raise PatchlearnError(f"{place}: names no label. Write one of these, or remove the line: {shown}.")
    raise PatchlearnError(f"{place}: unknown label {label!r}{did_you_mean(plain, names)} Write one of these: {shown}.")


def require_tag(sample: Sample, value: int, classes: tuple[str, ...], place: str) -> None:
    """Raise `PatchlearnError` if a label is a class that the tags of the image lack, unless nobody judged this class.

    Args:
        sample: the image, with its tags.
        value: of the label, as in a mask.
        classes: the K names.
        place: where the label stands, for the message.
    """
    index = value - 1
    if value == BACKGROUND or index in sample.labels or index in sample.unknown:
        return
    tags = ", ".join(classes[each] for each in sample.labels)
    has = f"whose tags are {tags}" if tags else "which has no tags"
    raise PatchlearnError(
        f"{place}: {classes[index]!r} is marked in the image {sample.id!r}, {has}. If it is there, add the tag. If "
        "not, correct the label."
    )


def _coordinate(cells: Cells, name: str, size: Size, sample: Sample, place: str) -> int:
    """The pixel that a number lies in."""
    text, side = cells[name], size[name.startswith("x")]
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise PatchlearnError(f"{place}: {name} is {text!r}, and no number. Write a pixel from 0 to {side - 1}.")
    if not 0 <= number < side:
        raise PatchlearnError(
            f"{place}: {name} {text} lies outside of the image {sample.id!r}, which has {size[1]}×{size[0]} pixels "
            f"(width × height). Write a pixel from 0 to {side - 1}."
        )
    return int(number)


def _require_box(cells: Cells, value: int, place: str) -> None:
    for there, missing in (("x2", "y2"), ("y2", "x2")):
        if not cells[missing]:
            raise PatchlearnError(f"{place}: has {there}, but no {missing}. Write both for a box, or none for a point.")
    if value == BACKGROUND:
        raise PatchlearnError(f"{place}: a box of the background. Write the class of the object in it, or a point.")


def _require_order(corners: dict[str, int], place: str) -> None:
    for first, last in (("x", "x2"), ("y", "y2")):
        if corners[last] < corners[first]:
            raise PatchlearnError(
                f"{place}: {last} {corners[last]} is less than {first} {corners[first]}. Write the upper left pixel of "
                "the box as x,y and the lower right one as x2,y2."
            )
