"""TIFF files that Pillow does not know or misreads: 64-bit numbers, many bands, bands one after the other."""

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL import TiffImagePlugin as Tiff

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import require_regular
from patchlearn.core.types import UInt8
from patchlearn.data.pixels.image_opening import NotAnImageError, opened, require_bands, require_size, sentences

KIND_OF_PAGE = 254  # a tag that Pillow has no name for
COPY, MASK = 1, 4  # bits of it: a smaller copy of another page, a mask of what is transparent there
SHORT_OFFSETS, LONG_OFFSETS = 42, 43  # the number behind the byte order
PLAIN, DEFLATE = 1, (8, 32946)  # ways of compression that are read here
DIFFERENCES = 2  # the predictor that stores each value as the difference from its left neighbour
GREY, COLOURS = 1, 2  # photometric interpretations that are read here
ALPHA = {1, 2}  # extra samples that say how transparent a pixel is
APART = 2  # the bands are stored one after the other
MOST_BANDS, MOST_KEPT = 6, 4  # that Pillow reads, and that it gives
DTYPES = {"u": (8, 16, 32, 64), "i": (8, 16, 32, 64), "f": (16, 32, 64)}
KINDS = {1: "u", 2: "i", 3: "f"}  # sample format → kind of the NumPy type
WORDS = {"u": "whole numbers", "i": "signed whole numbers", "f": "floats"}
Tags = Mapping[int, Any]


def read_pixels(
    path: Path,
    by_pillow: Callable[[Image.Image], UInt8],
    of_bands: Callable[[NDArray[Any]], UInt8],
    bands: Sequence[int] | None = None,
) -> UInt8:
    """Read an image by Pillow or, where it does not know a TIFF or misreads it, here.

    Args:
        path: a file of any kind.
        by_pillow: what becomes of the opened file.
        of_bands: what becomes of the numbers H×W×B of a TIFF.
        bands: the indices of the bands that these are, from 0; None for the only one, or the first three.

    Raises:
        PatchlearnError: the file cannot be read; of a TIFF, too, with a number of bands or a compression that neither
            Pillow nor this module knows.
    """
    numbers = _read_bands(path, bands, only_misread=True)
    if numbers is None:
        try:
            with opened(path) as file:
                return by_pillow(file)
        except NotAnImageError:
            numbers = _read_bands(path, bands, only_misread=False)
            if numbers is None:
                raise
    return of_bands(numbers)


def count_pages(path: Path) -> int | None:
    """How many pages a TIFF has; smaller copies and masks of other pages do not count. None if it is no TIFF."""
    require_regular(path)
    with path.open("rb") as file:
        kinds = [_one(tags, KIND_OF_PAGE, 0) for tags in _pages(file, path)]
    return max(1, sum(not kind & (COPY | MASK) for kind in kinds)) if kinds else None


@dataclass(frozen=True, kw_only=True)
class _Layout:
    """How the pixels of a page are stored.

    Args:
        size: (H, W) of the page.
        tile: (H, W) of one tile; strips are tiles as wide as the page.
        is_strip: whether the last tile ends where the page ends.
        bands: of the page.
        apart: whether the bands are stored one after the other.
        dtype: of the numbers.
        compressed: whether by deflate.
        differences: whether the numbers are differences from their left neighbours.
        places: (offset, length in bytes) of each tile.
    """

    size: tuple[int, int]
    tile: tuple[int, int]
    is_strip: bool
    bands: int
    apart: bool
    dtype: np.dtype[Any]
    compressed: bool
    differences: bool
    places: tuple[tuple[int, int], ...]


def _read_bands(path: Path, bands: Sequence[int] | None, *, only_misread: bool) -> NDArray[Any] | None:
    """The first page of a TIFF; None if it is no TIFF, or none that Pillow misreads."""
    require_regular(path)
    with sentences(path), path.open("rb") as file:
        tags = next(_pages(file, path), None)
        if tags is None or Tiff.IMAGEWIDTH not in tags:
            return None
        order = _byte_order(file)
        if only_misread and not _is_misread(tags, order, MOST_BANDS if bands is None else MOST_KEPT):
            return None
        layout = _layout(tags, path, order)
        bands = range(min(layout.bands, 3)) if bands is None else bands
        require_bands(path, bands, layout.bands)
        return _pixels(layout, file, bands)


def _is_misread(tags: Tags, order: str, most: int) -> bool:
    """Whether Pillow gives wrong numbers (or, for many bands, a line in its log besides the error).

    It swaps the bytes of compressed big-endian numbers twice, and takes bands that are stored one after the other for
    one grey band, or for 8 bits.
    """
    bands, bits = _one(tags, Tiff.SAMPLESPERPIXEL, 1), _one(tags, Tiff.BITSPERSAMPLE, 1)
    is_compressed = _one(tags, Tiff.COMPRESSION, PLAIN) != PLAIN
    is_apart = bands > 1 and _one(tags, Tiff.PLANAR_CONFIGURATION, 1) == APART
    is_usual = bits == 8 and _one(tags, Tiff.PHOTOMETRIC_INTERPRETATION, GREY) != GREY
    is_swapped = order == ">" and is_compressed and bits > 8 and _one(tags, Tiff.SAMPLEFORMAT, 1) != 1
    return bands > most or (is_apart and not is_usual) or is_swapped


def _byte_order(file: IO[bytes]) -> str:
    file.seek(0)
    return {b"II": "<", b"MM": ">"}.get(file.read(2), "")


