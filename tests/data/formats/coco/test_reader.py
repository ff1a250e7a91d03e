"""COCO as a whole: tags, splits, order, masks, notes."""

import json
from pathlib import Path

import pytest
from coco_folder import ALL, CATEGORIES, SQUARE, annotation, coco, image
from PIL import Image

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import Dataset
from patchlearn.data.checks.check import check_dataset
from patchlearn.data.formats.coco.reader import read, recognise
from patchlearn.data.images import read_mask
from patchlearn.data.settings import DataSettings


def opened(root: Path, work: Path | None = None, labels: str | None = None) -> Dataset:
    return read(root, DataSettings(format="coco", root=str(root), labels=labels), work)


def told(data: Dataset) -> str:
    return "\n".join(data.notes)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """train: z.jpg with a dog before a cat, and a.jpg without annotation; val: v.jpg with a crowd of cats."""
    root = tmp_path / "data"
    for name in ("train2017/z.jpg", "train2017/a.jpg", "val2017/v.jpg"):
        image(root / name)
    objects = [annotation(1, 7, SQUARE), annotation(1, 3, ALL)]
    coco(root / "annotations" / "instances_train2017.json", ["z.jpg", "a.jpg"], objects)
    crowd = {"size": [4, 6], "counts": [4, 8, 12]}
    coco(root / "annotations" / "instances_val2017.json", ["v.jpg"], [annotation(1, 3, crowd, iscrowd=1)])
    return root


def test_tags_splits_and_classes_are_in_order(root: Path) -> None:
    data = opened(root)
    assert data.classes == ("cat", "dog", "traffic light")
    found = {name: [(each.id, each.labels) for each in samples] for name, samples in data.splits.items()}
    assert found == {"train": [("z", (0, 1)), ("a", ())], "val": [("v", (0,))]}
    assert list(data.splits) == ["train", "val"]
    assert data.split("val")[0].image == root / "val2017" / "v.jpg"


def test_the_masks_hold_small_objects_over_large_ones_crowds_and_negatives(root: Path, tmp_path: Path) -> None:
    data = opened(root, tmp_path / "work")
    (first, second), (third,) = data.split("train"), data.split("val")
    assert first.mask == tmp_path / "work" / "masks" / "z.png"
    assert read_mask(data, first).tolist() == [[1] * 6, [1, 2, 2, 2, 1, 1], [1, 2, 2, 2, 1, 1], [1] * 6]
    assert read_mask(data, second).tolist() == [[0] * 6] * 4
    assert read_mask(data, third).tolist() == [[0, 255, 255, 0, 0, 0]] * 4
    check_dataset(data)


def test_without_a_folder_there_are_no_masks_and_nothing_is_written(root: Path) -> None:
    before = sorted(root.rglob("*"))
    data = opened(root)
    assert [sample.mask for samples in data.splits.values() for sample in samples] == [None] * 3
    assert "no masks are drawn, because there is no folder for them" in told(data)
    assert sorted(root.rglob("*")) == before


def test_the_folder_is_recognised_by_its_first_file(root: Path, tmp_path: Path) -> None:
    coco(root / "annotations" / "captions_train2017.json", [], [])
    assert recognise(root) == "the COCO file annotations/instances_train2017.json"
    (tmp_path / "empty").mkdir()
    assert recognise(tmp_path / "empty") is None


def test_a_missing_image_is_named(root: Path) -> None:
    (root / "train2017" / "a.jpg").unlink()
    with pytest.raises(PatchlearnError, match=r"instances_train2017\.json, image 'a\.jpg': .*a\.jpg does not exist"):
        opened(root)


def test_the_split_whose_images_are_all_elsewhere_is_left_out(root: Path) -> None:
    for path in (root / "train2017").iterdir():
        path.unlink()
    data = opened(root)
    assert list(data.splits) == ["val"]
    assert "instances_train2017.json: not used, because none of its 2 images is in the folder; so there is no" in told(
        data
    )
    (root / "val2017" / "v.jpg").unlink()
    with pytest.raises(PatchlearnError, match="does not exist"):
        opened(root)


def test_images_of_no_json_are_told(root: Path) -> None:
    image(root / "train2017" / "extra.jpg")
    assert "train2017: 1 file is named in no COCO file, and not used: extra.jpg" in told(opened(root))


def test_a_background_and_a_category_that_groups_are_no_classes(tmp_path: Path) -> None:
    image(tmp_path / "train" / "a.jpg")
    categories = [
        {"id": 0, "name": "animals", "supercategory": "none"},
        {"id": 1, "name": "cat", "supercategory": "animals"},
        {"id": 2, "name": "background", "supercategory": "animals"},
        {"id": 3, "name": "never", "supercategory": "never"},
    ]
    path = tmp_path / "train" / "_annotations.coco.json"
    coco(path, ["a.jpg"], [annotation(1, 1)], categories)
    data = opened(tmp_path)
    assert data.classes == ("cat", "never")
    assert "the category 'animals' is no class" in told(data)
    assert "the category 'background' is no class" in told(data)
    coco(path, ["a.jpg"], [annotation(1, 0), annotation(1, 1)], categories)
    assert opened(tmp_path).classes == ("animals", "cat", "never")
    coco(path, ["a.jpg"], [annotation(1, 2)], categories)
    with pytest.raises(PatchlearnError, match="'background' is not a class"):
        opened(tmp_path)


