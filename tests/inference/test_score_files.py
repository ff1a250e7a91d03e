"""Probabilities as files."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from patchlearn.core.errors import PatchlearnError
from patchlearn.inference.score_files import check_score_files, file_names, read_probabilities, write_score_files

CLASSES = ("cat", "big/dog ü")
MAPS = np.array([[[0.5, 0.0, 0.25]], [[0.25, 1.0, 0.25]], [[0.25, 0.0, 0.5]]], np.float32)


def write(folder: Path, format: str, image_id: str = "a__b") -> None:
    write_score_files(folder, image_id, MAPS, CLASSES, (4, 12), format)


def test_an_archive_is_read_back(tmp_path: Path) -> None:
    write(tmp_path, "npz")
    with np.load(tmp_path / "a__b.npz", allow_pickle=False) as file:
        assert file["probabilities"].dtype == np.float16
        assert file["size"].tolist() == [4, 12]
    maps, names, size = read_probabilities(tmp_path / "a__b.npz")
    assert (names, size) == (("background", *CLASSES), (4, 12))
    np.testing.assert_array_equal(maps, MAPS)


def test_images_have_a_grey_for_each_probability(tmp_path: Path) -> None:
    write(tmp_path, "png")
    assert {path.name for path in tmp_path.iterdir()} == {
        "a__b__background.png", "a__b__cat.png", "a__b__big_dog_ü.png",
    }  # fmt: skip
    with Image.open(tmp_path / "a__b__cat.png") as image:
        assert image.mode == "L"
        assert np.asarray(image).tolist() == [[64, 255, 64]]


def test_files_of_before_are_replaced_and_others_are_not(tmp_path: Path) -> None:
    for format, name in (("npz", "a__b.npz"), ("png", "a__b__cat.png")):
        write(tmp_path, format)
        write(tmp_path, format)
        np.savez(tmp_path / "a__b.npz", scores=MAPS)
        Image.new("L", (3, 3)).save(tmp_path / "a__b__cat.png")
        before = (tmp_path / name).read_bytes()
        with pytest.raises(PatchlearnError, match="is there, and not a file of scores"):
            write(tmp_path, format)
        assert (tmp_path / name).read_bytes() == before
        for path in tmp_path.iterdir():
            path.unlink()


@pytest.mark.parametrize("content", [b"", b"PK", b"\x93NUMPY"])
def test_what_is_no_archive_is_neither_replaced_nor_read(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a__b.npz").write_bytes(content)
    with pytest.raises(PatchlearnError, match="is there, and not a file of scores"):
        write(tmp_path, "npz")
    with pytest.raises(PatchlearnError, match=r"a__b\.npz: no probabilities"):
        read_probabilities(tmp_path / "a__b.npz")


def test_a_single_array_is_no_archive(tmp_path: Path) -> None:
    with (tmp_path / "a__b.npz").open("wb") as file:
        np.save(file, MAPS)
    with pytest.raises(PatchlearnError, match="is there, and not a file of scores"):
        write(tmp_path, "npz")
    with pytest.raises(PatchlearnError, match="no probabilities"):
        read_probabilities(tmp_path / "a__b.npz")
    with pytest.raises(PatchlearnError, match=r"none\.npz: no such file"):
        read_probabilities(tmp_path / "none.npz")


@pytest.mark.parametrize(
    ("classes", "complaint"),
    [
        (("a/b", "a b"), "the classes 'a/b' and 'a b' have one name"),
        (("Cat", "cat"), "the classes 'Cat' and 'cat' have one name"),
        (("background ", "Background"), "have one name"),
        (("_x", "x"), "have one name"),
        (("cat", "//"), "'//' cannot be part of a file's name"),
    ],
)
def test_classes_without_a_name_of_their_own_are_refused(
    classes: tuple[str, ...], complaint: str, tmp_path: Path
) -> None:
    with pytest.raises(PatchlearnError, match=complaint):
        check_score_files(tmp_path, "png", classes)
    check_score_files(tmp_path, "npz", classes)


def test_no_name_leads_out_of_the_folder_or_can_be_read_in_two_ways() -> None:
    assert file_names(["../../etc", "a__b", "C:\\x", "ä.b-c"]) == ["background", ".._.._etc", "a_b", "C_x", "ä.b-c"]


def test_other_formats_and_a_file_in_place_of_the_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PatchlearnError, match="scores format: 'npy' is not an option"):
        check_score_files(tmp_path, "npy", CLASSES)
    (tmp_path / "a").touch()
    with pytest.raises(PatchlearnError, match="a: is a file"):
        check_score_files(tmp_path / "a", "npz", CLASSES)


def test_a_name_that_becomes_too_long_is_one_sentence(tmp_path: Path) -> None:
    write(tmp_path, "npz", "a" * 243)
    with pytest.raises(PatchlearnError, match="a file's name at most 255"):
        write(tmp_path, "png", "a" * 243)


def test_what_unpacks_to_more_than_the_limit_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "npz")
    monkeypatch.setenv("PATCHLEARN_MAX_NPZ_BYTES", "100")
    with pytest.raises(PatchlearnError, match=r"a__b\.npz: unpacks to"):
        read_probabilities(tmp_path / "a__b.npz")
