"""What is wrong with the content of a submitted mask."""

import zlib
from collections.abc import Iterator
from io import BytesIO

import numpy as np
from PIL import Image

from patchlearn.core.masks_io import PALETTE
from patchlearn.core.types import IGNORE, Integers, UInt8
from patchlearn.data.formats.voc import VOC_CLASSES
from patchlearn.export.voc_server.layout import LARGEST

PNG = b"\x89PNG\r\n\x1a\n"
PNG_HEADER = slice(0, 26)  # signature, length and name of the first chunk, width, height, bit depth, colour type
PALETTE_TYPE = 3
COLOUR_TYPES = {0: "grey values", 2: "colours", 4: "grey values and transparency", 6: "colours and transparency"}
DAMAGE = (OSError, SyntaxError, ValueError, EOFError, IndexError, OverflowError, zlib.error)


def mask_problems(content: bytes) -> Iterator[str]:
    """One sentence for each problem of a mask.

    >>> list(mask_problems(b"GIF89a"))
    ['not a PNG. Write the mask as a palette PNG.']
    """
    problem = header_problem(content)
    if problem:
        yield problem
        return
    try:
        with Image.open(BytesIO(content), formats=["PNG"]) as image:
            mask, colours = np.asarray(image), np.reshape(image.getpalette() or [], (-1, 3))
    except DAMAGE as error:
        yield f"damaged image ({error}). Write it again."
        return
    yield from _value_problems(mask, colours)


def header_problem(content: bytes) -> str:
    """The problem of a PNG's header, or "". It is checked first, so that no unexpected type or size is decoded."""
    header = content[PNG_HEADER]
    if len(header) < PNG_HEADER.stop or not header.startswith(PNG):
        return "not a PNG. Write the mask as a palette PNG."
    depth, colour_type = header[24], header[25]
    if colour_type != PALETTE_TYPE:
        kind = COLOUR_TYPES.get(colour_type, "values of an unknown type")
        return f"holds {kind} instead of indices into a palette. Write the class values as a palette PNG."
    if depth != 8:
        return f"indices of {depth} bits. Write them with 8 bits, as in VOC's masks."
    height, width = png_size(content)
    if height * width > LARGEST:
        return f"{width}×{height} pixels, more than any image of VOC has. Predict at the size of the image."
    return ""


def png_size(content: bytes) -> tuple[int, int]:
    """(H, W) in the header of a PNG."""
    return int.from_bytes(content[20:24], "big"), int.from_bytes(content[16:20], "big")


def _value_problems(mask: UInt8, colours: Integers) -> Iterator[str]:
    undecided = int((mask == IGNORE).sum())
    if undecided:
        yield f"{undecided} pixels are undecided (255), but the server accepts none. Give each a class or background."
    values = np.unique(mask[mask != IGNORE])
    allowed = values[values <= len(VOC_CLASSES)]
    if len(allowed) < len(values):
        yield f"holds the value {values[-1]}, but VOC's classes are 1 to {len(VOC_CLASSES)}, and 0 is background."
    if any(value >= len(colours) or (colours[value] != PALETTE[value]).any() for value in allowed):
        yield "its palette is not VOC's colour map, so its indices may not be classes. Write it with VOC's palette."