def _pages(file: IO[bytes], path: Path) -> Iterator[Tags]:
    """The tags of every page, of which only the latest are valid; nothing if the file is no TIFF."""
    order = _byte_order(file)
    magic = int.from_bytes(file.read(2), "big" if order == ">" else "little")
    if not order or magic not in (SHORT_OFFSETS, LONG_OFFSETS):
        return
    if magic == LONG_OFFSETS and order == ">":  # Pillow takes its tags for those of a TIFF
        raise PatchlearnError(f"{path}: a big-endian BigTIFF, which cannot be read. Save it as an ordinary TIFF.")
    file.seek(0)
    tags = Tiff.ImageFileDirectory_v2(file.read(16 if magic == LONG_OFFSETS else 8))
    seen = {0}
    while tags.next not in seen:  # the last page points to 0; a damaged one may point back
        seen.add(tags.next)
        file.seek(tags.next)
        tags.load(file)
        yield tags


def _all(tags: Tags, tag: int, default: int) -> tuple[int, ...]:
    found = tags.get(tag, default)
    return tuple(int(each) for each in found) if isinstance(found, tuple) else (int(found),)


def _one(tags: Tags, tag: int, default: int) -> int:
    return _all(tags, tag, default)[0]


def _layout(tags: Tags, path: Path, order: str) -> _Layout:
    width, height = _one(tags, Tiff.IMAGEWIDTH, 0), _one(tags, Tiff.IMAGELENGTH, 0)
    require_size(path, width, height)
    dtype = _dtype(tags, path, order)
    is_strip = Tiff.TILEWIDTH not in tags
    rows = min(_one(tags, Tiff.ROWSPERSTRIP, height), height)
    tile = (rows, width) if is_strip else (_one(tags, Tiff.TILELENGTH, 0), _one(tags, Tiff.TILEWIDTH, 0))
    require_size(path, *tile)
    offsets, lengths = (
        (Tiff.STRIPOFFSETS, Tiff.STRIPBYTECOUNTS) if is_strip else (Tiff.TILEOFFSETS, Tiff.TILEBYTECOUNTS)
    )
    return _Layout(
        size=(height, width),
        tile=tile,
        is_strip=is_strip,
        bands=_one(tags, Tiff.SAMPLESPERPIXEL, 1),
        apart=_one(tags, Tiff.PLANAR_CONFIGURATION, 1) == APART,
        dtype=dtype,
        compressed=_one(tags, Tiff.COMPRESSION, PLAIN) != PLAIN,
        differences=_one(tags, Tiff.PREDICTOR, 1) == DIFFERENCES,
        places=tuple(zip(_all(tags, offsets, 0), _all(tags, lengths, 0), strict=True)),
    )


def _dtype(tags: Tags, path: Path, order: str) -> np.dtype[Any]:
    """The type of the numbers, if the page is of a kind that is read here."""
    bands, bits = _one(tags, Tiff.SAMPLESPERPIXEL, 1), _all(tags, Tiff.BITSPERSAMPLE, 1)
    kind = KINDS.get(_one(tags, Tiff.SAMPLEFORMAT, 1), "")
    what = (
        f"{path}: a TIFF of {bands} {'band' if bands == 1 else 'bands'} of {bits[0]}-bit {WORDS.get(kind, 'numbers')}"
    )
    is_known = len({*bits}) == 1 and bits[0] in DTYPES.get(kind, ())
    is_grey_or_colours = _one(tags, Tiff.PHOTOMETRIC_INTERPRETATION, GREY) in (GREY, COLOURS)
    extra = set(_all(tags, Tiff.EXTRASAMPLES, 0))
    if not is_known or not is_grey_or_colours or bands == 2 or (extra & ALPHA):
        remedy = "it as 16-bit grey" if bands == 1 else "the three bands that matter as an 8-bit RGB"
        raise PatchlearnError(f"{what}, which cannot be read. Save {remedy} image.")
    compression, predictor = _one(tags, Tiff.COMPRESSION, PLAIN), _one(tags, Tiff.PREDICTOR, 1)
    if compression not in (PLAIN, *DEFLATE) or predictor not in (1, DIFFERENCES) or (predictor > 1 and kind == "f"):
        raise PatchlearnError(f"{what}, compressed in a way that cannot be read. Save it without compression.")
    return np.dtype(f"{order}{kind}{bits[0] // 8}")


def _pixels(layout: _Layout, file: IO[bytes], bands: Sequence[int]) -> NDArray[Any]:
    """The bands with these indices, H×W×B; of bands that are stored apart, no other is read."""
    (height, width), (rows, columns) = layout.size, layout.tile
    pixels = np.empty((height, width, len(bands)), layout.dtype)
    planes = range(layout.bands if layout.apart else 1)
    corners = product(planes, range(0, height, rows), range(0, width, columns))
    for index, (plane, y, x) in enumerate(corners):
        if layout.apart and plane not in bands:
            continue
        tile = _tile(layout, file, index, min(rows, height - y) if layout.is_strip else rows)
        inside = tile[: height - y, : width - x]
        for place, band in enumerate(bands):
            if not layout.apart or band == plane:
                pixels[y : y + rows, x : x + columns, place] = inside[..., 0 if layout.apart else band]
    return pixels


def _tile(layout: _Layout, file: IO[bytes], index: int, rows: int) -> NDArray[Any]:
    shape = (rows, layout.tile[1], 1 if layout.apart else layout.bands)
    count = int(np.prod(shape, dtype=np.int64))
    offset, length = layout.places[index]
    file.seek(offset)
    content = file.read(length)
    if layout.compressed:
        content = _inflated(content, count * layout.dtype.itemsize)
    tile = np.frombuffer(content, layout.dtype, count).reshape(shape)
    return np.cumsum(tile, axis=1, dtype=layout.dtype) if layout.differences and layout.compressed else tile


def _inflated(content: bytes, size: int) -> bytes:
    try:
        return zlib.decompressobj().decompress(content, size)
    except zlib.error as error:
        raise OSError(error) from None
