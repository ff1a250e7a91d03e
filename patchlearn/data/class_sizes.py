"""The columns of classes.csv that say how large a class usually is."""

from collections.abc import Mapping
from math import inf

from patchlearn.core.errors import PatchlearnError, did_you_mean
from patchlearn.core.types import ClassSize

SIZE_COLUMNS = ("size_min", "size_max", "unit", "count")
UNITS = ("share", "pixels")
COUNTS = ("one", "many")
RANGES = {
    "share": "a share of the image: a number above 0, up to 1. For pixels, write pixels into the column unit",
    "pixels": "a number of pixels: a number above 0, such as 400",
}


def size_of(place: str, cells: Mapping[str, str]) -> ClassSize | None:
    """What one line of classes.csv says about the size of its class; None where it says nothing.

    Args:
        place: file and line, for messages.
        cells: by column; those of other columns are not read.

    Raises:
        PatchlearnError: an unknown unit or count, a bound out of range, or `size_min` above `size_max`.

    >>> size_of("classes.csv, line 2", {"size_max": "0.5", "count": "one"})
    ClassSize(least=None, most=0.5, unit='share', count='one')
    """
    unit, count = _word(place, cells, "unit", UNITS, "share"), _word(place, cells, "count", COUNTS, "many")
    least, most = (_bound(place, cells, column, unit) for column in ("size_min", "size_max"))
    if least is not None and most is not None and least > most:
        raise PatchlearnError(
            f"{place}: size_min {cells['size_min']} is above size_max {cells['size_max']}. Correct one of them."
        )
    if least is None and most is None and count == "many":
        return None
    return ClassSize(least=least, most=most, unit=unit, count=count)


def refuse_size(place: str, name: str, cells: Mapping[str, str]) -> None:
    """Raise `PatchlearnError` if a line that is no class (background, ignored pixels) states a size."""
    given = [column for column in SIZE_COLUMNS if cells.get(column)]
    if given:
        raise PatchlearnError(f"{place}: {name!r} is no class and has no {given[0]}. Leave the cell empty.")


def _word(place: str, cells: Mapping[str, str], column: str, choices: tuple[str, ...], default: str) -> str:
    word = cells.get(column, "").lower() or default
    if word not in choices:
        raise PatchlearnError(
            f"{place}: the {column} {cells[column]!r} is unknown{did_you_mean(word, choices)} Choose one of: "
            f"{', '.join(choices)}."
        )
    return word


def _bound(place: str, cells: Mapping[str, str], column: str, unit: str) -> float | None:
    text = cells.get(column, "")
    if not text:
        return None
    bound = _number(text)
    if bound is None or not 0 < bound <= (1 if unit == "share" else inf) or bound == inf:
        raise PatchlearnError(
            f"{place}: the {column} {text!r} is not {RANGES[unit]}. Leave the cell empty where nothing is known."
        )
    return bound


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
