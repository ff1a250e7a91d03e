"""What is said of folders that have the layout of no format."""

import shlex
from pathlib import Path

import pytest

from patchlearn.core.errors import PatchlearnError
from patchlearn.data.open import open_data, open_dataset
from patchlearn.data.settings import DataSettings


def said(root: Path, *names: str) -> str:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    with pytest.raises(PatchlearnError) as caught:
        open_dataset("auto", root)
    return str(caught.value).removeprefix(f"{root}: ")


READ = "no image that is read (.jpg, .jpeg, .png, .webp, .bmp, .tif, .tiff), but"
BESIDE = "Put a table beside the images, labels.csv with the columns image,labels"


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ((), "is empty. Check the path of the data set."),
        (("photos.ZIP",), f"{READ} 1 file of other kinds (photos.ZIP). Unpack photos.ZIP."),
        (("a.heic", "b.txt"), f"{READ} 1 file of other kinds (a.heic). Save these images as JPEG or PNG."),
        (("b.txt",), f"{READ} 1 file of other kinds (b.txt). Check the path of the data set."),
        (("a.jpg",), f"no labels were found. {BESIDE}, or sort the images into one sub-folder for each class."),
        (("a.jpg", "tags.csv"), "no labels were found: tags.csv has no column of images. Name the column of the files"),
        (("a.jpg", "tags.xlsx"), "no labels were found: tags.xlsx is not read. Save it as 'CSV UTF-8'."),
        (("a.jpg", "x/tags.json"), f"no labels were found: x/tags.json is of no format that is read. {BESIDE}."),
        (("a.jpg", "README.txt", "classes.txt"), "no labels were found. Put a table"),
        (("masks/a.png",), "no labels were found. Put a table"),
    ],
)
def test_what_lies_there_and_what_to_do(tmp_path: Path, names: tuple[str, ...], words: str) -> None:
    assert said(tmp_path, *names).startswith(words)


def test_a_table_that_lies_elsewhere_moves(tmp_path: Path) -> None:
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta" / "labels.csv").write_text("image,labels\na.jpg,cat\n")
    words = "no labels were found: meta/labels.csv is not looked for there. Move it into the folder of the data."
    assert said(tmp_path, "photos/b.jpg") == words
    (tmp_path / "photos" / "b.jpg").rename(tmp_path / "photos" / "a.jpg")
    (tmp_path / "meta" / "labels.csv").rename(tmp_path / "labels.csv")
    assert open_dataset("auto", tmp_path).classes == ("cat",)


def test_the_folder_below_may_be_meant(tmp_path: Path) -> None:
    below = tmp_path / "photos"
    assert said(tmp_path, "photos/train/cat/1.jpg", "photos/train/dog/1.jpg") == (
        f"no labels were found, but {below} has images in 2 sub-folders, whose names are the labels: cat, dog. Name "
        "this folder."
    )


def test_masks_of_a_run_are_no_data(tmp_path: Path) -> None:
    (tmp_path / "run.json").touch()
    words = "belongs to a run, and holds no labels of images. Name the folder of the images with their labels."
    assert said(tmp_path / "plain" / "pseudo", "train/a.png", "train/sure/a.png") == words
    assert said(tmp_path) == words


@pytest.mark.parametrize("name", ["tags.csv", "more/my tags.csv"])
def test_a_table_that_can_be_read_is_named_with_the_words_that_read_it(tmp_path: Path, name: str) -> None:
    """Neither a column `id` nor a place says surely that a table is one of images; reading it does."""
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("id,tags\na,cat\nb,dog\n", encoding="utf-8")
    (tmp_path / "points.csv").write_text("image,x,y,label\na,0,0,cat\n", encoding="utf-8")
    words = said(tmp_path, "a.jpg", "b.jpg")
    assert words == (
        f"no labels were found, but {name} can be read as a table of images and their labels. If it is that, add "
        f"--format folder --data.labels {shlex.quote(name)}."
    )
    _, format, _, labels = shlex.split(words.removesuffix("."))[-4:]
    assert open_data(DataSettings(format=format, root=str(tmp_path), labels=labels)).classes == ("cat", "dog")


def test_a_table_that_cannot_be_read_is_not_recommended(tmp_path: Path) -> None:
    (tmp_path / "tags.csv").write_text("id,tags\nc,cat\n", encoding="utf-8")
    assert said(tmp_path, "a.jpg").startswith("no labels were found: tags.csv has no column of images.")


def test_a_table_comes_before_folders_in_folders(tmp_path: Path) -> None:
    (tmp_path / "tags.csv").write_text("id,tags\n1/x/a.jpg,cat\n2/y/b.jpg,dog\n", encoding="utf-8")
    assert "--data.labels tags.csv." in said(tmp_path, "1/x/a.jpg", "2/y/b.jpg")
