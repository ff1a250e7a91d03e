"""One image, never a file: score maps, self-training, the walk, the pseudo mask."""

from typing import TYPE_CHECKING

from patchlearn.core.rooms import on_first_use

if TYPE_CHECKING:
    from patchlearn.maps.affinity_walk import walk_scores as walk_scores
    from patchlearn.maps.cam import class_activation_maps as class_activation_maps
    from patchlearn.maps.clicks import boxed as boxed
    from patchlearn.maps.clicks import labelled_cells as labelled_cells
    from patchlearn.maps.pseudo_mask import pseudo_labels as pseudo_labels
    from patchlearn.maps.pseudo_mask import pseudo_mask as pseudo_mask
    from patchlearn.maps.settings import CamSettings as CamSettings
    from patchlearn.maps.settings import PseudoSettings as PseudoSettings
    from patchlearn.maps.settings import SelfTrainingSettings as SelfTrainingSettings
    from patchlearn.maps.settings import WalkSettings as WalkSettings
    from patchlearn.maps.walk_area import bounded_walk as bounded_walk

__getattr__, __dir__ = on_first_use(__name__, __file__)
