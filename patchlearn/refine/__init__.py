"""Refinement of score maps and masks without training; usable alone: loads neither timm nor Accelerate."""

from typing import TYPE_CHECKING

from patchlearn.core.rooms import on_first_use

if TYPE_CHECKING:
    from patchlearn.refine.area import bounded_labels as bounded_labels
    from patchlearn.refine.background import background_threshold as background_threshold
    from patchlearn.refine.background import confident_regions as confident_regions
    from patchlearn.refine.background import within_sizes as within_sizes
    from patchlearn.refine.crf.dense import dense_crf as dense_crf
    from patchlearn.refine.crf.dense import dense_crf_parts as dense_crf_parts
    from patchlearn.refine.crf.dense import label_probabilities as label_probabilities
    from patchlearn.refine.crf.memory import crf_bytes as crf_bytes
    from patchlearn.refine.par import pixel_adaptive_refinement as pixel_adaptive_refinement
    from patchlearn.refine.settings import BackgroundRule as BackgroundRule
    from patchlearn.refine.settings import ConfidentRegions as ConfidentRegions
    from patchlearn.refine.settings import CrfKernels as CrfKernels
    from patchlearn.refine.settings import CrfSettings as CrfSettings
    from patchlearn.refine.settings import SamSettings as SamSettings
    from patchlearn.refine.sizes import sized as sized
    from patchlearn.refine.walk import random_walk as random_walk
    from patchlearn.refine.walk import random_walk_features as random_walk_features
    from patchlearn.refine.walk import walk_bytes as walk_bytes

__getattr__, __dir__ = on_first_use(__name__, __file__)
