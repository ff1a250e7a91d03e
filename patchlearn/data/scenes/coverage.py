"""Which share of every pixel some shapes cover: smooth edges, and the mask that belongs to them."""

import numpy as np
from PIL import Image, ImageDraw

from patchlearn.core.types import Float32
from patchlearn.data.scenes.drawing import Points

SUPERSAMPLING = 4
EDGE = 0.8 / SUPERSAMPLING  # pixels; Pillow fills what a polygon's outline touches too, which widens a line by this


def covered(side: int, shapes: list[Points]) -> Float32:
    """side×side in [0, 1]: the share of each pixel that closed outlines of (x, y), in pixels, cover.

    >>> covered(3, [np.array([(0.0, 0.0), (2.0, 0.0), (2.0, 3.0), (0.0, 3.0)])])[0].round()
    array([1., 1., 0.], dtype=float32)
    """
    sheet = Image.new("L", (side * SUPERSAMPLING, side * SUPERSAMPLING))
    draw = ImageDraw.Draw(sheet)
    for points in shapes:
        draw.polygon([(x, y) for x, y in (SUPERSAMPLING * points - 0.5).tolist()], fill=255)
    return np.asarray(sheet.reduce(SUPERSAMPLING), dtype=np.float32) / np.float32(255)
