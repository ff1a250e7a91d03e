"""CVAT for images 1.1."""

from pathlib import Path

import pytest
from PIL import Image

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import Dataset
from patchlearn.data.formats.cvat import recognise
from patchlearn.data.open import open_data
from patchlearn.data.settings import DataSettings

LABELS = "".join(f"<label><name>{name}</name></label>" for name in ("dog", "cat", "ant bear"))
META = f"<version>1.1</version><meta><task><name>pets</name><labels>{LABELS}</labels></task></meta>"
IMAGES = """
<image id="0" name="a.jpg" subset="Train" width="4" height="4"><tag label="cat" source="manual"></tag>
  <box label="dog" xtl="0" ytl="0" xbr="2" ybr="2"><attribute name="age">2</attribute></box></image>
<image id="1" name="sub/b.jpg" subset="TRAIN" width="4" height="4"></image>
<image id="2" name="c.jpg" subset="Validation"><polygon label="ant bear" points="0,0;1,1;2,0"/></image>
<image id="3" name="d.jpg" subset="test"><mask label="dog" rle="1, 3" left="0" top="0" width="2" height="2"/></image>
"""


def export(root: Path, images: str = IMAGES, meta: str = META, name: str = "annotations.xml") -> Path:
    root.mkdir(exist_ok=True)
    (root / name).write_text(f'<?xml version="1.0" encoding="utf-8"?>\n<annotations>{meta}{images}</annotations>')
    return root


def add(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4)).save(root / name)
    return root


def read(root: Path, labels: str | None = None) -> Dataset:
    return open_data(DataSettings(format="cvat", root=str(root), labels=labels))


def tags(data: Dataset) -> dict[str, dict[str, list[str]]]:
    """Split → id → names of the labels."""
    return {
        split: {sample.id: [data.classes[label] for label in sample.labels] for sample in samples}
        for split, samples in data.splits.items()
    }


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    return add(export(tmp_path / "pets"), "images/a.jpg", "images/sub/b.jpg", "images/c.jpg", "images/d.jpg")


def test_tags_and_shapes_are_labels_and_subsets_are_splits(pets: Path) -> None:
    assert recognise(pets) == "the CVAT file annotations.xml"
    data = read(pets)
    assert data.classes == ("dog", "cat", "ant bear")
    assert tags(data) == {
        "train": {"a": ["dog", "cat"], "sub__b": []},
        "val": {"c": ["ant bear"]},
        "test": {"d": ["dog"]},
    }
    assert data.notes == ("annotations.xml: 1 of 4 images without a tag, taken as without any class",)


def test_images_lie_in_any_of_the_usual_folders(tmp_path: Path) -> None:
    root = add(
        export(tmp_path / "pets"), "images/Train/a.jpg", "sub/b.jpg", "Validation/c.jpg", "d.jpg", "images/e.jpg"
    )
    data = read(root)
    found = {str(sample.image.relative_to(root)) for samples in data.splits.values() for sample in samples}
    assert found == {"images/Train/a.jpg", "sub/b.jpg", "Validation/c.jpg", "d.jpg"}
    assert f"{root}: 1 file is not in annotations.xml, and not used: images/e.jpg" in data.notes


def test_a_file_of_the_same_name_in_another_folder_is_another_image(tmp_path: Path) -> None:
    root = add(export(tmp_path / "pets"), "images/a.jpg", "images/other/b.jpg", "images/c.jpg", "images/d.jpg")
    with pytest.raises(PatchlearnError, match=r"image 'sub/b\.jpg': .*images/sub/b\.jpg does not exist"):
        read(root)


def test_images_of_one_name_in_two_subsets_are_two(tmp_path: Path) -> None:
    images = (
        '<image id="0" name="a.jpg" subset="Train"><tag label="cat"/></image><image id="1" name="a.jpg" subset="Val"/>'
    )
    root = add(export(tmp_path / "pets", images), "images/Train/a.jpg", "images/Val/a.jpg")
    assert tags(read(root)) == {"train": {"Train__a": ["cat"]}, "val": {"Val__a": []}}


