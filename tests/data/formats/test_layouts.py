"""The VOC layout and a folder of one's own."""

from pathlib import Path

import numpy as np
import pytest
from conftest import make_folder
from PIL import Image

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.masks_io import write_mask
from patchlearn.data.check import check_dataset
from patchlearn.data.formats.voc import VOC_CLASSES
from patchlearn.data.images import read_mask
from patchlearn.data.open import open_dataset


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


def test_spaces_around_the_name_of_an_object_are_none_of_it(voc: Path) -> None:
    (voc / "Annotations" / "2007_1.xml").write_text("<a><object><name> cat\n</name></object></a>")
    assert [VOC_CLASSES[index] for index in open_dataset("voc", voc).split("train")[0].labels] == ["cat"]


def test_voc_keeps_the_classes_of_classes_txt_and_ignores_the_others(voc: Path) -> None:
    (voc / "classes.txt").write_text("person\ncat\n")
    (voc / "labels.csv").write_text("image,split,labels\n2007_1.jpg,train,cat\n2007_2.jpg,val,person cat\n")
    data = open_dataset("voc", voc)
    assert data.classes == ("person", "cat")
    assert data.split("train")[0].labels == (1,)
    assert read_mask(data, data.split("val")[0])[0].tolist() == [0, 2, 1, 255, 255]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda root: (root / "classes.txt").write_text("kat\n"), "did you mean 'cat'"),
        (lambda root: (root / "labels.csv").write_text("image,split,labels\n"), "no line for image '2007_1'"),
        (lambda root: (root / "Annotations" / "2007_1.xml").unlink(), "Image labels need one of them"),
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
        (lambda root: (root / "ImageSets" / "Segmentation" / "train.txt").write_text("../x\n"), "does not exist"),
        (lambda root: (root / "ImageSets" / "Segmentation" / "test.txt").write_text("x\n"), "does not exist"),
        (
            lambda root: (root / "ImageSets" / "Segmentation" / "train.txt").write_text("2007_1\n2007_1\n"),
            "'2007_1' stands there 2 times",
        ),
        (
            lambda root: (root / "labels.csv").write_text("image,split,labels\n2007_1.jpg,a,cat\n2007_1.png,a,dog\n"),
            "line 3: image '2007_1' stands in another line too",
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
    with pytest.raises(PatchlearnError, match=r"2008_4\.xml: no such file.*Image labels need one of them"):
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


def test_a_folder_reads(folder_data: Path) -> None:
    data = open_dataset("folder", folder_data)
    assert data.classes == ("red", "blue")
    assert {name: len(samples) for name, samples in data.splits.items()} == {"train": 8, "val": 4}
    summary = check_dataset(data)["train"]
    assert (summary.images, summary.masks, summary.labels, summary.unlabelled) == (8, 8, (4, 4), 0)


def test_string_ids_in_unicode_and_subfolders_work(tmp_path: Path) -> None:
    root = make_folder(tmp_path / "data", lambda index: f"été {index} 猫.png")
    (root / "images" / "deep").mkdir()
    Image.new("RGB", (9, 9)).save(root / "images" / "deep" / "x.png")
    with (root / "labels.csv").open("a", encoding="utf-8") as file:
        file.write("deep/x.png,train,red blue\n")
    data = open_dataset("folder", root)
    assert data.split("train")[0].id == "été 0 猫"
    assert data.split("train")[-1].id == "deep__x"
    assert data.split("train")[-1].labels == (0, 1)
    check_dataset(data)
    for name in ("deep/x.png", "deep__x.png"):  # masks lie as the images do, or flat
        (root / "masks" / name).parent.mkdir(exist_ok=True)
        write_mask(root / "masks" / name, np.zeros((9, 9), np.uint8))
        assert open_dataset("folder", root).split("train")[-1].mask == root / "masks" / name


def test_without_classes_txt_the_labels_are_the_classes(folder_data: Path) -> None:
    (folder_data / "classes.txt").unlink()
    assert open_dataset("folder", folder_data).classes == ("blue", "red")


@pytest.mark.parametrize("labels", ['"red, blue"', '"red,blue"', "red;blue"])
def test_without_classes_txt_other_separators_make_no_classes(folder_data: Path, labels: str) -> None:
    (folder_data / "classes.txt").unlink()
    (folder_data / "labels.csv").write_text(f"image,split,labels\nimg00.png,train,{labels}\n")
    with pytest.raises(PatchlearnError, match=r"line 2: label 'red.*Separate the labels by spaces"):
        open_dataset("folder", folder_data)


def test_an_open_quote_in_the_first_line_is_explained(folder_data: Path) -> None:
    (folder_data / "labels.csv").write_text('"image,split,labels\nimg00.png,train,red\n')
    with pytest.raises(PatchlearnError, match="Close every quote"):
        open_dataset("folder", folder_data)


def test_a_link_to_an_image_elsewhere_is_an_image(folder_data: Path) -> None:
    image = folder_data / "images" / "img00.png"
    image.rename(folder_data / "elsewhere.png")
    image.symlink_to(folder_data / "elsewhere.png")
    check_dataset(open_dataset("folder", folder_data))


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("img00.png,train,red", "stands in line 2 too"),
        ("new.png,train,rad", r"line 14: unknown class 'rad'; did you mean 'red'"),
        ("new.png,train,red", "does not exist"),
        ("../labels.csv,train,red", "leaves"),
        ("new.png", "expected image,split,labels"),
        ("img00.jpg,train,red", "share the stem"),
        ("new.png,../train,red", "split '../train' is no name of one"),
        ("new.png,..,red", "split '..' is no name of one"),
        ("new.png, ,red", "split ' ' is no name of one"),
        ("new\0.png,train,red", "zero byte"),
        ("new.png,train,red,blue", "line 14: more cells than columns. Separate the labels by spaces"),
        ('new.png,train,"red', "not CSV .*Close every quote"),
    ],
)
def test_a_broken_line_is_explained(folder_data: Path, line: str, complaint: str) -> None:
    if "img00.jpg" in line:
        Image.new("RGB", (9, 9)).save(folder_data / "images" / "img00.jpg")
    with (folder_data / "labels.csv").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(PatchlearnError, match=complaint) as caught:
        open_dataset("folder", folder_data)
    assert "labels.csv" in str(caught.value)


