"""Segmentation masks from image tags: weakly supervised semantic segmentation with Progressive Patch Learning.

Names are loaded when they are first used, so that a part of the package can be had without the weight of the others:
`from patchlearn.refine import background_threshold` loads neither timm nor Accelerate.
"""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from patchlearn.backbones import Stages, create_stages
    from patchlearn.cams import CamSettings, class_activation_maps
    from patchlearn.classifier import Classifier, ClassifierSettings, load_classifier, train_classifier
    from patchlearn.datasets import open_dataset
    from patchlearn.errors import PatchlearnError
    from patchlearn.inference import InferenceSettings, Segmenter
    from patchlearn.network import PatchNetwork
    from patchlearn.pseudo import PseudoSettings, pseudo_mask
    from patchlearn.recipe import Recipe, load_recipe
    from patchlearn.runtime import Runtime
    from patchlearn.samples import Dataset, Sample, ScoreMaps
    from patchlearn.segmenter import SegmenterSettings, train_segmenter
    from patchlearn.sharing import load

__version__ = version("patchlearn")

__all__ = [
    "CamSettings",
    "Classifier",
    "ClassifierSettings",
    "Dataset",
    "InferenceSettings",
    "PatchNetwork",
    "PatchlearnError",
    "PseudoSettings",
    "Recipe",
    "Runtime",
    "Sample",
    "ScoreMaps",
    "Segmenter",
    "SegmenterSettings",
    "Stages",
    "class_activation_maps",
    "create_stages",
    "load",
    "load_classifier",
    "load_recipe",
    "open_dataset",
    "pseudo_mask",
    "train_classifier",
    "train_segmenter",
]

_HOMES = {
    "backbones": ("Stages", "create_stages"),
    "cams": ("CamSettings", "class_activation_maps"),
    "classifier": ("Classifier", "ClassifierSettings", "load_classifier", "train_classifier"),
    "datasets": ("open_dataset",),
    "errors": ("PatchlearnError",),
    "inference": ("InferenceSettings", "Segmenter"),
    "network": ("PatchNetwork",),
    "pseudo": ("PseudoSettings", "pseudo_mask"),
    "recipe": ("Recipe", "load_recipe"),
    "runtime": ("Runtime",),
    "samples": ("Dataset", "Sample", "ScoreMaps"),
    "segmenter": ("SegmenterSettings", "train_segmenter"),
    "sharing": ("load",),
}


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"patchlearn.{module}"), name)
    raise AttributeError(f"module 'patchlearn' has no attribute {name!r}")
