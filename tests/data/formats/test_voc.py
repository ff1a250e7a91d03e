"""The VOC layout."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.masks_io import write_mask
from patchlearn.core.types import ClassSize
from patchlearn.data.checks.check import check_dataset
from patchlearn.data.formats.voc import VOC_CLASSES, read_list, recognise
from patchlearn.data.images import read_mask
from patchlearn.data.open import open_data, open_dataset
from patchlearn.data.settings import DataSettings


@pytest.fixture
def voc(tmp_path: Path) -> Path:
    root = tmp_path / "voc"
    (root / "JPEGImages").mkdir(parents=True)
    (root / "ImageSets" / "Segmentation").mkdir(parents=True)
    (root / "Annotations").mkdir()
    for name in ("2007_1", "2007_2"):
        Image.new("RGB", (5, 4)).save(root / "JPEGImages" / f"{name}.jpg")
        write_mask(root / "SegmentationClass" / f"{name}.png", np.array([[0, 8, 15, 20, 255]] * 4, np.uint8))
        objects = "".join(f"<object><name>{word}</name></object>" for word in ("person", "cat", "cat"))
        (root / "Annotations" / f"{name}.xml").write_text(f"<annotation>{objects}</annotation>")
    (root / "ImageSets" / "Segmentation" / "train.txt").write_text("2007_1\n")
    (root / "ImageSets" / "Segmentation" / "val.txt").write_text("2007_2\n")
    return root


def test_voc_takes_its_labels_from_annotations(voc: Path) -> None:
    data = open_dataset("voc", voc)
    assert data.classes == VOC_CLASSES
    (sample,) = data.split("train")
    assert [VOC_CLASSES[index] for index in sample.labels] == ["cat", "person"]
    assert read_mask(data, sample)[0].tolist() == [0, 8, 15, 20, 255]


def test_spaces_around_the_name_of_an_object_are_removed(voc: Path) -> None:
    (voc / "Annotations" / "2007_1.xml").write_text("<a><object><name> cat\n</name></object></a>")
    assert [VOC_CLASSES[index] for index in open_dataset("voc", voc).split("train")[0].labels] == ["cat"]


def test_voc_keeps_the_classes_of_classes_txt_and_ignores_the_others(voc: Path) -> None:
    (voc / "classes.txt").write_text("person\ncat\n")
    (voc / "labels.csv").write_text("image,split,labels\n2007_1.jpg,train,cat\n2007_2.jpg,val,person cat\n")
    data = open_dataset("voc", voc)
    assert data.classes == ("person", "cat")
    assert data.split("train")[0].labels == (1,)
    assert read_mask(data, data.split("val")[0])[0].tolist() == [0, 2, 1, 255, 255]


def test_the_table_of_classes_comes_before_their_list_and_states_sizes(voc: Path) -> None:
    (voc / "classes.txt").write_text("person\ncat\n")
    (voc / "classes.csv").write_text("name,size_max\ncat,0.5\nperson,\n")
    (voc / "labels.csv").write_text("image,split,labels\n2007_1.jpg,train,cat\n2007_2.jpg,val,person cat\n")
    data = open_dataset("voc", voc)
    assert (data.classes, data.sizes) == (("cat", "person"), (ClassSize(most=0.5), None))
    assert data.mask_values == (8, 15)


def test_another_table_can_be_named_and_is_read_as_every_table(voc: Path) -> None:
    (voc / "tags.csv").write_text("# by Anna\nfile;tags\n2007_1;cat|?dog\n2007_2.jpg;person\n")
    data = open_data(DataSettings(root=str(voc), labels="tags.csv"))
    (sample,) = data.split("train")
    named = [[data.classes[index] for index in each] for each in (sample.labels, sample.unknown)]
    assert named == [["cat"], ["dog"]]
    (voc / "tags.csv").write_text("image,labels\n2007_1,cta\n")
    with pytest.raises(PatchlearnError, match=r"tags\.csv, line 2: unknown class 'cta'; did you mean 'cat'"):
        open_data(DataSettings(root=str(voc), labels="tags.csv"))
    (voc / "tags.csv").write_text("image,labels\n2007_1,cat\n")
    with pytest.raises(PatchlearnError, match=r"tags\.csv: no line for image '2007_2' of ImageSets"):
        open_data(DataSettings(root=str(voc), labels="tags.csv"))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda root: (root / "classes.txt").write_text("kat\n"), "did you mean 'cat'"),
        (lambda root: (root / "labels.csv").write_text("image,split,labels\n"), "no line for image '2007_1'"),
        (lambda root: (root / "Annotations" / "2007_1.xml").unlink(), "Add one of them"),
        (lambda root: (root / "Annotations" / "2007_1.xml").write_text("<a"), "not valid XML"),
        (
            lambda root: (root / "Annotations" / "2007_1.xml").write_text(
                '<?xml version="1.0" encoding="gb2312"?><a/>'
            ),
            "not valid XML",
        ),
        (
            lambda root: (root / "Annotations" / "2007_1.xml").write_text('<?xml version="1.0" encoding="xx"?><a/>'),
            "not valid XML",
        ),
        (
            lambda root: (root / "Annotations" / "2007_1.xml").write_text("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"),
            "declares a DOCTYPE or an ENTITY",
        ),
        (lambda root: (root / "ImageSets" / "Segmentation" / "train.txt").write_text("../x\n"), "does not exist"),
        (lambda root: (root / "ImageSets" / "Segmentation" / "test.txt").write_text("x\n"), "does not exist"),
        (
            lambda root: (root / "ImageSets" / "Segmentation" / "train.txt").write_text("2007_1\n2007_1\n"),
            "'2007_1' is listed 2 times",
        ),
        (
            lambda root: (root / "labels.csv").write_text("image,split,labels\n2007_1.jpg,a,cat\n2007_1.png,a,dog\n"),
            "line 3: image '2007_1' is also in another line",
        ),
    ],
)
def test_a_broken_voc_folder_is_explained(voc: Path, change, complaint: str) -> None:  # type: ignore[no-untyped-def]
    change(voc)
    with pytest.raises(PatchlearnError, match=complaint):
        open_dataset("voc", voc)


@pytest.fixture
def with_test_list(voc: Path) -> Path:
    """As VOC 2012 comes: some of the images of `test` have an annotation, and none has a mask."""
    (voc / "ImageSets" / "Segmentation" / "test.txt").write_text("2008_3\n2008_4\n")
    for name in ("2008_3", "2008_4"):
        Image.new("RGB", (5, 4)).save(voc / "JPEGImages" / f"{name}.jpg")
    annotate(voc, "2008_3")
    return voc


def annotate(voc: Path, name: str) -> None:
    annotation = "<annotation><object><name>person</name></object></annotation>"
    (voc / "Annotations" / f"{name}.xml").write_text(annotation)


def test_vocs_test_list_has_images_without_labels_and_masks(with_test_list: Path) -> None:
    data = open_dataset("voc", with_test_list)
    assert [(sample.id, sample.labels, sample.mask) for sample in data.split("test")] == [
        ("2008_3", (), None),
        ("2008_4", (), None),
    ]
    summary = check_dataset(data)["test"]
    assert (summary.images, summary.masks, summary.unlabelled) == (2, 0, 2)


def test_a_test_list_with_all_annotations_has_labels(with_test_list: Path) -> None:
    annotate(with_test_list, "2008_4")
    person = VOC_CLASSES.index("person")
    assert [sample.labels for sample in open_dataset("voc", with_test_list).split("test")] == [(person,), (person,)]


def test_no_other_list_may_go_without_labels(with_test_list: Path) -> None:
    lists = with_test_list / "ImageSets" / "Segmentation"
    (lists / "test.txt").rename(lists / "test2.txt")
    with pytest.raises(PatchlearnError, match=r"2008_4\.xml: no such file.*Add one of them"):
        open_dataset("voc", with_test_list)


def test_labels_csv_names_all_images_of_the_test_list_or_none(with_test_list: Path) -> None:
    table = with_test_list / "labels.csv"
    table.write_text("image,split,labels\n2007_1.jpg,train,cat\n2007_2.jpg,val,cat\n")
    assert [sample.labels for sample in open_dataset("voc", with_test_list).split("test")] == [(), ()]
    with table.open("a") as file:
        file.write("2008_3.jpg,test,cat\n")
    with pytest.raises(PatchlearnError, match="no line for image '2008_4'"):
        open_dataset("voc", with_test_list)


def test_voc_animals_reads(real_data: Path) -> None:
    data = open_dataset("voc", real_data)
    assert data.classes == ("cat", "cow", "dog", "horse", "person", "sheep")
    assert {name: len(samples) for name, samples in data.splits.items()} == {"train": 1037, "val": 223}
    sample = next(sample for sample in data.split("train") if sample.id == "2007_000392")
    assert [data.classes[index] for index in sample.labels] == ["horse", "person"]
    assert set(np.unique(read_mask(data, sample))) <= {0, 4, 5, 255}


def test_a_list_may_have_more_columns_and_empty_lines(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text("2007_1  1\n\n 2007_2 -1\n")
    assert read_list(tmp_path / "train.txt") == ["2007_1", "2007_2"]


def test_a_folder_without_lists_is_explained(tmp_path: Path) -> None:
    with pytest.raises(PatchlearnError, match=r"no ImageSets/Segmentation.*Choose the folder that contains JPEGImages"):
        open_dataset("voc", tmp_path)


def test_voc_is_recognised_by_its_lists(voc: Path) -> None:
    assert recognise(voc) == "the layout of PASCAL VOC: JPEGImages with ImageSets/Segmentation"
    (voc / "labels.csv").write_text("image,split,labels\n")
    assert recognise(voc) is not None
    for path in (voc / "ImageSets" / "Segmentation").iterdir():
        path.unlink()
    assert recognise(voc) is None


def test_other_folders_are_not_recognised(tmp_path: Path) -> None:
    assert recognise(tmp_path) is None
    (tmp_path / "Annotations").mkdir()
    (tmp_path / "Annotations" / "a.xml").write_text("<annotations><image name='a.jpg'/></annotations>")
    assert recognise(tmp_path) is None


@pytest.mark.parametrize("inside", ["VOCdevkit/VOC2012", "VOC2012"])
def test_the_development_kit_is_read_in_its_folder(voc: Path, tmp_path: Path, inside: str) -> None:
    kit = tmp_path / "kit"
    (kit / inside).parent.mkdir(parents=True)
    voc.rename(kit / inside)
    assert recognise(kit) == f"the layout of PASCAL VOC in {inside}: JPEGImages with ImageSets/Segmentation"
    data = open_dataset("voc", kit)
    assert data.notes == (f"{kit}: read from {inside}",)
    assert data.split("train")[0].image == kit / inside / "JPEGImages" / "2007_1.jpg"


def test_of_two_years_one_must_be_chosen(voc: Path, tmp_path: Path) -> None:
    kit = tmp_path / "VOCdevkit"
    (kit / "VOC2007" / "JPEGImages").mkdir(parents=True)
    voc.rename(kit / "VOC2012")
    with pytest.raises(PatchlearnError, match=r"contains VOC2007 and VOC2012\. Choose one: --data\.root .*VOC2012"):
        open_dataset("voc", kit)


def test_lists_of_macos_are_passed_over(voc: Path) -> None:
    (voc / "ImageSets" / "Segmentation" / "._train.txt").write_bytes(b"\0\5\x16\7")
    assert set(open_dataset("voc", voc).splits) == {"train", "val"}
