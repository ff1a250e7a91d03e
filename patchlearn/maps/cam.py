"""Class activation maps of one image: several scales, mirrored, summed, as soft score maps."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from patchlearn.core.types import ScoreMaps, UInt8
from patchlearn.maps.features import ViewFeatures, features_of_views
from patchlearn.maps.settings import CamSettings
from patchlearn.models.classifier import Classifier
from patchlearn.models.lda import LinearDiscriminant
from patchlearn.models.patch_network import PatchNetwork
from patchlearn.models.views import on_cells

CELL = 4  # pixels per cell of the stored maps: finer than any network's map, a sixteenth of the image's size
EPSILON = 1e-5  # ÷ (max + 1e-5): PSA, SEAM, IRN

Activate = Callable[[Tensor], Tensor]  # B×C×h×w features → B×P×h×w, nothing negative


@torch.no_grad()
def class_activation_maps(
    classifier: Classifier,
    image: UInt8,
    settings: CamSettings,
    labels: Sequence[int] | None = None,
    lda: LinearDiscriminant | None = None,
    unknown: Sequence[int] = (),
    stored: Sequence[ViewFeatures] | None = None,
) -> ScoreMaps:
    """The class activation maps of one image.

    Args:
        classifier: on any device.
        image: H×W×3, RGB.
        settings: how to read them.
        labels: class indices to read; None predicts them.
        lda: an LDA classifier over the same features; its probabilities take the place of the activations.
        unknown: further class indices to read, beside given labels: those that nobody judged. Where the labels are
            predicted, tags play no part, and these neither.
        stored: the features of the same scales without mirror images, if they were computed before.

    Returns:
        P×⌈H/4⌉×⌈W/4⌉ scores in [0, 1].

    Raises:
        PatchlearnError: "merged" is to be read of a network without patches.
    """
    network = classifier.network
    features: Iterable[ViewFeatures] = features_of_views(network, image, settings, stored)
    unjudged = set() if labels is None else set(unknown).difference(labels)
    if labels is not None:
        classes = sorted([*labels, *unjudged])
    elif settings.read == "whole" or not network.splits:
        features = list(features)  # the same features predict the classes
        classes = _predicted(network, features, settings.confidence)
    else:
        whole = features_of_views(network, image, replace(settings, read="whole"))
        classes = _predicted(network, whole, settings.confidence)
    maps = maps_of_features(network, features, image, settings.read, classes, lda, sorted(unjudged))
    return replace(maps, labels="predicted" if labels is None else "given")


def maps_of_features(
    network: PatchNetwork,
    features: Iterable[ViewFeatures],
    image: UInt8,
    read: str,
    classes: Sequence[int],
    lda: LinearDiscriminant | None = None,
    unknown: Sequence[int] = (),
) -> ScoreMaps:
    """The class activation maps of one image whose views have been through the network.

    Args:
        network: the classifier's.
        features: of each view, read in one of the three ways.
        image: H×W×3.
        read: how the features were read.
        classes: P class indices.
        lda: see `class_activation_maps`.
        unknown: those of `classes` that nobody judged for this image.
    """
    activate = _activation(network, read, classes, lda, unknown)
    cells = (-(-image.shape[0] // CELL), -(-image.shape[1] // CELL))
    total = torch.zeros(len(classes), *cells, device=next(network.parameters()).device)
    for view in features if classes else ():
        total += on_cells(activate(view.features), view.size, network.stages.strides[-1], cells)
    scores = total / (total.amax((1, 2), keepdim=True) + EPSILON)
    size = (image.shape[0], image.shape[1])
    return ScoreMaps(scores=scores.cpu().numpy(), classes=tuple(classes), size=size, unknown=tuple(unknown))


def _predicted(network: PatchNetwork, features: Iterable[ViewFeatures], confidence: float) -> list[int]:
    scores = torch.cat([network.logits(view.features) for view in features]).float().mean(0).sigmoid()
    return sorted({int(scores.argmax()), *torch.nonzero(scores >= confidence).flatten().tolist()})


def _activation(
    network: PatchNetwork, read: str, classes: Sequence[int], lda: LinearDiscriminant | None, unknown: Sequence[int]
) -> Activate:
    if lda is not None:
        return partial(_probabilities, lda, classes, unknown)
    return lambda features: network.activations(features, read)[:, list(classes)].float().relu()


def _probabilities(lda: LinearDiscriminant, classes: Sequence[int], unknown: Sequence[int], features: Tensor) -> Tensor:
    """B×P×h×w: judged classes share their probability with the background alone, as if no class were unknown."""
    maps: Tensor = lda(features, classes)
    judged = [place for place, index in enumerate(classes) if index not in unknown]
    if unknown and judged:
        maps[:, judged] = lda(features, [classes[place] for place in judged])
    return maps
