"""The options of refinement; neither NumPy nor compiled code is loaded for them."""

from dataclasses import dataclass, field, replace
from math import inf

from patchlearn.core.errors import PatchlearnError, require_one_of
from patchlearn.core.settings import FOLDER_IN_KEY, NEW_IN_KEY, require_at_least, require_positive, require_whole

RULES = ("fixed", "otsu", "power")
UNARIES = ("soft", "hard")
NO_CRF = "none"
MOST_ITERATIONS = 1000  # of mean field, which changes nothing any more after some ten


@dataclass(frozen=True, kw_only=True)
class BackgroundRule:
    """How the background threshold of an image is found.

    Args:
        rule: "otsu" (the threshold that splits the image's own scores best; it has no parameter), "fixed" (one
            threshold for all images) or "power" (the background's score is (1 − max)^power, as in PSA).
        threshold: for "fixed". Published methods chose it on ground truth: PSA 0.2, SEAM 0.26, IRN 0.15.
        power: for "power". PSA uses 4 for its low background and 32 for its high background.
        growth: walk and CRF keep a share 1/growth of the pixels where a class has the highest score and is above the
            threshold, and leave it at most growth times as large; null for no bound. It holds for masks, for what an
            affinity network learns, and for the first round of self-training if a class would have no confident
            cell. See `patchlearn.refine.area`.

    Raises:
        PatchlearnError: an unknown rule, or a number out of range.

    >>> BackgroundRule(rule="otzu")
    Traceback (most recent call last):
    patchlearn.core.errors.PatchlearnError: rule: 'otzu' is not an option; did you mean 'otsu'? Choose one of: ...
    """

    rule: str = "otsu"
    threshold: float = 0.3
    power: float = 4.0
    growth: float | None = field(default=None, metadata=NEW_IN_KEY)

    def __post_init__(self) -> None:
        require_one_of("rule", self.rule, RULES)
        if not 0 <= self.threshold < 1:
            raise PatchlearnError(f"threshold: {self.threshold} is out of range. Choose a number in [0, 1).")
        require_positive("power", self.power)
        if self.growth is not None and not 1 < self.growth < inf:
            raise PatchlearnError(f"growth: {self.growth} is out of range. Choose a number above 1, or null.")


@dataclass(frozen=True, kw_only=True)
class ConfidentRegions:
    """Which pixels are confident: a dense CRF runs at a high and at a low background threshold.

    IRN uses the thresholds 0.30 and 0.05 around its threshold of 0.15.

    Args:
        high: foreground is what the CRF finds with the background at this multiple of the threshold.
        low: background is what the CRF finds with the background at this multiple.

    Raises:
        PatchlearnError: unless 0 < low ≤ high.
    """

    high: float = 1.25
    low: float = 0.75

    def __post_init__(self) -> None:
        if not 0 < self.low <= self.high:
            raise PatchlearnError(f"low: {self.low} is out of range; high is {self.high}. Choose 0 < low ≤ high.")


@dataclass(frozen=True, kw_only=True)
class CrfKernels:
    """The two pairwise terms of a dense CRF: their standard deviations (s…) and their weights (compat).

    Args:
        gaussian_sxy: pixels, of the smoothness kernel.
        gaussian_compat: weight of the smoothness kernel.
        bilateral_sxy: pixels, of the appearance kernel.
        bilateral_srgb: grey levels of 0–255, of the appearance kernel.
        bilateral_compat: weight of the appearance kernel.

    Raises:
        PatchlearnError: a standard deviation that is not above 0, or a negative weight.
    """

    gaussian_sxy: float
    gaussian_compat: float
    bilateral_sxy: float
    bilateral_srgb: float
    bilateral_compat: float

    def __post_init__(self) -> None:
        for name in ("gaussian_sxy", "bilateral_sxy", "bilateral_srgb"):
            require_positive(name, getattr(self, name))
        for name in ("gaussian_compat", "bilateral_compat"):
            require_at_least(name, getattr(self, name), 0)

    def for_size(self, size: tuple[int, int], long_side: int | None) -> "CrfKernels":
        """The same for an image of (H, W): in one whose long side is shorter, the kernels are as much shorter.

        >>> irn = PRESETS["irn"]
        >>> [irn.for_size(size, 500).bilateral_sxy for size in ((100, 250), (900, 1200))]
        [25.0, 50]
        """
        if long_side is None or max(size) >= long_side:
            return self
        share = max(size) / long_side
        return replace(self, gaussian_sxy=self.gaussian_sxy * share, bilateral_sxy=self.bilateral_sxy * share)


PRESETS = {
    # jiwoon-ahn/irn, misc/imutils.py
    "irn": CrfKernels(gaussian_sxy=3, gaussian_compat=3, bilateral_sxy=50, bilateral_srgb=5, bilateral_compat=10),
    # jiwoon-ahn/psa and YudeWang/SEAM, on class activation maps
    "psa": CrfKernels(gaussian_sxy=3, gaussian_compat=3, bilateral_sxy=80, bilateral_srgb=13, bilateral_compat=10),
    # kazuto1011/deeplab-pytorch, after a segmentation network
    "segmenter": CrfKernels(gaussian_sxy=1, gaussian_compat=3, bilateral_sxy=67, bilateral_srgb=3, bilateral_compat=4),
}


@dataclass(frozen=True, kw_only=True)
class CrfSettings:
    """The dense CRF and the probabilities that it starts from.

    Args:
        preset: "irn", "psa", "segmenter" (`patchlearn.refine.settings.PRESETS` lists their kernels), or "none".
        iterations: of mean field.
        unary: "hard" (the best label has the confidence, the others share the rest: IRN) or "soft" (scores and
            background threshold, divided by their sum).
        confidence: of hard labels. IRN 0.7; 0.9 was better after a walk (docs/log/background-and-crf.md).
        long_side: in pixels, of the images that the preset is meant for; in smaller images its kernels are smaller in
            proportion. Those of VOC, for which the presets were chosen, have 500. Null: in pixels, in every image.

    Raises:
        PatchlearnError: an unknown option, or a number out of range.
    """

    preset: str = "irn"
    iterations: int = 10
    unary: str = "hard"
    confidence: float = 0.9
    long_side: int | None = field(default=None, metadata=NEW_IN_KEY)

    def __post_init__(self) -> None:
        require_one_of("preset", self.preset, [*PRESETS, NO_CRF])
        require_one_of("unary", self.unary, UNARIES)
        require_whole("iterations", self.iterations, 0, MOST_ITERATIONS)
        if not 0.5 < self.confidence <= 1:
            # With 0.5 or less, the second of two labels would be the more probable one.
            raise PatchlearnError(f"confidence: {self.confidence} is out of range. Choose a number in (0.5, 1].")
        if self.long_side is not None:
            require_at_least("long_side", self.long_side, 1)

    def kernels(self, size: tuple[int, int]) -> CrfKernels:
        """Those of the preset for an image of (H, W); the preset is not "none"."""
        return PRESETS[self.preset].for_size(size, self.long_side)


@dataclass(frozen=True, kw_only=True)
class SamSettings:
    """Masks of SAM 2, asked with points and boxes of the score maps. They come last, after CRF and local refinement.

    Args:
        model: a repository on the hub, such as facebook/sam2.1-hiera-tiny, or a folder; null for none.
        points: at most so many for each connected component, see `patchlearn.refine.prompts.prompts_of`.

    Raises:
        PatchlearnError: a number out of range.
    """

    model: str | None = field(default=None, metadata=FOLDER_IN_KEY)
    points: int = 3

    def __post_init__(self) -> None:
        require_at_least("points", self.points, 1)
