"""Names of masks and maps: one rule for images in subfolders."""

import unicodedata
from pathlib import Path

import pytest
from rich.console import Console

from patchlearn.core.errors import PatchlearnError
from patchlearn.data.images import SUFFIXES
from patchlearn.data.names import NamedFiles, files_below, image_id, left_out, named_files, pair_up, tell


def tree(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def images(tmp_path: Path, *names: str) -> NamedFiles:
    return named_files(tree(tmp_path / "images", *names), SUFFIXES)


def masks(tmp_path: Path, *names: str) -> NamedFiles:
    return named_files(tree(tmp_path / "masks", *names), (".png",))


def test_the_id_of_an_image_joins_its_folders() -> None:
    assert [image_id(name) for name in ("a.jpg", "a/b.c.jpg", "./a//b/c.JPG")] == ["a", "a__b.c", "a__b__c"]


def test_files_of_all_subfolders_are_found_and_hidden_ones_are_not(tmp_path: Path) -> None:
    tree(tmp_path, "b.txt", "a/z.png", "a/deep/y.png", "._b.txt", ".hidden/x.png", "out/a.png")
    assert list(files_below(tmp_path)) == ["b.txt", "a/z.png", "a/deep/y.png", "out/a.png"]
    assert list(files_below(tmp_path, without=tmp_path / "out")) == ["b.txt", "a/z.png", "a/deep/y.png"]
    assert list(files_below(tmp_path / "a", without=tmp_path)) == ["z.png", "deep/y.png"]


def test_linked_folders_are_entered_and_a_link_back_is_not(tmp_path: Path) -> None:
    tree(tmp_path / "elsewhere", "a.png")
    tree(tmp_path / "here", "b.png")
    for name in ("first", "second"):
        (tmp_path / "here" / name).symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "back").symlink_to(tmp_path / "here")
    assert list(files_below(tmp_path / "here")) == ["b.png", "first/a.png", "second/a.png"]


def test_flat_and_nested_masks_have_the_name_of_their_image(tmp_path: Path) -> None:
    pictures = images(tmp_path, "cam0/i.jpg", "cam1/i.JPG", "i.png")
    found = masks(tmp_path, "cam0__i.png", "cam1/i.PNG", "i.png")
    ids, notes = pair_up(found, pictures)
    assert [(found.only(id), pictures.only(id)) for id in ids] == [
        ("cam0__i.png", "cam0/i.jpg"),
        ("cam1/i.PNG", "cam1/i.JPG"),
        ("i.png", "i.png"),
    ]
    assert notes == []


def test_two_files_of_one_name_are_both_named(tmp_path: Path) -> None:
    pictures = images(tmp_path, "a__b.jpg", "a/b.jpg", "c.jpg", "c.png")
    with pytest.raises(PatchlearnError, match=r"a__b\.jpg and a/b\.jpg have the same name 'a__b'\. Keep one"):
        pictures.only("a__b")
    with pytest.raises(PatchlearnError, match=r"c\.jpg and c\.png have the same name 'c'"):
        pictures.only("c")


def test_both_forms_of_an_accent_are_one_name(tmp_path: Path) -> None:
    composed, decomposed = (unicodedata.normalize(form, "é/ü") for form in ("NFC", "NFD"))
    pictures, found = images(tmp_path, f"{decomposed}.jpg"), masks(tmp_path, f"{composed.replace('/', '__')}.png")
    ([id], notes) = pair_up(found, pictures)
    assert (pictures.only(id), notes) == (f"{decomposed}.jpg", [])
    assert pictures.only(unicodedata.normalize("NFD", id)) == f"{decomposed}.jpg"


def test_a_missing_image_that_lies_in_a_subfolder_is_shown(tmp_path: Path) -> None:
    pictures = images(tmp_path, "photos/a.jpg", "photos/b.jpg", "more/b.jpg")
    with pytest.raises(PatchlearnError) as error:
        pictures.only("a")
    assert str(error.value) == (
        f"{tmp_path}/images: no file named 'a', but photos/a.jpg, which is named 'photos__a'. Name both alike, or "
        f"choose the folder {tmp_path}/images/photos."
    )
    with pytest.raises(PatchlearnError, match=r"no file named 'b', but more/b\.jpg, .* Name both alike\."):
        pictures.only("b")
    with pytest.raises(PatchlearnError, match=r"no file named 'c'\. Add it\."):
        pictures.only("c")


def test_a_subfolder_that_holds_something_else_is_left_out(tmp_path: Path) -> None:
    """A run writes `sure/` beside its pseudo masks."""
    pictures = images(tmp_path, "a.jpg", "cam/b.jpg", "cam/c.jpg")
    ids, notes = pair_up(masks(tmp_path, "a.png", "sure/a.png", "cam/b.png", "cam/d.png"), pictures)
    assert ids == ["a", "cam__b", "cam__d"]
    assert notes == [
        f"{tmp_path}/masks: not read: 1 file in subfolders, of which no file has an image (sure/a.png).",
        f"{tmp_path}/images: not used: 1 of 3 images, which no mask or map belongs to (cam/c.jpg).",
    ]


def test_masks_of_which_none_has_an_image_are_all_tried(tmp_path: Path) -> None:
    ids, notes = pair_up(masks(tmp_path, "x/a.png", "y/b.png"), images(tmp_path, "a.jpg"))
    assert ids == ["x__a", "y__b"]
    assert all("subfolders" not in note for note in notes)


def test_what_is_not_read_is_counted_and_images_are_named() -> None:
    suffixes = ", ".join(SUFFIXES)
    assert left_out("photos", ["a.jxl", "b/c.HEIC", "d.nef", "e.gif", "f.txt"]) == [
        f"photos: not read: 4 images of other formats (a.jxl, b/c.HEIC, d.nef, …) and 1 other file. Read: {suffixes}."
    ]
    assert left_out("photos", ["f.txt", "g.txt"]) == ["photos: not read: 2 other files."]
    assert left_out("masks", ["a.jpg"], (".png",)) == ["masks: not read: 1 image of other formats (a.jpg). Read: .png."]
    assert left_out("masks", ["classes.txt", "sub/step.json"], (".png",)) == []


def test_missing_and_empty_folders_are_errors(tmp_path: Path) -> None:
    with pytest.raises(PatchlearnError, match="nowhere: no such folder"):
        named_files(tmp_path / "nowhere", SUFFIXES)
    with pytest.raises(PatchlearnError, match=r"no file that ends in \.png\. Check .* It: not read: 1 image .*a\.heic"):
        named_files(tree(tmp_path, "a.heic"), (".png",))


def test_lines_are_printed_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    tell(Console(stderr=True, width=20), ["trip [2024]: not read: 2 other files."])
    assert capsys.readouterr().err == "trip [2024]: not read: 2 other files.\n"
