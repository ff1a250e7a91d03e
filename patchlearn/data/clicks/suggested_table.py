"""Tables of pixels that a person is to label: those of points.csv with further columns, and an empty label.

image,x,y,label,guess,why,kind                    pixels to learn from, chosen because the maps are unsure there
image,x,y,label,kind,stratum,weight,pixels        pixels to measure masks with, drawn at random
"""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import atomic
from patchlearn.data.clicks.points_table import AUDIT, KIND, POINT, SEPARATORS

SUGGESTED = "suggested"  # in the column `kind`
OF_SUGGESTIONS = (*POINT, "guess", "why", KIND)
OF_AUDIT = (*POINT, KIND, "stratum", "weight", "pixels")
Row = Mapping[str, object]


def write_suggested(path: Path, rows: Sequence[Row]) -> None:
    """Write pixels to learn from; `label` is empty.

    Args:
        path: a new CSV or TSV file.
        rows: image, x, y, guess and why of each.

    Raises:
        PatchlearnError: see `require_new_table`.
    """
    _write(path, OF_SUGGESTIONS, [{**row, KIND: SUGGESTED} for row in rows])


def write_audit(path: Path, rows: Sequence[Row]) -> None:
    """Write pixels to measure masks with; `label` is empty, and nothing says what the masks hold.

    Args:
        path: a new CSV or TSV file.
        rows: image, x, y, stratum, weight and pixels (of the stratum) of each.

    Raises:
        PatchlearnError: see `require_new_table`.
    """
    _write(path, OF_AUDIT, [{**row, KIND: AUDIT} for row in rows])


def require_new_table(path: Path) -> None:
    """Raise `PatchlearnError` if the file has another ending, or is there: somebody may have filled in labels."""
    if path.suffix.lower() not in SEPARATORS:
        raise PatchlearnError(f"{path}: a table of clicks ends in .csv or .tsv. Name it {path.stem}.csv, for example.")
    if path.exists():
        raise PatchlearnError(f"{path}: is there already, and may hold labels. Name another --out.")


def _write(path: Path, columns: Sequence[str], rows: Sequence[Row]) -> None:
    require_new_table(path)
    with atomic(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        delimiter = SEPARATORS[path.suffix.lower()]
        writer = csv.DictWriter(file, columns, restval="", delimiter=delimiter, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
