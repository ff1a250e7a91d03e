"""Read any image file as an RGB array, and find the files of a folder."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import Bands, UInt8
from patchlearn.data.pixels.colour_modes import chosen, rgb, to_8_bits
from patchlearn.data.pixels.image_opening import DAMAGED as DAMAGED
from patchlearn.data.pixels.image_opening import MAX_PIXELS as MAX_PIXELS
from patchlearn.data.pixels.image_opening import TURNS as TURNS
from patchlearn.data.pixels.image_opening import max_pixels as max_pixels
from patchlearn.data.pixels.image_opening import opened, sentences
from patchlearn.data.pixels.mask_files import is_binary as is_binary
from patchlearn.data.pixels.mask_files import read_indices as read_indices
from patchlearn.data.pixels.mask_files import read_mask as read_mask
from patchlearn.data.pixels.tiff_bands import count_pages, read_pixels

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")  # of the files in a folder that are images
EXTRAS = ("MPO",)  # formats whose further pictures are extras of the first: a depth map, a brighter version, a preview


def read_image(path: Path | str, bands: Bands | None = None) -> UInt8:
    """Read an image as H×W×3 uint8 RGB.

    - CMYK, palettes and grey values are converted, and the EXIF orientation is applied.
    - What is transparent lies on white: a pixel of opacity 0 is white, whatever colour the file hides there.
    - In 16-bit images 65,535 becomes white. In images of floats or of other integers, white is the smallest of 1
      (floats only), 255 and 65,535 that no pixel exceeds; beyond 65,535 it is the brightest pixel. Values below 0
      become black.
    - Of a TIFF with more than three bands the first three are read, of several pages or frames the first
      (`frames` counts them).

    Args:
        path: the file.
        bands: numbers of the bands that become red, green and blue, from 1, in place of all this: the numbers of the
            file are scaled to 8 bits, and nothing is converted. A palette has the three bands of its colours.

    Raises:
        PatchlearnError: the file is missing, truncated, not an image or of more than `max_pixels()`, lacks a band,
            holds NaN, or is a TIFF of an unusual kind; the message says what to do.
    """
    path = Path(path)
    if bands is None:
        return read_pixels(path, lambda file: rgb(file, path), lambda numbers: _of_bands(numbers, path))
    indices = [band - 1 for band in bands]
    return read_pixels(
        path, lambda file: chosen(file, indices, path), lambda numbers: to_8_bits(numbers, path), indices
    )


def frames(path: Path) -> int:
    """How many pages (TIFF) or frames (GIF, WebP, PNG, AVIF) a file has; no pixel is read.

    Smaller copies of a page do not count, nor do the extra pictures inside a JPEG of a phone.

    Raises:
        PatchlearnError: the file is missing, damaged or not an image.
    """
    with sentences(path):
        pages = count_pages(path)
    if pages is not None:
        return pages
    with opened(path) as file:
        return 1 if file.format in EXTRAS else int(getattr(file, "n_frames", 1))


def image_size(path: Path) -> tuple[int, int] | None:
    """(H, W) of an image file as its header states them, whichever way up; None where Pillow cannot tell.

    No pixel is read, and nothing is said of a file that is damaged: `read_image` will.
    """
    try:
        with opened(path) as file:
            return file.height, file.width
    except PatchlearnError:
        return None


def _of_bands(numbers: NDArray[Any], path: Path) -> UInt8:
    scaled = to_8_bits(numbers, path)
    return np.repeat(scaled, 3, axis=2) if scaled.shape[2] == 1 else scaled
