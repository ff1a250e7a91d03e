"""VOC's XML files without masks."""

from pathlib import Path

import pytest
from PIL import Image

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import Dataset
from patchlearn.data.formats.voc import VOC_CLASSES, recognise
from patchlearn.data.open import open_data, open_dataset
from patchlearn.data.settings import DataSettings


def add(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4)).save(root / name)


def annotate(root: Path, name: str, *labels: str, filename: str | None = None) -> None:
    objects = "".join(f"<object><name>{label}</name><part><name>head</name></part></object>" for label in labels)
    written = f"<filename>{filename}</filename>" if filename else ""
    (root / "Annotations").mkdir(parents=True, exist_ok=True)
    (root / "Annotations" / f"{name}.xml").write_text(f"<annotation>{written}{objects}</annotation>")


def write_lists(root: Path, **lists: str) -> None:
    (root / "ImageSets" / "Main").mkdir(parents=True, exist_ok=True)
    for name, text in lists.items():
        (root / "ImageSets" / "Main" / f"{name}.txt").write_text(text)


def tags(data: Dataset) -> dict[str, dict[str, list[str]]]:
    """Split → id → names of the labels."""
    return {
        split: {sample.id: [data.classes[label] for label in sample.labels] for sample in samples}
        for split, samples in data.splits.items()
    }


@pytest.fixture
def boxes(tmp_path: Path) -> Path:
    root = tmp_path / "boxes"
    add(root, "JPEGImages/a.jpg", "JPEGImages/b.png", "JPEGImages/c.jpeg", "JPEGImages/d.jpg")
    annotate(root, "a", "weed10", "weed9", "weed9", filename="a.jpg")
    annotate(root, "b", " weed 9\n")
    annotate(root, "c")
    return root


def test_without_lists_all_is_train_and_the_names_are_the_classes(boxes: Path) -> None:
    assert recognise(boxes) == "images with XML files as PASCAL VOC has them"
    data = open_dataset("voc", boxes)
    assert data.classes == ("weed9", "weed10", "weed 9")
    assert tags(data) == {"train": {"a": ["weed9", "weed10"], "b": ["weed 9"], "c": []}}
    assert [sample.image.name for sample in data.split("train")] == ["a.jpg", "b.png", "c.jpeg"]
    assert data.notes == (f"{boxes / 'JPEGImages'}: 1 file is not in Annotations, and not used: d.jpg",)


def test_where_all_names_are_vocs_those_that_occur_are_the_classes_in_vocs_order(tmp_path: Path) -> None:
    add(tmp_path, "images/a.jpg", "images/b.jpg")
    annotate(tmp_path, "a", "tvmonitor", "dog")
    annotate(tmp_path, "b", "person")
    data = open_dataset("voc", tmp_path)
    assert data.classes == ("dog", "person", "tvmonitor")
    assert tags(data) == {"train": {"a": ["dog", "tvmonitor"], "b": ["person"]}}


def test_classes_txt_may_name_any_of_vocs(tmp_path: Path) -> None:
    add(tmp_path, "images/a.jpg")
    annotate(tmp_path, "a", "cat", "dog")
    (tmp_path / "classes.txt").write_text("dog\nhorse\n")
    data = open_dataset("voc", tmp_path)
    assert data.classes == ("dog", "horse")
    assert tags(data) == {"train": {"a": ["dog"]}}
    (tmp_path / "classes.txt").write_text("\n".join(VOC_CLASSES))
    assert open_dataset("voc", tmp_path).classes == VOC_CLASSES
    (tmp_path / "classes.txt").write_text("dog\nzebra\n")
    with pytest.raises(PatchlearnError, match="no label 'zebra' in"):
        open_dataset("voc", tmp_path)


def test_classes_txt_names_those_to_keep(boxes: Path) -> None:
    (boxes / "classes.txt").write_text("weed10\nweed 9\n")
    data = open_dataset("voc", boxes)
    assert data.classes == ("weed10", "weed 9")
    assert tags(data) == {"train": {"a": ["weed10"], "b": ["weed 9"], "c": []}}


