"""VOC 2012 with the list train_aug: found, derived, and written as links."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.masks_io import write_mask
from patchlearn.data.images import read_mask
from patchlearn.data.open import open_dataset
from patchlearn.data.prepare import voc12
from patchlearn.data.prepare.parts import is_complete

TRAIN, VAL, ADDED, OTHER = ["2007_1"], ["2007_2"], ["2008_3", "2008_4"], ["2009_5"]
AUG = sorted([*TRAIN, *ADDED])


@pytest.fixture(autouse=True)
def few_images(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = {"JPEGImages": (".jpg", 5), "Annotations": (".xml", 5), "SegmentationClass": (".png", 2)}
    monkeypatch.setattr(voc12, "COUNTS", counts)
    monkeypatch.setattr(voc12, "LISTS", {"train": 1, "val": 1})
    monkeypatch.setattr(voc12, "TRAIN_AUG", 3)
    monkeypatch.setattr(voc12, "MASKS_AUG", 4)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    voc = tmp_path / "downloads" / "VOCdevkit" / "VOC2012"
    for name in ("JPEGImages", "Annotations", "SegmentationClass", "ImageSets/Segmentation"):
        (voc / name).mkdir(parents=True)
    for name in [*AUG, *VAL, *OTHER]:
        Image.new("RGB", (4, 4)).save(voc / "JPEGImages" / f"{name}.jpg")
        text = "<annotation><object><name>dog</name></object></annotation>"
        (voc / "Annotations" / f"{name}.xml").write_text(text)
    for name in [*TRAIN, *VAL]:
        write_mask(voc / "SegmentationClass" / f"{name}.png", np.full((4, 4), 12, np.uint8))
    for name, images in (("train", TRAIN), ("val", VAL)):
        (voc / "ImageSets/Segmentation" / f"{name}.txt").write_text("\n".join(images))
    return tmp_path / "downloads"


def voc(root: Path) -> Path:
    return root / "VOCdevkit" / "VOC2012"


def write_aug_masks(folder: Path) -> None:
    folder.mkdir()
    for name in [*AUG, *VAL]:
        Image.fromarray(np.full((4, 4), 3, np.uint8)).save(folder / f"{name}.png")


def everything(root: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(path.relative_to(root)): (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
        for path in root.rglob("*")
    }


def test_an_empty_folder_lacks_everything_and_the_owners_address_is_named(tmp_path: Path) -> None:
    parts = voc12.look(tmp_path)
    assert [part.is_there for part in parts] == [False] * 3
    assert [part.found for part in parts] == ["nothing"] * 3
    assert "host.robots.ox.ac.uk" in parts[0].source
    assert voc12.ARCHIVE_MD5 in parts[0].source


def test_the_archive_is_checked_before_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / voc12.ARCHIVE).write_bytes(b"half")
    assert "damaged (md5 " in voc12.look(tmp_path)[0].found
    monkeypatch.setattr(voc12, "ARCHIVE_MD5", hashlib.md5(b"half", usedforsecurity=False).hexdigest())
    assert voc12.look(tmp_path)[0].found == f"{voc12.ARCHIVE}, whole, not unpacked"


@pytest.mark.parametrize("lacking", ["JPEGImages/2007_1.jpg", "Annotations/2008_3.xml", "SegmentationClass/2007_2.png"])
def test_a_file_that_is_missing_is_counted(lacking: str, root: Path) -> None:
    assert voc12.look(root)[0].is_there
    (voc(root) / lacking).unlink()
    assert not voc12.look(root)[0].is_there


@pytest.mark.parametrize("start", ["", "VOCdevkit", "VOCdevkit/VOC2012"])
def test_the_folder_and_those_above_it_are_understood(start: str, root: Path) -> None:
    assert voc12.look(root / start)[0].is_there


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("train_aug.txt", "\n".join(AUG)),
        ("trainaug.txt", "\n".join(f"/JPEGImages/{name}.jpg /SegmentationClassAug/{name}.png" for name in AUG)),
        ("VOCdevkit/VOC2012/ImageSets/Segmentation/train_aug.txt", "\n".join([*AUG, *VAL])),  # val is left out
    ],
)
def test_the_list_is_found_in_its_usual_forms(name: str, text: str, root: Path) -> None:
    (root / name).write_text(text)
    listed = voc12.look(root)[1]
    assert listed.is_there
    assert listed.found == f"3 images ({name})"


def test_the_list_follows_from_those_of_sbd(root: Path) -> None:
    (root / "benchmark_RELEASE" / "dataset").mkdir(parents=True)
    for name, images in (("train", ADDED[:1]), ("val", [*ADDED[1:], *VAL])):
        (root / "benchmark_RELEASE" / "dataset" / f"{name}.txt").write_text("\n".join(images))
    assert voc12.look(root)[1].found == "3 images (SBD's lists in benchmark_RELEASE/dataset)"
    assert is_complete(voc12.look(root))


def test_the_list_follows_from_the_names_of_the_masks(root: Path) -> None:
    write_aug_masks(voc(root) / "SegmentationClassAug")
    _, listed, masks = voc12.look(root)
    assert listed.found == "3 images (names of the masks in VOCdevkit/VOC2012/SegmentationClassAug)"
    assert masks.is_there


def test_a_whole_source_goes_before_one_that_is_not(root: Path) -> None:
    (root / "train_aug.txt").write_text("\n".join(AUG[:2]))
    assert voc12.look(root)[1].found == "2 images (train_aug.txt)"
    assert not is_complete(voc12.look(root))
    (root / "trainaug.txt").write_text("\n".join(AUG))
    assert voc12.look(root)[1].found == "3 images (trainaug.txt)"


def test_what_is_written_is_read_and_the_owners_files_stay_as_they_are(root: Path, tmp_path: Path) -> None:
    (root / "train_aug.txt").write_text("\n".join(AUG))
    before, out = everything(root), tmp_path / "out"
    for _ in range(2):
        voc12.convert(root, out)
    assert everything(root) == before
    dataset = open_dataset("voc", out)
    assert {name: [each.id for each in split] for name, split in dataset.splits.items()} == {
        "train": TRAIN,
        "train_aug": AUG,
        "val": VAL,
    }
    assert [dataset.classes[label] for label in dataset.split("train_aug")[1].labels] == ["dog"]
    assert [sample.mask is not None for sample in dataset.split("train_aug")] == [True, False, False]
    assert voc12.command(out) == f"patchlearn run {out} --recipe voc12-ppl"


def test_vocs_own_masks_go_before_those_of_sbd(root: Path, tmp_path: Path) -> None:
    write_aug_masks(root / "SegmentationClassAug")
    voc12.convert(root, tmp_path / "out")
    dataset = open_dataset("voc", tmp_path / "out")
    masks = [read_mask(dataset, sample) for sample in dataset.split("train_aug")]
    assert [int(mask[0, 0]) for mask in masks] == [12, 3, 3]


def test_nothing_is_written_among_the_owners_files_or_over_others(root: Path, tmp_path: Path) -> None:
    (root / "train_aug.txt").write_text("\n".join(AUG))
    with pytest.raises(PatchlearnError, match="lies among the files of"):
        voc12.convert(root, root / "out")
    (tmp_path / "out" / "JPEGImages").mkdir(parents=True)
    with pytest.raises(PatchlearnError, match=r"JPEGImages: is there already, and is no link to .* Name another --out"):
        voc12.convert(root, tmp_path / "out")
