"""What is wrong with masks, images and options is named, and the other masks are written."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from annotated_masks import CLASSES, MASKS, convert, write
from PIL import Image

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.masks_io import write_mask


def test_nothing_optional_is_loaded() -> None:
    program = "import sys, patchlearn.export.annotations.write; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert not set(done.stdout.split()) & {"pycocotools", "datumaro", "label_studio_sdk", "cv2", "timm"}


def test_bad_files_are_named_and_the_others_are_written(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write_mask(root / "masks" / "wide.png", np.zeros((3, 4), np.uint8))
    write_mask(root / "masks" / "row.png", np.full((1, 5), 4, np.uint8))
    [damaged] = (root / "masks").glob("ü*")
    damaged.write_bytes(damaged.read_bytes()[:-100])
    (root / "images" / "undecided.png").unlink()
    Image.new("L", (1, 1)).save(root / "images" / "pixel.bmp")
    Image.new("RGB", (9, 9)).save(root / "masks" / "column.png")
    assert convert(root, "cvat", "a.xml") == 2
    message = capfd.readouterr().err.replace("\n", " ")
    assert "wide.png: 4×3 pixels, but its image has 301×150 (width × height). Resize" in message
    assert "row.png: holds the value 4, but there are 3 classes" in message
    assert f"{damaged}: damaged image" in message
    assert "images: no file named 'undecided'" in message
    assert "images: pixel.JPG and pixel.bmp have the same name 'pixel'" in message
    assert "column.png: the mask has the mode RGB" in message
    assert message.count("error:") == 6
    assert (root / "a.xml").read_text(encoding="utf-8").count("<image ") == 2


def test_turned_photographs_have_the_size_that_people_see(root: Path) -> None:
    lying = Image.new("RGB", (150, 301))
    exif = Image.Exif()
    exif[0x0112] = 6
    lying.save(root / "images" / "wide.JPG", exif=exif)
    assert write(root, "coco", CLASSES, "a.json", shapes="polygons") == []
    last = json.loads((root / "a.json").read_text(encoding="utf-8"))["images"][-2]
    assert last == {"id": 7, "file_name": "wide.JPG", "width": 301, "height": 150}
    lying.save(root / "images" / "wide.JPG")
    assert len(write(root, "coco", CLASSES, "a.json", shapes="polygons")) == 1


@pytest.mark.parametrize(
    ("format", "out", "settings", "complaint"),
    [
        ("coc", "a.json", {}, "did you mean 'coco'"),
        ("coco", "a.xml", {}, "ends in .json"),
        ("cvat", "a.json", {}, "ends in .xml"),
        ("cvat", "a.xml", {"per": "instance"}, "Choose one of: class, component"),
        ("coco", "a.json", {"shapes": "polygon"}, "did you mean 'polygons'"),
        ("label-studio", "a.json", {"shapes": "polygons"}, "Choose one of: masks"),
        ("voc", "a", {"shapes": "polygons"}, "Choose one of: masks"),
    ],
)
def test_wrong_options_name_the_right_ones(
    root: Path, format: str, out: str, settings: dict[str, str], complaint: str
) -> None:
    with pytest.raises(PatchlearnError, match=complaint):
        write(root, format, CLASSES, out, **settings)
    assert not (root / out).exists()


@pytest.mark.parametrize("classes", [[], ["a", "a"], ["a", " "], ["a", "b\n"], ["a", "\udcff"]])
def test_class_names_are_checked(root: Path, classes: list[str]) -> None:
    with pytest.raises(PatchlearnError, match="class"):
        write(root, "cvat", classes, "a.xml")


def test_file_names_that_no_format_can_hold_are_refused(root: Path) -> None:
    for name in (b"a\nb", b"\xff"):
        for folder, suffix in (("images", b".png"), ("masks", b".png")):
            path = Path((root / folder / "a.png").as_posix())
            path.with_name((name + suffix).decode(errors="surrogateescape")).write_bytes(path.read_bytes())
    failures = write(root, "cvat", CLASSES, "a.xml")
    assert len(failures) == 2
    assert all("Rename the file" in failure for failure in failures)


def test_nothing_is_written_when_no_mask_is_right(root: Path) -> None:
    assert len(write(root, "cvat", ["cat"], "a.xml")) == 5
    for mask in (root / "masks").glob("*.png"):
        Image.new("RGB", (2, 2)).save(mask)
    (root / "a.xml").unlink()
    assert len(write(root, "cvat", CLASSES, "a.xml")) == len(MASKS)
    assert not (root / "a.xml").exists()