def test_the_layout_of_roboflow_reads(tmp_path: Path) -> None:
    for split, category in (("train", 7), ("valid", 3), ("test", 90)):
        image(tmp_path / split / f"{split}.jpg")
        coco(tmp_path / split / "_annotations.coco.json", [f"{split}.jpg"], [annotation(1, category)])
    data = opened(tmp_path)
    assert {name: samples[0].labels for name, samples in data.splits.items()} == {
        "train": (1,),
        "val": (0,),
        "test": (2,),
    }
    assert list(data.splits) == ["train", "val", "test"]


def test_equal_names_of_two_splits_get_two_ids(tmp_path: Path) -> None:
    for split in ("train", "valid"):
        image(tmp_path / split / "1.jpg")
        coco(tmp_path / split / "_annotations.coco.json", ["1.jpg"], [annotation(1, 3, SQUARE)])
    data = opened(tmp_path, tmp_path / "work")
    assert [data.split(name)[0].id for name in ("train", "val")] == ["train__1", "valid__1"]
    assert sorted(path.name for path in (tmp_path / "work" / "masks").iterdir()) == ["train__1.png", "valid__1.png"]


def test_a_single_json_without_a_split_in_its_name_is_train(tmp_path: Path) -> None:
    image(tmp_path / "images" / "a.jpg")
    coco(tmp_path / "labels.json", ["a.jpg"], [annotation(1, 3)])
    assert list(opened(tmp_path).splits) == ["train"]


def test_boxes_alone_give_tags_and_no_mask(root: Path, tmp_path: Path) -> None:
    path = root / "annotations" / "instances_train2017.json"
    coco(path, ["z.jpg", "a.jpg"], [annotation(1, 7, SQUARE), annotation(1, 3, []), annotation(2, 3, SQUARE)])
    data = opened(root, tmp_path / "work")
    assert [sample.mask is None for sample in data.split("train")] == [True, False]
    assert data.split("train")[0].labels == (0, 1)
    assert "1 image has an annotation that is a box alone, so there is no mask" in told(data)
    coco(path, ["z.jpg", "a.jpg"], [annotation(1, 7)])
    data = opened(root, tmp_path / "work")
    assert [sample.mask for sample in data.split("train")] == [None, None]
    assert "instances_train2017.json: no annotation has an outline, so there are no masks" in told(data)


def test_annotations_of_unlisted_images_and_categories_of_one_name_are_told(root: Path) -> None:
    path = root / "annotations" / "instances_train2017.json"
    categories = [*CATEGORIES, {"id": 91, "name": "cat"}]
    coco(path, ["z.jpg", "a.jpg"], [annotation(1, 91), annotation(9, 7)], categories)
    data = opened(root)
    assert data.classes == ("cat", "dog", "traffic light")
    assert data.split("train")[0].labels == (0,)
    assert "not used, because their images are not listed: 1 annotation" in told(data)
    assert "2 categories have the name 'cat'; they are one class" in told(data)


def panoptic(root: Path, name: str = "z") -> Path:
    """Segment 300 (dog) at the left, 70,000 (a crowd of cats) in the middle, 0 at the right."""
    colours = [(300 % 256, 1, 0), (70_000 % 256, 70_000 // 256 % 256, 1), (0, 0, 0)]
    picture = Image.new("RGB", (6, 4))
    for column in range(6):
        for row in range(4):
            picture.putpixel((column, row), colours[column // 2])
    folder = root / "annotations" / "panoptic_train2017"
    folder.mkdir(parents=True, exist_ok=True)
    picture.save(folder / f"{name}.png")
    segments = [{"id": 300, "category_id": 7, "iscrowd": 0}, {"id": 70_000, "category_id": 3, "iscrowd": 1}]
    entry = {"image_id": 1, "file_name": f"{name}.png", "segments_info": segments}
    return coco(root / "annotations" / "panoptic_train2017.json", [f"{name}.jpg", "a.jpg"], [entry])


def test_panoptic_files_read(tmp_path: Path) -> None:
    for name in ("z.jpg", "a.jpg"):
        image(tmp_path / "train2017" / name)
    panoptic(tmp_path)
    data = opened(tmp_path, tmp_path / "work")
    first, second = data.split("train")
    assert data.classes == ("cat", "dog", "traffic light")
    assert (first.labels, second.labels, second.mask) == ((0, 1), (), None)
    assert read_mask(data, first).tolist() == [[2, 2, 255, 255, 255, 255]] * 4
    assert "1 image has no PNG in panoptic_train2017/, so there is no mask" in told(data)


def test_instances_are_preferred_to_panoptic_unless_the_settings_name_it(root: Path) -> None:
    panoptic(root)
    (root / "annotations" / "captions_train2017.json").write_text(
        json.dumps({"images": [], "annotations": [], "categories": []})
    )
    data = opened(root)
    assert data.split("train")[0].labels == (0, 1)
    assert "annotations/panoptic_train2017.json: not used, because annotations/instances_train2017.json" in told(data)
    assert "annotations/captions_train2017.json: not used" in told(data)
    chosen = opened(root, labels="annotations/panoptic_train2017.json")
    assert list(chosen.splits) == ["train"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (
            '{"images": [{"id": 1, "file_name": "z.jpg"}], "annotations": [',
            r"instances_train2017\.json: not valid JSON",
        ),
        ('{"images": [], "annotations": [], "info": {}}', "no COCO file"),
        ("[1, 2]", "no COCO file"),
    ],
)
def test_a_json_that_is_cut_off_or_something_else_is_explained(root: Path, text: str, complaint: str) -> None:
    (root / "annotations" / "instances_val2017.json").unlink()
    (root / "annotations" / "instances_train2017.json").write_text(text)
    with pytest.raises(PatchlearnError, match=complaint):
        opened(root)
