"""What tables and data sets of other libraries hold, found out without importing these libraries."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from importlib import import_module
from operator import index
from pathlib import Path
from typing import Any

from patchlearn.core.errors import PatchlearnError
from patchlearn.data.formats.huggingface.columns import Columns, choose_columns
from patchlearn.data.label_cells import UNKNOWN, Cell, Labels, parse_cells
from patchlearn.data.objects.collected import Item

MISSING = ("NAType", "NaTType")  # of pandas


def is_missing(value: Any) -> bool:
    """Whether a cell is empty, as each library says it.

    >>> is_missing(float("nan")), is_missing(""), is_missing([])
    (True, False, False)
    """
    return value is None or (isinstance(value, float) and value != value) or type(value).__name__ in MISSING


def is_frame(data: Any) -> bool:
    """Whether it is a table of pandas or Polars that is in memory."""
    of_each = ("iloc", "iterrows"), ("iter_rows", "get_column")  # a LazyFrame has neither pair
    return any(all(hasattr(data, name) for name in names) for names in of_each)


def named_columns(frame: Any, names: Sequence[str]) -> list[str]:
    """The columns of a table that have one of the names, in either case."""
    return [name for name in frame.columns if str(name).lower() in names]


def column_values(frame: Any, names: Sequence[str], what: str) -> list[Any]:
    """The values of the one column that has one of the names; None where a cell is empty.

    Raises:
        PatchlearnError: there is none, or there are several.
    """
    found = named_columns(frame, names)
    if not found:
        columns = ", ".join(map(str, frame.columns))
        raise PatchlearnError(
            f"frame: no column of {what} among {columns}. Rename the column that has them to {names[0]}."
        )
    if len(found) > 1:
        raise PatchlearnError(
            f"frame: several columns of {what}: {', '.join(map(str, found))}. Drop all but one of them."
        )
    return [None if is_missing(value) else value for value in frame[found[0]].to_list()]


def cell_tags(values: Sequence[Any], classes: Sequence[str] | None, separator: str) -> list[Any]:
    """The tags of each row: those of a string are separated, lists stay as they are.

    Args:
        values: of the column.
        classes: names, where they are known.
        separator: as `patchlearn.data.label_cells.parse_cells` takes it.

    Raises:
        PatchlearnError: it is not clear what separates the labels.
    """
    rows = [row for row, value in enumerate(values) if isinstance(value, str)]
    tags = list(values)
    for row, labels in zip(rows, parse_strings([Cell(values[row], f"row {row}") for row in rows], classes, separator)):
        tags[row] = [*labels.present, *(f"{UNKNOWN}{name}" for name in labels.unknown)]
    return tags


def parse_strings(cells: Sequence[Cell], classes: Collection[str] | None, separator: str) -> list[Labels]:
    """`parse_cells`, whose errors name options of the command line, with advice for Python."""
    try:
        return parse_cells(cells, classes, separator)
    except PatchlearnError as error:
        raise PatchlearnError(
            f"{str(error).partition('. ')[0]}. Pass separator='semicolon' (or comma, pipe, space), classes=[…], or a "
            "list of names in each row."
        ) from None


def path_below(root: Path | None, image: Any, place: str) -> Any:
    """The path of an image below a folder; images that are no paths stay as they are.

    Raises:
        PatchlearnError: the path leads out of the folder.
    """
    if root is None or not isinstance(image, str | Path):
        return image
    path = Path(image)
    if path.is_absolute() or ".." in path.parts:
        raise PatchlearnError(f"{place}: {str(image)!r} is outside of {root}. Write paths below it, or leave root out.")
    return root / path


def whole(dataset: Any) -> Any:
    """The data set that a torch `Subset` belongs to; other data sets are whole."""
    return whole(dataset.dataset) if hasattr(dataset, "indices") and hasattr(dataset, "dataset") else dataset


def torchvision_classes(dataset: Any) -> tuple[str, ...]:
    """The names of the classes.

    Raises:
        PatchlearnError: there are none.
    """
    names = getattr(whole(dataset), "classes", None)
    if not names or not hasattr(dataset, "__getitem__") or not hasattr(dataset, "__len__"):
        raise PatchlearnError(
            f"dataset: {type(dataset).__name__} has no list `classes`, or no items. Pass a classification data set, or "
            "use collect(images, tags, work)."
        )
    return tuple(str(name) for name in names)


def torchvision_items(dataset: Any, classes: Sequence[str], split: str) -> Iterator[Item]:
    """Every image with the name of its class; files stay files, other images are loaded one after another.

    Raises:
        PatchlearnError: an item is not (image, index of a class).
    """
    for number in range(len(dataset)):
        place = f"{split}[{number}]"
        item = _sample(dataset, number)
        if not isinstance(item, tuple | list) or len(item) != 2:
            raise PatchlearnError(f"{place}: no pair (image, index). Use collect(images, tags, work).")
        if hasattr(item[0], "permute"):
            raise PatchlearnError(f"{place}: a tensor, no PIL image. Make the data set without its transform.")
        yield Item(image=item[0], tags=[_class_name(item[1], classes, place)], split=split, place=place)


def huggingface_columns(dataset: Any, labels: str | None, split: str) -> Columns:
    """The columns of a `datasets.Dataset` that are used.

    Raises:
        PatchlearnError: they are not known, missing, or could be several.
    """
    features = getattr(dataset, "features", None)
    if features is None or not hasattr(dataset, "cast_column"):
        raise PatchlearnError(
            f"{split}: {type(dataset).__name__} says no features. Pass a datasets.Dataset or DatasetDict; of an "
            "iterable one: dataset.cast(features)."
        )
    return choose_columns(features.to_dict(), labels, split)


def huggingface_rows(dataset: Any, columns: Columns) -> Iterator[Mapping[str, Any]]:
    """Column → value of every row; images are not decoded."""
    undecoded = import_module("datasets").Image(decode=False)
    plain = dataset.with_format(None).select_columns(columns.used)
    for name in [columns.image, *([columns.mask] if columns.mask else [])]:
        plain = plain.cast_column(name, undecoded)
    yield from plain


def _sample(dataset: Any, number: int) -> Any:
    """(path or image, index): of ImageFolder the path, without loading the image."""
    if hasattr(dataset, "indices") and hasattr(dataset, "dataset"):
        return _sample(dataset.dataset, int(dataset.indices[number]))
    samples = getattr(dataset, "samples", None)
    return samples[number] if isinstance(samples, list) else dataset[number]


def _class_name(target: Any, classes: Sequence[str], place: str) -> str:
    try:
        number = index(target)
    except TypeError:
        number = -1
    if not 0 <= number < len(classes):
        raise PatchlearnError(
            f"{place}: the target {target!r} is no index of the {len(classes)} classes. Use collect(images, tags, "
            "work)."
        )
    return classes[number]
