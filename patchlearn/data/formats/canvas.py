"""What the mask of an image is drawn on: its size, known without decoding the image, and its orientation."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import UInt8
from patchlearn.data.images import read_image
from patchlearn.data.pixels.image_opening import TURNS, NotAnImageError, opened

Turn = Image.Transpose
SIDEWAYS = (Turn.ROTATE_90, Turn.ROTATE_270, Turn.TRANSPOSE, Turn.TRANSVERSE)


@dataclass(frozen=True)
class Canvas:
    """What a mask is drawn on.

    Args:
        size: (H, W) in pixels.
        turn: what makes the drawn mask upright; None where it is.
    """

    size: tuple[int, int]
    turn: Turn | None = None

    def upright(self, mask: UInt8) -> UInt8:
        """The drawn H×W mask, turned as `read_image` turns the image."""
        return mask if self.turn is None else np.array(Image.fromarray(mask).transpose(self.turn))


def canvas_of(image: Path, given: tuple[int, int] | None = None, place: str = "") -> Canvas:
    """The canvas of an image; but for TIFFs, only the header of the file is read.

    Args:
        image: the file.
        given: (H, W) that the annotations are for: of the upright image, or of the image as it is stored; None where
            they do not say, for the upright image.
        place: of the annotations, for messages.

    Raises:
        PatchlearnError: the file is no image, or has another size.
    """
    stored, turn = _header(image)
    upright = stored[::-1] if turn in SIDEWAYS else stored
    if given is None or given == upright:
        return Canvas(upright)
    if given == stored:
        return Canvas(stored, turn)
    raise PatchlearnError(
        f"{place}: the annotations are for {given[1]}×{given[0]} pixels (width × height), but {image} has "
        f"{upright[1]}×{upright[0]}. Restore the image, or export the annotations again."
    )


def _header(image: Path) -> tuple[tuple[int, int], Turn | None]:
    """(H, W) as the file stores it, and what makes the image upright."""
    try:
        with opened(image) as file:
            if file.format != "TIFF":
                return (file.height, file.width), TURNS.get(file.getexif().get(ExifTags.Base.Orientation, 1))
    except NotAnImageError:  # a TIFF of many bands, for example
        pass
    height, width = read_image(image).shape[:2]
    return (height, width), None
