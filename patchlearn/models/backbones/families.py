"""The families of timm networks whose cut is not that of `sequential.py`, and what each of them can do."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from timm.models.beit import Beit
from timm.models.coat import CoaT
from timm.models.convnext import ConvNeXt
from timm.models.crossvit import CrossVit
from timm.models.efficientnet import EfficientNet
from timm.models.eva import Eva
from timm.models.levit import Levit
from timm.models.mlp_mixer import MlpMixer
from timm.models.mobilenetv3 import MobileNetV3, MobileNetV3Features
from timm.models.pvt_v2 import PyramidVisionTransformerV2
from timm.models.regnet import RegNet
from timm.models.resnet import ResNet
from timm.models.swin_transformer import SwinTransformer
from timm.models.swin_transformer_v2 import SwinTransformerV2
from timm.models.vision_transformer import VisionTransformer
from torch import nn

from patchlearn.core.errors import PatchlearnError
from patchlearn.models.backbones.sequential import ChannelsFirst, Pieces, TokensOnly, cut_sequential
from patchlearn.models.backbones.transformers import cut_beit, cut_eva, cut_vision_transformer, shares_of

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


def cut_swin(network: SwinTransformer | SwinTransformerV2) -> Pieces:
    """Five stages: the patch embedding, then the four layers; the last with the norm."""
    *lower, last = network.layers
    embedding = ChannelsFirst([network.patch_embed], reads_image=True)
    layers = [*(ChannelsFirst([layer]) for layer in lower), ChannelsFirst([last, network.norm])]
    return [[stage] for stage in (embedding, *layers)]


def cut_mixer(network: MlpMixer) -> Pieces:
    """Five stages: the patch embedding, then four shares of the blocks; the last with the norm."""
    *lower, last = shares_of(network.blocks)
    embedding = TokensOnly([network.stem], reads_image=True)
    shares = [*(TokensOnly(share) for share in lower), TokensOnly([*last, network.norm])]
    return [[stage] for stage in (embedding, *shares)]


def cut_levit(network: Levit) -> Pieces:
    """Four stages: the stem, a convolutional network, then the three stages of tokens."""
    if network.use_conv:
        return cut_sequential(network)
    return [[stage] for stage in (network.stem, *(TokensOnly([stage]) for stage in network.stages))]


def cut_pvt(network: PyramidVisionTransformerV2) -> Pieces:
    """Four stages; the first begins with the patch embedding, whose map is B×h×w×C."""
    first, *later = network.stages
    return [[network.patch_embed, first], *([stage] for stage in later)]


@dataclass(frozen=True, kw_only=True)
class Family:
    """How the networks of one class are cut, and what they can do.

    Args:
        cut: a network → the modules of each stage.
        options: of `timm.create_model`, so that images may have any size.
        any_size: whether they take images of any size; otherwise only those of their pretraining.
        zero_padded: whether convolutions alone connect the cells, so that outside of a map there are zeros.
        patches: whether a patch of a map may pass the later stages.
    """

    cut: Callable[[Any], Pieces] = cut_sequential
    options: Mapping[str, Any] = field(default_factory=dict)
    any_size: bool = True
    zero_padded: bool = False
    patches: bool = True


_dynamic = {"dynamic_img_size": True}

FAMILIES: dict[type[nn.Module], Family] = {
    ConvNeXt: Family(cut=cut_convnext, zero_padded=True),
    EfficientNet: Family(cut=cut_efficientnet, zero_padded=True),
    MobileNetV3: Family(cut=cut_mobilenetv3, zero_padded=True),
    MobileNetV3Features: Family(cut=cut_mobilenetv3, zero_padded=True),
    RegNet: Family(cut=cut_regnet, zero_padded=True),
    ResNet: Family(cut=cut_resnet, zero_padded=True),
    Beit: Family(cut=cut_beit),
    Eva: Family(cut=cut_eva, options=_dynamic),
    VisionTransformer: Family(cut=cut_vision_transformer, options=_dynamic),
    SwinTransformer: Family(cut=cut_swin, options=_dynamic),
    SwinTransformerV2: Family(cut=cut_swin, options=_dynamic),
    Levit: Family(cut=cut_levit, any_size=False, patches=False),
    MlpMixer: Family(cut=cut_mixer, any_size=False, patches=False),
    PyramidVisionTransformerV2: Family(cut=cut_pvt),
}
# Networks without one last map, and what to take in their place.
REFUSED: dict[type[nn.Module], tuple[str, str]] = {
    CoaT: ("its last features are tokens at three sizes at once", "pvt_v2_b0 or swin_tiny_patch4_window7_224"),
    CrossVit: ("its last features are tokens of two sizes at once", "deit3_small_patch16_224"),
}


def family_of(network: nn.Module) -> Family | None:
    """The family of a timm network, or of the class that it extends; None for a chain of modules like any other.

    Raises:
        PatchlearnError: the network has no single last map.
    """
    for kind in type(network).__mro__:
        if kind in REFUSED:
            reason, others = REFUSED[kind]
            raise PatchlearnError(f"{reason}. Choose for example {others}.")
        if kind in FAMILIES:
            return FAMILIES[kind]
    return None
