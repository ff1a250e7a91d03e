"""Creates the stages of a timm backbone."""

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
from patchlearn.models.backbones.resnet38 import OWN, own_stages
from patchlearn.models.backbones.stages import Stages
from patchlearn.models.backbones.weights import load_hub, load_weights
from patchlearn.models.settings import LARGEST_STRIDE, OUTPUT_STRIDES


def create_stages(name: str, output_stride: int | None = 16, weights: str | Path | None = None) -> Stages:
    """Build a timm backbone, cut at the ends of its feature stages.

    Run one after another, the stages give exactly the result of timm's own `forward_features`.

    Args:
        name: a timm architecture, for example "resnet50" or "tf_efficientnet_lite0"; or "resnet38", which timm lacks.
        output_stride: 8, 16 or 32; below 32, the last strides become dilations. None: the network's own.
        weights: None (random), "hub" (timm's own, downloaded), "demo" (EfficientNet-Lite0 from the extra
            `patchlearn[demo]`), or the path of a state dict (`load_file` says which).

    Raises:
        PatchlearnError: an unknown name, a family that cannot be cut, a stride that the family does not support, or
            weights that are missing or of another architecture.

    >>> stages = create_stages("resnet10t", output_stride=16)
    >>> len(stages), stages.channels, stages.strides
    (5, (64, 64, 128, 256, 512), (4, 4, 8, 16, 16))
    """
    if name in OWN:
        return own_stages(name, output_stride, weights)
    output_stride = LARGEST_STRIDE if output_stride is None else output_stride
    full = architecture(name)
    _check_family(name, full)
    if output_stride not in OUTPUT_STRIDES:
        choices = ", ".join(map(str, OUTPUT_STRIDES))
        raise PatchlearnError(f"output_stride: {output_stride} is not an option. Choose one of: {choices}.")
    network = _build(name, full, output_stride, weights)
    quicken_dilated(network)
    cut = [nn.Sequential(*pieces) if len(pieces) > 1 else pieces[0] for pieces in FAMILIES[type(network)](network)]
    stages = Stages(name, cut, channel_means(network, "mean"), channel_means(network, "std"))
    _check_stride(stages, output_stride)
    return stages


def architecture(name: str) -> nn.Module:
    """A timm network on torch's "meta" device: its family, keys and normalisation, without memory for weights.

    Raises:
        PatchlearnError: the name is not in timm.
    """
    if name in OWN:
        with torch.device("meta"):
            return OWN[name]()
    if not timm.is_model(name):
        raise PatchlearnError(
            f"backbone: timm has no {name!r};{did_you_mean(name, [*timm.list_models(), *OWN])} "
            "timm.list_models() lists all names."
        )
    with torch.device("meta"):
        network: nn.Module = timm.create_model(name)
    return network


def channel_means(network: nn.Module, key: str) -> tuple[float, ...]:
    """The "mean" or the "std" of a timm network's normalisation, per channel, for values in [0, 1]."""
    config = network.pretrained_cfg
    assert isinstance(config, dict)
    return tuple(config[key])


def _check_family(name: str, network: nn.Module) -> None:
    if type(network) not in FAMILIES:
        families = ", ".join(sorted(family.__name__ for family in FAMILIES))
        raise PatchlearnError(
            f"backbone: {name} is a {type(network).__name__}, which cannot be cut into stages. "
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
    """timm's options. timm dilates MobileNetV3 only with `features_only`, which has the same blocks and keys."""
    if output_stride == LARGEST_STRIDE:
        return {"num_classes": 0}
    if isinstance(full, MobileNetV3):
        return {"features_only": True, "output_stride": output_stride}
    return {"num_classes": 0, "output_stride": output_stride}


def _check_stride(stages: Stages, output_stride: int) -> None:
    if stages.strides[-1] != output_stride:
        raise PatchlearnError(
            f"output_stride: timm builds {stages.name} at stride {stages.strides[-1]}, not {output_stride}. "
            f"Choose output_stride {stages.strides[-1]} or another backbone."
        )
    assert all(later % earlier == 0 for earlier, later in pairwise(stages.strides))
