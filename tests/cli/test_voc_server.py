"""The verbs `submit` and `check-submission`."""

import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from submissions import SECOND, pack, write_animal_masks, write_images, write_list

from patchlearn.cli.main import main
from patchlearn.data.formats.voc import VOC_CLASSES


@pytest.fixture
def images(tmp_path: Path) -> Path:
    return write_images(tmp_path / "JPEGImages")


@pytest.fixture
def masks(tmp_path: Path) -> Path:
    return write_animal_masks(tmp_path / "masks")


@pytest.fixture
def test_list(tmp_path: Path) -> Path:
    return write_list(tmp_path / "test.txt")


def test_the_verbs_write_and_check(
    masks: Path, images: Path, test_list: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "results.tgz")
    listed = ["--list", str(test_list), "--images", str(images)]
    assert main(["submit", str(masks), "--out", out, *listed]) == 0
    assert "results.tgz: 3 masks for comp6" in capfd.readouterr().err.replace("\n", "")
    assert main(["check-submission", out, *listed]) == 0
    assert "nothing is wrong with it" in capfd.readouterr().err.replace("\n", " ")
    (masks / "others.txt").write_text("\n".join(VOC_CLASSES))
    assert main(["submit", str(masks), "--out", out, *listed, "--classes", str(masks / "others.txt")]) == 0
    with tarfile.open(out) as archive, Image.open(archive.extractfile(SECOND)) as image:  # type: ignore[arg-type]
        assert set(np.unique(np.asarray(image))) == {0, 5}


def test_the_first_ten_problems_are_shown_and_the_others_counted(
    test_list: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    bad = pack(tmp_path / "a.tgz", {f"{index}.png": b"" for index in range(15)})
    assert main(["check-submission", str(bad), "--list", str(test_list)]) == 2
    message = capfd.readouterr().err
    assert message.count("wrong folder") == 10
    assert "… and 6 more" in message


def test_missing_classes_and_lists_are_one_sentence(
    masks: Path, test_list: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (masks / "classes.txt").unlink()
    start = ["submit", str(masks), "--out", str(tmp_path / "results.tgz"), "--list"]
    assert main([*start, str(test_list)]) == 2
    assert "Name the classes of the masks with --classes" in capfd.readouterr().err.replace("\n", " ")
    (masks / "classes.txt").write_text("cat\n")
    assert main([*start, str(tmp_path / "none.txt")]) == 2
    assert "none.txt: No such file or directory" in capfd.readouterr().err.replace("\n", " ")
    assert main([*start, str(test_list)]) == 2
    assert "holds the value 5, but there are 1 classes" in capfd.readouterr().err.replace("\n", " ")
