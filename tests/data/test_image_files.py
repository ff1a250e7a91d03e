from pathlib import Path

import pytest

from patchlearn.core.errors import PatchlearnError
from patchlearn.data.image_files import ImageFiles, masks_by_id


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in (
        "images/a.jpg",
        "images/cam 0/b.PNG",
        "images/cam 0/c.d.tif",
        "images/e\u0301.jpg",
        "images/notes.txt",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "images" / ".hidden.jpg").touch()
    return tmp_path


def test_files_are_listed_once_and_sorted(root: Path) -> None:
    files = ImageFiles(root)
    assert files.names == ["a.jpg", "e\u0301.jpg", "cam 0/b.PNG", "cam 0/c.d.tif"]
    assert files.others == ["notes.txt"]


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("a.jpg", "a.jpg"),
        ("a", "a.jpg"),
        ("A.JPG", "a.jpg"),
        ("a.jpeg", "a.jpg"),
        ("images/a.jpg", "a.jpg"),
        ("./images/a", "a.jpg"),
        ("cam 0/b.png", "cam 0/b.PNG"),
        ("cam 0\\b", "cam 0/b.PNG"),
        ("cam 0/c.d", "cam 0/c.d.tif"),
        ("\u00e9.jpg", "e\u0301.jpg"),
        ("missing.jpg", "missing.jpg"),
    ],
)
def test_an_image_is_found_by_what_people_write(root: Path, words: str, name: str) -> None:
    assert ImageFiles(root).find(words, "line 2") == name


def test_absolute_paths_inside_of_the_root_are_found(root: Path) -> None:
    assert ImageFiles(root).find(str(root / "images" / "a.jpg"), "line 2") == "a.jpg"
    for words in ("/etc/passwd", "../labels.csv", "images/../../x.jpg", str(root / "images" / ".." / ".." / "x.jpg")):
        with pytest.raises(PatchlearnError, match=r"line 2: .* is outside of"):
            ImageFiles(root).find(words, "line 2")


def test_a_name_that_may_be_two_images_is_asked_about(root: Path) -> None:
    (root / "images" / "a.png").touch()
    with pytest.raises(PatchlearnError, match=r"'a' may be a\.jpg or a\.png"):
        ImageFiles(root).find("a", "line 2")
    assert ImageFiles(root).find("a.jpg", "line 2") == "a.jpg"


@pytest.mark.parametrize("words", ["b.png", "B", "c.d", "c.d.jpg"])
def test_a_name_without_its_folder_is_found_where_that_is_wanted(root: Path, words: str) -> None:
    files = ImageFiles(root)
    assert files.find(words, "line 2", anywhere=True).startswith("cam 0/")
    assert files.find(words, "line 2") == words
    assert files.find(f"cam 1/{words}", "line 2", anywhere=True) == f"cam 1/{words}"
    for folder in ("cam 1", "cam 2", "cam 3"):
        (root / "images" / folder).mkdir()
        (root / "images" / folder / "b.jpg").touch()
    with pytest.raises(PatchlearnError, match=r"'b' may be cam 0/b\.PNG or cam 1/b\.jpg or cam 2/b\.jpg or …\. Write"):
        ImageFiles(root).find("b", "line 2", anywhere=True)


def test_an_address_is_no_path(root: Path) -> None:
    with pytest.raises(PatchlearnError, match=r"line 2: 'https://x\.org/a\.jpg' is an address\. Download the image"):
        ImageFiles(root).find("https://x.org/a.jpg", "line 2")


def test_without_a_folder_of_images_the_root_holds_them_beside_the_masks(tmp_path: Path) -> None:
    for name in ("a.jpg", "masks/a.png", "deep/masks/b.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert ImageFiles(tmp_path).names == ["a.jpg", "deep/masks/b.jpg"]


def test_linked_folders_are_entered_once(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other")
    (other / "z.jpg").touch()
    (root / "images" / "linked").symlink_to(other)
    (root / "images" / "cam 0" / "back").symlink_to(root / "images")
    assert ImageFiles(root).names == ["a.jpg", "e\u0301.jpg", "cam 0/b.PNG", "cam 0/c.d.tif", "linked/z.jpg"]


def test_masks_lie_flat_or_as_the_images_do(tmp_path: Path) -> None:
    assert masks_by_id(tmp_path / "none") == {}
    for name in ("a/b.png", "a__b.png", "c/d.PNG"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert masks_by_id(tmp_path) == {"a__b": tmp_path / "a__b.png", "c__d": tmp_path / "c/d.PNG"}
