"""Text files with class names."""

from pathlib import Path

import pytest

from patchlearn.core.errors import PatchlearnError
from patchlearn.data.labels import read_class_names, read_text


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