def test_lists_are_splits_but_not_those_of_a_class_and_not_trainval(boxes: Path) -> None:
    write_lists(
        boxes, train="b\n", val="a  1\n", trainval="a\nb\nc\n", weed9_train="b -1\n", weed9_trainval="b -1\na 1\n"
    )
    data = open_dataset("voc", boxes)
    assert tags(data) == {"train": {"b": ["weed 9"]}, "val": {"a": ["weed9", "weed10"]}}
    assert f"{boxes / 'JPEGImages'}: 1 file is in no split of ImageSets/Main, and not used: c.jpeg" in data.notes


@pytest.mark.parametrize(
    ("lists", "splits"),
    [
        ({"trainval": "a\nb\n"}, {"train": ["a", "b"]}),
        ({"trainval": "a\nb\n", "val": "b\n"}, {"train": ["a"], "val": ["b"]}),
        ({"trainval": "a\nb\n", "train": "b\n"}, {"train": ["b"], "val": ["a"]}),
        ({"trainval": "a\nb\n", "test": "c\n"}, {"train": ["a", "b"], "test": ["c"]}),
        ({"default": "b.png\na\n"}, {"train": ["b", "a"]}),
        ({"weed9_val": "a 1\n"}, {"train": ["a", "b", "c"]}),
    ],
)
def test_trainval_stands_for_what_other_lists_lack(
    boxes: Path, lists: dict[str, str], splits: dict[str, list[str]]
) -> None:
    write_lists(boxes, **lists)
    assert {split: list(found) for split, found in tags(open_dataset("voc", boxes)).items()} == splits


def test_the_list_test_may_have_no_labels(boxes: Path) -> None:
    write_lists(boxes, train="a\n", test="b\nd\n")
    assert tags(open_dataset("voc", boxes))["test"] == {"b": [], "d": []}


@pytest.mark.parametrize("folder", ["images/", "", "Annotations/"])
def test_images_lie_in_a_folder_or_beside(tmp_path: Path, folder: str) -> None:
    add(tmp_path, f"{folder}a.JPG")
    annotate(tmp_path, "a", "weed")
    (sample,) = open_dataset("voc", tmp_path).split("train")
    assert (sample.id, sample.image) == ("a", tmp_path / f"{folder}a.JPG")


@pytest.mark.parametrize(
    ("filename", "file"),
    [
        ("x.jpg", "x.jpg"),
        ("x.jpg", "a.png"),  # a file of the XML's own name goes first
        ("a.jpg", "a.jpg"),
        ("C:\\photos\\x.jpg", "x.jpg"),
        ("/home/me/x.jpg", "x.jpg"),
        ("day/x.jpg", "day/x.jpg"),
        ("../../x.jpg", "x.jpg"),
    ],
)
def test_the_image_is_named_by_the_xml_file_or_in_it(tmp_path: Path, filename: str, file: str) -> None:
    add(tmp_path, f"images/{file}")
    annotate(tmp_path, "a", "weed", filename=filename)
    assert open_dataset("voc", tmp_path).split("train")[0].image == tmp_path / "images" / file


def test_the_suffix_in_the_xml_file_decides_between_two_images(tmp_path: Path) -> None:
    add(tmp_path, "images/a.jpg", "images/a.png")
    annotate(tmp_path, "a", "weed", filename="a.png")
    assert open_dataset("voc", tmp_path).split("train")[0].image.name == "a.png"
    annotate(tmp_path, "a", "weed")
    with pytest.raises(PatchlearnError, match=r"a\.xml: 'a' may be a\.jpg or a\.png"):
        open_dataset("voc", tmp_path)


def test_what_is_not_used_is_noted(boxes: Path) -> None:
    (boxes / "SegmentationClass").mkdir()
    (boxes / "labels.csv").write_text("image,split,labels\n")
    assert recognise(boxes) is None  # a table is more likely to be meant
    notes = open_dataset("voc", boxes).notes
    assert any("SegmentationClass: not used" in note for note in notes)
    assert any("labels.csv: not used" in note for note in notes)


