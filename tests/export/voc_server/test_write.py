"""What is written is what the server accepts."""

import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from submissions import ANIMALS, FOLDER, NAMES, mask_of, png

from patchlearn.core.errors import PatchlearnError
from patchlearn.data.formats.voc import VOC_CLASSES
from patchlearn.export.voc_server.check import check_submission
from patchlearn.export.voc_server.write import voc_values, write_submission


def test_every_class_is_mapped_by_its_name() -> None:
    assert voc_values(VOC_CLASSES)[:21].tolist() == list(range(21))
    values = voc_values(ANIMALS)
    assert values[:7].tolist() == [0, 8, 10, 12, 13, 15, 17]
    assert set(values[7:]) == {-1}
    with pytest.raises(PatchlearnError, match="did you mean 'sheep'"):
        voc_values(["sheeps"])


def test_what_is_written_is_what_the_server_takes(masks: Path, images: Path, tmp_path: Path) -> None:
    out = tmp_path / "results.tgz"
    write_submission(masks, NAMES, out, ANIMALS, images=images)
    assert check_submission(out, NAMES, images) == []
    with tarfile.open(out, "r:gz") as archive:
        assert archive.getnames() == [f"{FOLDER}/{name}.png" for name in NAMES]
        for name, value in zip(NAMES, (0, 15, 10)):
            with Image.open(archive.extractfile(f"{FOLDER}/{name}.png")) as image:  # type: ignore[arg-type]
                assert image.mode == "P"
                assert image.getpalette()[45:48] == [192, 128, 128]  # type: ignore[index]
                np.testing.assert_array_equal(np.asarray(image), mask_of(name, value))


def test_the_same_masks_give_the_same_bytes_wherever_they_are_written(masks: Path, tmp_path: Path) -> None:
    outs = [tmp_path / "a.tgz", tmp_path / "b.tar.gz"]
    for out in outs:
        write_submission(masks, NAMES, out, ANIMALS)
    assert outs[0].read_bytes() == outs[1].read_bytes()
    assert outs[0].read_bytes()[4:8] == bytes(4)  # gzip's time


def test_competition_5_has_a_folder_of_its_own(masks: Path, tmp_path: Path) -> None:
    write_submission(masks, NAMES, tmp_path / "a.tgz", ANIMALS, competition="comp5")
    with tarfile.open(tmp_path / "a.tgz") as archive:
        assert archive.getnames()[0] == f"results/VOC2012/Segmentation/comp5_test_cls/{NAMES[0]}.png"
    assert check_submission(tmp_path / "a.tgz", NAMES) == []
    with pytest.raises(PatchlearnError, match="competition: 'comp7' is not an option"):
        write_submission(masks, NAMES, tmp_path / "b.tgz", ANIMALS, competition="comp7")


@pytest.mark.parametrize(
    ("names", "out", "complaint"),
    [
        (NAMES, "results.zip", r"accepts only \.tgz or \.tar\.gz"),
        (NAMES, "results.tar", r"accepts only \.tgz or \.tar\.gz"),
        ([], "results.tgz", "contains no image"),
        (["../masks/2008_000006"], "results.tgz", "is a path or occurs twice"),
        ([NAMES[0], NAMES[0]], "results.tgz", "is a path or occurs twice"),
    ],
)
def test_a_wrong_plan_is_explained(masks: Path, tmp_path: Path, names: list[str], out: str, complaint: str) -> None:
    with pytest.raises(PatchlearnError, match=complaint):
        write_submission(masks, names, tmp_path / out, ANIMALS)
    assert not list(tmp_path.glob("*results*"))


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (png(np.array([[0, 255, 255]] * 4)), r"2008_000011\.png: 8 pixels are undecided \(255\)"),
        (png(np.full((6, 4), 7)), r"holds the value 7, but there are 6 classes"),
        (png(np.zeros((4, 6))), r"6×4 pixels, but 2008_000011\.jpg has 4×6 \(width × height\)"),
        (png(np.zeros((6, 4)), "RGB"), "has the mode RGB. Save it as a palette or 8-bit grey PNG"),
        (b"", "not an image"),
    ],
)
def test_masks_that_cannot_be_sent_are_named_and_nothing_is_written(
    masks: Path, images: Path, tmp_path: Path, content: bytes, complaint: str
) -> None:
    (masks / f"{NAMES[1]}.png").write_bytes(content)
    (masks / f"{NAMES[2]}.png").unlink()
    with pytest.raises(PatchlearnError, match=complaint) as caught:
        write_submission(masks, NAMES, tmp_path / "results.tgz", ANIMALS, images=images)
    assert "2008_000012.png: no such file" in str(caught.value)
    assert not list(tmp_path.glob("*results*"))
