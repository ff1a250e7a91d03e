"""What is wrong with masks, images and options is named, and the other masks are written."""

import json
import subprocess
import sys
import unicodedata
from io import StringIO
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from annotated_masks import CLASSES, MASKS, convert, write
from PIL import Image
from rich.console import Console

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.masks_io import write_mask
from patchlearn.data.images import read_indices
from patchlearn.export.annotations.write import write_annotations


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


def nested(tmp_path: Path) -> Path:
    """Two images in subfolders; the mask of one is flat, as steps write it, that of the other is nested."""
    mask = np.zeros((20, 30), np.uint8)
    mask[2:8, 2:8] = 1
    for folder, name in (("cam 0", "cam 0__i.png"), ("cam1", "cam1/i.png")):
        (tmp_path / "images" / folder).mkdir(parents=True)
        Image.new("RGB", (30, 20)).save(tmp_path / "images" / folder / "i.jpg")
        write_mask(tmp_path / "masks" / name, mask)
    return tmp_path


def test_images_in_subfolders_are_named_with_them(tmp_path: Path) -> None:
    root = nested(tmp_path)
    names = ["cam 0/i.jpg", "cam1/i.jpg"]
    assert write(root, "coco", ["cat"], "a.json", shapes="polygons") == []
    coco = json.loads((root / "a.json").read_text())
    assert [image["file_name"] for image in coco["images"]] == names
    assert [each["bbox"] for each in coco["annotations"]] == [[2, 2, 6, 6]] * 2
    assert write(root, "cvat", ["cat"], "a.xml") == []
    assert [image.get("name") for image in ElementTree.parse(root / "a.xml").iter("image")] == names
    assert write(root, "label-studio", ["cat"], "b.json") == []
    tasks = json.loads((root / "b.json").read_text())
    assert [task["data"]["image"] for task in tasks] == [
        "/data/local-files/?d=images/cam%200/i.jpg",
        "/data/local-files/?d=images/cam1/i.jpg",
    ]


def test_two_images_of_one_name_are_an_error_that_names_both(tmp_path: Path) -> None:
    root = nested(tmp_path)
    Image.new("RGB", (30, 20)).save(root / "images" / "cam1__i.png")
    (failure,) = write(root, "cvat", ["cat"], "a.xml")
    assert "cam1__i.png and cam1/i.jpg have the same name 'cam1__i'" in failure
    assert (root / "a.xml").read_text().count("<image ") == 1


def test_names_of_other_forms_of_unicode_meet(tmp_path: Path) -> None:
    for folder, form in (("images", "NFD"), ("masks", "NFC")):
        write_mask(tmp_path / folder / f"{unicodedata.normalize(form, 'é')}.png", np.ones((2, 3), np.uint8))
    assert write(tmp_path, "cvat", ["cat"], "a.xml") == []
    assert f'name="{unicodedata.normalize("NFD", "é")}.png"' in (tmp_path / "a.xml").read_text(encoding="utf-8")


def test_more_classes_than_a_mask_holds_are_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(PatchlearnError, match=r"255 classes, .* Merge classes, or split the data set by groups"):
        write(tmp_path / "nowhere", "cvat", [f"class{number}" for number in range(255)], "a.xml")


@pytest.mark.parametrize(("format", "out"), [("cvat", "a.xml"), ("voc", "voc")])
def test_masks_of_0_and_255_alone_are_refused_or_read_as_said(format: str, out: str, tmp_path: Path) -> None:
    root = nested(tmp_path)
    for path in (root / "masks").rglob("*.png"):
        write_mask(path, (read_indices(path) * 255).astype(np.uint8))
    with pytest.raises(PatchlearnError, match="masks hold only 0 and 255, and 255 means undecided"):
        write(root, format, ["cat"], out)
    assert not (root / out).exists()
    quiet = Console(quiet=True)
    folders = root / "masks", root / "images"
    assert write_annotations(*folders, ["cat"], root / out, format, binary=True, console=quiet) == []
    if format == "cvat":
        assert (root / out).read_text().count('<mask label="cat"') == 2
    else:
        assert np.unique(read_indices(root / out / "SegmentationClass" / "cam1" / "i.png")).tolist() == [0, 1]


def lines(root: Path, classes: list[str]) -> str:
    console = Console(file=StringIO())
    assert write_annotations(root / "masks", root / "images", classes, root / "a.xml", "cvat", console=console) == []
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


def test_what_is_not_used_and_what_may_be_meant_otherwise_is_said(tmp_path: Path) -> None:
    root = nested(tmp_path)
    assert "not" not in lines(root, ["cat"])
    Image.new("RGB", (30, 20)).save(root / "images" / "b.png")
    (root / "images" / "c.heic").touch()
    (root / "masks" / "d.jpg").touch()
    (root / "masks" / "classes.txt").touch()
    write_mask(root / "masks" / "sure" / "cam1__i.png", np.full((20, 30), 9, np.uint8))
    said = lines(root, ["cat", "dog"])
    assert "masks: 1 file is no .png, and not read: d.jpg" in said
    assert "masks: not read: 1 file in subfolders, of which no file has an image (sure/cam1__i.png)." in said
    assert "images: 1 file is no .jpg, .jpeg, " in said
    assert "images: not used: 1 of 3 images, which no mask or map belongs to (b.png)." in said
    assert "if it stands for 'cat', the masks count classes from 0" in said


def test_a_file_without_annotations_is_said(tmp_path: Path) -> None:
    root = nested(tmp_path)
    for path in (root / "masks").rglob("*.png"):
        write_mask(path, np.zeros((20, 30), np.uint8))
    assert "a.xml: holds no annotation, because no mask holds a class." in lines(root, ["cat"])
