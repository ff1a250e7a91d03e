"""How a trained segmenter reads an image."""

from dataclasses import dataclass, field
from numbers import Integral

from patchlearn.core.errors import PatchlearnError, require_one_of
from patchlearn.core.settings import NEW_IN_KEY, require_scales, require_whole
from patchlearn.models.settings import LARGEST_STRIDE
from patchlearn.refine.settings import MOST_ITERATIONS, NO_CRF, PRESETS, CrfKernels

LONGEST_SIDE = 2**16  # pixels; a file says these settings, and may say anything


@dataclass(frozen=True, kw_only=True)
class InferenceSettings:
    """How an image is segmented.

    Args:
        scales: factors on the base size; probabilities are averaged over them (YudeWang's DeepLab: 0.5 to 1.75).
        flip: add the mirror image at every scale.
        long_side: base size, the longer side in pixels; null for the image's own. A network does not recognise objects
            that are much larger or smaller than those of its training images.
        window: an image with a longer side, at its scale, is cut into overlapping windows of this many pixels, which
            bounds the memory. A multiple of 32.
        crf: preset of the dense CRF that follows, at the image's own size ("segmenter", "irn", "psa"), or "none".
        iterations: of the CRF.
        crf_long_side: in pixels, of the images that the preset is meant for, as `pseudo.crf.long_side`: in smaller
            images its kernels are smaller in proportion. Null: in pixels, in every image.
        undecided: pixels whose most probable label, before the CRF, is less probable than this become 255.

    Raises:
        PatchlearnError: an unknown option, or a number out of range.
    """

    scales: tuple[float, ...] = (1.0,)
    flip: bool = True
    long_side: int | None = None
    window: int = 768
    crf: str = NO_CRF
    iterations: int = 10
    crf_long_side: int | None = field(default=None, metadata=NEW_IN_KEY)
    undecided: float = 0.0

    def __post_init__(self) -> None:
        require_scales("scales", self.scales)
        if self.long_side is not None:
            require_whole("long_side", self.long_side, 1, LONGEST_SIDE)
        window: object = self.window  # a file may say anything
        if not isinstance(window, Integral) or window < LARGEST_STRIDE or window % LARGEST_STRIDE:
            raise PatchlearnError(
                f"window: {self.window} is not a multiple of {LARGEST_STRIDE}. Choose for example 512 or 768."
            )
        require_one_of("crf", self.crf, [*PRESETS, NO_CRF])
        require_whole("iterations", self.iterations, 0, MOST_ITERATIONS)
        if self.crf_long_side is not None:
            require_whole("crf_long_side", self.crf_long_side, 1, LONGEST_SIDE)
        if not 0 <= self.undecided < 1:
            raise PatchlearnError(f"undecided: {self.undecided} is out of range. Choose a number in [0, 1).")

    def kernels(self, size: tuple[int, int]) -> CrfKernels:
        """Those of the CRF for an image of (H, W); the preset is not "none"."""
        return PRESETS[self.crf].for_size(size, self.crf_long_side)
