"""Pictures in which one pixel is marked by a circle: what a person looks at to label it."""

from collections.abc import Sequence
from math import hypot
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import atomic
from patchlearn.core.types import Sample, UInt8
from patchlearn.data.images import read_image

SIDES = 640, 1280  # pixels of the longer side of a picture: at least, at most
RADIUS = 0.025  # of the diagonal of the picture


def write_marked(folder: Path, pixels: Sequence[tuple[Sample, int, int]]) -> None:
    """Write `folder/NUMBER_ID.png` for each pixel; the numbers are those of the rows of a table, from 1.

    Args:
        folder: a new or an empty one.
        pixels: image, x and y of each.

    Raises:
        PatchlearnError: an image cannot be read, or the folder holds files.
    """
    require_empty(folder)
    digits = len(str(len(pixels)))
    for number, (sample, x, y) in enumerate(pixels, 1):
        with atomic(folder / f"{number:0{digits}}_{sample.id}.png") as partial:
            marked(read_image(sample.image), x, y).save(partial, "PNG")


def require_empty(folder: Path) -> None:
    """Raise `PatchlearnError` if the folder holds files: pictures of another table would stay among the new ones."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise PatchlearnError(f"{folder}: holds files already. Name another folder with --pictures.")


def marked(image: UInt8, x: int, y: int) -> Image.Image:
    """The image, not smaller than a hand can point at, with a circle around the pixel.

    The circle is white with a black border on either side, so that it is seen on any ground; the pixel itself and
    what lies around it stay visible.

    Args:
        image: H×W×3, RGB.
        x: column of the pixel.
        y: row.

    >>> marked(np.zeros((100, 200, 3), np.uint8), x=10, y=20).size
    (640, 320)
    """
    height, width = image.shape[:2]
    long_side = min(max(height, width, SIDES[0]), SIDES[1])
    factor = long_side / max(height, width)
    size = max(1, round(width * factor)), max(1, round(height * factor))
    resample = Image.Resampling.BICUBIC if factor > 1 else Image.Resampling.LANCZOS
    picture = Image.fromarray(np.ascontiguousarray(image)).resize(size, resample)
    draw, radius = ImageDraw.Draw(picture), RADIUS * hypot(*size)
    centre = (x + 0.5) * factor, (y + 0.5) * factor
    for colour, outer, line in (("black", radius + 2, 7), ("white", radius, 3)):
        draw.ellipse((centre[0] - outer, centre[1] - outer, centre[0] + outer, centre[1] + outer), None, colour, line)
    return picture
