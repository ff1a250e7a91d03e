"""Rows of a Hugging Face data set as records: images go into the folder of the run, byte for byte."""

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.masks_io import encode_mask
from patchlearn.core.types import IGNORE, MAX_CLASSES, UInt8
from patchlearn.data.boxes import categories
from patchlearn.data.formats.huggingface.columns import Columns
from patchlearn.data.formats.records import Record
from patchlearn.data.images import SUFFIXES
from patchlearn.data.label_cells import Cell, Labels, parse_cells
from patchlearn.data.pixels.image_opening import raster_formats, require_size
from patchlearn.data.stored_images import IMAGES, MASKS, StoredImages, digest_of

Parse = Callable[[Sequence[Cell], Sequence[str] | None, str], list[Labels]]
UNLABELLED = -1  # in a ClassLabel column: nobody judged the image
SUFFIX_OF = {
    "JPEG": ".jpg",
    "MPO": ".jpg",
    "PNG": ".png",
    "WEBP": ".webp",
    "BMP": ".bmp",
    "TIFF": ".tif",
    "GIF": ".gif",
}
PLAIN = re.compile(r"[^.\\/:*?\"<>|\x00-\x1f][^\\/:*?\"<>|\x00-\x1f]*")  # a file can have this name on every system
LONGEST = 200  # characters of a name
DIGITS = 6  # of the number of a row, as the name of an image
DAMAGED = (OSError, SyntaxError, ValueError, Image.DecompressionBombError, TypeError, KeyError)


class Rows:
    """Collects the rows that are used.

    Args:
        stored: where the images go.
        columns: which are used.
        locate: (path in a row, place of the row) → the file that a row names in place of the bytes; it stays there.
    """

    def __init__(self, stored: StoredImages, columns: Columns, *, locate: Callable[[str, str], Path]):
        self.stored, self.columns, self.locate = stored, columns, locate
        self._records: list[Record] = []
        self._cells: dict[int, Cell] = {}  # position of a record → its labels as one string
        self._counts: Counter[str] = Counter()
        self._unlabelled: Counter[str] = Counter()
        self._without_image: Counter[str] = Counter()
        self._taken: set[str] = set()
        self._mask_values: set[int] = set()
        self._no_masks = ""  # why the masks are not used

    def add(self, row: Mapping[str, Any], split: str, source: str) -> None:
        """Take one row of a split, and write its image.

        Args:
            row: column → value; an image is bytes, a path, or a dict of `bytes` and `path`.
            split: of the row; the rows of a split come in their order.
            source: for messages.

        Raises:
            PatchlearnError: the image or a label cannot be used.
        """
        number = self._counts[split]
        self._counts[split] += 1
        place = f"{source}, row {number} of {split}"
        labels = self._labels(row.get(self.columns.labels), place)
        content, path = _content(row.get(self.columns.image), place)
        if labels is None:
            self._unlabelled[split] += 1
        elif content is None and path is None:
            self._without_image[split] += 1
        else:
            name = f"{split}/{self._name(content, path, split, number, place)}"
            if isinstance(labels, str):
                self._cells[len(self._records)] = Cell(labels, place)
            self._records.append(
                Record(
                    image=self._image(name, content, path, place),
                    name=name,
                    labels=() if isinstance(labels, str) else labels,
                    split=split,
                    mask=self._mask(name, row, place),
                    place=place,
                )
            )

    def records(self, classes: Sequence[str] | None, separator: str, parse: Parse = parse_cells) -> list[Record]:
        """A record of each row that is used.

        Args:
            classes: the names, where a list of classes says them.
            separator: of the labels in a string, see `patchlearn.data.label_cells.parse_cells`.
            parse: cells, classes, separator → labels.

        Raises:
            PatchlearnError: no row is used, or it is not clear what separates labels.
        """
        if not self._records:
            raise PatchlearnError(
                f"{self.columns.labels}: no row has a label and an image. Choose another column: --data.labels COLUMN "
                "(in Python: labels='COLUMN')."
            )
        found = list(self._records)
        for place, labels in zip(self._cells, parse(list(self._cells.values()), classes, separator)):
            found[place] = replace(found[place], labels=labels.present, unknown=labels.unknown)
        return found if self._masks_are_used else [replace(record, mask=None) for record in found]

    def notes(self, source: str) -> Iterator[str]:
        """Sentences about what is used and what is not."""
        yield f"{source}: the images are in the column {self.columns.image!r}, the labels in {self.columns.labels!r}"
        for counts, what in ((self._unlabelled, "label"), (self._without_image, "image")):
            for split, count in counts.items():
                verb = "is" if count == 1 else "are"
                yield f"{source}: {count} of {self._counts[split]} rows of {split} without {what} {verb} not used"
        if self.columns.mask and not self._masks_are_used:
            reason = self._no_masks or "no value stands for a class"
            yield f"{source}: not used: the column {self.columns.mask!r}, no masks of class indices ({reason})"
        elif self.columns.mask:
            yield f"{source}: the true masks are in the column {self.columns.mask!r}"
        if self.columns.has_background:
            yield f"{source}: the label 'background' is no class; its images have none of the classes"
        if self.columns.unused:
            yield f"{source}: not used: the columns {', '.join(self.columns.unused)}"

    @property
    def _masks_are_used(self) -> bool:
        """Values 0 and 255 alone are a mask of one object, in which 255 does not mean "ignored"."""
        return not self._no_masks and bool(self._mask_values - {0, IGNORE})

    def _labels(self, value: Any, place: str) -> tuple[str, ...] | str | None:
        """Names of classes, or a string that may hold several; None where nobody judged the image."""
        if value is None or (self.columns.names and not isinstance(value, list) and value == UNLABELLED):
            return None
        if self.columns.key:
            value = categories(value, self.columns.key)
        if self.columns.names is None:
            return tuple(_text(name, place) for name in value) if isinstance(value, list) else _text(value, place)
        indices = value if isinstance(value, list) else [value]
        names = tuple(self._name_of(index, self.columns.names, place) for index in indices)
        return tuple(name for name in names if name in (self.columns.classes or ()))

    def _name_of(self, index: Any, names: Sequence[str], place: str) -> str:
        if not isinstance(index, int) or not 0 <= index < len(names):
            raise PatchlearnError(
                f"{place}: the label {index!r} is none of the {len(names)} classes (0 to {len(names) - 1}). "
                "Correct the row, or leave it out."
            )
        return names[index]

    def _name(self, content: bytes | None, path: str | None, split: str, number: int, place: str) -> str:
        """The name that the data set gives to the image, if a file can have it and no other has it; else its number."""
        given = path or ""
        if content is None:
            given = Path(given).name
        if _is_plain(given) and self._take(split, given):
            return given
        suffix = Path(given).suffix if content is None else _suffix(content, place)
        name = f"{number:0{DIGITS}}{suffix}"
        while not self._take(split, name):
            name = f"_{name}"
        return name

    def _take(self, split: str, name: str) -> bool:
        """Whether no other image has the name; not even in the other case, which is the same file on some systems."""
        key = f"{split}/{Path(name).stem.casefold()}"
        is_free = key not in self._taken
        self._taken.add(key)
        return is_free

    def _image(self, name: str, content: bytes | None, path: str | None, place: str) -> Path:
        if content is not None:
            return self.stored.write(f"{IMAGES}/{name}", digest_of(content), lambda: content)
        return self.locate(path or "", place)

    def _mask(self, name: str, row: Mapping[str, Any], place: str) -> Path | None:
        """The mask as an indexed PNG; from the first mask on that holds other values, none is used."""
        if self.columns.mask is None or self._no_masks:
            return None
        content, path = _content(row.get(self.columns.mask), place)
        if content is None and path is None:
            return None
        content = content if content is not None else self._image(name, None, path, place).read_bytes()
        if self.columns.classes is None:
            self._no_masks = "the labels have no numbers"
            return None
        values = _indices(content, min(len(self.columns.classes), MAX_CLASSES))
        if isinstance(values, str):
            self._no_masks = f"{place}: {values}"
            return None
        self._mask_values.update(np.unique(values).tolist())
        return self.stored.write(mask_name(name), digest_of(content), lambda: encode_mask(values))


