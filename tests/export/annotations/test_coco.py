"""COCO files come back, pixel for pixel, from pycocotools."""

import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from annotated_masks import CLASSES, MASKS, both_ways, convert, known, of_readers

from patchlearn.export.annotations import coco


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


@pytest.mark.usefixtures("cocoapi")
def test_run_lengths_go_down_the_columns() -> None:
    """2, 2, 1, 1, the fourth told as its difference from the second."""
    assert coco.run_lengths(np.array([[0, 1, 0], [0, 1, 1]], bool)) == {"size": [2, 3], "counts": "221O"}
