"""Which images a YOLO data set has, and where its labels are."""

from pathlib import Path

import pytest
from yolo_folder import image, write

from patchlearn.core.errors import PatchlearnError
from patchlearn.data.formats.yolo.config import YoloConfig
from patchlearn.data.formats.yolo.images import YoloImage, found_images, listed_images


def config(root: Path, base: str = "", **splits: str | list[str]) -> YoloConfig:
    entries = {split: [each] if isinstance(each, str) else each for split, each in splits.items()}
    return YoloConfig(path=root / "data.yaml", base=base, splits=entries, names=None, has_keypoints=False)


def listed(root: Path, base: str = "", **splits: str | list[str]) -> dict[str, list[tuple[str, str]]]:
    found = listed_images(root, config(root, base, **splits))
    return {split: [(each.path, each.name) for each in images] for split, images in found.images.items()}


@pytest.mark.parametrize(
    ("path", "labels"),
    [
        ("images/a.jpg", "labels/a.txt"),
        ("images/train/sub/a.b.png", "labels/train/sub/a.b.txt"),
        ("train/images/a.jpg", "train/labels/a.txt"),
        ("images/images/a.jpg", "images/labels/a.txt"),
        ("photos/a.jpg", "photos/a.txt"),
    ],
)
def test_the_last_images_becomes_labels(path: str, labels: str) -> None:
    assert YoloImage(path, "", "").labels == labels


@pytest.mark.parametrize(
    ("base", "entry"),
    [
        ("", "train/images"),
        ("", "./train/images"),
        ("", "../train/images"),
        (".", "train/images"),
        ("train", "images"),
        ("train", "train/images"),
        ("../datasets/x", "train/images"),
        ("/content/x", "train/images"),
        ("..\\datasets\\x", "train\\images"),
        ("", "train"),
    ],
)
def test_paths_of_the_yaml_are_below_the_folder(tmp_path: Path, base: str, entry: str) -> None:
    image(tmp_path / "train" / "images" / "sub" / "a.jpg")
    assert listed(tmp_path, base, train=entry) == {"train": [("train/images/sub/a.jpg", "sub/a.jpg")]}


def test_absolute_paths_inside_are_taken(tmp_path: Path) -> None:
    image(tmp_path / "images" / "a.jpg")
    assert listed(tmp_path, str(tmp_path), train="images") == {"train": [("images/a.jpg", "a.jpg")]}
    assert listed(tmp_path, "", train=str(tmp_path / "images")) == {"train": [("images/a.jpg", "a.jpg")]}


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_images_outside_of_the_folder_are_refused(tmp_path: Path, split: str) -> None:
    image(tmp_path / "other" / "images" / "a.jpg")
    root = tmp_path / "data"
    root.mkdir()
    for base, entry in (("", "../other/images"), ("../other", "images"), ("", str(tmp_path / "other" / "images"))):
        with pytest.raises(PatchlearnError, match=rf"'{entry}' is outside of {root}"):
            listed(root, base, **{split: entry})


def test_what_is_missing_is_named_but_a_test_split_is_left_out(tmp_path: Path) -> None:
    image(tmp_path / "train" / "images" / "a.jpg")
    (tmp_path / "val" / "images").mkdir(parents=True)
    for entry in ("vol/images", "../vol/images"):
        with pytest.raises(PatchlearnError, match=rf"data\.yaml: val: {entry} does not exist in "):
            listed(tmp_path, train="train/images", val=entry)
    with pytest.raises(PatchlearnError, match="the split 'val' has no image"):
        listed(tmp_path, val="val/images")
    with pytest.raises(PatchlearnError, match="neither a folder nor a list"):
        listed(tmp_path, val="train/images/a.jpg")
    found = listed_images(tmp_path, config(tmp_path, train="train/images", test="../test/images"))
    assert list(found.images) == ["train"]
    assert found.notes == [f"{tmp_path / 'data.yaml'}: no split test, because ../test/images does not exist"]


def test_a_second_split_of_the_same_images_is_left_out(tmp_path: Path) -> None:
    image(tmp_path / "images" / "a.jpg")
    found = listed_images(tmp_path, config(tmp_path, train="images", val="images"))
    assert list(found.images) == ["train"]
    assert found.notes == [f"{tmp_path / 'data.yaml'}: no split val, because it has the images of the split train"]


def test_folders_are_united_in_order_and_other_files_told(tmp_path: Path) -> None:
    for name in ("images/b/2.jpg", "images/a/3.PNG", "images/a/1.jpg"):
        image(tmp_path / name)
    write(tmp_path / "images" / "a" / "x.gif")
    write(tmp_path / "images" / "a" / "x.npy")
    found = listed_images(tmp_path, config(tmp_path, train=["images/b", "images/a"]))
    assert [each.path for each in found.images["train"]] == ["images/b/2.jpg", "images/a/1.jpg", "images/a/3.PNG"]
    assert [each.name for each in found.images["train"]] == ["2.jpg", "1.jpg", "3.PNG"]
    assert found.notes == [f"{tmp_path / 'images/a'}: 1 file is not among the kinds of images that are read: x.gif"]


def test_lists_name_images_from_their_folder_or_the_top(tmp_path: Path) -> None:
    image(tmp_path / "data" / "images" / "a.jpg")
    image(tmp_path / "data" / "images" / "sub" / "b.jpg")
    path = write(tmp_path / "data" / "train.txt", "./images/sub/b.jpg", "", "data/images/a.jpg", "images/c.jpg")
    found = listed_images(tmp_path, config(tmp_path, "data", train="train.txt")).images["train"]
    assert [each.path for each in found] == ["data/images/sub/b.jpg", "data/images/a.jpg", "data/images/c.jpg"]
    assert [each.name for each in found] == ["sub/b.jpg", "a.jpg", "c.jpg"]
    assert found[2].place == f"{path}, line 4"
    write(path, "/home/x/images/a.jpg")
    with pytest.raises(PatchlearnError, match=r"train\.txt, line 1: '/home/x/images/a\.jpg' is outside of"):
        listed(tmp_path, "data", train="train.txt")


def test_without_a_yaml_folders_are_splits(tmp_path: Path) -> None:
    for name in ("images/train/a.jpg", "images/valid/b.jpg", "images/c.jpg", "images/cows/d.jpg", "test/images/e.jpg"):
        image(tmp_path / name)
    (tmp_path / "labels").mkdir()
    found = found_images(tmp_path).images
    assert {split: [each.name for each in images] for split, images in found.items()} == {
        "train": ["c.jpg", "cows/d.jpg", "a.jpg"],
        "val": ["b.jpg"],
    }
    (tmp_path / "test" / "labels").mkdir()
    assert [each.name for each in found_images(tmp_path).images["test"]] == ["e.jpg"]
