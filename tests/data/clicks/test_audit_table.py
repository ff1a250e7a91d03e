"""The table of an audit, filled in."""

from pathlib import Path

import pytest

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import Dataset
from patchlearn.data.clicks.audit_table import AuditedPixel, read_audit
from patchlearn.data.clicks.values import Point

HEADER = "image,x,y,label,kind,stratum,weight,pixels\n"
ROWS = ["garden,1,2,cat,audit,1,10,20", "garden,3,4,?,audit,1,10,20", "street,5,6,background,audit,2,33.333333333,100"]
ROWS += ["street,6,6,dog,audit,2,33.333333333,100", "holiday/sea.png,0,0,background,audit,2,33.333333333,100"]


def read(dataset: Dataset, rows: list[str]) -> list[AuditedPixel]:
    path = dataset.root.parent / "audit.csv"
    path.write_text(HEADER + "\n".join(rows) + "\n")
    return read_audit(path, dataset)


def test_labels_strata_and_what_nobody_can_tell_are_read(photos: Dataset) -> None:
    found = read(photos, ROWS)
    assert [(each.sample.id, each.point, each.stratum, each.pixels) for each in found] == [
        ("garden", Point(1, 2, 1), 1, 20),
        ("garden", Point(3, 4, 255), 1, 20),
        ("street", Point(5, 6, 0), 2, 100),
        ("street", Point(6, 6, 2), 2, 100),
        ("holiday__sea", Point(0, 0, 0), 2, 100),
    ]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            [*ROWS, "garden,1,2,cat,suggested,,,"],
            r"line 7: was not drawn at random \(kind is not 'audit'\)",
        ),
        ([*ROWS, "garden,1,2,cat,,,,"], r"line 7: was not drawn at random"),
        ([], r"audit\.csv: has no row"),
        ([ROWS[0], ROWS[1].replace("?", ""), *ROWS[2:]], r"1 of 5 rows have no label yet\. Label all of them"),
        (ROWS[1:], r"rows of the stratum 1 are missing or were added: a pixel there has the weight 10, and not 20\."),
        ([*ROWS, ROWS[0].replace("1,2", "9,9")], r"rows of the stratum 1 are missing or were added"),
        ([ROWS[0], ROWS[0], *ROWS[2:]], r"1 pixel occur again"),
        (
            [ROWS[0].replace("audit,1", "audit,one"), *ROWS[1:]],
            r"line 2: stratum 'one' and pixels '20' are to be",
        ),
        ([ROWS[0].replace("cat", "cta"), *ROWS[1:]], r"line 2: unknown label 'cta'; did you mean 'cat'"),
        ([ROWS[0], ROWS[1].replace("garden,3", "garden,99"), *ROWS[2:]], r"line 3: x 99 lies outside"),
        ([ROWS[0].replace("10,20", "ten,20"), *ROWS[1:]], r"has the weight ten, and not 10"),
    ],
)
def test_what_would_spoil_the_estimate_is_an_error(photos: Dataset, rows: list[str], message: str) -> None:
    with pytest.raises(PatchlearnError, match=message):
        read(photos, rows)


def test_a_box_is_no_pixel(photos: Dataset) -> None:
    path: Path = photos.root.parent / "audit.csv"
    header = HEADER.rstrip("\n") + ",x2,y2\n"
    path.write_text(f"{header}{ROWS[0]},9,9\n")
    with pytest.raises(PatchlearnError, match=r"line 2: a box\. An audit has single pixels"):
        read_audit(path, photos)
