"""Step 3: learn which neighbouring pixels belong together, from labels that only name what is sure.

Two kinds:

- "boundary": IRN's class-boundary branch. Two pixels belong together unless a boundary lies between them. IRN's other
  branch, the displacement field, tells instances of one class apart; it is left out here.
- "features": PSA's AffinityNet. Two pixels belong together if their features are alike.

IRN's trunk is a ResNet-50 trained on ImageNet, frozen. Ours is the trained classifier's own, frozen as well: no other
weights are needed, and only a small head learns.

Sources: Ahn, Cho & Kwak, "Weakly Supervised Learning of Instance Segmentation with Inter-pixel Relations" (IRN), CVPR
2019; Ahn & Kwak, "Learning Pixel-level Semantic Affinity with Image-level Supervision" (PSA), CVPR 2018.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from patchlearn.core.checkpoints import load_checkpoint, save_checkpoint
from patchlearn.core.errors import PatchlearnError, require_one_of
from patchlearn.core.runtime import layout
from patchlearn.core.types import Float32, UInt8
from patchlearn.data.transforms import as_tensor, normalise, resize_long_side
from patchlearn.models.backbones.create import create_stages
from patchlearn.models.backbones.stages import Stages
from patchlearn.models.views import on_image_grid


class BoundaryHead(nn.Module):
    """IRN: every stage's map → 32 channels, group norm with 4 groups, stride 4; all together → one logit.

    IRN reads five stages of a ResNet (160 channels); a backbone cut into more or fewer has 32 channels for each.
    """

    STRIDE = 4
    WIDTH = 32
    NORM_GROUPS = 4

    def __init__(self, stages: Stages):
        """New weights for these stages."""
        super().__init__()
        self.strides = stages.strides
        self.projections = nn.ModuleList(self._projection(channels) for channels in stages.channels)
        self.classifier = nn.Conv2d(self.WIDTH * len(stages), 1, kernel_size=1)

    def _projection(self, channels: int) -> nn.Module:
        convolution = nn.Conv2d(channels, self.WIDTH, kernel_size=1, bias=False)
        return nn.Sequential(convolution, nn.GroupNorm(self.NORM_GROUPS, self.WIDTH))

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """The map of every stage → B×1×h×w logits."""
        parts = [
            F.relu(_enlarged(project(_pooled(part, stride, self.STRIDE)), stride, self.STRIDE))
            for project, part, stride in zip(self.projections, maps, self.strides, strict=True)
        ]
        logits: Tensor = self.classifier(torch.cat(parts, dim=1))
        return logits


class FeatureHead(nn.Module):
    """PSA's AffinityNet: the three deepest maps → 64, 128 and 256 channels, stride 8; all together → 448 features."""

    STRIDE = 8
    WIDTHS = (64, 128, 256)

    def __init__(self, stages: Stages):
        """New weights for these stages."""
        super().__init__()
        deepest = len(self.WIDTHS)
        self.strides = stages.strides[-deepest:]
        self.projections = nn.ModuleList(
            nn.Conv2d(channels, width, kernel_size=1, bias=False)
            for channels, width in zip(stages.channels[-deepest:], self.WIDTHS, strict=True)
        )
        self.mix = nn.Conv2d(sum(self.WIDTHS), sum(self.WIDTHS), kernel_size=1, bias=False)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """The map of every stage → B×448×h×w features."""
        parts = [
            F.elu(_enlarged(project(_pooled(part, stride, self.STRIDE)), stride, self.STRIDE))
            for project, part, stride in zip(self.projections, maps[-len(self.WIDTHS) :], self.strides, strict=True)
        ]
        return F.elu(self.mix(torch.cat(parts, dim=1)))


HEADS: dict[str, type[BoundaryHead] | type[FeatureHead]] = {"boundary": BoundaryHead, "features": FeatureHead}


class AffinityNetwork(nn.Module):
    """A frozen trunk and the head that learns.

    Args:
        stages: the trunk. It is frozen where it stands: its weights need no gradients any more, and it stays in
            evaluation mode.
        kind: "boundary" or "features".

    Attributes:
        stride: pixels per cell of the output, 4 or 8, whatever the strides of the stages.

    Raises:
        PatchlearnError: an unknown kind.

    >>> from patchlearn import create_stages
    >>> stages = create_stages("resnet10t")
    >>> AffinityNetwork(stages, "boundary")(torch.zeros(2, 3, 50, 70)).shape
    torch.Size([2, 1, 13, 18])
    >>> AffinityNetwork(stages, "features")(torch.zeros(2, 3, 50, 70)).shape
    torch.Size([2, 448, 7, 9])
    """

    def __init__(self, stages: Stages, kind: str = "boundary"):
        """See the class."""
        super().__init__()
        require_one_of("affinity.kind", kind, HEADS)
        self.kind = kind
        self.stages = stages.requires_grad_(False)
        self.head = HEADS[kind](stages)
        self.stride = self.head.STRIDE
        self.train(self.training)

    def train(self, mode: bool = True) -> Self:
        """Training mode is for the head alone."""
        super().train(mode)
        self.stages.eval()
        return self

    def forward(self, images: Tensor) -> Tensor:
        """B×3×H×W normalised images → B×1×⌈H/4⌉×⌈W/4⌉ boundary logits, or B×448×⌈H/8⌉×⌈W/8⌉ features."""
        height, width = images.shape[-2:]
        output: Tensor = self.head(self._maps(images))
        return output[..., : _ceil(height, self.stride), : _ceil(width, self.stride)]

    def _maps(self, images: Tensor) -> list[Tensor]:
        """The map of every stage, on grids that fit into one another: the image is padded with its mean colour."""
        height, width = images.shape[-2:]
        step = max(self.stages.strides[-1], self.stride)
        features, maps = F.pad(images, (0, -width % step, 0, -height % step)), []
        for stage in self.stages:
            features = stage(features)
            maps.append(features)
        return maps


