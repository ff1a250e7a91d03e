"""Any of Pillow's modes as RGB of 8 bits; what is transparent shows white."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import UInt8
from patchlearn.data.pixels.image_opening import require_bands, upright

WHITE = 255  # in every channel: the ground that transparent images lie on
BLOCK = 256  # rows that are scaled at once, to save memory
# Pillow stretches small grey values of a PNG to 0..255 and cuts 16-bit colours to 8 bits, but leaves the transparent
# colour as it is in the file. Raw mode → what makes the transparent colour comparable with the pixels.
STRETCHED = {"L;2": 85.0, "L;4": 17.0, "RGB;16B": 1 / 256}


def rgb(file: Image.Image, path: Path) -> UInt8:
    """The pixels of an opened file, not yet loaded, as H×W×3; upright, and on white where they are transparent.

    Args:
        file: as `opened` gives it.
        path: for messages.

    Raises:
        PatchlearnError: a float is not a number.
    """
    stretch = STRETCHED.get(_raw_mode(file), 1.0)  # the raw mode is known until the pixels are loaded
    image = upright(file)
    key = image.info.get("transparency")
    if image.mode in ("1", "L", "RGB") or _is_numeric(image):
        pixels = _array(image, path)
        return pixels if key is None else _without_key(pixels, image, _stretched(key, stretch))
    return _array(_on_white(image), path)


def chosen(file: Image.Image, bands: Sequence[int], path: Path) -> UInt8:
    """Bands of an opened file as H×W×B, upright; a palette as its colours, other modes as the numbers of the file.

    Args:
        file: as `opened` gives it.
        bands: their indices, from 0.
        path: for messages.

    Raises:
        PatchlearnError: the image lacks a band, or a float is not a number.
    """
    image = upright(file)
    numbers = np.asarray(image.convert("RGB") if image.mode in ("P", "PA") else image)
    numbers = numbers[..., None] if numbers.ndim == 2 else numbers
    require_bands(path, bands, numbers.shape[2])
    numbers = numbers.astype(np.uint8) * np.uint8(255) if numbers.dtype == np.bool_ else numbers
    return to_8_bits(np.ascontiguousarray(numbers[..., list(bands)]), path)


def to_8_bits(values: NDArray[Any], path: Path) -> UInt8:
    """Numbers of 16 bits, 32 bits or floats, scaled to 0..255; values below 0 become 0.

    Raises:
        PatchlearnError: a value is NaN or infinite.
    """
    if values.dtype == np.uint8:
        return values
    _require_finite(values, path)
    scale = 255.0 / _white(values)
    scaled = np.empty(values.shape, np.uint8)
    for row in range(0, len(values), BLOCK):
        rows = slice(row, row + BLOCK)
        scaled[rows] = np.clip(values[rows].astype(np.float64) * scale, 0, 255).astype(np.uint8)
    return scaled


def _is_numeric(image: Image.Image) -> bool:
    return image.mode.startswith("I") or image.mode == "F"


def _raw_mode(file: Image.Image) -> str:
    tiles = getattr(file, "tile", None)
    return str(tiles[0][3]) if tiles and file.format == "PNG" else ""


def _stretched(key: int | tuple[int, ...], stretch: float) -> NDArray[np.int64]:
    return (np.atleast_1d(np.asarray(key)) * stretch).astype(np.int64)


def _array(image: Image.Image, path: Path) -> UInt8:
    """Pixels without transparency as H×W×3."""
    if _is_numeric(image):
        grey = to_8_bits(np.asarray(image), path)
        return np.repeat(grey[..., None], 3, axis=2)
    return np.array(image if image.mode == "RGB" else image.convert("RGB"))  # convert would copy an RGB image


def _without_key(pixels: UInt8, image: Image.Image, key: NDArray[np.int64]) -> UInt8:
    """White where the image has the one colour that its file calls transparent."""
    values = np.asarray(image)
    levels = values.astype(np.uint8) * np.uint8(255) if image.mode == "1" else values
    levels = levels if levels.ndim == 3 else levels[..., None]
    pixels[(levels == key).all(axis=2)] = WHITE
    return pixels


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode == "La":
        image = image.convert("LA")
    if not image.has_transparency_data:
        return image
    colours = image.convert("RGBA")
    alpha, opaque = colours.getchannel("A"), colours.convert("RGB")
    if alpha.getextrema() == (255, 255):
        return opaque
    ground = Image.new("RGB", image.size, (WHITE, WHITE, WHITE))
    ground.paste(opaque, mask=alpha)
    return ground


def _white(values: NDArray[Any]) -> float:
    """The value that becomes white. It is fixed for 16 bits, so that the images of a series remain comparable."""
    if values.dtype.kind == "u" and values.dtype.itemsize == 2:
        return 65535.0
    usual = (1.0, 255.0, 65535.0) if values.dtype.kind == "f" else (255.0, 65535.0)
    brightest = float(values.max())
    return next((white for white in usual if brightest <= white), brightest)


def _require_finite(values: NDArray[Any], path: Path) -> None:
    if values.dtype.kind != "f" or np.isfinite(values).all():
        return
    place = tuple(np.argwhere(~np.isfinite(values))[0])
    raise PatchlearnError(
        f"{path}: the value at x {place[1]}, y {place[0]} is {values[place]}, which is no brightness. Write a number "
        "in its place, such as 0."
    )
