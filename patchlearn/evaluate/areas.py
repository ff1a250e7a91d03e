"""How much of an image maps and masks cover, class by class; no true mask is read."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from patchlearn.core.types import UInt8

WHOLE = 0.9  # share of an image from which a mask is nearly all of it


@dataclass(frozen=True, kw_only=True)
class ImageAreas:
    """What one image shows of the classes that it is tagged with, as shares of the image.

    Args:
        tags: class indices.
        maps: what each class covers above the background threshold of the score maps, in the order of the tags.
        masks: what it covers in the mask, likewise.
    """

    tags: tuple[int, ...]
    maps: tuple[float, ...]
    masks: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class ClassAreas:
    """One class over all images that are tagged with it.

    Args:
        images: their number.
        map_share: median share of the image that the map covers.
        mask_share: likewise of the mask.
        growth: median of mask / map, of the images that have both; None without any.
        nothing: share of the images in whose mask it has no pixel.
        whole: share of the images whose mask is nearly all of the class.
    """

    images: int
    map_share: float
    mask_share: float
    growth: float | None
    nothing: float
    whole: float


def image_areas(tags: Sequence[int], over_threshold: UInt8, mask: UInt8) -> ImageAreas:
    """The areas of one image.

    Args:
        tags: class indices.
        over_threshold: h×w, the score maps above the background threshold as a mask.
        mask: H×W, the pseudo mask.

    >>> maps, mask = np.array([[0, 0, 0, 3]], np.uint8), np.array([[0, 255, 3, 3]], np.uint8)
    >>> image_areas([2], maps, mask)
    ImageAreas(tags=(2,), maps=(0.25,), masks=(0.5,))
    """
    maps, masks = (tuple(float((values == tag + 1).mean()) for tag in tags) for values in (over_threshold, mask))
    return ImageAreas(tags=tuple(tags), maps=maps, masks=masks)


def class_areas(images: Iterable[ImageAreas], index: int) -> ClassAreas | None:
    """One class over all images; None where none is tagged with it.

    >>> areas = class_areas([ImageAreas(tags=(0,), maps=(0.1,), masks=(0.3,))], 0)
    >>> areas.nothing, areas.whole, round(areas.growth, 2)
    (0.0, 0.0, 3.0)
    """
    pairs = [
        (areas.maps[areas.tags.index(index)], areas.masks[areas.tags.index(index)])
        for areas in images
        if index in areas.tags
    ]
    if not pairs:
        return None
    maps, masks = np.array(pairs).T
    both = (maps > 0) & (masks > 0)
    return ClassAreas(
        images=len(pairs),
        map_share=float(np.median(maps)),
        mask_share=float(np.median(masks)),
        growth=float(np.median(masks[both] / maps[both])) if both.any() else None,
        nothing=float((masks == 0).mean()),
        whole=float((masks > WHOLE).mean()),
    )


def covered_share(images: Sequence[ImageAreas]) -> float:
    """Mean share of the images that their masks cover; 0 without any image.

    >>> covered_share([ImageAreas(tags=(0, 1), maps=(0.1, 0.1), masks=(0.25, 0.5))])
    0.75
    """
    return sum(sum(areas.masks) for areas in images) / len(images) if images else 0.0


def found_share(images: Iterable[ImageAreas]) -> float:
    """Share of the images with a tag in whose mask at least one tagged class has a pixel; 1 without any tagged image.

    >>> found_share([ImageAreas(tags=(0,), maps=(0.1,), masks=(0.0,)), ImageAreas(tags=(), maps=(), masks=())])
    0.0
    """
    tagged = [any(areas.masks) for areas in images if areas.tags]
    return sum(tagged) / len(tagged) if tagged else 1.0
