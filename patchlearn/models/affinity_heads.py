"""The heads of the affinity networks: the maps of a trunk's stages → boundary logits (IRN) or features (PSA).

Sources: see `affinity_network.py`.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from patchlearn.models.backbones.stages import Stages
from patchlearn.models.grids import on_stride
from patchlearn.models.settings import AFFINITY_STRIDES


class BoundaryHead(nn.Module):
    """IRN: every stage's map → 32 channels, group norm with 4 groups, stride 4; all together → one logit.

    IRN reads five stages of a ResNet (160 channels). A backbone with more or fewer stages has 32 channels for each.

    Args:
        stages: the trunk whose maps are read.
    """

    STRIDE = AFFINITY_STRIDES["boundary"]
    WIDTH = 32
    NORM_GROUPS = 4

    def __init__(self, stages: Stages):
        super().__init__()
        self.strides = stages.strides
        self.projections = nn.ModuleList(self._projection(channels) for channels in stages.channels)
        self.classifier = nn.Conv2d(self.WIDTH * len(stages), 1, kernel_size=1)

    def _projection(self, channels: int) -> nn.Module:
        convolution = nn.Conv2d(channels, self.WIDTH, kernel_size=1, bias=False)
        return nn.Sequential(convolution, nn.GroupNorm(self.NORM_GROUPS, self.WIDTH))

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """The map of every stage → B×1×h×w logits."""
        cells = _cells(maps[0], self.strides[0], self.STRIDE)
        parts = [
            F.relu(on_stride(project(_pooled(part, stride, self.STRIDE)), max(stride, self.STRIDE), self.STRIDE, cells))
            for project, part, stride in zip(self.projections, maps, self.strides, strict=True)
        ]
        logits: Tensor = self.classifier(torch.cat(parts, dim=1))
        return logits


class FeatureHead(nn.Module):
    """PSA's AffinityNet: the three deepest maps → 64, 128 and 256 channels, stride 8; all together → 448 features.

    A backbone with fewer stages has the widths of the deepest: 256 channels, or 128 and 256.

    Args:
        stages: the trunk whose maps are read.
    """

    STRIDE = AFFINITY_STRIDES["features"]
    WIDTHS = (64, 128, 256)

    def __init__(self, stages: Stages):
        super().__init__()
        widths = self.WIDTHS[-len(stages) :]
        self.strides = stages.strides[-len(widths) :]
        self.projections = nn.ModuleList(
            nn.Conv2d(channels, width, kernel_size=1, bias=False)
            for channels, width in zip(stages.channels[-len(widths) :], widths, strict=True)
        )
        self.mix = nn.Conv2d(sum(widths), sum(widths), kernel_size=1, bias=False)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """The map of every stage → B×448×h×w features."""
        maps = maps[-len(self.strides) :]
        cells = _cells(maps[0], self.strides[0], self.STRIDE)
        parts = [
            F.elu(on_stride(project(_pooled(part, stride, self.STRIDE)), max(stride, self.STRIDE), self.STRIDE, cells))
            for project, part, stride in zip(self.projections, maps, self.strides, strict=True)
        ]
        return F.elu(self.mix(torch.cat(parts, dim=1)))


def _cells(maps: Tensor, stride: int, target: int) -> tuple[int, int]:
    """(h, w) of the grid of the target stride over what a map covers."""
    return -(-maps.shape[2] * stride // target), -(-maps.shape[3] * stride // target)


def _pooled(maps: Tensor, stride: int, target: int) -> Tensor:
    """A map finer than the target stride, averaged down to it."""
    return F.avg_pool2d(maps, target // stride, ceil_mode=True) if stride < target else maps
