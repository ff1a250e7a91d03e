"""ResNet-38, the wide residual network of the field: VGG's stride of 8 with a deeper and wider body.

Sources: Wu, Shen, van den Hengel, "Wider or Deeper: Revisiting the ResNet Model for Visual Recognition", arXiv
1611.10080 (model A1); structure, dilations, dropout, names of tensors and the images' normalisation as in
jiwoon-ahn/psa, network/resnet38d.py, which YudeWang/SEAM, network/resnet38d.py, repeats. Ours is written anew.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from patchlearn.core.errors import PatchlearnError
from patchlearn.models.backbones.stages import Stages
from patchlearn.models.backbones.weights import load_weights

# Rows of plain blocks: name; channels in, between and out; stride of the first block; dilations of the first block's
# two convolutions; number of blocks. All later blocks of a row have the second dilation.
ROWS = (
    ("b2", (64, 128, 128), 2, (1, 1), 3),
    ("b3", (128, 256, 256), 2, (1, 1), 3),
    ("b4", (256, 512, 512), 2, (1, 1), 6),
    ("b5", (512, 512, 1024), 1, (1, 2), 3),
)
# Bottlenecks: name; channels in and out; share of channels that dropout sets to zero. Their dilation is 4.
BOTTLENECKS = (("b6", (1024, 2048), 0.3), ("b7", (2048, 4096), 0.5))
STEM, LAST_NORM = "conv1a", "bn7"
# PSA, network/resnet38d.py, `Normalize`: ImageNet's, for values in [0, 1].
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class WideBlock(nn.Module):
    """Pre-activation residual block of two 3×3 convolutions.

    Args:
        channels: in, between and out.
        stride: of the first convolution.
        dilations: of the first and of the second convolution.
    """

    def __init__(self, channels: tuple[int, int, int], stride: int = 1, dilations: tuple[int, int] = (1, 1)):
        super().__init__()
        given, between, made = channels
        self.bn_branch2a = nn.BatchNorm2d(given)
        self.conv_branch2a = _convolution(given, between, 3, stride, dilations[0])
        self.bn_branch2b1 = nn.BatchNorm2d(between)
        self.conv_branch2b1 = _convolution(between, made, 3, 1, dilations[1])
        self.conv_branch1 = None if (given, stride) == (made, 1) else _convolution(given, made, 1, stride)

    def forward(self, features: Tensor) -> Tensor:
        """B×C×h×w → B×C'×h'×w'."""
        active = F.relu(self.bn_branch2a(features))
        # A block that changes the shape has its shortcut behind the first norm; the others behind nothing.
        shortcut = features if self.conv_branch1 is None else self.conv_branch1(active)
        branch = F.relu(self.bn_branch2b1(self.conv_branch2a(active)))
        output: Tensor = shortcut + self.conv_branch2b1(branch)
        return output


