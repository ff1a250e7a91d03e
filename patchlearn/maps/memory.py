"""How many bytes one image takes, so that threads and limits can be chosen before the work begins."""

from pathlib import Path

from patchlearn.core.memory import Need
from patchlearn.core.strips import STRIP_BYTES
from patchlearn.core.types import Sample
from patchlearn.data.images import image_size
from patchlearn.maps.label_maps import COPIES
from patchlearn.maps.settings import PseudoSettings, WalkSettings
from patchlearn.models.settings import ViewSettings
from patchlearn.models.views import long_sides
from patchlearn.refine.crf.memory import crf_bytes
from patchlearn.refine.settings import NO_CRF

READING = 10  # bytes a pixel while an image file is read
HELD = 6  # the same afterwards: the image, masks, and a mask as a file
WHOLE_LABEL = 24  # bytes of a pixel and label where all refined maps are held at once: scores, refined, and copies
OF_VIEW = 190  # bytes of a pixel that a network reads: ResNet-18 at scale 2 of 4000×3000, with its mirror image, 18 GB
OF_AFFINITY = 640  # bytes of a pixel that the affinity network reads: 0.5 GB at 1024×768 (docs/results.md, Memory)


def mask_bytes(size: tuple[int, int], labels: int, settings: PseudoSettings, *, whole: bool = False) -> int:
    """The most that `pseudo_mask` and `refined_mask` hold for one image, with the image.

    Args:
        size: (H, W) of the image.
        labels: of its maps, with the background.
        settings: which refinements.
        whole: whether areas are bounded, or boxes given: both look at the whole image at once.

    >>> from patchlearn.refine.settings import CrfSettings
    >>> mask_bytes((3000, 4000), 21, PseudoSettings()) // 10**6  # in parts
    972
    >>> mask_bytes((3000, 4000), 21, PseudoSettings(local=10)) // 10**6  # as a whole
    7020
    """
    pixels = size[0] * size[1]
    working = min(STRIP_BYTES, pixels * 4 * COPIES * labels)
    if settings.crf.preset != NO_CRF:
        working = max(working, crf_bytes(size, labels))
    if settings.local or settings.sam.model or whole:
        working += pixels * labels * WHOLE_LABEL
    return max(pixels * READING, pixels * HELD + working)


def mask_need(image: Path, labels: int, settings: PseudoSettings) -> Need:
    """The same of an image file; 0 bytes where its header cannot be read, for that error comes later.

    Args:
        image: the file.
        labels: with the background.
        settings: which refinements.
    """
    size = image_size(image)
    return (mask_bytes(size, labels, settings) if size else 0), str(image)


def pseudo_mask_need(
    sample: Sample, settings: PseudoSettings, walk: WalkSettings | None = None, *, whole: bool = False
) -> Need:
    """The same of a sample of a data set, whose tags say how many labels there are.

    Args:
        sample: with its image.
        settings: which refinements.
        walk: how large the affinity network sees the image; None without one.
        whole: see `mask_bytes`.
    """
    size, labels = image_size(sample.image), 1 + len(sample.labels) + bool(sample.unknown)
    if size is None:
        return 0, str(sample.image)
    walking = _walk_bytes(size, walk) if walk else 0
    return mask_bytes(size, labels, settings, whole=whole) + walking, str(sample.image)


def _walk_bytes(size: tuple[int, int], walk: WalkSettings) -> int:
    side = min(max(size), walk.long_side or max(size))
    return OF_AFFINITY * size[0] * size[1] * side**2 // max(size) ** 2


def views_bytes(size: tuple[int, int], views: ViewSettings) -> int:
    """What a network holds while it reads the views of an image one after another, with the image.

    >>> views_bytes((3000, 4000), ViewSettings(scales=(2.0,))) // 10**9
    18
    """
    share, images = size[0] * size[1] / max(size) ** 2, 1 + views.flip
    pixels = [side**2 * share * images for side in long_sides(size, views.scales, views.long_side)]
    return int(max(READING * size[0] * size[1], 3 * size[0] * size[1] + 12 * sum(pixels[1:]) + OF_VIEW * max(pixels)))


def views_need(sample: Sample, views: ViewSettings, more: int = 0) -> Need:
    """The same of a sample of a data set.

    Args:
        sample: with its image.
        views: in which sizes the network reads it.
        more: bytes beside it.
    """
    size = image_size(sample.image)
    return (views_bytes(size, views) + more if size else 0), str(sample.image)
