"""Images and tags that are in memory as a data set: paths stay where they are, pixels are written as PNG."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from patchlearn.core.errors import PatchlearnError, did_you_mean
from patchlearn.core.types import Dataset, UInt8
from patchlearn.data.formats.records import Record, dataset_of, image_id
from patchlearn.data.label_cells import UNKNOWN
from patchlearn.data.labels import normal_form
from patchlearn.data.pixels.colour_modes import rgb
from patchlearn.data.pixels.image_opening import sentences
from patchlearn.data.stored_images import IMAGES, StoredImages, digest_of

KIND = {"kind": "collected"}  # in the list of the stored images
DIGITS = 6  # of the number of an image, as its name
IMAGES_ARE = "Pass a path, a PIL image, or a NumPy array of H×W or H×W×3 uint8 values."


@dataclass(frozen=True, kw_only=True)
class Item:
    """One image.

    Args:
        image: a path, a PIL image, or an array.
        tags: names of classes, `?NAME` for one that nobody judged; None where nobody judged the image.
        split: of the image.
        place: for messages.
    """

    image: Any
    tags: Any
    split: str
    place: str


def dataset_from(items: Iterable[Item], work: Path | None, root: Path, classes: Sequence[str] | None) -> Dataset:
    """The data set of some images; those without tags are left out.

    Args:
        items: of every image; each is looked at once, and its pixels may be freed then.
        work: where pixels are written that are in no file.
        root: of the data set, for messages.
        classes: their names in order; None for the tags that occur, in natural order.

    Raises:
        PatchlearnError: an image or a tag has a wrong type, a file is missing, or `work` holds other images.
    """
    stored = StoredImages(work, KIND, replaces=False)
    records, without_tags, names = [], 0, PathNames()
    for number, item in enumerate(items):
        tags = parsed_tags(item.tags, item.place)
        if tags is None:
            without_tags += 1
            continue
        require_classes([*tags[0], *tags[1]], classes, item.place)
        image, name = _placed(item, number, stored, names)
        labels, unknown = tags
        records.append(
            Record(image=image, name=name, labels=labels, unknown=unknown, split=item.split, place=item.place)
        )
    stored.finish()
    if not records:
        raise PatchlearnError("tags: no image has tags. Pass a list of class names for each image.")
    return dataset_of(root, names.applied(records), source="tags", classes=classes, notes=_notes(without_tags))


def parsed_tags(tags: Any, place: str) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """(names of the classes in the image, names of those that nobody judged); None where there are no tags at all.

    Raises:
        PatchlearnError: a tag is no text.

    >>> parsed_tags(["cat", "?dog"], "tags[0]")
    (('cat',), ('dog',))
    """
    if tags is None:
        return None
    if isinstance(tags, bytes | dict) or not (isinstance(tags, str) or hasattr(tags, "__iter__")):
        raise PatchlearnError(f"{place}: the tags {tags!r} are no list of names. Pass a list such as ['cat', 'dog'].")
    names = [_tag(tag, place) for tag in ([tags] if isinstance(tags, str) else tags)]
    unknown = tuple(name.removeprefix(UNKNOWN).strip() for name in names if name.startswith(UNKNOWN))
    if "" in unknown:
        raise PatchlearnError(f"{place}: the tag {UNKNOWN!r} has no name. Write {UNKNOWN}dog.")
    return tuple(name for name in names if name and not name.startswith(UNKNOWN)), unknown


def require_classes(tags: Iterable[str], classes: Sequence[str] | None, place: str) -> None:
    """Raise `PatchlearnError` if one of the tags is none of the classes; without a list of classes all are."""
    if classes is None:
        return
    known = {normal_form(name) for name in classes}
    for name in tags:
        if normal_form(name) not in known:
            raise PatchlearnError(
                f"{place}: the tag {name!r} is no class{did_you_mean(name, known)} Correct the tag, or add it to "
                "classes."
            )


class PathNames:
    """Names of the images that are files: the file's own, and more where it is not the only one with this stem."""

    def __init__(self) -> None:
        self._paths: dict[Path, None] = {}

    def add(self, path: Path) -> None:
        """Take a file into account."""
        self._paths[path] = None

    def applied(self, records: Sequence[Record]) -> list[Record]:
        """The records, those of files with names of which each makes another id."""
        taken = {record.id for record in records if record.image not in self._paths}
        counts = Counter(image_id(path.name) for path in self._paths)
        names: dict[Path, str] = {}
        for path in sorted(self._paths, key=lambda path: counts[image_id(path.name)] > 1):  # stable
            is_alone = counts[image_id(path.name)] == 1
            names[path] = next(name for name in _candidates(path, is_alone) if image_id(name) not in taken)
            taken.add(image_id(names[path]))
        return [_renamed(record, names.get(record.image, record.name)) for record in records]


