"""Masks come back, pixel for pixel, from the readers of the tools that they are written for.

The readers are optional and are imported only by the fixtures of the tests that need them.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from matplotlib.path import Path as Curve
from PIL import Image
from rich.console import Console

from patchlearn.cli.main import main
from patchlearn.core.errors import PatchlearnError
from patchlearn.core.masks_io import write_mask
from patchlearn.core.types import UInt8
from patchlearn.export.annotations.regions import AnnotationSettings, component_numbers, regions
from patchlearn.export.annotations.write import coco, write_annotations

CLASSES = ("cat", "dog&<bone>", "鳥")
# NumPy 2.4 and pydantic find much that is old in the readers; in our own code such a warning is an error.
of_readers = pytest.mark.filterwarnings("ignore::DeprecationWarning")
both_ways = pytest.mark.parametrize("per", ["component", "class"])


def holes() -> UInt8:
    """A ring with two holes; in one of them an island, in its hole another class, and undecided pixels around."""
    mask = np.zeros((20, 30), np.uint8)
    mask[1:18, 2:29] = 1
    mask[3:12, 4:15] = 0
    mask[5:10, 6:13] = 1
    mask[7, 8:11] = 2
    mask[4:16, 20:22] = 255
    mask[19, 29] = 3
    return mask


def noise() -> UInt8:
    return np.random.default_rng(0).choice(np.array([0, 1, 2, 3, 255], np.uint8), (23, 31))


def wide() -> UInt8:
    """Runs of more than 65,536 values in four channels, and one that ends with the picture."""
    mask = np.zeros((150, 301), np.uint8)
    mask[:100] = 2
    mask[100, 7] = 1
    mask[149, 200:] = 3
    return mask


MASKS: dict[str, UInt8] = {
    "a": holes(),
    "empty": np.zeros((7, 9), np.uint8),
    "undecided": np.full((4, 5), 255, np.uint8),
    "pixel": np.ones((1, 1), np.uint8),
    "row": np.array([[3, 3, 0, 255, 3]], np.uint8),
    "column": np.array([[2, 2, 0, 1, 1, 1]], np.uint8).T,
    "ü & <猫> 'q' \"": noise(),
    "wide": wide(),
}


def known(mask: UInt8) -> UInt8:
    """What annotations can hold: nothing is said of undecided pixels."""
    return np.where(mask == 255, 0, mask)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """`images` and `masks`, every second one in grey."""
    (tmp_path / "images").mkdir()
    for number, (stem, mask) in enumerate(MASKS.items()):
        Image.new("RGB", mask.shape[::-1]).save(tmp_path / "images" / f"{stem}.{'JPG' if number % 2 else 'png'}")
        write_mask(tmp_path / "masks" / f"{stem}.png", mask)
        if number % 2:
            Image.fromarray(mask).save(tmp_path / "masks" / f"{stem}.png")
    (tmp_path / "masks" / "classes.txt").write_text("\n".join(CLASSES), encoding="utf-8")
    return tmp_path


def convert(root: Path, format: str, out: str, *options: str) -> int:
    words = ["--images", str(root / "images"), "--format", format, "--out", str(root / out)]
    return main(["convert", str(root / "masks"), *words, *options])


# --- what all formats are made of --------------------------------------------

small_masks = arrays(
    np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.sampled_from([0, 1, 2, 255])
)


@given(small_masks)
def test_regions_are_the_mask_again(mask: UInt8) -> None:
    for per in ("component", "class"):
        again = np.zeros_like(mask)
        for region in regions(mask, per):
            assert not again[region.full()].any()
            again[region.full()] = region.label + 1
            assert region.inside.any(axis=0)[[0, -1]].all()
            assert region.inside.any(axis=1)[[0, -1]].all()
        np.testing.assert_array_equal(again, known(mask))


@given(small_masks)
def test_components_are_those_of_a_flood(mask: UInt8) -> None:
    pixels = [tuple(pixel) for pixel in np.argwhere(mask == 1).tolist()]
    flooded: dict[tuple[int, ...], int] = {}
    for number, pixel in enumerate(pixels):
        waiting = [pixel]
        while waiting:
            row, column = here = waiting.pop()
            if here in pixels and here not in flooded:
                flooded[here] = number
                waiting += [(row + i, column + j) for i in (-1, 0, 1) for j in (-1, 0, 1)]
    order = sorted(set(flooded.values()))
    assert component_numbers(mask == 1).tolist() == [order.index(flooded[pixel]) for pixel in pixels]


@given(small_masks)
def test_polygons_hold_the_centres_of_their_pixels_and_no_others(mask: UInt8) -> None:
    rows, columns = np.indices(mask.shape)
    centres = np.stack([columns.ravel(), rows.ravel()], axis=1) + 0.5
    for per in ("component", "class"):
        for region in regions(mask, per):
            within = [Curve(np.vstack([ring, ring[:1]])).contains_points(centres) for ring in region.polygons()]
            np.testing.assert_array_equal(np.sum(within, axis=0).reshape(mask.shape), region.full())


def test_polygons_are_small_where_the_outline_is_plain() -> None:
    [region] = regions(np.ones((40, 60), np.uint8), "component")
    assert [len(corners) for corners in region.polygons()] == [8]


def test_many_holes_are_cut_without_deep_recursion() -> None:
    mask = np.ones((5, 2001), np.uint8)
    mask[2, 1::2] = 0
    [region] = regions(mask, "class")
    area = sum(polygon_area(corners) for corners in region.polygons())
    assert area == pytest.approx(mask.sum(), rel=0.25)


def polygon_area(corners: Any) -> float:
    x, y = corners.T
    return abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


# --- COCO --------------------------------------------------------------------


@pytest.fixture
def cocoapi() -> ModuleType:
    return pytest.importorskip("pycocotools.coco")


@of_readers
@both_ways
@pytest.mark.parametrize("shapes", ["masks", "polygons"])
def test_coco_is_read_back_by_pycocotools(root: Path, cocoapi: ModuleType, per: str, shapes: str) -> None:
    assert convert(root, "coco", "a.json", "--per", per, "--shapes", shapes) == 0
    dataset = cocoapi.COCO(root / "a.json")
    assert [dataset.cats[i]["name"] for i in (1, 2, 3)] == list(CLASSES)
    assert len(dataset.imgs) == len(MASKS)
    assert all((root / "images" / image["file_name"]).is_file() for image in dataset.imgs.values())
    for number, image in dataset.imgs.items():
        again = np.zeros((image["height"], image["width"]), np.uint8)
        for annotation in dataset.imgToAnns[number]:
            pixels = dataset.annToMask(annotation).astype(bool)
            rows, columns = np.nonzero(pixels)
            size = [np.ptp(columns) + 1, np.ptp(rows) + 1]
            assert annotation["area"] == pixels.sum()
            assert annotation["bbox"] == [columns.min(), rows.min(), *size]
            again[pixels] += annotation["category_id"]
        np.testing.assert_array_equal(again, known(MASKS[Path(image["file_name"]).stem]))


def test_coco_numbers_start_at_one_and_a_hole_does_not_make_two_annotations(root: Path) -> None:
    assert convert(root, "coco", "a.json", "--shapes", "polygons") == 0
    written = json.loads((root / "a.json").read_text(encoding="utf-8"))
    assert [each["id"] for each in written["annotations"]] == list(range(1, len(written["annotations"]) + 1))
    assert [each["id"] for each in written["images"]] == list(range(1, len(MASKS) + 1))
    of_first = [each for each in written["annotations"] if each["image_id"] == 1]
    assert [each["category_id"] for each in of_first] == [1, 1, 2, 3]
    assert {each["iscrowd"] for each in of_first} == {0}


def test_without_pycocotools_polygons_remain(
    root: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("pycocotools", "pycocotools.mask"):
        monkeypatch.setitem(sys.modules, name, None)
    assert convert(root, "coco", "a.json") == 2
    assert capfd.readouterr().err.count("pip install 'patchlearn[export]'") == 1
    assert convert(root, "coco", "a.json", "--shapes", "polygons") == 0


def test_nothing_optional_is_loaded() -> None:
    program = "import sys, patchlearn.export.annotations.write; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert not set(done.stdout.split()) & {"pycocotools", "datumaro", "label_studio_sdk", "cv2", "timm"}


# --- Label Studio ------------------------------------------------------------


@pytest.fixture
def brush() -> ModuleType:
    return pytest.importorskip("label_studio_sdk.converter.brush")


@pytest.fixture
def label_interface() -> Callable[..., Any]:
    return pytest.importorskip("label_studio_sdk.label_interface").LabelInterface


@of_readers
@both_ways
def test_brushes_are_read_back_by_label_studio(root: Path, brush: ModuleType, per: str) -> None:
    assert convert(root, "label-studio", "tasks.json", "--per", per) == 0
    tasks = json.loads((root / "tasks.json").read_text(encoding="utf-8"))
    assert len(tasks) == len(MASKS)
    for task, stem in zip(tasks, sorted(MASKS)):
        [prediction] = task["predictions"]
        again = np.zeros_like(MASKS[stem])
        for result in prediction["result"]:
            flat = {**result, **result["value"], "brushlabels": result["value"]["brushlabels"]}
            [(name, opacity)] = brush.decode_from_annotation("image", [flat]).items()
            assert set(np.unique(opacity)) <= {0, 255}
            again[opacity == 255] += 1 + CLASSES.index(name.removeprefix("image-").removesuffix("-0"))
        np.testing.assert_array_equal(again, known(MASKS[stem]))


@of_readers
def test_label_studio_accepts_predictions_and_configuration(root: Path, label_interface: Callable[..., Any]) -> None:
    assert convert(root, "label-studio", "tasks.json") == 0
    interface = label_interface((root / "tasks.xml").read_text(encoding="utf-8"))
    interface.validate()
    assert list(interface.get_tag("masks").labels) == list(CLASSES)
    for task in json.loads((root / "tasks.json").read_text(encoding="utf-8")):
        assert interface.validate_task({"data": task["data"]})
        assert interface.validate_prediction(task["predictions"][0], return_errors=True) == []


def test_addresses_are_quoted_behind_the_prefix_that_was_given(root: Path) -> None:
    assert convert(root, "label-studio", "tasks.json", "--images-at", "https://example.org/photos/") == 0
    last = json.loads((root / "tasks.json").read_text(encoding="utf-8"))[-2]
    assert last["data"]["image"] == "https://example.org/photos/wide.JPG"
    assert convert(root, "label-studio", "tasks.json") == 0
    last = json.loads((root / "tasks.json").read_text(encoding="utf-8"))[-1]
    assert last["data"]["image"] == "/data/local-files/?d=images/%C3%BC%20%26%20%3C%E7%8C%AB%3E%20%27q%27%20%22.png"


def test_an_xml_of_something_else_is_left_alone(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert convert(root, "cvat", "all.xml") == 0
    before = (root / "all.xml").read_bytes()
    assert convert(root, "label-studio", "all.json") == 2
    assert "all.xml: holds something else" in capfd.readouterr().err.replace("\n", "")
    assert (root / "all.xml").read_bytes() == before


# --- CVAT and VOC ------------------------------------------------------------


@pytest.fixture
def datumaro() -> ModuleType:
    return pytest.importorskip("datumaro")


@of_readers
@both_ways
@pytest.mark.parametrize("shapes", ["masks", "polygons"])
def test_cvat_is_read_back_by_datumaro(
    root: Path, datumaro: ModuleType, cocoapi: ModuleType, per: str, shapes: str
) -> None:
    assert convert(root, "cvat", "a.xml", "--per", per, "--shapes", shapes) == 0
    dataset = datumaro.Dataset.import_from(str(root / "a.xml"), "cvat")
    labels = [label.name for label in dataset.categories()[datumaro.AnnotationType.label]]
    assert labels == list(CLASSES)
    assert sorted(item.id for item in dataset) == sorted(MASKS)
    for item in dataset:
        again = np.zeros_like(MASKS[item.id])
        for annotation in item.annotations:
            again[cvat_pixels(annotation, again.shape, cocoapi)] += annotation.label + 1
        np.testing.assert_array_equal(again, known(MASKS[item.id]))


def cvat_pixels(annotation: Any, size: tuple[int, ...], cocoapi: ModuleType) -> Any:
    if annotation.type.name == "mask":
        return annotation.image.astype(bool)
    coder = cocoapi.maskUtils
    return coder.decode(coder.merge(coder.frPyObjects([list(annotation.points)], *size))).astype(bool)


@of_readers
def test_pieces_of_one_region_are_a_group_in_cvat(root: Path, datumaro: ModuleType) -> None:
    assert convert(root, "cvat", "a.xml", "--shapes", "polygons") == 0
    dataset = datumaro.Dataset.import_from(str(root / "a.xml"), "cvat")
    groups = [(shape.label, shape.group) for shape in dataset.get("a", "a").annotations]
    assert len(groups) > len(set(groups)) == 4
    assert {group for label, group in groups if label > 0} == {0}


@of_readers
def test_voc_is_read_back_by_datumaro(root: Path, datumaro: ModuleType) -> None:
    assert convert(root, "voc", "voc") == 0
    dataset = datumaro.Dataset.import_from(str(root / "voc"), "voc_segmentation")
    labels = [label.name for label in dataset.categories()[datumaro.AnnotationType.label]]
    assert labels == ["background", *CLASSES, "ignored"]
    assert sorted(item.id for item in dataset) == sorted(MASKS)
    for item in dataset:
        again = np.zeros_like(MASKS[item.id])
        for annotation in item.annotations:
            value = 255 if labels[annotation.label] == "ignored" else annotation.label
            again[np.asarray(annotation.image, bool)] = value
        np.testing.assert_array_equal(again, MASKS[item.id])


@pytest.mark.parametrize("name", ["a:b", "#cat", "ignored"])
def test_voc_refuses_classes_that_its_label_map_cannot_hold(root: Path, name: str) -> None:
    with pytest.raises(PatchlearnError, match="labelmap"):
        write(root, "voc", [name, "dog", "bird"], "voc")
    assert not (root / "voc").exists()


def test_voc_does_not_write_over_the_masks_that_it_reads(root: Path) -> None:
    (root / "masks").rename(root / "SegmentationClass")
    (root / "masks").symlink_to(root / "SegmentationClass")
    with pytest.raises(PatchlearnError, match="the masks that are read lie there"):
        write(root, "voc", CLASSES, ".")


def test_voc_refuses_names_that_its_list_cannot_hold(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for folder in ("images", "masks"):
        (root / folder / "a.png").rename(root / folder / "#a.png")
    assert convert(root, "voc", "voc") == 2
    assert "#a.png: VOC's lists know no name" in capfd.readouterr().err
    assert "#a" not in (root / "voc" / "ImageSets" / "Segmentation" / "default.txt").read_text(encoding="utf-8")


# --- what is wrong is said ---------------------------------------------------


def write(root: Path, format: str, classes: Any, out: str, **settings: str) -> list[str]:
    console = Console(quiet=True)
    options = AnnotationSettings(**settings)
    return write_annotations(root / "masks", root / "images", classes, root / out, format, options, console=console)


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
    assert "wide.png: 4×3 pixels, but its image has 301×150. Resize" in message
    assert "row.png: holds the value 4, but there are 3 classes" in message
    assert f"{damaged}: damaged image" in message
    assert "images: no file named 'undecided'" in message
    assert "images: pixel.JPG and pixel.bmp named 'pixel'" in message
    assert "column.png: a mask must be a palette or 8-bit grey PNG, this one is RGB" in message
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


def test_class_names_may_hold_spaces(root: Path) -> None:
    (root / "names.txt").write_text("traffic light\nb\nc\n", encoding="utf-8")
    assert convert(root, "cvat", "a.xml", "--classes", str(root / "names.txt")) == 0
    assert 'label="traffic light"' in (root / "a.xml").read_text(encoding="utf-8")


def test_file_names_that_no_format_can_hold_are_refused(root: Path) -> None:
    for name in (b"a\nb", b"\xff"):
        for folder, suffix in (("images", b".png"), ("masks", b".png")):
            path = Path((root / folder / "a.png").as_posix())
            path.with_name((name + suffix).decode(errors="surrogateescape")).write_bytes(path.read_bytes())
    failures = write(root, "cvat", CLASSES, "a.xml")
    assert len(failures) == 2
    assert all("Rename the file" in failure for failure in failures)


def test_missing_folders_and_class_lists_are_named(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (root / "masks" / "classes.txt").unlink()
    assert convert(root, "coco", "a.json", "--shapes", "polygons") == 2
    (root / "names.txt").write_text("a\nb\nc\n", encoding="utf-8")
    assert convert(root, "coco", "a.json", "--shapes", "polygons", "--classes", str(root / "names.txt")) == 0
    assert convert(root / "none", "coco", "a.json", "--classes", str(root / "names.txt"), "--shapes", "polygons") == 2
    message = capfd.readouterr().err.replace("\n", " ")
    assert "classes.txt: no such file. Name the classes of the masks with --classes" in message
    assert "masks: no such folder" in message


def test_nothing_is_written_when_no_mask_is_right(root: Path) -> None:
    assert len(write(root, "cvat", ["cat"], "a.xml")) == 5
    for mask in (root / "masks").glob("*.png"):
        Image.new("RGB", (2, 2)).save(mask)
    (root / "a.xml").unlink()
    assert len(write(root, "cvat", CLASSES, "a.xml")) == len(MASKS)
    assert not (root / "a.xml").exists()


@pytest.mark.usefixtures("cocoapi")
def test_run_lengths_go_down_the_columns() -> None:
    """2, 2, 1, 1, the fourth told as its difference from the second."""
    assert coco.run_lengths(np.array([[0, 1, 0], [0, 1, 1]], bool)) == {"size": [2, 3], "counts": "221O"}
