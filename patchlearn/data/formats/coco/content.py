"""What a COCO JSON says: images with their annotations, and names of categories."""

import json
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import parse_json
from patchlearn.data.formats.coco.files import KEYS
from patchlearn.data.labels import normal_form

Entry = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Shape:
    """One annotation, or one segment of a panoptic annotation.

    Args:
        name: of its category.
        is_crowd: whether it surrounds many objects without their outlines.
        segmentation: polygons or run lengths; None for a box alone, and for a panoptic segment.
        segment: id of a panoptic segment, which is its colour in the PNG.
        place: for messages.
    """

    name: str
    is_crowd: bool
    segmentation: Any
    segment: int | None
    place: str


@dataclass(frozen=True, kw_only=True)
class CocoImage:
    """One image.

    Args:
        file_name: of the image, as it is written.
        size: (H, W) that the annotations are for; None where the file does not say.
        shapes: its annotations, in the order of the file.
        segments_file: name of the panoptic PNG.
        place: for messages.
    """

    file_name: str
    size: tuple[int, int] | None
    shapes: tuple[Shape, ...]
    segments_file: str | None
    place: str


@dataclass(frozen=True, kw_only=True)
class CocoContent:
    """One file.

    Args:
        images: in the order of the file.
        categories: (id, name, super-category) in the order of the file.
        is_panoptic: whether annotations have segments.
        strays: number of annotations of images that are not listed.
    """

    images: tuple[CocoImage, ...]
    categories: tuple[tuple[Any, str, str], ...]
    is_panoptic: bool
    strays: int


def read_content(path: Path) -> CocoContent:
    """Read a COCO file of instances or panoptic.

    Raises:
        PatchlearnError: it is no JSON, a list or an entry is missing or wrong, or two images have one id or name.
    """
    lists = read_coco_json(path)
    categories = [_category(entry, path) for entry in lists["categories"]]
    names = {id: name for id, name, _ in categories}
    if not names:
        raise PatchlearnError(f"{path}: the list of categories is empty. Add the classes, each with an id and a name.")
    if len(names) < len(categories):
        raise PatchlearnError(f"{path}: two categories have the same id. Give each its own.")
    owned, strays = _by_image(lists, path)
    images = [_image(entry, owned[_id(entry, "id", path)], names, path) for entry in lists["images"]]
    _refuse_twins(images)
    return CocoContent(
        images=tuple(images),
        categories=tuple(categories),
        is_panoptic=any("segments_info" in entry for entry in lists["annotations"]),
        strays=strays,
    )


def read_coco_json(path: Path) -> dict[str, list[Entry]]:
    """The images, annotations and categories of a file, each a list of objects.

    Raises:
        PatchlearnError: it is no JSON, or a list is missing.
    """
    try:
        content = parse_json(path.read_bytes())
    except (ValueError, RecursionError) as error:  # of the encoding, or of the JSON
        raise PatchlearnError(f"{path}: not valid JSON ({error}). Copy the file again, or export it again.") from None
    for key in KEYS:
        entries = content.get(key) if isinstance(content, dict) else None
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise PatchlearnError(
                f"{path}: not a COCO file of instances or panoptic, because it has no list {key!r} of objects. Choose "
                "another with --data.labels."
            )
    return {key: content[key] for key in KEYS}


def _category(entry: Entry, path: Path) -> tuple[Any, str, str]:
    id, name = _id(entry, "id", path), entry.get("name")
    words = normal_form(" ".join(name.split())) if isinstance(name, str) else ""
    if not words:
        raise PatchlearnError(f'{path}: the category {id} has no name. Add "name": "cat", for example.')
    return id, words, str(entry.get("supercategory") or "")


def _id(entry: Entry, key: str, path: Path) -> Hashable:
    found = entry.get(key)
    if not isinstance(found, int | float | str):
        shown = json.dumps(entry, ensure_ascii=False)[:80]
        raise PatchlearnError(f"{path}: {key!r} is missing, or no number, in {shown}. Export the file again.")
    return found


def _by_image(lists: dict[str, list[Entry]], path: Path) -> tuple[dict[Hashable, list[Entry]], int]:
    """(the annotations of each image id, number of annotations of other images)."""
    owned: dict[Hashable, list[Entry]] = {}
    for entry in lists["images"]:
        id = _id(entry, "id", path)
        if id in owned:
            raise PatchlearnError(f"{path}: two images have the id {id}. Give each its own.")
        owned[id] = []
    strays = 0
    for entry in lists["annotations"]:
        id = _id(entry, "image_id", path)
        strays += id not in owned
        owned.get(id, []).append(entry)
    return owned, strays


def _image(entry: Entry, annotations: Sequence[Entry], names: dict[Any, str], path: Path) -> CocoImage:
    file_name = entry.get("file_name")
    if not isinstance(file_name, str) or not file_name:
        raise PatchlearnError(f"{path}: the image with the id {entry['id']} has no 'file_name'. Export the file again.")
    height, width = entry.get("height"), entry.get("width")
    return CocoImage(
        file_name=file_name,
        size=(height, width) if isinstance(height, int) and isinstance(width, int) else None,
        shapes=tuple(shape for annotation in annotations for shape in _shapes(annotation, names, path)),
        segments_file=next((_segments_file(each, path) for each in annotations if "segments_info" in each), None),
        place=f"{path}, image {file_name!r}",
    )


def _segments_file(annotation: Entry, path: Path) -> str:
    name = annotation.get("file_name")
    if not isinstance(name, str) or name in ("", "..") or PurePath(name.replace("\\", "/")).name != name:
        raise PatchlearnError(
            f"{path}, annotation of image {annotation['image_id']}: its file_name {name!r} is not the name of a PNG in "
            f"{path.stem}/. Correct it."
        )
    return name


def _shapes(annotation: Entry, names: dict[Any, str], path: Path) -> list[Shape]:
    place = f"{path}, annotation {annotation.get('id', 'of image ' + str(annotation['image_id']))}"
    segments = annotation.get("segments_info")
    if segments is None:
        return [_shape(annotation, names, place, annotation.get("segmentation"), None)]
    if not isinstance(segments, list) or not all(
        isinstance(each, dict) and type(each.get("id")) is int for each in segments
    ):
        raise PatchlearnError(f"{place}: 'segments_info' is no list of segments with ids. Export the file again.")
    return [_shape(each, names, place, None, each["id"]) for each in segments]


def _shape(entry: Entry, names: dict[Any, str], place: str, segmentation: Any, segment: int | None) -> Shape:
    category = entry.get("category_id")
    if not isinstance(category, int | float | str) or category not in names:
        raise PatchlearnError(
            f"{place}: its category_id {category!r} is not in the list of categories. Correct it, or add the category."
        )
    return Shape(
        name=names[category],
        is_crowd=bool(entry.get("iscrowd")),
        segmentation=None if segmentation in ([], [[]]) else segmentation,  # how some tools write a box alone
        segment=segment,
        place=place,
    )


def _refuse_twins(images: Sequence[CocoImage]) -> None:
    seen: set[str] = set()
    for image in images:
        if image.file_name in seen:
            raise PatchlearnError(f"{image.place}: is listed twice. Unite the two entries, or remove one.")
        seen.add(image.file_name)
