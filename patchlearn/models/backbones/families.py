"""The families of timm networks that can be cut; each is cut at the ends of its feature stages."""

from collections.abc import Callable

from timm.models.convnext import ConvNeXt
from timm.models.efficientnet import EfficientNet
from timm.models.mobilenetv3 import MobileNetV3, MobileNetV3Features
from timm.models.regnet import RegNet
from timm.models.resnet import ResNet
from torch import nn

Pieces = list[list[nn.Module]]
InvertedResiduals = EfficientNet | MobileNetV3 | MobileNetV3Features


def cut_resnet(network: ResNet) -> Pieces:
    """Five stages: the stem with its pooling, then layer1 … layer4."""
    stem = nn.Sequential(network.conv1, network.bn1, network.act1, network.maxpool)
    return [[stem], *([network.get_submodule(f"layer{index}")] for index in (1, 2, 3, 4))]


def cut_convnext(network: ConvNeXt) -> Pieces:
    """Five stages: the stem, then ConvNeXt's four stages. The last includes `norm_pre`, as `forward_features` does."""
    *lower, last = network.stages
    return [[network.stem], *([stage] for stage in lower), [last, network.norm_pre]]


def cut_efficientnet(network: EfficientNet) -> Pieces:
    """Five stages; the last ends with the 1×1 convolution that is part of `forward_features`."""
    pieces = _cut_inverted_residuals(network)
    pieces[-1] += [network.conv_head, network.bn2]
    return pieces


def cut_mobilenetv3(network: MobileNetV3 | MobileNetV3Features) -> Pieces:
    """Five stages; the last 1×1 convolution is timm's last block."""
    return _cut_inverted_residuals(network)


def cut_regnet(network: RegNet) -> Pieces:
    """Five stages: the stem, then s1 … s4."""
    return [[network.stem], [network.s1], [network.s2], [network.s3], [network.s4, network.final_conv]]


def _cut_inverted_residuals(network: InvertedResiduals) -> Pieces:
    """Blocks are grouped as in timm's own `feature_info`: a stage ends with the last block of a resolution."""
    ends = _feature_ends(network)
    blocks = list(network.blocks)
    groups = [blocks[start:end] for start, end in zip([0, *ends], ends)]
    stem: list[nn.Module] = [network.conv_stem, network.bn1]
    if isinstance(network, MobileNetV3Features):  # in the other classes, bn1 includes the activation
        stem.append(network.act1)
    return [[*stem, *groups[0]], *groups[1:]]


def _feature_ends(network: InvertedResiduals) -> list[int]:
    """The index after the last block of each feature stage; 0 for a stage that is the stem alone."""
    infos = network.feature_info.get_dicts() if isinstance(network, MobileNetV3Features) else network.feature_info
    modules = [info["module"] for info in infos]
    return [int(name.removeprefix("blocks.")) + 1 if name.startswith("blocks.") else 0 for name in modules]


FAMILIES: dict[type[nn.Module], Callable[..., Pieces]] = {
    ConvNeXt: cut_convnext,
    EfficientNet: cut_efficientnet,
    MobileNetV3: cut_mobilenetv3,
    MobileNetV3Features: cut_mobilenetv3,
    RegNet: cut_regnet,
    ResNet: cut_resnet,
}
