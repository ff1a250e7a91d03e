"""The dense CRF on the permutohedral lattice: compiled for the CPU, in torch operations for a GPU."""

from typing import TYPE_CHECKING

from patchlearn.core.rooms import on_first_use

if TYPE_CHECKING:
    from patchlearn.refine.crf.dense import dense_crf as dense_crf
    from patchlearn.refine.crf.dense import dense_crf_parts as dense_crf_parts
    from patchlearn.refine.crf.dense import label_probabilities as label_probabilities

__getattr__, __dir__ = on_first_use(__name__, __file__)
