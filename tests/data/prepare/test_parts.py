"""Parts of data sets."""

import hashlib
from pathlib import Path

import pytest

from patchlearn.data.prepare.parts import Part, below, count_files, first_folder, is_complete, md5_of


@pytest.mark.parametrize(
    ("needed_there", "other_there", "complete"), [(True, False, True), (False, True, False), (True, True, True)]
)
def test_what_is_not_needed_may_be_missing(needed_there: bool, other_there: bool, complete: bool) -> None:
    needed = Part(name="a", is_there=needed_there, found="", wanted="", source="")
    other = Part(name="b", is_there=other_there, found="", wanted="", source="", is_needed=False)
    assert is_complete([needed, other]) is complete


def test_files_are_counted_by_their_ending(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg", "._a.jpg", "c.png"):
        (tmp_path / name).touch()
    assert count_files(tmp_path, ".jpg") == 2
    assert count_files(tmp_path / "none", ".jpg") == 0


def test_folders_are_looked_for_in_order(tmp_path: Path) -> None:
    (tmp_path / "images" / "train2014").mkdir(parents=True)
    found = first_folder(tmp_path, ["train2014", "images/train2014"])
    assert found is not None
    assert below(found, tmp_path) == "images/train2014"
    assert first_folder(tmp_path, ["val2014"]) is None


def test_md5_is_that_of_the_content(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert md5_of(tmp_path / "a") == hashlib.md5(b"abc", usedforsecurity=False).hexdigest()
