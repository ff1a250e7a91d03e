"""Read masks: indices as they are in the file, or colours as class indices."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.masks_io import voc_palette
from patchlearn.core.types import BACKGROUND, IGNORE, Dataset, Sample, UInt8
from patchlearn.data.pixels.image_opening import upright
from patchlearn.data.pixels.tiff_bands import read_pixels

Colour = tuple[int, int, int]
INDICES = ("P", "PA", "L", "LA", "1", "I", "F")  # modes of masks that hold numbers, besides I;16
COLOURS = ("RGB", "RGBA", "RGBX", "RGBa")
USUAL = {BACKGROUND: (0, 0, 0), IGNORE: (224, 224, 192)}  # VOC's colours of these values
UNKNOWN = -1


def read_mask(dataset: Dataset, sample: Sample) -> UInt8:
    """Read the H×W ground truth of a sample: 0 background, i + 1 for class i, 255 ignored.

    A palette or grey image holds indices. In an image of colours, `dataset.mask_colours` says what each means; black
    is background and (224, 224, 192) is ignored unless it says otherwise. Without it, the colours are those of VOC. A
    pixel that is wholly transparent is background. The EXIF orientation is applied, as to images.

    Raises:
        PatchlearnError: the sample has no mask, the file cannot be read, or it contains a value or a colour that is not
            a class.
    """
    return classes_of_values(dataset, sample, read_mask_values(dataset, sample))


def read_mask_values(dataset: Dataset, sample: Sample) -> UInt8:
    """The H×W values of a sample's mask before they become classes; colours as the values that they stand for.

    Raises:
        PatchlearnError: the sample has no mask, or the file cannot be read.
    """
    if sample.mask is None:
        raise PatchlearnError(f"{dataset.root}: image {sample.id!r} has no mask. Choose a split that has masks.")
    return _read(sample.mask, dataset)


def classes_of_values(dataset: Dataset, sample: Sample, values: UInt8) -> UInt8:
    """H×W: 0 background, i + 1 for class i, 255 ignored.

    Raises:
        PatchlearnError: a value is not a class.
    """
    mask = dataset.mask_table[values]
    if (mask < 0).any():
        raise PatchlearnError(
            f"{sample.mask}: holds the value {int(values[mask < 0][0])}, but the data set has {len(dataset.classes)} "
            "classes (1, 2, …), 0 is background and 255 ignored. Correct the mask or add the class to classes.txt."
        )
    return mask.astype(np.uint8)


def read_indices(path: Path) -> UInt8:
    """Read the H×W values of a palette or grey image as they are in the file; 16 bits are fine if 8 would do.

    Raises:
        PatchlearnError: the file is missing or truncated, or holds colours or larger numbers instead of indices.
    """
    return _read(path, None)


def is_binary(mask: UInt8) -> bool:
    """Whether an H×W mask holds 255, and besides only 0: its author may have meant "object" by 255, not "ignored".

    One such mask may be right: an image without objects, with ignored pixels. If all masks of a data set are binary,
    they are hardly meant so.

    >>> is_binary(np.array([[0, 255]], np.uint8)), is_binary(np.array([[0, 0]], np.uint8))
    (True, False)
    """
    ignored = mask == IGNORE
    return bool(ignored.any()) and bool((ignored | (mask == BACKGROUND)).all())


def _read(path: Path, dataset: Dataset | None) -> UInt8:
    """The values of a mask file; one of colours needs the data set that says what they mean."""

    def by_pillow(file: Image.Image) -> UInt8:
        image = upright(file)
        if image.mode in INDICES or image.mode.startswith("I;16"):
            return _indices(np.asarray(image), path)
        if dataset is None or image.mode not in COLOURS:
            raise PatchlearnError(
                f"{path}: the mask has the mode {image.mode}. Save it as a palette or 8-bit grey PNG of class indices."
            )
        return _values_of_colours(image, dataset, path, file.format)

    return read_pixels(path, by_pillow, lambda bands: _of_band(bands, path))


def _of_band(bands: NDArray[Any], path: Path) -> UInt8:
    if bands.shape[2] != 1:
        raise PatchlearnError(f"{path}: the mask has several bands. Save it as an 8-bit grey PNG of class indices.")
    return _indices(bands[..., 0], path)


def _indices(numbers: NDArray[Any], path: Path) -> UInt8:
    """H×W numbers, or H×W×2 with the transparency, as indices."""
    if numbers.ndim == 3:
        numbers = np.where(numbers[..., 1] == 0, BACKGROUND, numbers[..., 0])
    if numbers.dtype in (np.uint8, np.bool_):
        return numbers.astype(np.uint8)
    wrong = ~((numbers >= 0) & (numbers <= IGNORE) & (numbers % 1 == 0))  # of NaN, too
    if wrong.any():
        y, x = np.argwhere(wrong)[0]
        raise PatchlearnError(
            f"{path}: the value at x {x}, y {y} is {numbers[y, x]}, but class indices are whole numbers from 0 to 255. "
            "Save a mask of class indices: 0 background, 1, 2, … the classes, 255 ignored."
        )
    return numbers.astype(np.uint8)


def _values_of_colours(image: Image.Image, dataset: Dataset, path: Path, kind: str | None) -> UInt8:
    if image.mode == "RGBa":
        image = image.convert("RGBA")
    pixels = np.asarray(image)
    codes = pixels[..., 0].astype(np.int32)
    for channel in (1, 2):
        codes = (codes << 8) | pixels[..., channel]
    values = _table(_meanings(dataset.mask_colours))[codes]
    if image.mode == "RGBA":
        values[pixels[..., 3] == 0] = BACKGROUND
    unknown = values == UNKNOWN
    if unknown.any():
        y, x = np.argwhere(unknown)[0]
        raise PatchlearnError(_unknown_colour(path, dataset, pixels[y, x, :3], f"x {x}, y {y}", kind))
    return values.astype(np.uint8)


def _meanings(colours: Mapping[Colour, int] | None) -> tuple[tuple[Colour, int], ...]:
    """What each colour means. Background and ignored have their usual colours if they are given none."""
    if colours is None:
        return tuple(((int(r), int(g), int(b)), value) for value, (r, g, b) in enumerate(voc_palette()))
    given = set(colours.values())
    usual = {colour: value for value, colour in USUAL.items() if value not in given}
    return tuple({**usual, **colours}.items())


@lru_cache(maxsize=2)
def _table(meanings: tuple[tuple[Colour, int], ...]) -> NDArray[np.int16]:
    """2^24 entries, so that a mask of any size is translated by one look-up a pixel: colour → value, or unknown."""
    table = np.full(2**24, UNKNOWN, np.int16)
    for (red, green, blue), value in meanings:
        table[(red << 16) | (green << 8) | blue] = value
    return table


def _unknown_colour(path: Path, dataset: Dataset, colour: UInt8, place: str, kind: str | None) -> str:
    red, green, blue = (int(part) for part in colour)
    what = f"{path}: the colour #{red:02x}{green:02x}{blue:02x} ({red} {green} {blue}) at {place} is of no class."
    if kind in ("JPEG", "MPO"):
        return f"{what} A JPEG changes the colours of a mask. Save the mask as PNG, from its source."
    if dataset.mask_colours is not None:
        return f"{what} Correct the mask, or add the colour to classes.csv."
    return f"{what} Write {dataset.root / 'classes.csv'} with the columns name,colour and a line for each class."
