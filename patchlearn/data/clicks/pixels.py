"""The labelled pixels of one image as a mask."""

import numpy as np

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import IGNORE, UInt8
from patchlearn.data.clicks.scribbles import read_scribble
from patchlearn.data.clicks.values import ImageClicks


def labelled_pixels(clicks: ImageClicks, size: tuple[int, int]) -> UInt8:
    """H×W: 0 background, i + 1 class i, 255 where nothing is labelled. A point is one pixel; boxes label none.

    Args:
        clicks: of one image; its scribble is read.
        size: (H, W) of the upright image.

    Raises:
        PatchlearnError: a point lies outside of the image, or the scribble has another size or cannot be read.

    >>> from patchlearn.data import Point
    >>> labelled_pixels(ImageClicks(points=(Point(2, 0, value=1), Point(0, 1, value=0))), (2, 3)).tolist()
    [[255, 255, 1], [0, 255, 255]]
    """
    labels = read_scribble(clicks.scribble, size) if clicks.scribble else np.full(size, IGNORE, np.uint8)
    for point in clicks.points:
        if not (0 <= point.x < size[1] and 0 <= point.y < size[0]):
            raise PatchlearnError(
                f"clicks: the pixel {point.x},{point.y} lies outside of an image of {size[1]}×{size[0]} pixels "
                "(width × height). Give the size of the whole upright image."
            )
        labels[point.y, point.x] = point.value
    return labels
