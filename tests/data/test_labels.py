"""Text files with labels and class names."""

from pathlib import Path

import pytest

from patchlearn.core.errors import PatchlearnError
from patchlearn.data.labels import LabelRow, class_indices, read_class_names, read_label_rows, read_text


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_class_names_are_the_lines_that_are_not_empty(tmp_path: Path) -> None:
    assert read_class_names(written(tmp_path / "classes.txt", " cat\n\nhot-dog \n")) == ("cat", "hot-dog")
    assert read_class_names(written(tmp_path / "classes.txt", "traffic light\n"), spaces=True) == ("traffic light",)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("cat\ndog\ncat\n", "class 'cat' occurs 2 times"),
        ("hot dog\n", "class 'hot dog' contains a space"),
        ("background\n", "'background' is not a class"),
        ("\n", "0 classes, but an 8-bit mask holds 1 to 254"),
    ],
)
def test_wrong_class_names_are_explained(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(PatchlearnError, match=rf"classes\.txt: {complaint}"):
        read_class_names(written(tmp_path / "classes.txt", text))


def test_a_byte_order_mark_is_not_part_of_the_text(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfcat")
    assert read_text(tmp_path / "a.txt") == "cat"


def test_rows_have_their_line_and_spaces_separate_labels(tmp_path: Path) -> None:
    table = written(tmp_path / "labels.csv", 'labels,image,split,note\ncat  dog,a.jpg,train,x\n,"b, c.jpg", val ,\n')
    assert read_label_rows(table) == [
        LabelRow("a.jpg", "train", ("cat", "dog"), 2),
        LabelRow("b, c.jpg", "val", (), 3),
    ]


def test_a_missing_table_and_a_missing_column_are_explained(tmp_path: Path) -> None:
    with pytest.raises(PatchlearnError, match=r"labels\.csv: no such file\. Write one with the columns image,split,"):
        read_label_rows(tmp_path / "labels.csv")
    with pytest.raises(PatchlearnError, match=r"no column 'split'\. The first line must be image,split,labels"):
        read_label_rows(written(tmp_path / "labels.csv", "image,labels\n"))


def test_labels_become_sorted_class_indices_without_repetition(tmp_path: Path) -> None:
    classes = tuple(f"c{index}" for index in range(9))
    row = LabelRow("a.jpg", "train", ("c8", "c1", "c8"), 2)
    assert class_indices(row, classes, tmp_path) == (1, 8)


def test_a_long_list_of_classes_is_shortened(tmp_path: Path) -> None:
    classes = tuple(f"c{index}" for index in range(31))
    with pytest.raises(PatchlearnError, match=r"c29, … \(31 in all\)\. Correct the line"):
        class_indices(LabelRow("a.jpg", "train", ("x",), 2), classes, tmp_path / "labels.csv")
