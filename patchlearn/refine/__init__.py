"""From score maps to masks, without training; usable alone: neither timm nor Accelerate is loaded."""

from patchlearn.refine.background import BackgroundRule, background_threshold, check_background
from patchlearn.refine.crf import CrfKernels, dense_crf, label_probabilities

__all__ = [
    "BackgroundRule",
    "CrfKernels",
    "background_threshold",
    "check_background",
    "dense_crf",
    "label_probabilities",
]
