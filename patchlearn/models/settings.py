"""The options of the networks, and how an image becomes views; torch is not loaded for them."""

from dataclasses import dataclass

from patchlearn.core.errors import require_one_of
from patchlearn.core.settings import require_at_least, require_positive, require_scales, require_share

FUSIONS = ("plain", "progressive", "explicit")
READS = ("whole", "unsplit", "merged")
BORDERS = ("zero", "replicate", "neighbour")
FIGURE_2 = "figure 2"  # in place of splits: every cut that the figure draws
OUTPUT_STRIDES = (8, 16, 32)
Strides = tuple[int | None, ...]
# Head of a segmentation network → the output strides of the encoder that it takes, its default first.
HEAD_STRIDES: dict[str, Strides] = {
    "deeplabv2": (8, 16),
    "deeplabv3plus": (16, 8),
    "fpn": (32,),
    "largefov": (8, 16),
    "linear": (None, 8, 16, 32),  # None: the backbone's own
    "segformer": (32,),
    "unet": (32,),
    "upernet": (32,),
}
# Heads with batch norm after a mean over the whole image: they learn from no step with one image alone.
POOLING_HEADS = ("deeplabv3plus", "upernet")
CELL_STAGES = ("last", "lower", "all")
LOWER_STAGES = 2  # before the last, whose maps are read beside it: of a ResNet at stride 16, those of stride 8 and 16
POOLINGS = ("mean", "top", "wildcat", "lse")
LARGEST_STRIDE = 32
AFFINITY_STRIDES = {"boundary": 4, "features": 8}  # kind of affinity network → pixels per cell: IRN, PSA


@dataclass(frozen=True, kw_only=True)
class ViewSettings:
    """In which sizes a network reads an image.

    Args:
        scales: factors on the base size (PSA, SEAM, IRN: 1, 0.5, 1.5, 2).
        flip: add the mirror image at every scale.
        long_side: base size, the longer side in pixels; null for the image's own.
    """

    scales: tuple[float, ...] = (1.0, 0.5, 1.5, 2.0)
    flip: bool = True
    long_side: int | None = None

    @property
    def base(self) -> int:
        """Which of the scales is the nearest to 1."""
        return min(range(len(self.scales)), key=lambda place: abs(self.scales[place] - 1))

    def __post_init__(self) -> None:
        require_scales("scales", self.scales)
        if self.long_side is not None:
            require_at_least("long_side", self.long_side, 1)


@dataclass(frozen=True, kw_only=True)
class CellSettings:
    """Which cells a head over single cells reads, and how its evidence at the cells becomes one score of the image.

    Args:
        stages: "lower" (the two stages before the last: small fields of view), "last", or "all".
        centred: subtract each image's own mean from its cells.
        pooling: "top" (mean of the largest share), "mean", "wildcat" (top, and alpha times the mean of as many lowest
            cells: Durand et al., "WILDCAT", CVPR 2017) or "lse" (log of the mean exponential: Pinheiro and Collobert,
            CVPR 2015).
        share: of the cells that "top" and "wildcat" read, above 0; at least one cell.
        alpha: of "wildcat".
        sharpness: of "lse", above 0; towards 0 it is the mean, and the larger it is, the nearer the maximum.
    """

    stages: str = "lower"
    centred: bool = True
    pooling: str = "top"
    share: float = 0.02
    alpha: float = 0.7
    sharpness: float = 4.0

    def __post_init__(self) -> None:
        require_one_of("stages", self.stages, CELL_STAGES)
        require_one_of("pooling", self.pooling, POOLINGS)
        require_share("share", self.share)
        require_positive("share", self.share)
        require_at_least("alpha", self.alpha, 0)
        require_positive("sharpness", self.sharpness)
