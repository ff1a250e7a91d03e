"""Open Images: labels that people confirmed or denied."""

from pathlib import Path

import pytest
from PIL import Image

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import Dataset
from patchlearn.data.formats.open_images import recognise
from patchlearn.data.open import open_data
from patchlearn.data.settings import DataSettings

TRAIN = "oidv6-train-annotations-human-imagelabels.csv"
HEADER = "ImageID,Source,LabelName,Confidence\n"
LINES = "a,verification,/m/01yrx,1\na,verification,/m/0bt9lr,0\nb,crowdsource-verification,/m/0bt9lr,1\n"
BOXES = "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax\n"


def add(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4)).save(root / name)
    return root


def read(root: Path, labels: str | None = None) -> Dataset:
    return open_data(DataSettings(format="open-images", root=str(root), labels=labels))


def tags(data: Dataset) -> dict[str, dict[str, tuple[list[str], list[str]]]]:
    """Split → id → names of the labels and of the unknown classes."""
    return {
        split: {
            each.id: ([data.classes[i] for i in each.labels], [data.classes[i] for i in each.unknown])
            for each in samples
        }
        for split, samples in data.splits.items()
    }


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    root = add(tmp_path / "pets", "images/a.jpg", "images/b.png", "images/c.jpg")
    (root / TRAIN).write_text(HEADER + LINES + "elsewhere,verification,/m/01yrx,1\n")
    (root / "class-descriptions-boxable.csv").write_text('/m/01yrx,Cat\n/m/0bt9lr,"Dog, tame"\n')
    return root


def test_one_is_a_label_zero_is_absent_and_silence_is_unknown(pets: Path) -> None:
    assert recognise(pets) == f"the Open Images labels {TRAIN}"
    data = read(pets)
    assert data.classes == ("Cat", "Dog, tame")
    assert tags(data) == {"train": {"a": (["Cat"], []), "b": (["Dog, tame"], ["Cat"])}}
    assert data.notes == (
        f"{pets}: 1 file is in no line of {TRAIN}, and not used: images/c.jpg",
        f"{TRAIN}: 1 line about images that are not in {pets}",
    )


def test_descriptions_may_have_a_header_or_be_missing(pets: Path) -> None:
    names = pets / "class-descriptions-boxable.csv"
    names.write_text("LabelName,DisplayName\n/m/01yrx,Cat\n")
    assert read(pets).classes == ("/m/0bt9lr", "Cat")
    names.unlink()
    assert read(pets).classes == ("/m/0bt9lr", "/m/01yrx")


def test_the_split_is_in_the_name_of_the_csv(tmp_path: Path) -> None:
    root = add(tmp_path / "x", "a.jpg", "b.jpg", "c.jpg")
    for name, image in (("train", "a"), ("validation", "b"), ("test", "c")):
        (root / f"{name}-annotations-human-imagelabels-boxable.csv").write_text(f"{HEADER}{image},v,cat,1\n")
    assert tags(read(root)) == {split: {image: (["cat"], [])} for split, image in zip(("test", "train", "val"), "cab")}


def test_the_split_is_in_the_name_of_a_folder(tmp_path: Path) -> None:
    root = add(tmp_path / "x", "train/a.jpg", "validation/b.jpg", "images/test/c.jpg", "d.jpg")
    (root / "labels.csv").write_text("LabelName,ImageID,Confidence\ncat,a,1\ncat,b,1.0\ncat,c,0\ncat,d,1\n")
    assert recognise(root) == "the Open Images labels labels.csv"
    assert {split: list(found) for split, found in tags(read(root)).items()} == {
        "train": ["a", "d"],
        "val": ["b"],
        "test": ["c"],
    }


def test_the_layout_of_fiftyone_reads(tmp_path: Path) -> None:
    root = add(tmp_path / "x", "train/data/a.jpg", "validation/data/b.jpg")
    for split, image in (("train", "a"), ("validation", "b")):
        for name, text in (
            ("labels/classifications", f"{HEADER}{image},v,/m/1,1\n"),
            ("metadata/classes", "/m/1,Cat\n"),
        ):
            path = root / split / f"{name}.csv"
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
    assert tags(read(root)) == {"train": {"a": (["Cat"], [])}, "val": {"b": (["Cat"], [])}}


def test_the_folder_of_the_split_decides_between_files_of_one_id(tmp_path: Path) -> None:
    root = add(tmp_path / "x", "train/a.jpg", "thumbnails/a.jpg")
    (root / TRAIN).write_text(f"{HEADER}a,v,cat,1\n")
    assert read(root).split("train")[0].image == root / "train" / "a.jpg"
    (root / TRAIN).rename(root / "all.csv")
    with pytest.raises(
        PatchlearnError, match=r"all\.csv, line 2: 'a' may be thumbnails/a\.jpg or train/a\.jpg\. Keep one"
    ):
        read(root)


