"""The feature maps of an image at every scale: computed by the network, or read from where they were stored."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import final

import torch

from patchlearn.core.types import UInt8
from patchlearn.maps.settings import CamSettings
from patchlearn.models.patch_network import PatchNetwork
from patchlearn.models.views import network_views


@final
@dataclass(frozen=True)
class ViewFeatures:
    """The features of one view, and of its mirror image if that is read too.

    Args:
        features: 1×C×h×w or 2×C×h×w.
        size: (H, W) of the view in pixels.
    """

    features: torch.Tensor
    size: tuple[int, int]


def classifier_views(network: PatchNetwork, image: UInt8, settings: CamSettings) -> list[torch.Tensor]:
    """The image as the classifier reads it, one batch per scale."""
    device = next(network.parameters()).device
    return network_views(image, settings.views, network.stages.mean, network.stages.std, device)


def features_of_views(
    network: PatchNetwork, image: UInt8, settings: CamSettings, stored: Sequence[ViewFeatures] | None = None
) -> Iterator[ViewFeatures]:
    """The features of one image at every scale, one by one: they are large.

    Args:
        network: on any device.
        image: H×W×3, RGB.
        settings: scales, mirror image, and how the features are read.
        stored: those of the same scales without mirror images; only what they lack is computed.
    """
    if stored is not None and not settings.views.flip:
        device = next(network.parameters()).device
        yield from (ViewFeatures(view.features.to(device), view.size) for view in stored)
        return
    for index, view in enumerate(classifier_views(network, image, settings)):
        size = view.shape[2], view.shape[3]
        if stored is None:
            yield ViewFeatures(network.features(view, settings.read), size)
        else:
            mirrored = network.features(view[1:], settings.read)
            yield ViewFeatures(torch.cat([stored[index].features.to(mirrored), mirrored]), size)
