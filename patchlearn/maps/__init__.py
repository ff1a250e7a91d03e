"""One image, never a file: score maps, self-training, the walk, the pseudo mask."""

from typing import TYPE_CHECKING

from patchlearn.core.rooms import on_first_use

if TYPE_CHECKING:
    from patchlearn.maps.cam import CamSettings as CamSettings
    from patchlearn.maps.cam import class_activation_maps as class_activation_maps
    from patchlearn.maps.pseudo_mask import PseudoSettings as PseudoSettings
    from patchlearn.maps.pseudo_mask import pseudo_labels as pseudo_labels
    from patchlearn.maps.pseudo_mask import pseudo_mask as pseudo_mask
    from patchlearn.maps.walk import WalkSettings as WalkSettings
    from patchlearn.maps.walk import walked_scores as walked_scores

__getattr__, __dir__ = on_first_use(__name__, __file__)
