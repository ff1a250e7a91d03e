"""From score maps to masks, without training; usable alone."""

from patchlearn.refine.background import BackgroundRule, background_threshold, check_background

__all__ = ["BackgroundRule", "background_threshold", "check_background"]