def _candidates(path: Path, is_alone: bool) -> Iterator[str]:
    """`1.jpg` where it is alone, else `b/1.jpg` for `a/b/1.jpg`, else `b/1_2.jpg`, …."""
    if is_alone:
        yield path.name
    parent = path.absolute().parent.name
    yield f"{parent}/{path.name}"
    number = 2
    while True:
        yield f"{parent}/{path.stem}_{number}{path.suffix}"
        number += 1


def _renamed(record: Record, name: str) -> Record:
    return replace(record, name=name)


def _placed(item: Item, number: int, stored: StoredImages, names: PathNames) -> tuple[Path, str]:
    """(the file of an image, its name)."""
    if isinstance(item.image, str | os.PathLike):
        path = Path(item.image).expanduser()
        names.add(path)
        return path, path.name
    pixels, name = _pixels(item.image, item.place), f"{number:0{DIGITS}}.png"
    digest = digest_of(str(pixels.shape).encode() + pixels.tobytes())
    return stored.write(f"{IMAGES}/{name}", digest, lambda: _png(pixels)), name


def _pixels(image: Any, place: str) -> UInt8:
    if isinstance(image, Image.Image):
        with sentences(Path(place)):
            return rgb(image, Path(place))
    if not isinstance(image, np.ndarray):
        advice = " Of a tensor: tensor.permute(1, 2, 0).numpy()." if hasattr(image, "permute") else ""
        raise PatchlearnError(f"{place}: {type(image).__name__} is no image. {IMAGES_ARE}{advice}")
    if image.dtype != np.uint8 or not image.size or image.ndim not in (2, 3) or image.shape[2:] not in ((), (3,)):
        raise PatchlearnError(f"{place}: an array of {image.dtype} and the shape {image.shape}. {_advice(image)}")
    return image


def _advice(array: np.ndarray[Any, Any]) -> str:
    """How the array becomes an image."""
    if array.dtype.kind == "f":
        return f"{IMAGES_ARE} Of values from 0 to 1: (array * 255).round().astype('uint8')."
    if array.ndim == 3 and array.shape[0] == 3 != array.shape[2]:
        return f"{IMAGES_ARE} Here: array.transpose(1, 2, 0)."
    if array.ndim == 3 and array.shape[2] in (1, 4):
        return f"{IMAGES_ARE} Here: array[..., {':3' if array.shape[2] == 4 else 0}]."
    return IMAGES_ARE


def _png(pixels: UInt8) -> bytes:
    file = BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, "PNG")
    return file.getvalue()


def _tag(tag: Any, place: str) -> str:
    if not isinstance(tag, str):
        raise PatchlearnError(f"{place}: the tag {tag!r} is no text. Pass names of classes, such as classes[{tag!r}].")
    return str(tag).strip()


def _notes(without_tags: int) -> list[str]:
    if not without_tags:
        return []
    what = "1 image has no tags, and is" if without_tags == 1 else f"{without_tags} images have no tags, and are"
    return [f"tags: {what} not used. An empty list says that an image has none of the classes"]