def test_boxes_alone_are_labels_and_the_other_classes_absent(tmp_path: Path) -> None:
    root = add(tmp_path / "x", "a.jpg", "b.jpg")
    (root / "train-annotations-bbox.csv").write_text(
        f"{BOXES}a,xclick,cat,1,0,1,0,1\na,xclick,cat,1,0,.5,0,1\nb,xclick,dog,1,0,1,0,1\n"
    )
    assert recognise(root) == "the Open Images boxes train-annotations-bbox.csv"
    data = read(root)
    assert tags(data) == {"train": {"a": (["cat"], []), "b": (["dog"], [])}}
    assert any("each is taken as a label, and classes without a box as absent" in note for note in data.notes)


def test_boxes_are_read_for_the_splits_that_have_no_labels(pets: Path) -> None:
    add(pets, "images/d.jpg")
    (pets / "train-annotations-bbox.csv").write_text(f"{BOXES}c,xclick,/m/01yrx,1,0,1,0,1\n")
    (pets / "validation-annotations-bbox.csv").write_text(f"{BOXES}d,xclick,/m/01yrx,1,0,1,0,1\n")
    data = read(pets)
    assert tags(data)["val"] == {"d": (["Cat"], [])}
    assert list(tags(data)["train"]) == ["a", "b"]
    assert any("1 file is not used" in note and "train-annotations-bbox.csv" in note for note in data.notes)


def test_labels_by_machines_are_not_used_beside_those_by_people(pets: Path) -> None:
    (pets / "train-annotations-machine-imagelabels.csv").write_text(f"{HEADER}a,machine,/m/0bt9lr,0.7\n")
    assert tags(read(pets))["train"]["a"] == (["Cat"], [])
    with pytest.raises(PatchlearnError, match=r"line 2: Confidence is '0\.7', and only 1 and 0.*human-imagelabels"):
        read(pets, labels="train-annotations-machine-imagelabels.csv")


def test_what_is_both_confirmed_and_denied_is_unknown(pets: Path) -> None:
    with (pets / TRAIN).open("a") as file:
        file.write("b,verification,/m/0bt9lr,0\na,verification,/m/0bt9lr,1\nc,verification,/m/0bt9lr,1\n")
    data = read(pets)
    assert tags(data)["train"] == {
        "a": (["Cat"], ["Dog, tame"]),
        "b": ([], ["Cat", "Dog, tame"]),
        "c": (["Dog, tame"], ["Cat"]),
    }
    assert f"{TRAIN}: 2 images with classes both confirmed and denied; unknown there" in data.notes


def test_a_label_that_no_image_has_is_no_class(pets: Path) -> None:
    with (pets / TRAIN).open("a") as file:
        file.write("b,verification,/m/cow,0\n")
    data = read(pets)
    assert data.classes == ("Cat", "Dog, tame")
    assert f"{TRAIN}: 1 label that no image has, and not used: /m/cow" in data.notes


def test_classes_txt_names_those_to_keep(pets: Path) -> None:
    (pets / "classes.txt").write_text("Dog, tame\n")
    assert tags(read(pets)) == {"train": {"a": ([], []), "b": (["Dog, tame"], [])}}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (f"{HEADER}a,v,cat\n", "line 2: 3 cells, but 4 are needed. Complete the line"),
        (f"{HEADER}a,v,cat,yes\n", "line 2: Confidence is 'yes'"),
        (f"{HEADER}a,v,cat,nan\n", "line 2: Confidence is 'nan'"),
        (f"{HEADER}x,v,cat,1\n", "no image of this file is below .*Name each image by its ImageID"),
        (HEADER, "no image of this file"),
        (f"{HEADER}a,v,cat,0\n", "no image has a label"),
        ("ImageID,Confidence\na,1\n", "no column 'LabelName'"),
        ("", "no column 'ImageID'"),
    ],
)
def test_a_broken_csv_is_explained(tmp_path: Path, text: str, complaint: str) -> None:
    root = add(tmp_path / "x", "a.jpg")
    (root / "l.csv").write_text(text)
    with pytest.raises(PatchlearnError, match=complaint) as caught:
        read(root, labels="l.csv")
    assert "l.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_another_encoding_and_broken_descriptions_are_explained(pets: Path) -> None:
    (pets / "class-descriptions.csv").write_text("/m/01yrx\n")
    with pytest.raises(PatchlearnError, match=r"class-descriptions\.csv, line 1: expected a code and a name"):
        read(pets)
    (pets / "class-descriptions.csv").unlink()
    (pets / TRAIN).write_bytes((HEADER + "a,v,été,1\n").encode("latin-1"))
    with pytest.raises(PatchlearnError, match="not CSV in UTF-8"):
        read(pets)


def test_an_image_in_two_splits_is_explained(pets: Path) -> None:
    (pets / "validation-annotations-human-imagelabels.csv").write_text(f"{HEADER}a,v,/m/01yrx,1\n")
    with pytest.raises(
        PatchlearnError, match=r"validation-.*line 2: image 'a\.jpg' is of the split 'val', but .*line 2 says"
    ):
        read(pets)


def test_other_tables_are_not_recognised(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("image,split,labels\na.jpg,train,cat\n")
    (tmp_path / "._labels.csv").write_text(HEADER)
    assert recognise(tmp_path) is None
    with pytest.raises(PatchlearnError, match="no CSV file with the columns ImageID, LabelName, Confidence"):
        read(tmp_path)
