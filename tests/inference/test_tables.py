"""One row for each image and class."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from patchlearn.core.errors import PatchlearnError
from patchlearn.inference.tables import COLUMNS, check_table, open_table, rows_of

MASK = np.array([[0, 1, 1, 0], [0, 0, 255, 1]], np.uint8)
CLASSES = ("cat", "big, dog")


def written(path: Path) -> str:
    before = path.read_bytes() if path.exists() else b""
    with open_table(path) as add:
        add(rows_of("a\tb.jpg", MASK, np.array([0.9, 0.1234567]), CLASSES))
        assert not path.exists() or path.read_bytes() == before
        add(rows_of("ü.jpg", MASK, np.array([0.8, 0]), CLASSES))
    return path.read_text(encoding="utf-8")


def test_every_class_has_a_row() -> None:
    cat, dog = rows_of("a.jpg", MASK, np.array([0.9, 0.1234567]), CLASSES)
    assert tuple(cat) == COLUMNS
    assert tuple(cat.values()) == ("a.jpg", "cat", 0.9, 3, 37.5, 1, 1, 0, 3, 2)
    assert tuple(dog.values()) == ("a.jpg", "big, dog", 0.123457, 0, 0.0, 0, None, None, None, None)


@pytest.mark.parametrize(("ending", "separator"), [(".csv", ","), (".TSV", "\t")])
def test_separated_tables_are_read_back(ending: str, separator: str, tmp_path: Path) -> None:
    lines = written(tmp_path / f"new/table{ending}").splitlines(keepends=True)
    assert lines[0] == separator.join(COLUMNS) + "\n"
    rows = list(csv.DictReader(lines, delimiter=separator))
    assert [(row["image"], row["class"]) for row in rows] == [(i, c) for i in ("a\tb.jpg", "ü.jpg") for c in CLASSES]
    assert rows[0] == dict(zip(COLUMNS, ("a\tb.jpg", "cat", "0.9", "3", "37.5", "1", "1", "0", "3", "2")))
    assert rows[1]["x"] == rows[1]["height"] == ""


def test_lines_of_json_are_read_back(tmp_path: Path) -> None:
    rows = [json.loads(line) for line in written(tmp_path / "table.jsonl").splitlines()]
    assert rows[0] == dict(zip(COLUMNS, ("a\tb.jpg", "cat", 0.9, 3, 37.5, 1, 1, 0, 3, 2)))
    assert rows[3]["image"] == "ü.jpg"
    assert rows[3]["x"] is None


def test_a_name_that_is_not_utf_8_is_kept(tmp_path: Path) -> None:
    name = b"\xff.jpg".decode("utf-8", "surrogateescape")
    with open_table(tmp_path / "table.csv") as add:
        add(rows_of(name, MASK, np.zeros(2), CLASSES))
    assert b"\n\xff.jpg,cat," in (tmp_path / "table.csv").read_bytes()


def test_a_table_that_is_broken_off_does_not_replace_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    before = written(path)
    with pytest.raises(ValueError, match="no field"), open_table(path) as add:
        add([{"no field": 1}])
    assert path.read_text(encoding="utf-8") == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["table.xlsx", "table", "table.csv.gz"])
def test_other_endings_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(PatchlearnError, match=r"a table ends in \.csv, \.tsv, \.jsonl"):
        check_table(tmp_path / name)


@pytest.mark.parametrize("name", ["labels.csv", "labels.tsv", "labels.jsonl"])
@pytest.mark.parametrize("content", ["image,labels\n", '{"image": 1}\n', "[1]", "5\n"])
def test_only_a_table_is_replaced(name: str, content: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(PatchlearnError, match="is there, and has other columns"), open_table(tmp_path / name):
        pass
    assert (tmp_path / name).read_text() == content


@pytest.mark.parametrize("name", ["table.csv", "table.tsv", "table.jsonl"])
def test_a_table_of_before_and_an_empty_file_are_replaced(name: str, tmp_path: Path) -> None:
    (tmp_path / name).touch()
    assert written(tmp_path / name) == written(tmp_path / name)


def test_a_folder_is_no_table(tmp_path: Path) -> None:
    (tmp_path / "a.csv").mkdir()
    with pytest.raises(PatchlearnError, match=r"a\.csv: is a folder"):
        check_table(tmp_path / "a.csv")
