"""A trained segmenter and new images: one image, many files, or the masks of another program."""

from typing import TYPE_CHECKING

from patchlearn.core.rooms import on_first_use

if TYPE_CHECKING:
    from patchlearn.inference.files import segment_files as segment_files
    from patchlearn.inference.judge_files import Truth as Truth
    from patchlearn.inference.judge_files import judge_masks as judge_masks
    from patchlearn.inference.judge_files import judge_scores as judge_scores
    from patchlearn.inference.masks import write_masks as write_masks
    from patchlearn.inference.refine_files import refine_folder as refine_folder
    from patchlearn.inference.segmenter import Segmenter as Segmenter
    from patchlearn.inference.segmenter import load_segmenter as load_segmenter
    from patchlearn.inference.settings import InferenceSettings as InferenceSettings

__getattr__, __dir__ = on_first_use(__name__, __file__)
