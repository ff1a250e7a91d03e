"""Segmentation masks from image tags: weakly supervised semantic segmentation with Progressive Patch Learning.

Names are loaded when they are first used: importing `patchlearn` imports no torch, and `patchlearn.refine` no timm.
"""

from typing import TYPE_CHECKING, Any

from patchlearn.core.rooms import on_first_use

if TYPE_CHECKING:
    from patchlearn.core.errors import PatchlearnError as PatchlearnError
    from patchlearn.core.runtime import Runtime as Runtime
    from patchlearn.core.types import Dataset as Dataset
    from patchlearn.core.types import Sample as Sample
    from patchlearn.core.types import ScoreMaps as ScoreMaps
    from patchlearn.data.images import read_image as read_image
    from patchlearn.data.open import open_dataset as open_dataset
    from patchlearn.inference.segmenter import Segmenter as Segmenter
    from patchlearn.inference.settings import InferenceSettings as InferenceSettings
    from patchlearn.maps.cam import class_activation_maps as class_activation_maps
    from patchlearn.maps.pseudo_mask import pseudo_mask as pseudo_mask
    from patchlearn.maps.settings import CamSettings as CamSettings
    from patchlearn.maps.settings import PseudoSettings as PseudoSettings
    from patchlearn.models.backbones.create import create_stages as create_stages
    from patchlearn.models.backbones.stages import Stages as Stages
    from patchlearn.models.classifier import Classifier as Classifier
    from patchlearn.models.classifier import load_classifier as load_classifier
    from patchlearn.models.patch_network import PatchNetwork as PatchNetwork
    from patchlearn.models.settings import ViewSettings as ViewSettings
    from patchlearn.notebook import Model as Model
    from patchlearn.notebook import fit as fit
    from patchlearn.refine.settings import BackgroundRule as BackgroundRule
    from patchlearn.runs.load import load as load
    from patchlearn.runs.recipe import load_recipe as load_recipe
    from patchlearn.runs.settings import Recipe as Recipe
    from patchlearn.training.classifier import train_classifier as train_classifier
    from patchlearn.training.segmenter import train_segmenter as train_segmenter
    from patchlearn.training.settings import ClassifierSettings as ClassifierSettings
    from patchlearn.training.settings import SegmenterSettings as SegmenterSettings

_load, __dir__ = on_first_use(__name__, __file__)


def __getattr__(name: str) -> Any:
    """A public name, or the version, on first use."""
    if name == "__version__":
        from importlib.metadata import version

        return version("patchlearn")
    return _load(name)
