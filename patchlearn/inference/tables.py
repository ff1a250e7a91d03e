"""A table with one row for each image and class: what the masks and the probabilities say, in numbers.

| column | |
|---|---|
| `image` | the file, as it was named |
| `class` | name of the class; every class has a row, also where it is absent |
| `score` | in [0, 1]: the 99.9 % quantile of the class's pixel probability, on the grid of the probabilities |
| `area_pixels`, `area_percent` | pixels of the class in the mask; the same as a share of all pixels of the image |
| `components` | pieces of the class in the mask; pixels that touch at a corner belong to one piece |
| `x`, `y`, `width`, `height` | bounding box of the class in the mask, counted from 0; empty where it is absent |

The ending of the file chooses the format: `.csv`, `.tsv`, or `.jsonl` (a JSON object a line).
"""

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import atomic, parse_json
from patchlearn.core.types import UInt8
from patchlearn.inference.mask_facts import class_facts
from patchlearn.inference.thresholds import Float64

BOX = ("x", "y", "width", "height")
COLUMNS = ("image", "class", "score", "area_pixels", "area_percent", "components", *BOX)
SEPARATORS = {".csv": ",", ".tsv": "\t"}
ENDINGS = (*SEPARATORS, ".jsonl")
DIGITS = 6  # of scores and shares
Row = dict[str, Any]
AddRows = Callable[[Iterable[Row]], None]


def rows_of(image: str, mask: UInt8, scores: Float64, classes: Sequence[str]) -> list[Row]:
    """K rows, the keys of which are `COLUMNS`; the box of an absent class is None.

    Args:
        image: how the rows name it.
        mask: H×W; 0 background, i + 1 class i, 255 undecided.
        scores: K, in [0, 1].
        classes: the K names.
    """
    facts = class_facts(mask, len(classes))
    return [
        {
            "image": image,
            "class": name,
            "score": round(float(score), DIGITS),
            "area_pixels": found.area,
            "area_percent": round(100 * found.area / mask.size, DIGITS),
            "components": found.components,
            **dict(zip(BOX, found.box or (None,) * len(BOX))),
        }
        for name, score, found in zip(classes, scores, facts)
    ]


def check_table(path: Path) -> None:
    """Raise `PatchlearnError` unless the path can be that of a table, and replaces none but such a table."""
    if path.suffix.lower() not in ENDINGS:
        raise PatchlearnError(f"{path}: a table ends in {', '.join(ENDINGS)}. Name it {path.stem}.csv, for example.")
    if path.is_dir():
        raise PatchlearnError(f"{path}: is a folder. Name a file for the table.")
    if path.exists() and not _is_of_ours(path):
        raise PatchlearnError(f"{path}: is there, and has other columns. Name another file for the table.")


def _is_of_ours(path: Path) -> bool:
    """Whether the file begins as a table of this module does; an empty one holds nothing to lose."""
    with path.open("rb") as file:
        line = file.readline().strip()
    if not line or path.suffix.lower() in SEPARATORS:
        return not line or line == SEPARATORS[path.suffix.lower()].join(COLUMNS).encode()
    try:
        return list(parse_json(line)) == list(COLUMNS)
    except (ValueError, TypeError):
        return False


@contextmanager
def open_table(path: Path) -> Iterator[AddRows]:
    """A function that adds rows to a table; the file is there, whole, when the block ends without an error.

    Rows go to the disk as they come, so that memory does not grow with their number.

    Raises:
        PatchlearnError: the ending is not that of a table, or another file is there.
    """
    check_table(path)
    with atomic(path) as partial, partial.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        yield _separated(file, SEPARATORS[path.suffix.lower()]) if path.suffix.lower() in SEPARATORS else _lines(file)


def _separated(file: TextIO, separator: str) -> AddRows:
    writer = csv.DictWriter(file, COLUMNS, delimiter=separator, lineterminator="\n")
    writer.writeheader()
    return writer.writerows


def _lines(file: TextIO) -> AddRows:
    def add(rows: Iterable[Mapping[str, Any]]) -> None:
        file.writelines(json.dumps(row) + "\n" for row in rows)

    return add
