"""Creates the stages of a backbone."""

from functools import partial
from pathlib import Path
from typing import Any

import timm
import torch
from timm.models.mobilenetv3 import MobileNetV3
from torch import Tensor, nn

from patchlearn.core.errors import PatchlearnError, did_you_mean
from patchlearn.models.backbones.dilated import quicken_dilated
from patchlearn.models.backbones.families import Family, family_of
from patchlearn.models.backbones.resnet38 import OWN, own_stages
from patchlearn.models.backbones.sequential import Pieces, Whole, cut_sequential, is_chain
from patchlearn.models.backbones.stages import Stages
from patchlearn.models.backbones.weights import load_hub, load_weights
from patchlearn.models.settings import LARGEST_STRIDE, OUTPUT_STRIDES

# What a network raises where it has no such stride, or where its parts are no chain.
NOT_MADE_FOR_IT = (AssertionError, AttributeError, KeyError, NotImplementedError, RuntimeError, TypeError, ValueError)
CLOSE = 1e-5  # sums in another order
OTHERS = "Choose for example convnext_tiny, vit_small_patch16_224 or swin_tiny_patch4_window7_224."


def create_stages(name: str, output_stride: int | None = 16, weights: str | Path | None = None) -> Stages:
    """Build a backbone, cut at the ends of its feature stages.

    Run one after another, the stages give the result of timm's own `forward_features`: its last map, or its patch
    tokens in their places. Networks that are no chain of modules are one single stage, without Patch Learning.

    Args:
        name: a timm architecture, for example "resnet50", "vit_small_patch14_reg4_dinov2" or "tf_efficientnet_lite0";
            or "resnet38", which timm lacks.
        output_stride: 8, 16 or 32 pixels per cell of the last map; below the network's own, its last strides become
            dilations, which transformers and some others do not have. None: the network's own.
        weights: None (random), "hub" (timm's own, downloaded), "demo" (EfficientNet-Lite0 from the extra
            `patchlearn[demo]`), or the path of a state dict (`load_file` says which).

    Raises:
        PatchlearnError: an unknown name, a network without one last map, a stride that the network does not support,
            or weights that are missing or of another architecture.

    >>> stages = create_stages("resnet10t", output_stride=16)
    >>> len(stages), stages.channels, stages.strides
    (5, (64, 64, 128, 256, 512), (4, 4, 8, 16, 16))
    """
    if output_stride is not None and output_stride not in OUTPUT_STRIDES:
        choices = ", ".join(map(str, OUTPUT_STRIDES))
        raise PatchlearnError(
            f"output_stride: {output_stride} is not an option. Choose one of: {choices}; or null (None in Python) for "
            "the network's own."
        )
    if name in OWN:
        return own_stages(name, output_stride, weights)
    full = architecture(name)
    family = _family(name, full)
    network = _build(name, full, output_stride, weights, family)
    quicken_dilated(network)
    stages = _cut(name, network, family, output_stride)
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
            f"backbone: timm has no {name!r}{did_you_mean(name, [*timm.list_models(), *OWN])} "
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


def _family(name: str, full: nn.Module) -> Family | None:
    try:
        return family_of(full)
    except PatchlearnError as error:
        raise PatchlearnError(f"backbone: {name} cannot be cut: {error}") from None


def _build(
    name: str, full: nn.Module, output_stride: int | None, weights: str | Path | None, family: Family | None
) -> nn.Module:
    options = _options(name, full, output_stride, family)
    if weights == "hub":
        return load_hub(name, **options)
    network: nn.Module = timm.create_model(name, **options)
    load_weights(network, full, name, weights)
    return network


def _options(name: str, full: nn.Module, output_stride: int | None, family: Family | None) -> dict[str, Any]:
    """timm's options. A network that has one stride only is built with it; `_check_stride` compares."""
    options: dict[str, Any] = {"num_classes": 0, **(family.options if family else {})}
    if output_stride in (None, LARGEST_STRIDE):
        return options
    if isinstance(full, MobileNetV3):  # timm dilates it only with `features_only`, which has the same blocks and keys
        return {"features_only": True, "output_stride": output_stride}
    dilated = {**options, "output_stride": output_stride}
    try:
        with torch.device("meta"):
            timm.create_model(name, **dilated)
    except NOT_MADE_FOR_IT:
        return options
    return dilated


