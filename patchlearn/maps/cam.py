"""Class activation maps of one image: several scales, mirrored, summed, as soft score maps."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import torch

from patchlearn.core.types import ScoreMaps, UInt8
from patchlearn.maps.features import features_of_views
from patchlearn.maps.methods import MapMethod, method_of
from patchlearn.maps.reading import Reading, map_readers, stages_read
from patchlearn.maps.settings import CamSettings
from patchlearn.models.classifier import Classifier
from patchlearn.models.lda import LinearDiscriminant
from patchlearn.models.patch_network import PatchNetwork
from patchlearn.models.views import ViewFeatures, on_cells

CELL = 4  # pixels per cell of the stored maps: finer than any network's map, a sixteenth of the image's size
EPSILON = 1e-5  # ÷ (max + 1e-5): PSA, SEAM, IRN

CLASSIFIER = Reading()


@torch.no_grad()
def class_activation_maps(
    classifier: Classifier,
    image: UInt8,
    settings: CamSettings,
    labels: Sequence[int] | None = None,
    lda: LinearDiscriminant | None = None,
    unknown: Sequence[int] = (),
    stored: Sequence[ViewFeatures] | None = None,
    reading: Reading = CLASSIFIER,
) -> ScoreMaps:
    """The class activation maps of one image.

    Args:
        classifier: on any device.
        image: H×W×3, RGB.
        settings: how to read them.
        labels: class indices to read; None predicts them.
        lda: an LDA classifier over the same features; its probabilities take the place of the activations, all but
            the share of `settings.first_share`. A class of which it has learned no cell keeps the maps of the reading,
            unless nobody judged it.
        unknown: further class indices to read, beside given labels: those that nobody judged. Where the labels are
            predicted, tags play no part, and these neither.
        stored: the features of the same scales without mirror images, if they were computed before.
        reading: which maps are read, where there is no LDA classifier or it lacks the class, and of which there is a
            share where there is one.

    Returns:
        P×⌈H/4⌉×⌈W/4⌉ scores in [0, 1].

    Raises:
        PatchlearnError: "merged" is to be read of a network without patches, or the settings name a method that is not
            installed.
    """
    network = classifier.network
    lower = stages_read(reading, lda, both=settings.first_share > 0)
    features: Iterable[ViewFeatures] = features_of_views(network, image, settings, stored, lower)
    unjudged = set() if labels is None else set(unknown).difference(labels)
    if labels is not None:
        classes = sorted([*labels, *unjudged])
    elif settings.read == "whole" or not network.splits:
        features = list(features)  # the same features predict the classes
        classes = _predicted(network, features, settings.confidence)
    else:
        whole = features_of_views(network, image, replace(settings, read="whole"))
        classes = _predicted(network, whole, settings.confidence)
    method = method_of(settings.method, classifier) if lda is None or lda.lacking else None
    made = lda, sorted(unjudged), reading, method, settings.first_share
    maps = maps_of_features(network, features, image, settings.read, classes, *made)
    return replace(maps, labels="predicted" if labels is None else "given")


def maps_of_features(
    network: PatchNetwork,
    features: Iterable[ViewFeatures],
    image: UInt8,
    read: str,
    classes: Sequence[int],
    lda: LinearDiscriminant | None = None,
    unknown: Sequence[int] = (),
    reading: Reading = CLASSIFIER,
    method: MapMethod | None = None,
    first_share: float = 0.0,
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
        reading: see `class_activation_maps`.
        method: makes the maps in place of the reading, where there is no LDA classifier or it lacks the class.
        first_share: of the maps of the reading, in their sum with those of the LDA classifier.
    """
    own = [index for index in lda.lacking if index in classes and index not in unknown] if lda else []
    if own:
        views, learned = list(features), [index for index in classes if index not in own]
        given = partial(maps_of_features, network, views, image, read, reading=reading, method=method)
        return _joined(given(learned, lda, unknown, first_share=first_share), given(own))
    readers = map_readers(network, read, classes, reading, lda, unknown)
    if lda and first_share:
        readers += map_readers(network, read, classes, reading)
    cells = (-(-image.shape[0] // CELL), -(-image.shape[1] // CELL))
    if method and not lda and classes:
        return method.maps(image, classes, cells, unknown)
    totals = torch.zeros(len(readers), len(classes), *cells, device=next(network.parameters()).device)
    for view in features if classes else ():
        for total, reader in zip(totals, readers, strict=True):
            total += on_cells(reader.activate(view), view.size, reader.stride, cells)
    is_mixed = lda is not None and first_share > 0
    scores = (_mixed(totals, first_share) if is_mixed else _added(totals)) if classes else totals[0]
    size = (image.shape[0], image.shape[1])
    return ScoreMaps(scores=scores.cpu().numpy(), classes=tuple(classes), size=size, unknown=tuple(unknown))


def _joined(maps: ScoreMaps, others: ScoreMaps) -> ScoreMaps:
    """The maps of one image in the order of the classes."""
    classes = (*maps.classes, *others.classes)
    order = sorted(range(len(classes)), key=classes.__getitem__)
    scores = np.concatenate([maps.scores, others.scores])[order]
    unknown = tuple(sorted((*maps.unknown, *others.unknown)))
    return replace(maps, scores=scores, classes=tuple(classes[place] for place in order), unknown=unknown)


def _added(totals: torch.Tensor) -> torch.Tensor:
    """P×h×w with the maximum 1: the sum of R maps, each divided by its maximum."""
    return _of_own_maximum((_of_own_maximum(totals) if len(totals) > 1 else totals).sum(0))


def _mixed(totals: torch.Tensor, first_share: float) -> torch.Tensor:
    """P×h×w with the maximum 1: the maps of an LDA classifier, with a share of the maps of a reading behind them."""
    return _of_own_maximum((1 - first_share) * _of_own_maximum(totals[0]) + first_share * _added(totals[1:]))


def _predicted(network: PatchNetwork, features: Iterable[ViewFeatures], confidence: float) -> list[int]:
    scores = torch.cat([network.logits(view.features) for view in features]).float().mean(0).sigmoid()
    return sorted({int(scores.argmax()), *torch.nonzero(scores >= confidence).flatten().tolist()})


def _of_own_maximum(maps: torch.Tensor) -> torch.Tensor:
    """…×h×w, each map divided by its maximum."""
    return maps / (maps.amax((-2, -1), keepdim=True) + EPSILON)
