"""How many bytes one image takes while it is segmented or its maps are refined; only headers of files are read."""

from math import prod
from pathlib import Path

import numpy as np

from patchlearn.core.masks_io import UNREADABLE
from patchlearn.core.memory import Need
from patchlearn.core.strips import STRIP_BYTES
from patchlearn.data.images import image_size
from patchlearn.inference.labelled import OF_PIXEL
from patchlearn.inference.score_arrays import MapFormat
from patchlearn.inference.segmenter import Segmenter
from patchlearn.inference.settings import InferenceSettings
from patchlearn.maps.memory import HELD, READING, mask_need
from patchlearn.maps.settings import PseudoSettings
from patchlearn.models.views import long_sides
from patchlearn.refine.crf.memory import crf_bytes
from patchlearn.refine.settings import NO_CRF

USUAL_LABELS = 21  # of a mask, whose values are not known before it is read
OF_NUMBER = 9  # bytes of each number of an array: as it is stored, in float32, and whether it is finite
OF_WINDOW = 600  # bytes that a network holds for each pixel of a window; measured by benchmarks/memory.py
RESIZED = 6  # bytes of a pixel of an image that is brought to another size


def refine_need(picture: Path, maps: Path, settings: PseudoSettings, format: MapFormat) -> Need:
    """What `refine_file` holds at most; 0 bytes where a header cannot be read, for that file's own error comes later.

    Args:
        picture: the image.
        maps: its maps or its mask.
        settings: which refinements.
        format: of the maps; a mask of unknown classes is counted with `USUAL_LABELS`.
    """
    shape = _shape(maps)
    labels = _labels(shape, format) if shape else USUAL_LABELS if format.classes is None else format.classes + 1
    held, what = mask_need(picture, labels, settings)
    return (held + OF_NUMBER * prod(shape) if held and shape else held), what


def predict_need(picture: Path, segmenter: Segmenter, settings: InferenceSettings) -> Need:
    """What `Segmenter.segment` holds at most for an image file, beside the network; 0 bytes as in `refine_need`.

    Args:
        picture: the image.
        segmenter: whose network reads it.
        settings: with which it is asked.
    """
    size = image_size(picture)
    return (predict_bytes(size, segmenter, settings) if size else 0), str(picture)


def predict_bytes(size: tuple[int, int], segmenter: Segmenter, settings: InferenceSettings) -> int:
    """The same for an image of (H, W).

    Args:
        size: of the image.
        segmenter: whose network reads it.
        settings: with which it is asked.
    """
    pixels, share = size[0] * size[1], size[0] * size[1] / max(size) ** 2
    base, *views = (side**2 * share for side in long_sides(size, (1.0, *settings.scales), settings.long_side))
    of_cell = 4 * (len(segmenter.classes) + 1) / segmenter.network.stride**2
    found = of_cell * base
    # While a view is read: its sum over the windows, what was found at other scales, and their mean.
    during = of_cell * max(views) + len(views) * found + _window_bytes(max(views), share, settings)
    resized = RESIZED * sum(view for view in (base, *views) if round(view) != pixels)
    after = found + _labelling_bytes(size, len(segmenter.classes) + 1, settings)
    return int(max(READING * pixels, HELD * pixels + max(during + resized, after)))


def _window_bytes(view: float, share: float, settings: InferenceSettings) -> float:
    """Of the network, in the largest window of a view."""
    height, width = (min(settings.window, side) for side in ((view * share) ** 0.5, (view / share) ** 0.5))
    return OF_WINDOW * height * width * (1 + settings.flip)


def _labelling_bytes(size: tuple[int, int], labels: int, settings: InferenceSettings) -> int:
    if settings.crf != NO_CRF:
        return crf_bytes(size, labels)
    return min(STRIP_BYTES, OF_PIXEL * size[0] * size[1])


def _labels(shape: tuple[int, ...], format: MapFormat) -> int:
    """How many labels an array has, with the background; where its layout is not said, the known classes tell."""
    is_last = format.classes is not None and shape[-1] == format.classes + format.background
    maps = shape[-1] if format.layout == "hwc" or (format.layout is None and is_last) else shape[0]
    return maps + 1 - format.background


def _shape(maps: Path) -> tuple[int, ...]:
    """Of an array, read from its header; () of other files, and where it cannot be read."""
    if maps.suffix.lower() != ".npy":
        return ()
    try:
        shape = tuple(np.lib.format.open_memmap(maps, mode="r").shape)
    except UNREADABLE:
        return ()
    return shape if len(shape) == 3 and 0 not in shape else ()