def test_an_absolute_path_is_refused_even_below_images(folder_data: Path) -> None:
    with (folder_data / "labels.csv").open("a") as file:
        file.write(f"{(folder_data / 'images' / 'img00.png').resolve()},train,red\n")
    with pytest.raises(PatchlearnError, match="leaves"):
        open_dataset("folder", folder_data)


def test_more_classes_than_a_mask_can_hold_are_refused(folder_data: Path) -> None:
    (folder_data / "classes.txt").unlink()
    labels = " ".join(f"c{index}" for index in range(255))
    (folder_data / "labels.csv").write_text(f"image,split,labels\nimg00.png,train,{labels}\n")
    with pytest.raises(PatchlearnError, match="255 classes; a mask of 8 bits holds 1 to 254"):
        open_dataset("folder", folder_data)


def test_background_is_no_class(folder_data: Path) -> None:
    (folder_data / "classes.txt").write_text("background\nred\nblue\n")
    with pytest.raises(PatchlearnError, match="'background' is no class"):
        open_dataset("folder", folder_data)
    (folder_data / "classes.txt").unlink()
    (folder_data / "labels.csv").write_text("image,split,labels\nimg00.png,train,red background\n")
    with pytest.raises(PatchlearnError, match=r"labels\.csv: 'background' is no class"):
        open_dataset("folder", folder_data)


def test_another_encoding_is_explained(folder_data: Path) -> None:
    (folder_data / "labels.csv").write_bytes("image,split,labels\nété.png,train,red\n".encode("latin-1"))
    with pytest.raises(PatchlearnError, match=r"labels\.csv: not UTF-8"):
        open_dataset("folder", folder_data)


def test_an_unknown_format_and_a_missing_folder_are_explained(tmp_path: Path) -> None:
    with pytest.raises(PatchlearnError, match="did you mean 'voc'"):
        open_dataset("vok", tmp_path)
    with pytest.raises(PatchlearnError, match="no such folder"):
        open_dataset("voc", tmp_path / "nowhere")


def test_an_unknown_split_is_explained(folder_data: Path) -> None:
    with pytest.raises(PatchlearnError, match="It has: train, val"):
        open_dataset("folder", folder_data).split("test")


def test_the_check_finds_damage_and_misfits(folder_data: Path) -> None:
    damaged = folder_data / "images" / "img03.png"
    damaged.write_bytes(damaged.read_bytes()[:300])
    write_mask(folder_data / "masks" / "img05.png", np.zeros((3, 3), np.uint8))
    with pytest.raises(PatchlearnError) as caught:
        check_dataset(open_dataset("folder", folder_data))
    assert "img03.png: damaged image" in str(caught.value)
    assert "img05.png: the mask is 3×3, its image img05.png 40×48" in str(caught.value)
