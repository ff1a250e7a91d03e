"""From score maps to masks, without training; usable alone."""

from patchlearn.refine.background import BackgroundRule, background_threshold

__all__ = ["BackgroundRule", "background_threshold"]