def save_affinity(path: Path, network: AffinityNetwork) -> None:
    """Write weights, the trunk's too, and the settings that rebuild the network into one safetensors file."""
    settings = {
        "backbone": network.stages.name,
        "output_stride": network.stages.strides[-1],
        "kind": network.kind,
    }
    save_checkpoint(path, network.state_dict(), settings)


def load_affinity(path: Path) -> AffinityNetwork:
    """Rebuild a trained affinity network, in evaluation mode on the CPU.

    Raises:
        PatchlearnError: the file is missing, damaged, or no affinity network; or its tensors do not fit.
    """
    tensors, settings = load_checkpoint(path)
    try:
        network = AffinityNetwork(create_stages(settings["backbone"], settings["output_stride"]), settings["kind"])
        network.load_state_dict(tensors)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[-1].strip()
        raise PatchlearnError(f"{path}: not an affinity network of patchlearn ({reason}). Train it again.") from None
    return network.eval()


@torch.no_grad()
def boundary_map(network: AffinityNetwork, image: UInt8, long_side: int | None = None) -> Float32:
    """Where one class ends and another begins: the sigmoid of the mean logit of an image and its mirror image (IRN).

    Args:
        network: of the kind "boundary", in evaluation mode, on any device.
        image: H×W×3, RGB.
        long_side: resize the image first, so that its longer side has this many pixels; None keeps its size.

    Returns:
        ⌈H/4⌉×⌈W/4⌉ in [0, 1], cell for cell on the grid of the score maps, whatever `long_side`.

    Raises:
        PatchlearnError: a network of the other kind.
    """
    _require_kind(network, "boundary")
    view = _view(network, image, long_side)
    logits = _on_image_grid(network, torch.cat([view, view.flip(3)]), image)
    # Both views lie on cells that end where the image ends: only then may one be mirrored back onto the other.
    mean = (logits[0, 0] + logits[1, 0].flip(1)) / 2
    return mean.sigmoid().cpu().numpy()


@torch.no_grad()
def affinity_features(network: AffinityNetwork, image: UInt8, long_side: int | None = None) -> Float32:
    """Features whose distance tells how little two pixels belong together (PSA).

    Args:
        network: of the kind "features", in evaluation mode, on any device.
        image: H×W×3, RGB.
        long_side: resize the image first, so that its longer side has this many pixels; None keeps its size.

    Returns:
        448×⌈H/8⌉×⌈W/8⌉.

    Raises:
        PatchlearnError: a network of the other kind.
    """
    _require_kind(network, "features")
    return _on_image_grid(network, _view(network, image, long_side), image)[0].cpu().numpy()


def _view(network: AffinityNetwork, image: UInt8, long_side: int | None) -> Tensor:
    """1×3×H'×W', normalised, on the network's device."""
    pixels = as_tensor(image).to(next(network.parameters()).device)
    resized = pixels if long_side is None else resize_long_side(pixels, long_side)
    return normalise(resized, network.stages.mean, network.stages.std)[None]


def _on_image_grid(network: AffinityNetwork, views: Tensor, image: UInt8) -> Tensor:
    """B×C×⌈H/stride⌉×⌈W/stride⌉: the output, on cells that together cover the image and nothing else."""
    output = network(views.contiguous(memory_format=layout(views.device))).float()
    cells = (_ceil(image.shape[0], network.stride), _ceil(image.shape[1], network.stride))
    rows, columns = (pixels / (side * network.stride) for pixels, side in zip(views.shape[2:], output.shape[2:]))
    return on_image_grid(output, (rows, columns), cells)


def _require_kind(network: AffinityNetwork, wanted: str) -> None:
    if network.kind != wanted:
        reader = {"boundary": "boundary_map", "features": "affinity_features"}[network.kind]
        raise PatchlearnError(f"affinity: a network of kind {network.kind!r} has no {wanted}. Read it with {reader}.")


def _ceil(pixels: int, stride: int) -> int:
    return -(-pixels // stride)


def _pooled(maps: Tensor, stride: int, target: int) -> Tensor:
    """A map finer than the target stride, averaged down to it."""
    return F.avg_pool2d(maps, target // stride) if stride < target else maps


def _enlarged(maps: Tensor, stride: int, target: int) -> Tensor:
    """A map coarser than the target stride, brought up to it."""
    if stride <= target:
        return maps
    return F.interpolate(maps, scale_factor=stride // target, mode="bilinear", align_corners=False)