def test_the_subset_of_the_task_counts_where_an_image_has_none(tmp_path: Path) -> None:
    meta = META.replace("<task>", "<task><subset>Validation</subset>")
    images = '<image id="0" name="a.jpg"><tag label="cat"/></image><image id="1" name="b.jpg" subset="default"/>'
    root = add(export(tmp_path / "pets", images, meta), "a.jpg", "b.jpg")
    assert tags(read(root)) == {"val": {"a": ["cat"]}, "train": {"b": []}}


def test_labels_of_a_project_count_and_the_points_of_a_skeleton_do_not(tmp_path: Path) -> None:
    extra = "<label><name>body</name><type>skeleton</type></label><label><name>ear</name><parent>body</parent></label>"
    meta = META.replace("task>", "project>").replace("</labels>", f"{extra}</labels>")
    images = '<image id="0" name="a.jpg"><skeleton label="body"><points label="ear" points="1,1"/></skeleton></image>'
    data = read(add(export(tmp_path / "pets", images, meta), "a.jpg"))
    assert data.classes == ("dog", "cat", "ant bear", "body")
    assert tags(data) == {"train": {"a": ["body"]}}


def test_without_a_list_of_labels_those_that_occur_are_the_classes(tmp_path: Path) -> None:
    images = '<image id="0" name="a.jpg"><tag label="c10"/><tag label="c9"/></image>'
    assert read(add(export(tmp_path / "pets", images, ""), "a.jpg")).classes == ("c9", "c10")


def test_classes_txt_names_those_to_keep(pets: Path) -> None:
    (pets / "classes.txt").write_text("ant bear\ncat\n")
    data = read(pets)
    assert data.classes == ("ant bear", "cat")
    assert tags(data)["train"] == {"a": ["cat"], "sub__b": []}


def test_one_file_for_each_split_is_one_data_set(tmp_path: Path) -> None:
    root = tmp_path / "pets"
    export(root, '<image id="0" name="a.jpg"><tag label="cat"/></image>', name="train.xml")
    export(root, '<image id="0" name="b.jpg"><tag label="dog"/></image>', name="val.xml")
    assert tags(read(add(root, "images/a.jpg", "images/b.jpg"))) == {"train": {"a": ["cat"]}, "val": {"b": ["dog"]}}
    (root / "val.xml").rename(root / "more.xml")
    with pytest.raises(PatchlearnError, match=r"more than one CVAT file \(XML\): more\.xml, train\.xml\. Choose one"):
        read(root)
    assert tags(read(root, labels="more.xml")) == {"train": {"b": ["dog"]}}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("<annotations><track id='0' label='cat'/></annotations>", "is 'CVAT for video'. Export the task as"),
        ("<annotations><meta/></annotations>", "lists no <image>"),
        ("<annotations><image name='a.jpg'>", "not valid XML"),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><annotations><image name='a.jpg'/></annotations>", "DOCTYPE"),
        ("<annotations><image id='7'/></annotations>", "the image with the id 7 has no name"),
        ("<annotations><image name='a.jpg'><tag/></image></annotations>", "'a.jpg': a tag or shape has no label"),
        ("<annotations><image name='../a.jpg'><tag label='b'/></image></annotations>", "outside of"),
        ("<annotations><image name='b.jpg'><tag label='b'/></image></annotations>", "b.jpg does not exist"),
        ("<annotations><image name='a.jpg' subset='../b'><tag label='b'/></image></annotations>", "outside of"),
        ("<annotations><image name='a.jpg' subset='b/c'><tag label='b'/></image></annotations>", "not a valid name"),
        ("<annotations><image name='a.jpg'/></annotations>", "no image has a label"),
        (f"<annotations>{META}<image name='a.jpg'><tag label='kat'/></image></annotations>", "did you mean 'cat'"),
    ],
)
def test_a_broken_file_is_explained(tmp_path: Path, text: str, complaint: str) -> None:
    root = add(tmp_path / "pets", "images/a.jpg")
    (root / "a.xml").write_text(text)
    assert recognise(root)
    with pytest.raises(PatchlearnError, match=complaint) as caught:
        read(root)
    assert "a.xml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_other_folders_are_not_recognised(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text("<annotation><filename>a.jpg</filename></annotation>")
    assert recognise(tmp_path) is None
    with pytest.raises(PatchlearnError, match=r"no CVAT file \(XML\)\. Put it beside the images"):
        read(tmp_path)
