"""YOLO as a whole: tags, splits, order, masks, notes."""

from pathlib import Path

import pytest
from coco_folder import coco
from yolo_folder import BOX, LEFT, RIGHT_TOP, image, labelled, write

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import Dataset
from patchlearn.data.checks.check import check_dataset
from patchlearn.data.formats.coco import reader as coco_format
from patchlearn.data.formats.yolo.reader import read, recognise
from patchlearn.data.images import read_mask
from patchlearn.data.settings import DataSettings


def opened(root: Path, work: Path | None = None, labels: str | None = None) -> Dataset:
    return read(root, DataSettings(format="yolo", root=str(root), labels=labels), work)


def told(data: Dataset) -> str:
    return "\n".join(data.notes)


def found(data: Dataset) -> dict[str, list[tuple[str, tuple[int, ...]]]]:
    return {name: [(each.id, each.labels) for each in samples] for name, samples in data.splits.items()}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Class 1 has no name; a has two polygons, b is an empty file, c has none."""
    root = tmp_path / "data"
    write(
        root / "data.yaml", "path: ../datasets/x", "train: images/train", "val: images/val", "names: {2: sky, 0: cat}"
    )
    labelled(root, "images/train/a", RIGHT_TOP, LEFT, RIGHT_TOP)
    labelled(root, "images/train/b")
    image(root / "images" / "train" / "c.jpg")
    labelled(root, "images/val/d", "2.0 0 0 1 0 1 1 0 1")
    return root


def test_tags_splits_and_classes_are_in_order(root: Path) -> None:
    data = opened(root)
    assert data.classes == ("cat", "sky")
    assert found(data) == {"train": [("a", (0, 1)), ("b", ()), ("c", ())], "val": [("d", (1,))]}
    assert "3 images of the split train; 2 without objects, of them 1 without a label file" in told(data)
    assert "1 image of the split val" in told(data)


def test_polygons_become_masks(root: Path, tmp_path: Path) -> None:
    data = opened(root, tmp_path / "work")
    a, b, c = data.split("train")
    assert a.mask == tmp_path / "work" / "masks" / "a.png"
    assert read_mask(data, a).tolist() == [[1] * 4 + [2] * 4] * 2 + [[1] * 4 + [0] * 4] * 2
    assert read_mask(data, b).tolist() == read_mask(data, c).tolist() == [[0] * 8] * 4
    assert read_mask(data, data.split("val")[0]).tolist() == [[2] * 8] * 4
    check_dataset(data)
    write(root / "labels" / "train" / "b.txt", LEFT)
    assert read_mask(opened(root, tmp_path / "work"), b)[0].tolist() == [1, 1, 1, 1, 0, 0, 0, 0]


def test_boxes_give_tags_and_no_mask(root: Path, tmp_path: Path) -> None:
    write(root / "labels" / "val" / "d.txt", BOX, LEFT)
    data = opened(root, tmp_path / "work")
    assert (data.split("val")[0].labels, data.split("val")[0].mask) == ((0, 1), None)
    assert data.split("train")[0].mask is not None
    assert "1 image has an object with a box alone, so there is no mask" in told(data)
    write(root / "labels" / "train" / "a.txt", BOX)
    write(root / "labels" / "val" / "d.txt", BOX)
    data = opened(root, tmp_path / "work")
    assert [each.mask for samples in data.splits.values() for each in samples] == [None] * 4
    assert "boxes and no polygons, so there are no masks" in told(data)


def test_key_points_give_tags_alone(root: Path, tmp_path: Path) -> None:
    with (root / "data.yaml").open("a") as file:
        file.write("kpt_shape: [2, 2]\n")
    write(root / "labels" / "train" / "a.txt", f"{BOX} 0.1 0.2 0.3 0.4")
    data = opened(root, tmp_path / "work")
    assert (data.split("train")[0].labels, data.split("train")[0].mask) == ((1,), None)


def test_without_a_folder_there_are_no_masks(root: Path) -> None:
    data = opened(root)
    assert data.split("train")[0].mask is None
    assert "no masks are drawn" in told(data)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("1 0.5 0.5 1 1", "line 2: the class 1 has no name; the named ones are 0, 2"),
        ("0 0.5 0.5", "line 2: neither a box"),
    ],
)
def test_a_broken_line_is_explained(root: Path, line: str, complaint: str) -> None:
    write(root / "labels" / "train" / "a.txt", BOX, line)
    with pytest.raises(PatchlearnError, match=rf"a\.txt, {complaint}"):
        opened(root)


def test_a_split_without_labels_is_refused_but_for_test(root: Path) -> None:
    image(root / "images" / "test" / "e.jpg")
    with (root / "data.yaml").open("a") as file:
        file.write("test: images/test\n")
    data = opened(root)
    assert (data.split("test")[0].labels, data.split("test")[0].mask) == ((), None)
    assert "1 image of the split test, which has no labels" in told(data)
    (root / "labels" / "val" / "d.txt").unlink()
    assert found(opened(root))["val"] == [("d", ())]  # the folder is there: a negative
    (root / "labels" / "val").rmdir()
    with pytest.raises(PatchlearnError, match=r"the split 'val' has no label files; labels/val/d\.txt is expected"):
        opened(root)


def test_labels_without_an_image_are_told(root: Path) -> None:
    write(root / "labels" / "train" / "x.txt", LEFT)
    write(root / "labels" / "train" / "classes.txt", "cat")
    assert f"{root / 'labels' / 'train'}: 1 file is labels of no image: x.txt" in told(opened(root))


def test_a_missing_image_of_a_list_is_named(root: Path) -> None:
    write(root / "train.txt", "images/train/a.jpg", "images/train/gone.jpg")
    write(root / "data.yaml", "train: train.txt", "names: {2: sky, 0: cat}")
    with pytest.raises(PatchlearnError, match=r"train\.txt, line 2: .*gone\.jpg does not exist"):
        opened(root)


def test_without_a_yaml_the_names_come_from_classes_txt(tmp_path: Path) -> None:
    labelled(tmp_path, "images/train/a", LEFT)
    labelled(tmp_path, "images/valid/b", BOX)
    with pytest.raises(PatchlearnError, match=r"neither a data\.yaml nor a classes\.txt"):
        opened(tmp_path)
    write(tmp_path / "classes.txt", "cat", "dog", "sky")
    assert recognise(tmp_path) == "the YOLO folders images and labels"
    data = opened(tmp_path)
    assert data.classes == ("cat", "dog", "sky")
    assert found(data) == {"train": [("a", (0,))], "val": [("b", (2,))]}


def test_without_a_yaml_and_classes_txt_the_names_come_from_classes_csv(tmp_path: Path) -> None:
    labelled(tmp_path, "images/train/a", LEFT)
    labelled(tmp_path, "images/valid/b", BOX)
    write(tmp_path / "classes.csv", "name,size_max", "cat,", "dog,", "sky,0.5")
    data = opened(tmp_path)
    assert data.classes == ("cat", "dog", "sky")
    assert found(data) == {"train": [("a", (0,))], "val": [("b", (2,))]}


def test_the_layout_of_roboflow_reads(tmp_path: Path) -> None:
    for split in ("train", "valid"):
        labelled(tmp_path, f"{split}/images/1", LEFT)
    write(
        tmp_path / "data.yaml", "train: ../train/images", "val: ../valid/images", "test: ../test/images", "names: [cat]"
    )
    data = opened(tmp_path, tmp_path / "work")
    assert found(data) == {"train": [("train__images__1", (0,))], "val": [("valid__images__1", (0,))]}
    assert "no split test, because ../test/images does not exist" in told(data)
    assert recognise(tmp_path) == "the YOLO file data.yaml"


def test_the_layout_of_darknet_reads(tmp_path: Path) -> None:
    for name in ("a", "b"):
        image(tmp_path / "obj_train_data" / f"{name}.jpg")
    write(tmp_path / "obj_train_data" / "a.txt", BOX)
    write(tmp_path / "obj.data", "classes = 3", "train = data/train.txt", "names = data/obj.names", "backup = backup/")
    write(tmp_path / "train.txt", "data/obj_train_data/a.jpg", "data/obj_train_data/b.jpg")
    write(tmp_path / "obj.names", "cat", "dog", "sky")
    assert recognise(tmp_path) == "the YOLO file obj.data"
    data = opened(tmp_path)
    assert data.classes == ("cat", "dog", "sky")
    assert found(data) == {"train": [("obj_train_data__a", (2,)), ("obj_train_data__b", ())]}


def test_a_background_without_objects_and_equal_names_are_one_class(root: Path) -> None:
    write(root / "data.yaml", "train: images/train", "names: [sky, Background, sky]")
    data = opened(root)
    assert data.classes == ("sky",)
    assert "'Background' is no class, and no object has it" in told(data)
    assert "2 indices have the name 'sky'; they are one class" in told(data)
    write(root / "data.yaml", "train: images/train", "names: [background, dog, sky]")
    with pytest.raises(PatchlearnError, match="'background' is not a class"):
        opened(root)


def test_other_folders_are_not_recognised(tmp_path: Path) -> None:
    assert recognise(tmp_path) is None
    with pytest.raises(PatchlearnError, match=r"neither a data\.yaml nor images/ and labels/"):
        opened(tmp_path)
    labelled(tmp_path, "images/a", "a cat on a sofa")
    assert recognise(tmp_path) is None
    write(tmp_path / "labels" / "a.txt", BOX)
    assert recognise(tmp_path) == "the YOLO folders images and labels"
    assert coco_format.recognise(tmp_path) is None
    coco(tmp_path / "train.json", [], [])
    assert coco_format.recognise(tmp_path) is not None
    for name in ("b.yaml", "c.yaml"):
        write(tmp_path / name, "train: a", "nc: 1")
    assert recognise(tmp_path) == "YAML files of YOLO"
