"""Every problem of a submission is named once."""

import tarfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from submissions import FOLDER, NAMES, SECOND, SIZE, Files, good_files, mask_of, pack, png

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.masks_io import encode_mask
from patchlearn.export.voc_server.check import check_submission
from patchlearn.export.voc_server.layout import TEST_IMAGES


def test_an_archive_that_tar_made_and_folders_pass(images: Path, tmp_path: Path) -> None:
    for name, content in good_files().items():
        path = tmp_path / "made" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    assert check_submission(tmp_path / "made", NAMES, images) == []
    assert check_submission(tmp_path / "made" / "results", NAMES, images) == []
    for prefix in ("results", "./results"):
        with tarfile.open(tmp_path / "made.tgz", "w:gz") as archive:
            archive.add(tmp_path / "made" / "results", prefix)
        assert check_submission(tmp_path / "made.tgz", NAMES, images) == []


def renamed(old: str, new: str) -> Callable[[Files], None]:
    def rename(files: Files) -> None:
        files[new] = files.pop(old)

    return rename


def replaced(content: bytes) -> Callable[[Files], None]:
    return lambda files: files.update({f"{FOLDER}/{NAMES[1]}.png": content})


@pytest.mark.parametrize(
    ("change", "complaints"),
    [
        (lambda files: files.pop(SECOND), [f"{SECOND}: missing"]),
        (renamed(SECOND, f"{FOLDER}/2008_1.png"), ["2008_1.png: not the mask of an image", f"{SECOND}: missing"]),
        (renamed(SECOND, f"{FOLDER}/{NAMES[1]}.jpg"), [".jpg: not the mask of an image", f"{SECOND}: missing"]),
        (renamed(SECOND, f"comp6_test_cls/{NAMES[1]}.png"), ["wrong folder", f"{SECOND}: missing"]),
        (renamed(SECOND, SECOND.replace("2012", "2010")), ["wrong folder", f"{SECOND}: missing"]),
        (lambda files: files.update({f"{FOLDER}/._{NAMES[1]}.png": b""}), ["._2008_000011.png: not the mask"]),
        (renamed(SECOND, f"../{SECOND}"), ["outside of the folder", f"{SECOND}: missing"]),
        (renamed(SECOND, f"/{SECOND}"), ["outside of the folder", f"{SECOND}: missing"]),
        (renamed(SECOND, "\x1b[31m.png"), [r"'\x1b[31m.png': wrong folder", f"{SECOND}: missing"]),
        (lambda files: files.clear(), [f"{FOLDER}: no masks"]),
        (replaced(b""), [f"{SECOND}: not a PNG"]),
        (replaced(b"GIF89a" * 9), [f"{SECOND}: not a PNG"]),
        (replaced(png(np.zeros(SIZE), "RGB")), ["holds colours instead of indices"]),
        (replaced(png(np.zeros(SIZE), "RGBA")), ["holds colours and transparency instead of indices"]),
        (replaced(png(np.zeros(SIZE), "L")), ["holds grey values instead of indices"]),
        (replaced(png(np.zeros(SIZE), colours=16)), ["indices of 4 bits"]),
        (replaced(png(np.full(SIZE, 255))), ["24 pixels are undecided (255)"]),
        (replaced(png(np.full(SIZE, 21))), ["holds the value 21, but VOC's classes are 1 to 20"]),
        (replaced(png(np.zeros((4, 6)))), ["6×4 pixels, but 2008_000011.jpg has 4×6"]),
        (replaced(png(np.full((4, 6), 255))), ["24 pixels are undecided (255)", "6×4 pixels, but"]),
        (replaced(encode_mask(mask_of(NAMES[1], 3))[:-20]), [f"{SECOND}: damaged image"]),
        (replaced(encode_mask(mask_of(NAMES[1], 3)).replace(b"IDAT", b"IDAX")), [f"{SECOND}: damaged image"]),
        (replaced(bytes(2**24 + 1)), [f"{SECOND}: larger than 16 MiB"]),
    ],
)
def test_every_fault_is_named_once(
    images: Path, tmp_path: Path, change: Callable[[Files], None], complaints: list[str]
) -> None:
    files = good_files()
    change(files)
    problems = check_submission(pack(tmp_path / "a.tgz", files), NAMES, images)
    assert len(problems) == len(complaints), problems
    for problem, complaint in zip(problems, complaints):
        assert complaint in problem


def test_a_mask_that_occurs_twice_is_named(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tgz", "w:gz") as archive:
        for name, content in [*good_files().items(), (SECOND, b"")]:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, BytesIO(content))
    assert check_submission(tmp_path / "a.tgz", NAMES) == [f"{SECOND}: occurs twice. Keep one."]


def test_without_a_list_the_masks_are_counted(tmp_path: Path) -> None:
    (problem,) = check_submission(pack(tmp_path / "a.tgz", good_files()))
    assert f"{FOLDER}: 3 masks, but VOC 2012 has {TEST_IMAGES} test images" in problem
    one = encode_mask(np.zeros((2, 2), np.uint8))
    many = {f"{FOLDER}/{index}.png": one for index in range(TEST_IMAGES)}
    assert check_submission(pack(tmp_path / "b.tgz", many)) == []


def test_both_competitions_may_be_sent_and_each_is_complete(tmp_path: Path) -> None:
    files = good_files()
    files |= {name.replace("comp6", "comp5"): content for name, content in files.items()}
    assert check_submission(pack(tmp_path / "a.tgz", files), NAMES) == []
    files.pop(SECOND.replace("comp6", "comp5"))
    (problem,) = check_submission(pack(tmp_path / "a.tgz", files), NAMES)
    assert problem.startswith(f"{SECOND.replace('comp6', 'comp5')}: missing")


def test_a_missing_image_is_named(images: Path, tmp_path: Path) -> None:
    (images / f"{NAMES[1]}.jpg").unlink()
    (problem,) = check_submission(pack(tmp_path / "a.tgz", good_files()), NAMES, images)
    assert f"{NAMES[1]}.jpg: no such file" in problem


@pytest.mark.parametrize("given", [True, False])
def test_files_and_folders_that_are_missing_are_named(tmp_path: Path, given: bool) -> None:
    submission, images = tmp_path / "none.tgz", tmp_path / "images"
    if given:
        pack(submission, good_files())
    with pytest.raises(PatchlearnError, match=f"{'images' if given else 'none.tgz'}: no such file or folder"):
        check_submission(submission, NAMES, images)
