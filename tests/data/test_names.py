"""Names of masks and maps: one rule for images in subfolders."""

import unicodedata
from pathlib import Path

import pytest
from rich.console import Console

from patchlearn.core.errors import PatchlearnError
from patchlearn.data.images import SUFFIXES
from patchlearn.data.names import (
    NamedFiles,
    files_below,
    image_id,
    left_out,
    named_files,
    not_taken,
    pair_up,
    shortened,
    tell,
)


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
    assert list(files_below(tmp_path, without=[tmp_path / "out"])) == ["b.txt", "a/z.png", "a/deep/y.png"]
    assert list(files_below(tmp_path / "a", without=[tmp_path])) == ["z.png", "deep/y.png"]


def test_linked_folders_are_entered_once_and_a_link_back_is_not(tmp_path: Path) -> None:
    tree(tmp_path / "elsewhere", "a.png")
    tree(tmp_path / "here", "b.png")
    for name in ("first", "second"):
        (tmp_path / "here" / name).symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "back").symlink_to(tmp_path / "here")
    assert list(files_below(tmp_path / "here")) == ["b.png", "first/a.png"]


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
    suffixes = ", ".join(SUFFIXES[:-1]) + " or .tiff"
    assert not_taken("photos", ["a.jxl", "b/c.HEIC", "d.nef", "e.gif", "f.txt"]) == [
        f"photos: 4 files are no {suffixes}, and not read: a.jxl, b/c.HEIC, d.nef and 1 more",
        "photos: 1 file is of no kind that is read: f.txt",
    ]
    assert not_taken("photos", ["g.txt", "f.txt"]) == ["photos: 2 files are of no kind that is read: f.txt, g.txt"]
    assert not_taken("masks", ["a.jpg"], (".png",)) == ["masks: 1 file is no .png, and not read: a.jpg"]
    assert not_taken("masks", ["classes.txt", "sub/step.json"], (".png",)) == []


def test_what_is_left_out_is_counted_and_named() -> None:
    assert left_out([], "unused", "p") == []
    assert left_out([f"{n}.gif" for n in (4, 1, 0, 2, 3)], "unused", Path("p")) == [
        "p: 5 files are unused: 0.gif, 1.gif, 2.gif and 2 more"
    ]


def test_the_first_names_are_listed_in_their_order_and_the_rest_is_counted() -> None:
    assert shortened([]) == ""
    assert shortened(["c", "b", "a"]) == "c, b, a"
    assert shortened([str(number) for number in range(1003)]) == "0, 1, 2 and 1,000 more"


def test_missing_and_empty_folders_are_errors(tmp_path: Path) -> None:
    with pytest.raises(PatchlearnError, match="nowhere: no such folder"):
        named_files(tmp_path / "nowhere", SUFFIXES)
    with pytest.raises(
        PatchlearnError,
        match=r"no file that ends in \.png\. Check .* Instead: 1 file is no \.png, and not read: a\.heic",
    ):
        named_files(tree(tmp_path, "a.heic"), (".png",))


def test_lines_are_printed_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    tell(Console(stderr=True, width=20), ["trip [2024]: 2 files are of no kind"])
    assert capsys.readouterr().err == "trip [2024]: 2 files are of no kind\n"


def test_what_is_too_long_for_a_name_ends_in_a_digest() -> None:
    """Two long names stay apart, both forms of one name stay the same, and steps can add their endings."""
    first, second, other = (image_id(f"{'ä' * 120}/{'b' * 100}{end}.png") for end in ("", "c", "d"))
    assert len({first, second, other}) == 3
    assert all(len(f"{each}.safetensors".encode()) <= 255 for each in (first, second, other))
    composed, decomposed = (f"{unicodedata.normalize(form, 'ä' * 130)}.png" for form in ("NFC", "NFD"))
    assert image_id(composed) == image_id(decomposed)
    assert image_id(f"{'a' * 243}.png") == "a" * 243