def _cut(name: str, network: nn.Module, family: Family | None, output_stride: int | None) -> Stages:
    """The stages of a family, of a chain, or one single stage.

    Raises:
        PatchlearnError: timm's features are no map.
    """
    config: Any = network.pretrained_cfg
    kept = bool(config.get("fixed_input_size")) if family is None else not family.any_size
    fixed = (int(config["input_size"][1]), int(config["input_size"][2])) if kept else None
    built = partial(
        Stages,
        name,
        mean=channel_means(network, "mean"),
        std=channel_means(network, "std"),
        output_stride=output_stride,
        unit=LARGEST_STRIDE if family is None else _unit(network),
        fixed_size=fixed,
        zero_padded=family is not None and family.zero_padded,
    )
    try:
        if family is not None:
            return built(stages=_joined(family.cut(network)), takes_patches=family.patches)
        chain = _chain(network, fixed)
        return built(stages=[_whole(network)] if chain is None else chain, takes_patches=chain is not None)
    except PatchlearnError as error:
        raise PatchlearnError(f"backbone: {name} cannot be cut: {error}") from None
    except (*NOT_MADE_FOR_IT, ZeroDivisionError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise PatchlearnError(f"backbone: {name} cannot be cut ({reason}). {OTHERS}") from None


def _joined(pieces: Pieces) -> list[nn.Module]:
    return [nn.Sequential(*piece) if len(piece) > 1 else piece[0] for piece in pieces]


def _unit(network: nn.Module) -> int:
    """The side of a transformer's patch, if it does not divide the largest stride; else that."""
    embedding: Any = getattr(network, "patch_embed", None)
    side = int(embedding.feat_ratio()) if hasattr(embedding, "feat_ratio") else LARGEST_STRIDE
    return side if LARGEST_STRIDE % side else LARGEST_STRIDE


@torch.no_grad()
def _chain(network: Any, fixed: tuple[int, int] | None) -> list[nn.Module] | None:
    """The modules of each stage, if one after another they give timm's own features as B×C×h×w; None if they do not.

    Raises:
        PatchlearnError: timm's features are no map.
    """
    side = fixed or (4 * LARGEST_STRIDE, 5 * LARGEST_STRIDE)  # no square: a map with its channels last shows
    noise = torch.rand(1, 3, *side, generator=torch.Generator().manual_seed(0))
    training = network.training
    network.eval()
    expected = network.forward_features(noise)
    prefix = int(getattr(network, "num_prefix_tokens", 0))
    if not isinstance(expected, Tensor) or expected.ndim not in (3, 4) or expected.shape[1] <= prefix + 1:
        raise PatchlearnError(f"its last features are no single map. {OTHERS}")
    is_first = expected.ndim == 4 and expected.shape[1] == network.num_features
    chain = _joined(cut_sequential(network)) if is_first and is_chain(network) else None
    gives_the_same = chain is not None and _is_close(chain, noise, expected)
    network.train(training)
    return chain if gives_the_same else None


def _is_close(chain: list[nn.Module], images: Tensor, expected: Tensor) -> bool:
    try:
        for stage in chain:
            images = stage(images)
    except NOT_MADE_FOR_IT:
        return False
    tolerance = CLOSE * float(expected.abs().max())
    return images.shape == expected.shape and torch.allclose(images, expected, atol=tolerance, rtol=CLOSE)


@torch.enable_grad()
def _whole(network: Any) -> Whole:
    """One stage. Weights that its features do not depend on are frozen: several processes would wait for them."""
    whole = Whole(network).eval()
    side = int(network.pretrained_cfg["input_size"][1])
    parameters = list(whole.parameters())
    gradients = torch.autograd.grad(whole(torch.rand(1, 3, side, side)).sum(), parameters, allow_unused=True)
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.requires_grad_(gradient is not None)
    return whole.train()


def _check_stride(stages: Stages, output_stride: int | None) -> None:
    if output_stride not in (None, stages.strides[-1]):
        raise PatchlearnError(
            f"output_stride: {stages.name} has stride {stages.strides[-1]}, and timm cannot build it at "
            f"{output_stride}. Set output_stride to null (None in Python), or choose another backbone, such as "
            "resnet50 or convnext_tiny."
        )
