"""Networks: backbones cut into stages, Patch Learning, LDA classifiers, affinity and segmentation networks."""

from typing import TYPE_CHECKING

from patchlearn.core.rooms import on_first_use

if TYPE_CHECKING:
    from patchlearn.models.affinity_network import AffinityNetwork as AffinityNetwork
    from patchlearn.models.affinity_network import BoundaryAffinity as BoundaryAffinity
    from patchlearn.models.affinity_network import FeatureAffinity as FeatureAffinity
    from patchlearn.models.affinity_network import create_affinity as create_affinity
    from patchlearn.models.affinity_network import load_affinity as load_affinity
    from patchlearn.models.backbones.create import create_stages as create_stages
    from patchlearn.models.backbones.stages import Stages as Stages
    from patchlearn.models.classifier import Classifier as Classifier
    from patchlearn.models.classifier import load_classifier as load_classifier
    from patchlearn.models.lda import LinearDiscriminant as LinearDiscriminant
    from patchlearn.models.lda import load_lda as load_lda
    from patchlearn.models.patch_network import PatchNetwork as PatchNetwork
    from patchlearn.models.sam2 import Sam2 as Sam2
    from patchlearn.models.sam2 import load_sam2 as load_sam2
    from patchlearn.models.sam3 import Sam3 as Sam3
    from patchlearn.models.sam3 import load_sam3 as load_sam3
    from patchlearn.models.segmentation import SegmentationNetwork as SegmentationNetwork
    from patchlearn.models.settings import ViewSettings as ViewSettings

__getattr__, __dir__ = on_first_use(__name__, __file__)
