"""COCO JSON: https://cocodataset.org/#format-data."""

import json
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import write_text
from patchlearn.export.annotations.regions import Bools, MaskedImage, Region, regions
from patchlearn.export.settings import AnnotationSettings


def describe(image: MaskedImage, classes: Sequence[str], settings: AnnotationSettings) -> dict[str, Any]:
    """The image and its annotations, still without ids."""
    height, width = image.mask.shape
    entry = {"file_name": image.name, "width": width, "height": height}
    return {"image": entry, "annotations": coco_annotations(image, settings)}


def coco_annotations(image: MaskedImage, settings: AnnotationSettings) -> list[dict[str, Any]]:
    """`category_id`, `segmentation`, `area`, `bbox` and `iscrowd` of every region of a mask.

    `area` is the number of pixels and `bbox` is [x, y, width, height], for masks and for polygons. `iscrowd` is always
    0, although a region can contain several objects, because COCO's evaluation and most trainers ignore crowds.

    Raises:
        PatchlearnError: pycocotools is not installed, which computes COCO's run lengths.

    >>> mask = np.array([[0, 3, 3, 0]], np.uint8)
    >>> image = MaskedImage(name="a.jpg", mask=mask, source=Path("a.png"))
    >>> coco_annotations(image, AnnotationSettings(shapes="polygons"))[0]["bbox"]
    [1, 0, 2, 1]
    """
    return [
        {
            "category_id": region.label + 1,
            "segmentation": _segmentation(region, settings.shapes),
            "area": int(region.inside.sum()),
            "bbox": [region.left, region.top, *region.inside.shape[::-1]],
            "iscrowd": 0,
        }
        for region in regions(image.mask, settings.per)
    ]


def write(out: Path, entries: Sequence[Mapping[str, Any]], classes: Sequence[str]) -> None:
    """Write one JSON file."""
    write_text(out, coco_json(entries, classes))


def coco_json(entries: Sequence[Mapping[str, Any]], classes: Sequence[str]) -> str:
    """The file of all images. The ids of images, annotations and categories begin at 1; class i is category i + 1."""
    images = [{"id": number, **entry["image"]} for number, entry in enumerate(entries, 1)]
    owned = [(number, each) for number, entry in enumerate(entries, 1) for each in entry["annotations"]]
    dataset = {
        "info": {"description": "written by patchlearn"},
        "images": images,
        "annotations": [{"id": id, "image_id": image, **each} for id, (image, each) in enumerate(owned, 1)],
        "categories": [{"id": id, "name": name} for id, name in enumerate(classes, 1)],
    }
    return json.dumps(dataset, ensure_ascii=False)


def _segmentation(region: Region, shapes: str) -> Any:
    if shapes == "polygons":
        return [corners.ravel().tolist() for corners in region.polygons()]
    return run_lengths(region.full())


def run_lengths(pixels: Bools) -> dict[str, Any]:
    """COCO's compressed run lengths of H×W pixels, which run down the columns.

    Raises:
        PatchlearnError: pycocotools is not installed.
    """
    encoded = load_coder().encode(np.asfortranarray(pixels, dtype=np.uint8))
    return {"size": list(pixels.shape), "counts": encoded["counts"].decode("ascii")}


def load_coder() -> ModuleType:
    """Import pycocotools.mask, which is optional.

    Raises:
        PatchlearnError: pycocotools is not installed.
    """
    try:
        return import_module("pycocotools.mask")
    except ImportError:
        raise PatchlearnError(
            "coco: pycocotools is not installed, which computes COCO's run lengths. Run: pip install "
            "'patchlearn[export]', or write polygons (--shapes polygons)."
        ) from None
