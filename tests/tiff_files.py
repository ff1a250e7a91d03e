"""TIFF files of kinds that Pillow does not write."""

import struct
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

KINDS = {"b": 1, "u": 1, "i": 2, "f": 3}


def write_tiff(
    path: Path,
    pixels: NDArray[Any],
    *,
    apart: bool = False,
    compression: int = 1,
    differences: bool = False,
    tile: int | None = None,
    photometric: int = 1,
    extra: Sequence[int] | None = None,
    pages: Iterable[int] = (0,),
) -> None:
    """Write pixels H×W×C in the byte order of their type; every page holds the same, `pages` says of what kind.

    Args:
        path: the file.
        pixels: H×W×C numbers.
        apart: whether the bands are stored one after the other.
        compression: 1 for none, 8 for deflate; others are only claimed.
        differences: whether each number is stored as the difference from its left neighbour.
        tile: side of the tiles; None for strips of 4 rows.
        photometric: 1 grey, 2 RGB.
        extra: what the extra samples are; None for as many of no meaning as there are.
        pages: the kind of each page: 0 usual, 1 a smaller copy, 4 a mask.
    """
    order = ">" if pixels.dtype.byteorder == ">" else "<"
    height, width, bands = pixels.shape
    extra = [0] * (bands - (3 if photometric == 2 else 1)) if extra is None else extra
    segments = [_stored(each, compression, differences) for each in _segments(pixels, apart, tile)]
    content = bytearray(struct.pack(f"{order}2sHI", b"MM" if order == ">" else b"II", 42, 0))
    places = [len(content) + sum(map(len, segments[:index])) for index in range(len(segments))]
    content += b"".join(segments)
    offsets, lengths = (324, 325) if tile else (273, 279)
    tags = {
        256: [width],
        257: [height],
        258: [pixels.dtype.itemsize * 8] * bands,
        259: [compression],
        262: [photometric],
        offsets: places,
        277: [bands],
        278: [4],
        lengths: [len(each) for each in segments],
        284: [2 if apart else 1],
        317: [2 if differences else 1],
        **({322: [tile], 323: [tile]} if tile else {}),
        **({338: list(extra)} if extra else {}),
        339: [KINDS[pixels.dtype.kind]] * bands,
    }
    pointer = 4
    for kind in pages:
        pointer = _append_page(content, {254: [kind], **tags}, pointer, order)
    path.write_bytes(bytes(content))


def _segments(pixels: NDArray[Any], apart: bool, tile: int | None) -> list[NDArray[Any]]:
    height, width, bands = pixels.shape
    planes = [pixels[..., band : band + 1] for band in range(bands)] if apart else [pixels]
    if tile is None:
        return [plane[y : y + 4] for plane in planes for y in range(0, height, 4)]
    padded = [np.pad(plane, ((0, -height % tile), (0, -width % tile), (0, 0))) for plane in planes]
    return [
        plane[y : y + tile, x : x + tile]
        for plane in padded
        for y in range(0, height, tile)
        for x in range(0, width, tile)
    ]


def _stored(segment: NDArray[Any], compression: int, differences: bool) -> bytes:
    if differences:
        segment = np.diff(segment, axis=1, prepend=np.zeros_like(segment[:, :1])).astype(segment.dtype)
    return zlib.compress(segment.tobytes()) if compression == 8 else segment.tobytes()


def _append_page(content: bytearray, tags: dict[int, list[int]], pointer: int, order: str) -> int:
    """Append the tags, let the pointer of the page before point to them, and return where their own pointer is."""
    arrays = {}
    for tag, values in tags.items():
        if len(values) > 1:
            arrays[tag] = len(content)
            content += struct.pack(f"{order}{len(values)}I", *values)
    content[pointer : pointer + 4] = struct.pack(f"{order}I", len(content))
    content += struct.pack(f"{order}H", len(tags))
    for tag, values in sorted(tags.items()):
        content += struct.pack(f"{order}HHII", tag, 4, len(values), arrays.get(tag, values[0]))
    content += bytes(4)
    return len(content) - 4
