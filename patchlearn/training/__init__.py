"""Training: one loop, batches, optimisers, losses, and the three networks that are trained."""

from typing import TYPE_CHECKING

from patchlearn.core.rooms import on_first_use

if TYPE_CHECKING:
    from patchlearn.training.affinity import train_affinity as train_affinity
    from patchlearn.training.classifier import train_classifier as train_classifier
    from patchlearn.training.segmenter import train_segmenter as train_segmenter
    from patchlearn.training.settings import AffinitySettings as AffinitySettings
    from patchlearn.training.settings import ClassifierSettings as ClassifierSettings
    from patchlearn.training.settings import Optimisation as Optimisation
    from patchlearn.training.settings import SegmenterSettings as SegmenterSettings

__getattr__, __dir__ = on_first_use(__name__, __file__)
