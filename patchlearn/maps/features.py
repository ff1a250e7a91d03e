"""The feature maps of an image at every scale: computed by the network, or read from where they were stored."""

from collections.abc import Iterator, Sequence

import torch

from patchlearn.core.types import UInt8
from patchlearn.maps.settings import CamSettings
from patchlearn.models.patch_network import PatchNetwork
from patchlearn.models.views import ViewFeatures, network_views


def classifier_views(network: PatchNetwork, image: UInt8, settings: CamSettings) -> list[torch.Tensor]:
    """The image as the classifier reads it, one batch per scale."""
    device = next(network.parameters()).device
    return network_views(image, settings.views, network.stages.mean, network.stages.std, device)


def features_of_views(
    network: PatchNetwork,
    image: UInt8,
    settings: CamSettings,
    stored: Sequence[ViewFeatures] | None = None,
    lower: int = 0,
) -> Iterator[ViewFeatures]:
    """The features of one image at every scale, one by one: they are large.

    Args:
        network: on any device.
        image: H×W×3, RGB.
        settings: scales, mirror image, and how the features are read.
        stored: those of the same scales without mirror images; only what they lack is computed.
        lower: of how many stages before the last the maps are wanted, too. `stored` may have more.
    """
    if stored is not None and not settings.views.flip:
        device = next(network.parameters()).device
        yield from (view.to(device) for view in stored)
        return
    for index, view in enumerate(classifier_views(network, image, settings)):
        if stored is None:
            yield view_features(network, view, settings.read, lower)
        else:
            beside = stored[index]
            yield beside.beside(view_features(network, view[1:], settings.read, len(beside.lower)))


def view_features(network: PatchNetwork, view: torch.Tensor, read: str, lower: int) -> ViewFeatures:
    """The features of a view, B×3×H×W, and of its stages before the last."""
    last, before = network.features_and_lower(view, read, lower)
    return ViewFeatures(last, (view.shape[2], view.shape[3]), tuple(before))
