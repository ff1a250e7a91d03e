"""What the readers of exports share."""

from pathlib import Path

import pytest

from patchlearn.core.errors import PatchlearnError
from patchlearn.data.formats.exports import (
    chosen_classes,
    export_file,
    file_below,
    restricted,
    split_name,
    unused,
    visible,
)
from patchlearn.data.formats.records import Record
from patchlearn.data.settings import DataSettings


def test_the_one_file_is_the_export_and_of_several_the_named_one(tmp_path: Path) -> None:
    for name in ("a.xml", "b.xml"):
        (tmp_path / name).write_text("<a/>")
    found = visible(tmp_path, "*.xml")
    assert export_file(tmp_path, found[:1], DataSettings(), "file") == tmp_path / "a.xml"
    assert export_file(tmp_path, found, DataSettings(labels="b.xml"), "file") == tmp_path / "b.xml"
    with pytest.raises(
        PatchlearnError, match=r"more than one file: a\.xml, b\.xml\. Choose one: --data\.labels a\.xml"
    ):
        export_file(tmp_path, found, DataSettings(), "file")
    with pytest.raises(PatchlearnError, match=r"no file\. Put it beside the images"):
        export_file(tmp_path, [], DataSettings(), "file")


@pytest.mark.parametrize(("name", "complaint"), [("../a.xml", "outside"), ("/a.xml", "outside"), ("c.xml", "no such")])
def test_a_wrong_name_of_the_file_is_explained(tmp_path: Path, name: str, complaint: str) -> None:
    with pytest.raises(PatchlearnError, match=complaint):
        file_below(tmp_path, name)


def test_hidden_files_are_not_seen(tmp_path: Path) -> None:
    for name in ("b.xml", "._b.xml", "a.xml", "a.txt"):
        (tmp_path / name).write_text("")
    assert [path.name for path in visible(tmp_path, "*.xml")] == ["a.xml", "b.xml"]


def test_classes_txt_names_those_to_keep_in_its_order(tmp_path: Path) -> None:
    source = tmp_path / "a.xml"
    assert chosen_classes(tmp_path, ["dog", "cat", "dog"], source) == (("dog", "cat"), [])
    (tmp_path / "classes.txt").write_text("cat\ntraffic light\n")
    classes, (note,) = chosen_classes(tmp_path, ["dog", "traffic light", "cat"], source)
    assert classes == ("cat", "traffic light")
    assert note.endswith("1 label of a.xml not in this list, and not used: dog")
    with pytest.raises(PatchlearnError, match=r"classes\.txt: no label 'cat' in .*a\.xml; did you mean 'cats'"):
        chosen_classes(tmp_path, ["cats", "traffic light"], source)


def test_background_is_left_out(tmp_path: Path) -> None:
    classes, (note,) = chosen_classes(tmp_path, ["background", "cat"], tmp_path / "a.xml")
    assert classes == ("cat",)
    assert "'background' is no class" in note


def test_more_classes_than_a_mask_holds_need_classes_txt(tmp_path: Path) -> None:
    names = [f"c{number}" for number in range(255)]
    with pytest.raises(PatchlearnError, match=r"255 classes, but a mask holds at most 254.*classes\.txt"):
        chosen_classes(tmp_path, names, tmp_path / "a.xml")
    (tmp_path / "classes.txt").write_text("c7\nc3\n")
    assert chosen_classes(tmp_path, names, tmp_path / "a.xml")[0] == ("c7", "c3")


def test_other_labels_are_removed_from_records() -> None:
    record = Record(image=Path("a.jpg"), name="a.jpg", labels=("cat", "dog"), unknown=("cow", "hen"))
    (found,) = restricted([record], ["dog", "hen"])
    assert (found.labels, found.unknown) == (("dog",), ("hen",))


@pytest.mark.parametrize(
    ("word", "split"),
    [
        ("Train", "train"),
        ("VALIDATION", "validation"),
        (" test ", "test"),
        ("", "train"),
        ("default", "train"),
        ("Day 2", "Day 2"),
    ],
)
def test_splits_are_found_in_any_case(word: str, split: str) -> None:
    assert split_name(word, "here") == split


@pytest.mark.parametrize("word", ["a/b", "a\\b", "..", "/"])
def test_a_split_cannot_be_a_path(word: str) -> None:
    with pytest.raises(PatchlearnError, match=r"here: .* is not a valid name of a split"):
        split_name(word, "here")


def test_images_that_no_export_names_are_counted() -> None:
    assert unused(["a.jpg", "b.jpg"], ["a.jpg"], [Path("x/a.xml")], Path("photos")) == [
        "photos: 1 file is not in a.xml, and not used: b.jpg"
    ]