def test_files_of_macos_are_passed_over(boxes: Path) -> None:
    (boxes / "Annotations" / "._a.xml").write_bytes(b"\0\5\x16\7")
    assert recognise(boxes)
    assert len(open_dataset("voc", boxes).split("train")) == 3


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("<annotation><object>", "not valid XML"),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><annotation/>", "DOCTYPE"),
        ("<annotation><object><name/></object></annotation>", "an <object> has no <name>"),
        ("<annotations/>", "has no <annotation>"),
        ("<annotation><filename>gone.jpg</filename></annotation>", r"gone\.jpg does not exist"),
        ("<annotation/>", r"z\.jpg does not exist"),
        ("<annotation><filename>a.jpg</filename></annotation>", r"is about the image a\.jpg, as a\.xml is"),
    ],
)
def test_a_broken_file_is_explained(boxes: Path, text: str, complaint: str) -> None:
    (boxes / "Annotations" / "z.xml").write_text(text)
    with pytest.raises(PatchlearnError, match=complaint) as caught:
        open_dataset("voc", boxes)
    assert "z.xml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_list_with_an_unknown_or_doubly_listed_image_is_explained(boxes: Path) -> None:
    write_lists(boxes, train="a\nd\n")
    with pytest.raises(
        PatchlearnError, match=r"train\.txt: image 'd' is listed, but Annotations/d\.xml does not exist"
    ):
        open_dataset("voc", boxes)
    write_lists(boxes, train="a\n", val="a\n")
    with pytest.raises(
        PatchlearnError, match=r"val\.txt, a\.xml: image 'a\.jpg' is of the split 'val', but .*train\.txt"
    ):
        open_dataset("voc", boxes)


def test_objects_without_any_name_are_explained(tmp_path: Path) -> None:
    add(tmp_path, "images/a.jpg")
    annotate(tmp_path, "a")
    with pytest.raises(PatchlearnError, match="Annotations: no image has a label"):
        open_dataset("voc", tmp_path)


def beside(root: Path, image: str, *labels: str) -> None:
    """An image with its XML file beside it."""
    add(root, image)
    annotate(root, "moved", *labels)
    (root / "Annotations" / "moved.xml").rename((root / image).with_suffix(".xml"))
    (root / "Annotations").rmdir()


@pytest.mark.parametrize("folder", ["", "images/", "JPEGImages/"])
def test_xml_files_may_lie_beside_the_images(tmp_path: Path, folder: str) -> None:
    beside(tmp_path, f"{folder}a.jpg", "weed")
    beside(tmp_path, f"{folder}b.png", "crop", "weed")
    add(tmp_path, f"{folder}c.jpg")
    (tmp_path / folder / "a.jpg.aux.xml").write_text("<PAMDataset/>")
    data = open_dataset("auto", tmp_path)
    assert tags(data) == {"train": {"a": ["weed"], "b": ["crop", "weed"]}}
    assert [sample.image.name for sample in data.split("train")] == ["a.jpg", "b.png"]
    assert any("1 file is not in any XML file, and not used: c.jpg" in note for note in data.notes)


def test_xml_files_in_the_folders_of_splits(tmp_path: Path) -> None:
    beside(tmp_path, "train/a.jpg", "weed")
    beside(tmp_path, "valid/a.jpg", "crop")
    (tmp_path / "valid" / "b.xml").write_text("<annotation><filename>c.jpg</filename></annotation>")
    add(tmp_path, "valid/c.jpg")
    data = open_dataset("auto", tmp_path)
    assert tags(data) == {"train": {"train__a": ["weed"]}, "val": {"valid__a": ["crop"], "valid__c": []}}
    (tmp_path / "valid" / "c.jpg").unlink()
    with pytest.raises(PatchlearnError, match=r"valid/c\.jpg does not exist"):
        open_dataset("auto", tmp_path)


def test_a_table_beside_xml_files_is_not_passed_over_in_silence(boxes: Path) -> None:
    (boxes / "tags.csv").write_text("image,labels\na.jpg,flower\n")
    with pytest.raises(PatchlearnError, match=r"data\.labels: 'tags\.csv' is not read, because the XML files say"):
        open_data(DataSettings(root=str(boxes), labels="tags.csv"))
    data = open_data(DataSettings(root=str(boxes), labels="tags.csv", format="folder"))
    assert data.classes == ("flower",)
