"""From score maps to masks, without training; usable alone: neither timm nor Accelerate is loaded."""

from patchlearn.refine.background import (
    BackgroundRule,
    ConfidentRegions,
    background_threshold,
    check_background,
    check_confident,
    confident_regions,
)
from patchlearn.refine.crf import CrfKernels, dense_crf, label_probabilities
from patchlearn.refine.local import pixel_adaptive_refinement
from patchlearn.refine.walk import random_walk, random_walk_features, walk_bytes

__all__ = [
    "BackgroundRule",
    "ConfidentRegions",
    "CrfKernels",
    "background_threshold",
    "check_background",
    "check_confident",
    "confident_regions",
    "dense_crf",
    "label_probabilities",
    "pixel_adaptive_refinement",
    "random_walk",
    "random_walk_features",
    "walk_bytes",
]