def mask_name(name: str) -> str:
    """Where the mask of an image is stored.

    >>> mask_name("train/a.b.jpg")
    'masks/train/a.b.png'
    """
    return f"{MASKS}/{os.path.splitext(name)[0]}.png"


def _text(value: Any, place: str) -> str:
    if not isinstance(value, str):
        raise PatchlearnError(
            f"{place}: the label {value!r} is no text. Write the name of a class, or leave the row out."
        )
    return value.strip()


def _content(value: Any, place: str) -> tuple[bytes | None, str | None]:
    """(bytes, path) of an image."""
    if value is None:
        return None, None
    if isinstance(value, bytes):
        return value, None
    if isinstance(value, str):
        return None, value
    if isinstance(value, Mapping):
        return value.get("bytes"), value.get("path")
    raise PatchlearnError(f"{place}: {type(value).__name__} is no image. Cast the column to the feature Image.")


def _is_plain(name: str) -> bool:
    return bool(PLAIN.fullmatch(name)) and len(name) <= LONGEST and Path(name).suffix.lower() in SUFFIXES


def _suffix(content: bytes, place: str) -> str:
    """By the format of the bytes; only their beginning is looked at."""
    try:
        with Image.open(BytesIO(content), formats=raster_formats()) as image:
            return SUFFIX_OF[str(image.format)]
    except DAMAGED:
        raise PatchlearnError(f"{place}: not an image that can be read. Replace it, or leave the row out.") from None


def _indices(content: bytes, classes: int) -> UInt8 | str:
    """H×W values 0..K or 255, or what the mask holds in their place."""
    try:
        with Image.open(BytesIO(content), formats=raster_formats()) as image:
            require_size("a mask", *image.size)
            if image.mode not in ("P", "L", "1"):
                return f"the mode is {image.mode}"
            values = np.array(image).astype(np.uint8)
    except DAMAGED as error:
        return f"damaged: {error}"
    strange = values[(values > classes) & (values != IGNORE)]
    return f"the value {int(strange[0])} is none of the {classes} classes" if strange.size else values
