"""How many bytes the mask of one image takes, so that threads and limits can be chosen before the work begins."""

from patchlearn.core.strips import STRIP_BYTES
from patchlearn.maps.label_maps import COPIES
from patchlearn.maps.settings import PseudoSettings
from patchlearn.refine.crf.memory import crf_bytes
from patchlearn.refine.settings import NO_CRF

READING = 10  # bytes a pixel while an image file is read
HELD = 6  # the same afterwards: the image, masks, and a mask as a file
WHOLE_LABEL = 24  # bytes of a pixel and label where all refined maps are held at once: scores, refined, and copies


def mask_bytes(size: tuple[int, int], labels: int, settings: PseudoSettings, growth: float | None = None) -> int:
    """The most that `pseudo_mask` and `refined_mask` hold for one image, with the image.

    Args:
        size: (H, W) of the image.
        labels: of its maps, with the background.
        settings: which refinements.
        growth: of the background rule.

    >>> from patchlearn.refine.settings import CrfSettings
    >>> mask_bytes((3000, 4000), 21, PseudoSettings()) // 10**6  # in parts
    1072
    >>> mask_bytes((3000, 4000), 21, PseudoSettings(local=10)) // 10**6  # as a whole
    7120
    """
    pixels = size[0] * size[1]
    working = min(STRIP_BYTES, pixels * 4 * COPIES * labels)
    if settings.crf.preset != NO_CRF:
        working = max(working, crf_bytes(size, labels))
    if settings.local or settings.sam.model or growth:
        working += pixels * labels * WHOLE_LABEL
    return max(pixels * READING, pixels * HELD + working)