class WideBottleneck(nn.Module):
    """Pre-activation bottleneck: 1×1 to a quarter of the channels, dilated 3×3 to a half, 1×1 to all.

    Dropout before the last two convolutions sets whole channels to zero, in training alone.

    Args:
        channels: in and out.
        dropout: share of the channels that are set to zero.
        dilation: of the 3×3 convolution.
    """

    def __init__(self, channels: tuple[int, int], dropout: float, dilation: int = 4):
        super().__init__()
        given, made = channels
        self.bn_branch2a = nn.BatchNorm2d(given)
        self.conv_branch2a = _convolution(given, made // 4, 1)
        self.bn_branch2b1 = nn.BatchNorm2d(made // 4)
        self.dropout_2b1 = nn.Dropout2d(dropout)
        self.conv_branch2b1 = _convolution(made // 4, made // 2, 3, 1, dilation)
        self.bn_branch2b2 = nn.BatchNorm2d(made // 2)
        self.dropout_2b2 = nn.Dropout2d(dropout)
        self.conv_branch2b2 = _convolution(made // 2, made, 1)
        self.conv_branch1 = _convolution(given, made, 1)

    def forward(self, features: Tensor) -> Tensor:
        """B×C×h×w → B×C'×h×w."""
        active = F.relu(self.bn_branch2a(features))
        narrow = self.dropout_2b1(F.relu(self.bn_branch2b1(self.conv_branch2a(active))))
        wider = self.dropout_2b2(F.relu(self.bn_branch2b2(self.conv_branch2b1(narrow))))
        output: Tensor = self.conv_branch1(active) + self.conv_branch2b2(wider)
        return output


class ResNet38(nn.Module):
    """ResNet-38 without a classifier, at stride 8: B×3×H×W normalised images → B×4096×⌈H/8⌉×⌈W/8⌉.

    The keys of its state dict are those of the field's file `ilsvrc-cls_rna-a1_cls1000_ep-0001.params` after
    conversion to PyTorch (`convert_mxnet_to_torch` in PSA's network/resnet38d.py), and of the checkpoints of PSA and
    SEAM, which have further keys for their heads.

    Attributes:
        num_features: channels of the result.
        feature_info: channels, stride and last module of each of the five stages, as in timm's networks.
        pretrained_cfg: the mean and the standard deviation that images are normalised with, as in timm's networks.

    >>> import torch
    >>> with torch.device("meta"):
    ...     network = ResNet38()
    ...     features = network.forward_features(torch.zeros(1, 3, 64, 96))
    >>> features.shape, network.num_features
    (torch.Size([1, 4096, 8, 12]), 4096)
    """

    OUTPUT_STRIDE = 8
    num_features = 4096
    feature_info: tuple[dict[str, Any], ...] = (
        {"num_chs": 128, "reduction": 2, "module": "b2_2"},
        {"num_chs": 256, "reduction": 4, "module": "b3_2"},
        {"num_chs": 512, "reduction": 8, "module": "b4_5"},
        {"num_chs": 1024, "reduction": 8, "module": "b5_2"},
        {"num_chs": 4096, "reduction": 8, "module": "act7"},
    )

    def __init__(self) -> None:
        super().__init__()
        self.pretrained_cfg = {"mean": MEAN, "std": STD}
        self.add_module(STEM, _convolution(3, 64, 3))
        for name, channels, stride, dilations, count in ROWS:
            self.add_module(name, WideBlock(channels, stride, dilations))
            for index in range(1, count):
                later = (channels[2], channels[1], channels[2])
                self.add_module(f"{name}_{index}", WideBlock(later, 1, (dilations[1], dilations[1])))
        for name, both, dropout in BOTTLENECKS:
            self.add_module(name, WideBottleneck(both, dropout))
        self.add_module(LAST_NORM, nn.BatchNorm2d(self.num_features))
        self.act7 = nn.ReLU()  # has no tensors

    def forward(self, images: Tensor) -> Tensor:
        """The same as `forward_features`: there is no classifier."""
        return self.forward_features(images)

    def forward_features(self, images: Tensor) -> Tensor:
        """B×3×H×W → B×4096×⌈H/8⌉×⌈W/8⌉, none of it negative."""
        for module in self.children():
            images = module(images)
        return images

    def pieces(self) -> Iterator[list[nn.Module]]:
        """The modules of each of the five stages: the stem with b2, then b3, b4, b5, and b6 to the last activation."""
        piece: list[nn.Module] = []
        ends = {info["module"] for info in self.feature_info}
        for name, module in self.named_children():
            piece.append(module)
            if name in ends:
                yield piece
                piece = []


# Our own architectures, which timm does not have.
OWN: dict[str, type[ResNet38]] = {"resnet38": ResNet38}


def check_own(name: str, output_stride: int | None, weights: str | Path | None) -> None:
    """Raise `PatchlearnError` for what one of `OWN` does not have.

    >>> check_own("resnet38", 16, None)
    Traceback (most recent call last):
    patchlearn.core.errors.PatchlearnError: output_stride: resnet38 has 8, and no 16. Choose 8.
    """
    stride = OWN[name].OUTPUT_STRIDE
    if output_stride not in (None, stride):
        raise PatchlearnError(f"output_stride: {name} has {stride}, and no {output_stride}. Choose {stride}.")
    if weights in ("hub", "demo"):
        raise PatchlearnError(
            f"weights: {weights!r} has no {name}. Name the file of its weights (docs/recipes.md says which), or none."
        )


def create_own(name: str, output_stride: int | None, weights: str | Path | None = None) -> ResNet38:
    """One of `OWN`, with weights.

    Args:
        name: a key of `OWN`.
        output_stride: must be the one that the architecture has, or None.
        weights: None (random), or the path of a state dict.

    Raises:
        PatchlearnError: another stride; "hub" or "demo", which do not have it; or weights that do not fit.
    """
    check_own(name, output_stride, weights)
    network = OWN[name]()
    load_weights(network, network, name, weights)
    return network


def own_stages(name: str, output_stride: int | None, weights: str | Path | None = None) -> Stages:
    """One of `OWN`, cut into stages.

    Raises:
        PatchlearnError: as `create_own`.
    """
    network = create_own(name, output_stride, weights)
    pieces = [nn.Sequential(*piece) for piece in network.pieces()]
    return Stages(name, pieces, MEAN, STD, output_stride=output_stride)


def _convolution(given: int, made: int, side: int, stride: int = 1, dilation: int = 1) -> nn.Conv2d:
    """Without bias; padded so that stride 1 keeps the map's size."""
    return nn.Conv2d(given, made, side, stride, padding=dilation * (side // 2), dilation=dilation, bias=False)
