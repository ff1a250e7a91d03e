"""Read the table of an audit, in which somebody has labelled every pixel."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import Dataset, Sample
from patchlearn.data.clicks.points_table import (
    ADVICE,
    AUDIT,
    KIND,
    UNSURE,
    Cells,
    RowReader,
    cells_of_rows,
    read_rows,
)
from patchlearn.data.clicks.suggested_table import OF_AUDIT
from patchlearn.data.clicks.values import Point
from patchlearn.data.named_samples import NamedSamples
from patchlearn.data.names import counted
from patchlearn.data.tables import read_table

FURTHER = (KIND, "stratum", "weight", "pixels")


@dataclass(frozen=True)
class AuditedPixel:
    """One row.

    Args:
        sample: the image.
        point: the pixel with its label; 255 where nobody can tell.
        stratum: its number.
        pixels: of the stratum, drawn or not.
    """

    sample: Sample
    point: Point
    stratum: int
    pixels: int


def read_audit(path: Path, dataset: Dataset) -> list[AuditedPixel]:
    """Read the table that `write_audit` wrote, after somebody has filled in the labels.

    Args:
        path: the table.
        dataset: whose images are meant.

    Raises:
        PatchlearnError: rows were not drawn at random, are missing, or have no label yet; or rows are wrong.
    """
    rows = list(cells_of_rows(read_table(path, wanted=",".join(OF_AUDIT), advice=ADVICE), FURTHER))
    _require_audit(path, rows)
    empty = sum(not cells["label"] for _, cells in rows)
    if empty:
        raise PatchlearnError(
            f"{path}: {empty} of {counted(len(rows), 'row')} have no label yet. Label all of them, for those that are "
            f"easy to label are not like the others. Write {UNSURE} where nobody can tell."
        )
    reader = RowReader(dataset, NamedSamples(dataset))
    found = read_rows(rows, lambda cells, place: _audited(reader, cells, place))
    _require_whole_strata(path, found, [cells["weight"] for _, cells in rows])
    return found


def _require_audit(path: Path, rows: Sequence[tuple[str, Cells]]) -> None:
    """Pixels that were chosen because the maps are unsure there say nothing about all others."""
    others = [place for place, cells in rows if cells[KIND] != AUDIT]
    if others or not rows:
        where = f"{others[0]}: was not drawn at random (kind is not {AUDIT!r})" if others else f"{path}: has no row"
        raise PatchlearnError(
            f"{where}. Masks are measured with pixels drawn at random alone; those that were chosen for doubt would "
            "make them look worse than they are. Draw some: patchlearn suggest RUN --audit."
        )


def _audited(reader: RowReader, cells: Cells, place: str) -> AuditedPixel:
    mark = (reader.read_unsure if cells["label"] == UNSURE else reader.read)(cells, place)
    if not isinstance(mark.what, Point):
        raise PatchlearnError(f"{place}: a box. An audit has single pixels. Take the table as it was drawn.")
    try:
        return AuditedPixel(mark.sample, mark.what, int(cells["stratum"]), int(cells["pixels"]))
    except ValueError:
        raise PatchlearnError(
            f"{place}: stratum {cells['stratum']!r} and pixels {cells['pixels']!r} are to be whole numbers. Take them "
            "from the table as it was drawn."
        ) from None


def _require_whole_strata(path: Path, found: Sequence[AuditedPixel], weights: Sequence[str]) -> None:
    """Each weight is the pixels of a stratum over those drawn of it: a row that was removed is noticed."""
    drawn = Counter(each.stratum for each in found)
    twice = len(found) - len({(each.sample.id, each.point.x, each.point.y) for each in found})
    if twice:
        raise PatchlearnError(f"{path}: {counted(twice, 'pixel')} occur again. Take the table as it was drawn.")
    for each, weight in zip(found, weights, strict=True):
        expected = each.pixels / drawn[each.stratum]
        if not _is_near(weight, expected):
            raise PatchlearnError(
                f"{path}: rows of the stratum {each.stratum} are missing or were added: a pixel there has the weight "
                f"{weight}, and not {expected:.6g}. Take all rows of the table as they were drawn, and no others."
            )


def _is_near(weight: str, expected: float) -> bool:
    try:
        return abs(float(weight) / expected - 1) < 1e-5
    except ValueError:
        return False
