"""The options of the networks, and how an image becomes views; torch is not loaded for them."""

from dataclasses import dataclass

from patchlearn.core.settings import require_at_least, require_scales

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

    def __post_init__(self) -> None:
        require_scales("scales", self.scales)
        if self.long_side is not None:
            require_at_least("long_side", self.long_side, 1)
