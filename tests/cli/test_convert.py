"""The verb `convert`."""

import json
from pathlib import Path

import numpy as np
import pytest
from annotated_masks import convert
from PIL import Image

from patchlearn.core.masks_io import write_mask


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two images and their masks: two squares of class 1 and one of class 3."""
    mask = np.zeros((20, 30), np.uint8)
    mask[2:8, 2:8], mask[2:8, 20:26], mask[12:18, 2:8] = 1, 1, 3
    (tmp_path / "images").mkdir()
    for stem in ("a", "b"):
        Image.new("RGB", (30, 20)).save(tmp_path / "images" / f"{stem}.png")
        write_mask(tmp_path / "masks" / f"{stem}.png", mask)
    (tmp_path / "masks" / "classes.txt").write_text("cat\ndog\nhen\n", encoding="utf-8")
    return tmp_path


def shapes_of_a_picture(root: Path, *options: str) -> int:
    """How many annotations the first picture has."""
    assert convert(root, "coco", "all.json", "--shapes", "polygons", *options) == 0
    annotations = json.loads((root / "all.json").read_text(encoding="utf-8"))["annotations"]
    return sum(annotation["image_id"] == 1 for annotation in annotations)


def test_an_annotation_is_a_region_or_all_of_a_class(root: Path) -> None:
    assert shapes_of_a_picture(root, "--per", "component") == 3
    assert shapes_of_a_picture(root, "--per", "class") == 2


def test_options_reach_the_file(root: Path) -> None:
    assert convert(root, "label-studio", "tasks.json", "--images-at", "https://example.org/p/", "--threads", "1") == 0
    assert "https://example.org/p/a.png" in (root / "tasks.json").read_text(encoding="utf-8")


def test_a_wrong_option_is_one_sentence(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert convert(root, "coc", "a.json") == 2
    assert convert(root, "coco", "a.json", "--shapes", "polygon") == 2
    message = capfd.readouterr().err.replace("\n", " ")
    assert "'coc' is not an option; did you mean 'coco'" in message
    assert "did you mean 'polygons'" in message
    assert "Traceback" not in message


def test_class_names_may_hold_spaces(root: Path) -> None:
    (root / "names.txt").write_text("traffic light\nb\nc\n", encoding="utf-8")
    assert convert(root, "cvat", "a.xml", "--classes", str(root / "names.txt")) == 0
    assert 'label="traffic light"' in (root / "a.xml").read_text(encoding="utf-8")


def test_missing_folders_and_class_lists_are_named(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (root / "masks" / "classes.txt").unlink()
    assert convert(root, "coco", "a.json", "--shapes", "polygons") == 2
    (root / "names.txt").write_text("a\nb\nc\n", encoding="utf-8")
    assert convert(root, "coco", "a.json", "--shapes", "polygons", "--classes", str(root / "names.txt")) == 0
    assert convert(root / "none", "coco", "a.json", "--classes", str(root / "names.txt"), "--shapes", "polygons") == 2
    message = capfd.readouterr().err.replace("\n", " ")
    assert "classes.txt: no such file. Name the classes of the masks with --classes" in message
    assert "masks: no such folder" in message


def test_binary_masks_are_refused_unless_they_are_said_to_be(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for stem in ("a", "b"):
        write_mask(root / "masks" / f"{stem}.png", np.array([[0, 255] * 15] * 20, np.uint8))
    assert convert(root, "cvat", "a.xml") == 2
    assert "add --binary" in capfd.readouterr().err.replace("\n", " ")
    assert not (root / "a.xml").exists()
    assert convert(root, "cvat", "a.xml", "--binary", "--per", "class") == 0
    assert (root / "a.xml").read_text(encoding="utf-8").count('<mask label="cat"') == 2


def test_too_many_classes_are_refused(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (root / "masks" / "classes.txt").write_text("".join(f"class{number}\n" for number in range(255)))
    assert convert(root, "cvat", "a.xml") == 2
    assert "Merge classes, or split the data set" in capfd.readouterr().err.replace("\n", " ")
