"""Step 2: multi-scale, flipped class activation maps, kept as soft score maps."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import inf

import torch
from torch import Tensor
from torch.nn import functional as F

from patchlearn.core.errors import PatchlearnError, require_one_of
from patchlearn.core.runtime import layout
from patchlearn.core.types import ScoreMaps, UInt8
from patchlearn.data.transforms import as_tensor, normalise, resize_long_side
from patchlearn.models.classifier import Classifier
from patchlearn.models.lda import Discriminant
from patchlearn.models.patch_network import READS, PatchNetwork

LABELS = ("given", "predicted")


CELL = 4  # pixels per cell of the stored maps: finer than any network's map, a sixteenth of the image's size


VERSION = 2  # of the maps that the same settings give; part of the key of what is written


EPSILON = 1e-5  # ÷ (max + 1e-5): PSA, SEAM, IRN


Activate = Callable[[Tensor], Tensor]  # B×C×h×w features → B×P×h×w, nothing negative


@dataclass(frozen=True, kw_only=True)
class CamSettings:
    """How class activation maps are read.

    Args:
        scales: factors on the base size; ReLU maps are summed over them (PSA, SEAM, IRN: 1, 0.5, 1.5, 2).
        flip: add the mirrored image's map at every scale.
        long_side: base size, the longer side in pixels; null for the image's own.
        read: "whole", "unsplit" or "merged" (see `PatchNetwork.maps`).
        labels: "given" (the image's own labels choose the classes) or "predicted".
        confidence: sigmoid score from which a class counts as predicted; the best class always does.
        splits: of which splits maps are written.
    """

    scales: tuple[float, ...] = (1.0, 0.5, 1.5, 2.0)
    flip: bool = True
    long_side: int | None = None
    read: str = "whole"
    labels: str = "given"
    confidence: float = 0.5
    splits: tuple[str, ...] = ("train",)


@torch.no_grad()
def class_activation_maps(
    classifier: Classifier,
    image: UInt8,
    settings: CamSettings,
    labels: Sequence[int] | None = None,
    discriminant: Discriminant | None = None,
) -> ScoreMaps:
    """The class activation maps of one image.

    Args:
        classifier: on any device.
        image: H×W×3, RGB.
        settings: how to read them.
        labels: class indices to read; None predicts them.
        discriminant: over the classifier's features, read the same way; its probabilities take the place of the
            classifier's activations.

    Returns:
        P×⌈H/4⌉×⌈W/4⌉ scores in [0, 1].
    """
    network = classifier.network
    views = image_views(network, image, settings)
    features: Iterable[Tensor] = (network.features(view, settings.read) for view in views)  # one by one: they are large
    if labels is not None:
        classes = sorted(labels)
    elif settings.read == "whole" or not network.splits:
        features = list(features)  # which say what is in the image as well
        classes = _predicted(network, features, settings.confidence)
    else:
        classes = _predicted(network, map(network.features, views), settings.confidence)
    return replace(
        maps_of_features(network, features, views, image, settings.read, classes, discriminant),
        labels="predicted" if labels is None else "given",
    )


def maps_of_features(
    network: PatchNetwork,
    features: Iterable[Tensor],
    views: Sequence[Tensor],
    image: UInt8,
    read: str,
    classes: Sequence[int],
    discriminant: Discriminant | None = None,
) -> ScoreMaps:
    """The class activation maps of one image whose views have been through the network.

    Args:
        network: the classifier's.
        features: what it made of each view, read in one of the three ways.
        views: from `image_views`.
        image: H×W×3.
        read: how the features were read.
        classes: P class indices.
        discriminant: see `class_activation_maps`.
    """
    activate = _activation(network, read, classes, discriminant)
    cells = (-(-image.shape[0] // CELL), -(-image.shape[1] // CELL))
    total = torch.zeros(len(classes), *cells, device=views[0].device)
    for view, seen in zip(views, features, strict=True) if classes else ():
        total += _on_cells(activate(seen), view, network.stages.strides[-1], cells)
    scores = total / (total.amax((1, 2), keepdim=True) + EPSILON)
    return ScoreMaps(scores=scores.cpu().numpy(), classes=tuple(classes), size=(image.shape[0], image.shape[1]))


def image_views(network: PatchNetwork, image: UInt8, settings: CamSettings) -> list[Tensor]:
    """One normalised batch per scale: the image, and its mirror image if asked for."""
    device = next(network.parameters()).device
    base = settings.long_side or max(image.shape[:2])
    views = []
    for scale in settings.scales:
        resized = resize_long_side(as_tensor(image).to(device), max(1, round(base * scale)))
        view = normalise(resized, network.stages.mean, network.stages.std)[None]
        view = torch.cat([view, view.flip(3)]) if settings.flip else view
        views.append(view.contiguous(memory_format=layout(device)))
    return views


def _predicted(network: PatchNetwork, features: Iterable[Tensor], confidence: float) -> list[int]:
    scores = torch.cat([network.logits(each) for each in features]).float().mean(0).sigmoid()
    return sorted({int(scores.argmax()), *torch.nonzero(scores >= confidence).flatten().tolist()})


def _activation(
    network: PatchNetwork, read: str, classes: Sequence[int], discriminant: Discriminant | None
) -> Activate:
    if discriminant is not None:
        return partial(discriminant, classes=classes)
    return lambda features: network.activations(features, read)[:, list(classes)].float().relu()


def _on_cells(maps: Tensor, view: Tensor, stride: int, cells: tuple[int, int]) -> Tensor:
    """B×P×h×w → P×cells: the maps of a view and its mirror image, summed, on the stored grid."""
    # The padded part of the last cell is no part of the image: enlarge to whole cells, crop, and only then mirror back.
    covered = [
        round(cell * side * stride / pixels) for cell, side, pixels in zip(cells, maps.shape[2:], view.shape[2:])
    ]
    enlarged = F.interpolate(maps, size=covered, mode="bilinear", align_corners=False)[..., : cells[0], : cells[1]]
    return enlarged[0] + enlarged[1].flip(2) if len(enlarged) > 1 else enlarged[0]


def check_cams(settings: CamSettings, *, patches: bool) -> None:
    """Raise `PatchlearnError`, naming the setting, unless every one is an option or in range.

    Args:
        settings: how maps are read.
        patches: whether the network cuts its features into patches, so that there is a merged half to read.
    """
    require_one_of("cams.read", settings.read, READS if patches else READS[:2])
    require_one_of("cams.labels", settings.labels, LABELS)
    if not 0 <= settings.confidence <= 1:
        raise PatchlearnError(f"cams.confidence: {settings.confidence} is outside [0, 1].")
    if not settings.scales or not all(0 < scale < inf for scale in settings.scales):
        raise PatchlearnError(f"cams.scales: {list(settings.scales)}; name at least one, all positive.")
    if settings.long_side is not None and settings.long_side < 1:
        raise PatchlearnError(f"cams.long_side: {settings.long_side} is not positive.")
