"""How many bytes one image takes while it is segmented or its maps are refined; only headers of files are read."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

import numpy as np

from patchlearn.core.masks_io import UNREADABLE
from patchlearn.core.strips import STRIP_BYTES
from patchlearn.data.images import image_size
from patchlearn.inference.labelled import OF_PIXEL
from patchlearn.inference.score_arrays import MapFormat
from patchlearn.inference.segmenter import Segmenter
from patchlearn.maps.memory import HELD, READING, mask_bytes
from patchlearn.maps.settings import PseudoSettings
from patchlearn.models.views import long_sides
from patchlearn.refine.crf.memory import crf_bytes
from patchlearn.refine.settings import NO_CRF

USUAL_LABELS = 21  # of a mask, whose values are not known before it is read
OF_NUMBER = 9  # bytes of each number of a map: as it is stored, in float32, and whether it is finite
OF_WINDOW = (
    600  # bytes that a network holds for each pixel of a window: ResNet-50 and DeepLabv3+ (benchmarks/memory.py)
)
Item = TypeVar("Item")


def refine_bytes(picture: Path, maps: Path, settings: PseudoSettings, format: MapFormat) -> int:
    """What `refine_file` holds at most; 0 where a header cannot be read: that file's own error comes later.

    Args:
        picture: the image.
        maps: its maps or its mask.
        settings: which refinements.
        format: of the maps; a mask of unknown classes is counted with `USUAL_LABELS`.
    """
    size, shape = image_size(picture), _shape(maps)
    if size is None:
        return 0
    layout = format.layout or ("hwc" if format.classes and shape[-1] == format.classes + format.background else "chw")
    known = USUAL_LABELS if format.classes is None else format.classes + 1
    labels = known if not shape else shape[-1 if layout == "hwc" else 0] + 1
    return mask_bytes(size, labels, settings) + OF_NUMBER * int(np.prod(shape, dtype=int)) * bool(shape)


def predict_bytes(picture: Path, segmenter: Segmenter) -> int:
    """What `Segmenter.segment` holds at most for an image file, besides the network; 0 where it cannot be read.

    Args:
        picture: the image.
        segmenter: with the settings it is asked with.
    """
    size = image_size(picture)
    if size is None:
        return 0
    pixels = size[0] * size[1]
    after = _maps_bytes(size, segmenter, held=1) + _mask_bytes(size, segmenter)
    during = _maps_bytes(size, segmenter, held=2) + _window_bytes(size, segmenter)
    return max(READING * pixels, HELD * pixels + max(during, after))


def largest(items: Iterable[Item], count: Callable[[Item], int]) -> tuple[int, Item | None]:
    """(bytes, item) of the item that takes the most; (0, None) without any.

    >>> largest(["aa", "bbbb", "c"], len)
    (4, 'bbbb')
    """
    counted = [(count(item), item) for item in items]
    return max(counted, key=lambda pair: pair[0], default=(0, None))


def _maps_bytes(size: tuple[int, int], segmenter: Segmenter, held: int) -> int:
    """The probabilities at base size, and at the largest scale while they are computed, and the resized images."""
    settings, stride = segmenter.settings, segmenter.network.stride
    share = size[0] * size[1] / max(size) ** 2
    base, *sides = (side**2 * share for side in long_sides(size, (1.0, *settings.scales), settings.long_side))
    cells = base + (held - 1) * (max(sides) + (len(sides) - 1) * base)
    resized = 6 * sum(sides) if sides != [base] or settings.long_side else 0
    return int(4 * (len(segmenter.classes) + 1) * cells / stride**2 + resized)


def _window_bytes(size: tuple[int, int], segmenter: Segmenter) -> int:
    settings = segmenter.settings
    side = max(long_sides(size, settings.scales, settings.long_side))
    height, width = (min(settings.window, side * each / max(size)) for each in size)
    return int(OF_WINDOW * height * width * (1 + settings.flip))


def _mask_bytes(size: tuple[int, int], segmenter: Segmenter) -> int:
    labels = len(segmenter.classes) + 1
    if segmenter.settings.crf != NO_CRF:
        return crf_bytes(size, labels)
    return min(STRIP_BYTES, OF_PIXEL * size[0] * size[1])


def _shape(maps: Path) -> tuple[int, ...]:
    """Of an array; () of other files and of what cannot be read."""
    if maps.suffix.lower() != ".npy":
        return ()
    try:
        shape = np.lib.format.open_memmap(maps, mode="r").shape
    except UNREADABLE:
        return ()
    return shape if len(shape) == 3 else ()
