"""Tiny COCO data sets: images of 6×4 pixels (width × height), and the JSON beside them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

CATEGORIES = [{"id": 7, "name": "dog"}, {"id": 3, "name": "cat"}, {"id": 90, "name": "traffic light"}]
SQUARE = [[1, 1, 4, 1, 4, 3, 1, 3]]  # rows 1 to 2, columns 1 to 3
ALL = [[0, 0, 6, 0, 6, 4, 0, 4]]


def image(path: Path, size: tuple[int, int] = (6, 4)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size).save(path)
    return path


def annotation(image_id: int, category_id: int, segmentation: Any = None, **more: Any) -> dict[str, Any]:
    found = {"image_id": image_id, "category_id": category_id, "bbox": [1, 1, 3, 2], "iscrowd": 0, **more}
    return found if segmentation is None else {**found, "segmentation": segmentation}


def coco(
    path: Path,
    names: Sequence[str],
    annotations: Sequence[dict[str, Any]],
    categories: Sequence[dict[str, Any]] = CATEGORIES,
) -> Path:
    """A JSON whose image number i, from 1, has the name `names[i - 1]`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "images": [{"id": id, "file_name": name, "width": 6, "height": 4} for id, name in enumerate(names, 1)],
        "annotations": [{"id": id, **each} for id, each in enumerate(annotations, 100)],
        "categories": list(categories),
    }
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def change(path: Path, **lists: Any) -> Path:
    """Replace lists of a JSON."""
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **lists}), encoding="utf-8")
    return path
