"""Open an image file: one limit of size, and one sentence for whatever keeps Pillow from reading it."""

import os
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import IO

from PIL import ExifTags, Image, PngImagePlugin, UnidentifiedImageError

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import require_regular
from patchlearn.core.limits import PIXELS, limit

# 16,384 × 16,384: more than any camera has. Reading takes up to ten bytes a pixel, which are 2.5 GiB at this size, and
# several threads read at once. What is larger (a satellite image, a slide) is of no use whole: a network sees a crop.
MAX_PIXELS = 2**28
# More pixels than this for each byte of the file are refused, from SPARSE pixels on: they are allocated before the
# first byte is decoded. Deflate packs at most 1032 bytes into one (zlib's "Technical Details"), which are 8256 pixels
# of one bit: no PNG is refused. An empty WebP or fax of this size may be.
PIXELS_PER_BYTE, SPARSE = 2**14, 2**24
# Formats that are read, by their content. Others that Pillow knows start programs (EPS: Ghostscript) or are of no
# photograph. The last two are there where a package has added them to Pillow.
RASTER = ("JPEG", "MPO", "PNG", "WEBP", "BMP", "TIFF", "GIF", "AVIF", "JPEG2000", "PPM", "TGA", "HEIF", "JXL")
# The errors that Pillow raises over damaged files; those from TypeError on are caused by invalid tags.
DAMAGED = (
    OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError, TypeError, KeyError, IndexError,
    struct.error,
)  # fmt: skip
TOO_LARGE = (Image.DecompressionBombError, Image.DecompressionBombWarning)
TURNS = {  # EXIF orientation → what makes the image upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
ADVICE = "or remove it from the list of the data set."


class NotAnImageError(PatchlearnError):
    """Pillow knows no format that the file has."""


@contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """The file as Pillow opens it, of at most `max_pixels()`; the pixels are read when they are first used.

    Raises:
        NotAnImageError: Pillow cannot tell what it is.
        PatchlearnError: the file is missing, too large or damaged, also where this shows only inside the block.
    """
    # Not by its name: Pillow would map an uncompressed file into memory, and then mixes up rows of a TIFF on its side.
    require_regular(path)
    with sentences(path), _own_limits(), path.open("rb") as stream, _recognised(stream, path) as file:
        require_size(path, *file.size)
        _require_content(path, *file.size, os.fstat(stream.fileno()).st_size)
        yield file


def raster_formats() -> tuple[str, ...]:
    """Those of `RASTER` that this Pillow reads."""
    Image.init()
    return tuple(name for name in RASTER if name in Image.OPEN)


def _recognised(stream: IO[bytes], path: Path) -> Image.Image:
    try:
        return Image.open(stream, formats=raster_formats())
    except (UnidentifiedImageError, KeyError):  # KeyError: a TIFF compressed in a way that Pillow does not know
        raise NotAnImageError(f"{path}: not an image. Replace it, {ADVICE}") from None


def upright(file: Image.Image) -> Image.Image:
    """The image, loaded and turned as its EXIF orientation says."""
    file.load()  # Pillow turns a TIFF itself, while it loads
    # Pillow's exif_transpose also writes all other tags again, and fails where one of them is invalid.
    turn = TURNS.get(file.getexif().get(ExifTags.Base.Orientation, 1))
    return file if turn is None else file.transpose(turn)


def max_pixels() -> int:
    """The largest image that is read: `MAX_PIXELS`, or what the environment variable PATCHLEARN_MAX_PIXELS says.

    Raises:
        PatchlearnError: the variable is no whole number from 1 on.
    """
    return limit(PIXELS, MAX_PIXELS)


def _require_content(path: Path, width: int, height: int, size: int) -> None:
    """Refuse a file that is much too small for the pixels that it claims."""
    if width * height >= SPARSE and width * height > PIXELS_PER_BYTE * size:
        raise PatchlearnError(
            f"{path}: claims {width}×{height} pixels in {size} bytes, so it is empty or damaged. Replace it, {ADVICE}"
        )


def require_size(path: Path | str, width: int, height: int) -> None:
    """Raise `PatchlearnError` if the image has more than `max_pixels()`."""
    if width * height > max_pixels():
        raise PatchlearnError(_too_large(path, f"{width}×{height} pixels (width × height)"))


def require_bands(path: Path, bands: Sequence[int], count: int) -> None:
    """Raise `PatchlearnError` unless the image has the bands, of which 0 is the first."""
    if max(bands) >= count:
        what = "1 band" if count == 1 else f"{count} bands"
        raise PatchlearnError(f"{path}: has {what}, and no band {max(bands) + 1}. Choose other bands, or leave it out.")


@contextmanager
def sentences(path: Path) -> Iterator[None]:
    """Whatever the block raises over the file becomes a `PatchlearnError`."""
    try:
        yield
    except PatchlearnError:  # is a ValueError, but not caused by damage
        raise
    except FileNotFoundError:
        raise PatchlearnError(f"{path}: no such file. Restore it, {ADVICE}") from None
    except MemoryError:
        raise PatchlearnError(f"{path}: too large for the free memory. Resize it, or cut it into tiles.") from None
    except TOO_LARGE:
        raise PatchlearnError(_too_large(path, "the image or a part of it")) from None
    except DAMAGED as error:
        raise PatchlearnError(f"{path}: damaged image ({error}). Replace it, {ADVICE}") from None


def _too_large(path: Path | str, what: str) -> str:
    return (
        f"{path}: {what} exceeds the limit of {max_pixels():,} pixels. Resize it, or cut it into tiles; or raise the "
        f"limit with the environment variable {PIXELS}, if the memory is large enough: ten bytes a pixel."
    )


_lock = threading.Lock()
_readers = 0
_before: list[int | None] = []


def _limits() -> list[tuple[ModuleType, str, int]]:
    """Pillow's limits that usual files exceed, and ours. Its limits of text would refuse a PNG for its metadata."""
    return [
        (Image, "MAX_IMAGE_PIXELS", max_pixels()),
        (PngImagePlugin, "MAX_TEXT_CHUNK", 2**26),
        (PngImagePlugin, "MAX_TEXT_MEMORY", 2**28),
    ]


@contextmanager
def _own_limits() -> Iterator[None]:
    """Pillow's limits are variables of its modules: the first reader of several replaces them, the last restores them.

    So a program that uses patchlearn keeps the limits that it set for its own images.
    """
    global _readers
    with _lock:
        if not _readers:
            _before[:] = [getattr(module, name) for module, name, _ in _limits()]
            for module, name, ours in _limits():
                setattr(module, name, ours)
        _readers += 1
    try:
        yield
    finally:
        with _lock:
            _readers -= 1
            if not _readers:
                for (module, name, _), value in zip(_limits(), _before, strict=True):
                    setattr(module, name, value)
