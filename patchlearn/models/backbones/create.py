"""Any timm backbone that can be cut into stages."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import timm
import torch
from timm.models.mobilenetv3 import MobileNetV3
from torch import nn

from patchlearn.core.errors import PatchlearnError, did_you_mean
from patchlearn.models.backbones.dilated import quicken_dilated
from patchlearn.models.backbones.families import FAMILIES
from patchlearn.models.backbones.stages import Stages
from patchlearn.models.backbones.weights import load_hub, load_weights

__all__ = [
    "OUTPUT_STRIDES",
    "Stages",
    "architecture",
    "channel_means",
    "create_stages",
    "load_weights",
    "quicken_dilated",
]

OUTPUT_STRIDES = (8, 16, 32)
FULL_STRIDE = 32


def create_stages(name: str, output_stride: int = 16, weights: str | Path | None = None) -> Stages:
    """Build a timm backbone, cut at the ends of its feature stages.

    Run one after another, unsplit, the stages give timm's own `forward_features`.

    Args:
        name: a timm architecture, for example "resnet50" or "tf_efficientnet_lite0".
        output_stride: 8, 16 or 32; below 32, the last strides become dilations.
        weights: None (random), "hub" (timm's own, downloaded), "demo" (EfficientNet-Lite0 from the extra
            `patchlearn[demo]`), or the path of a timm state dict.

    Raises:
        PatchlearnError: an unknown name, a family that cannot be cut, a stride the family cannot have, or
            weights that are missing or of another architecture.

    >>> stages = create_stages("resnet10t", output_stride=16)
    >>> len(stages), stages.channels, stages.strides
    (5, (64, 64, 128, 256, 512), (4, 4, 8, 16, 16))
    """
    full = architecture(name)
    _check_family(name, full)
    if output_stride not in OUTPUT_STRIDES:
        raise PatchlearnError(f"output_stride: {output_stride} is not an option. Choose one of: 8, 16, 32.")
    network = _build(name, full, output_stride, weights)
    quicken_dilated(network)
    stages = Stages(name, _cut(network), channel_means(network, "mean"), channel_means(network, "std"))
    _check_stride(stages, output_stride)
    return stages


def architecture(name: str) -> nn.Module:
    """The whole network without memory behind it: enough to know its family, its keys and its normalisation.

    Raises:
        PatchlearnError: timm does not know the name.
    """
    if not timm.is_model(name):
        raise PatchlearnError(
            f"backbone: timm knows no {name!r};{did_you_mean(name, timm.list_models())} "
            "See timm.list_models() for every name."
        )
    with torch.device("meta"):
        network: nn.Module = timm.create_model(name)
    return network


def channel_means(network: nn.Module, key: str) -> tuple[float, ...]:
    """Per channel, what a timm network's images are normalised with: its "mean" or its "std"."""
    config = network.pretrained_cfg
    assert isinstance(config, dict)
    return tuple(config[key])


def _check_family(name: str, network: nn.Module) -> None:
    if type(network) not in FAMILIES:
        families = ", ".join(sorted(family.__name__ for family in FAMILIES))
        raise PatchlearnError(
            f"backbone: {name} is a {type(network).__name__}, which cannot be cut into stages yet. "
            f"Choose one of timm's families {families}: for example resnet50, convnext_tiny, tf_efficientnet_lite0, "
            "mobilenetv3_large_100 or regnety_016."
        )


def _build(name: str, full: nn.Module, output_stride: int, weights: str | Path | None) -> nn.Module:
    options = _options(full, output_stride)
    if weights == "hub":
        return load_hub(name, **options)
    network: nn.Module = timm.create_model(name, **options)
    load_weights(network, full, name, weights)
    return network


def _options(full: nn.Module, output_stride: int) -> dict[str, Any]:
    """timm dilates MobileNetV3 only in its feature-extraction form, which has the same blocks and keys."""
    if output_stride == FULL_STRIDE:
        return {"num_classes": 0}
    if isinstance(full, MobileNetV3):
        return {"features_only": True, "output_stride": output_stride}
    return {"num_classes": 0, "output_stride": output_stride}


def _cut(network: nn.Module) -> list[nn.Module]:
    pieces = FAMILIES[type(network)](network)
    return [nn.Sequential(*piece) if len(piece) > 1 else piece[0] for piece in pieces]


def _check_stride(stages: Stages, output_stride: int) -> None:
    if stages.strides[-1] != output_stride:
        raise PatchlearnError(
            f"output_stride: timm builds {stages.name} at stride {stages.strides[-1]}, not {output_stride}. "
            f"Choose output_stride {stages.strides[-1]} or another backbone."
        )
    assert all(later % earlier == 0 for earlier, later in pairwise(stages.strides))
