from pathlib import Path

import pytest
from PIL import Image

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import Dataset
from patchlearn.data.formats import class_folders
from patchlearn.data.open import open_dataset
from patchlearn.data.settings import DataSettings


def photos(root: Path, *names: str) -> Path:
    for index, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (9, 9), (index * 20, 0, 0)).save(root / name)
    return root


def tags(data: Dataset, split: str = "train") -> dict[str, list[str]]:
    return {sample.id: [data.classes[label] for label in sample.labels] for sample in data.split(split)}


def test_a_folder_is_a_class(tmp_path: Path) -> None:
    root = photos(tmp_path, "cat/1.jpg", "cat/2.jpg", "red car/1.jpg")
    data = open_dataset("auto", root)
    assert data.classes == ("cat", "red car")
    assert tags(data) == {"cat__1": ["cat"], "cat__2": ["cat"], "red car__1": ["red car"]}
    assert "images in 2 sub-folders, whose names are the labels: cat, red car (format class-folders)" in data.notes[0]


@pytest.mark.parametrize("prefix", ["", "images/"])
def test_the_folders_above_may_be_splits(tmp_path: Path, prefix: str) -> None:
    root = photos(tmp_path, f"{prefix}train/cat/1.jpg", f"{prefix}valid/cat/1.jpg", f"{prefix}train/dog/1.jpg")
    data = open_dataset("auto", root)
    assert list(data.splits) == ["train", "val"]
    assert tags(data) == {"train__cat__1": ["cat"], "train__dog__1": ["dog"]}
    assert tags(data, "val") == {"valid__cat__1": ["cat"]}


def test_good_is_no_class_unless_it_is_said_to_be_one(tmp_path: Path) -> None:
    root = photos(tmp_path, "good/000.png", "scratch/000.png", "Normal/1.png")
    data = open_dataset("auto", root)
    assert data.classes == ("scratch",)
    assert tags(data) == {"Normal__1": [], "good__000": [], "scratch__000": ["scratch"]}
    assert [note.partition(": ")[2] for note in data.notes[1:]] == [
        f"1 image in {name!r}, taken as without any class. If {name!r} is a class, add --data.negatives []"
        for name in ("Normal", "good")
    ]
    settings = DataSettings(root=str(root), negatives=())
    assert class_folders.read(root, settings, None).classes == ("Normal", "good", "scratch")


def test_equal_content_in_two_folders_is_one_image_with_two_labels(tmp_path: Path) -> None:
    root = photos(tmp_path, "cat/1.png", "dog/2.png")
    (root / "dog" / "copy.png").write_bytes((root / "cat" / "1.png").read_bytes())
    (root / "bird").mkdir()
    (root / "bird" / "link.png").symlink_to(root / "dog" / "2.png")
    data = open_dataset("auto", root)
    assert tags(data) == {"bird__link": ["bird", "dog"], "cat__1": ["cat", "dog"]}
    assert "2 files are the same image as in another folder" in data.notes[-1]


def test_copies_in_one_folder_stay_two_images(tmp_path: Path) -> None:
    root = photos(tmp_path, "cat/1.png", "dog/1.png")
    (root / "cat" / "2.png").write_bytes((root / "cat" / "1.png").read_bytes())
    assert len(open_dataset("auto", root).split("train")) == 3


def test_copies_in_train_and_val_stay_two_images(tmp_path: Path) -> None:
    root = photos(tmp_path, "train/cat/1.png", "train/dog/1.png")
    (root / "val" / "cat").mkdir(parents=True)
    (root / "val" / "cat" / "1.png").write_bytes((root / "train" / "cat" / "1.png").read_bytes())
    assert len(open_dataset("auto", root).split("val")) == 1


def test_loose_images_and_masks(tmp_path: Path) -> None:
    names = ("cat/1.png", "dog/1.png", "loose.png", "a/b/c.png", "masks/cat__1.png", "masks/bird.png")
    root = photos(tmp_path, *names, "ground_truth/dog/1.png")
    data = open_dataset("auto", root)
    assert data.split("train")[0].mask == root / "masks" / "cat__1.png"
    assert [note.partition(": ")[2] for note in data.notes[1:]] == [
        "2 files are in no folder of a class, and not used (classes.txt says which of several folders is the class): "
        "a/b/c.png, loose.png",
        "1 file is masks of no image that has labels: bird.png",
        "1 file is not used; masks lie in masks/: dog/1.png",
    ]


@pytest.mark.parametrize("prefix", ["", "images/", "train/"])
def test_a_list_says_which_of_several_folders_is_the_class(tmp_path: Path, prefix: str) -> None:
    root = photos(tmp_path, f"{prefix}cat/black/1.jpg", f"{prefix}2023/Dog/2.jpg", f"{prefix}good/a/3.jpg")
    (root / "classes.txt").write_text("cat\nDog\n")
    data = open_dataset("auto", root)
    assert data.classes == ("cat", "Dog")
    assert sorted(tags(data).values()) == [[], ["Dog"], ["cat"]]


def test_a_table_that_is_named_is_not_passed_over_in_silence(tmp_path: Path) -> None:
    root = photos(tmp_path, "cat/1.jpg", "dog/1.jpg")
    with pytest.raises(
        PatchlearnError, match=r"data\.labels: 'a\.csv' is not read, because the folders say the labels"
    ):
        class_folders.read(root, DataSettings(root=str(root), labels="a.csv"), None)


def test_folders_inside_of_folders_are_not_guessed(tmp_path: Path) -> None:
    root = photos(tmp_path, "cat/black/1.jpg", "dog/black/2.jpg", "dog/white/3.jpg")
    with pytest.raises(
        PatchlearnError, match=r"List the classes in .*classes\.txt, one a line: cat, dog or black, whi"
    ):
        open_dataset("auto", root)
    (root / "classes.txt").write_text("black\nwhite\n")
    assert sorted(tags(open_dataset("auto", root)).values()) == [["black"], ["black"], ["white"]]


def test_one_folder_alone_is_no_class(tmp_path: Path) -> None:
    root = photos(tmp_path, "2024/1.png", "2024/2.png")
    assert class_folders.recognise(root) is None
    assert open_dataset("class-folders", root).classes == ("2024",)


def test_a_link_to_nowhere_is_named(tmp_path: Path) -> None:
    root = photos(tmp_path, "cat/1.png", "dog/2.png")
    (root / "dog" / "3.png").symlink_to(root / "elsewhere.png")
    with pytest.raises(PatchlearnError, match=r"3\.png is a link to a file that does not exist\. Restore the file"):
        open_dataset("auto", root)


def test_images_without_folders_are_no_classes(tmp_path: Path) -> None:
    photos(tmp_path, "1.png")
    assert class_folders.recognise(tmp_path) is None
    with pytest.raises(PatchlearnError, match="no sub-folder with images"):
        open_dataset("class-folders", tmp_path)
    with pytest.raises(PatchlearnError, match=r"no labels were found.*labels\.csv with the columns image,labels"):
        open_dataset("auto", tmp_path)
