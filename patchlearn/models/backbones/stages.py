"""Stages: a backbone as consecutive modules, with their channels and strides."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from patchlearn.models.backbones.tokens import TokenMap, map_of
from patchlearn.models.grids import on_image_grid

PROBES = (4, 5, 8)  # times the unit: the sides of small images


class Stages(nn.Module):
    """A backbone cut into consecutive stages; the last stage gives its last feature map, B×C×h×w.

    The stages of a convolutional network give maps; those of a transformer a `TokenMap`, but for the last.

    Args:
        name: the backbone's name, as `create_stages` takes it.
        stages: consecutive modules.
        mean: per channel, of the images' normalisation, for values in [0, 1].
        std: likewise.
        output_stride: as `create_stages` was asked for it; None for the network's own.
        unit: the largest stride of the network, or the side of a transformer's patch, in pixels: small images of
            multiples of it find channels and strides.
        fixed_size: (H, W), the only size of images that the stages take; None for any.
        zero_padded: see `Family`.
        takes_patches: whether a patch of a map may pass the later stages.

    Attributes:
        channels: channels of each stage's output, found with a small image of zeros.
        strides: pixels of the image per cell of each stage's output, found likewise.
        is_exact: whether every map covers exactly the prepared image, at its stride.
        has_tokens: whether tokens travel between the stages.
        takes_patches: whether a patch of a map may pass the later stages.
    """

    def __init__(
        self,
        name: str,
        stages: Sequence[nn.Module],
        mean: tuple[float, ...],
        std: tuple[float, ...],
        *,
        output_stride: int | None = None,
        unit: int = 32,
        fixed_size: tuple[int, int] | None = None,
        zero_padded: bool = True,
        takes_patches: bool = True,
    ):
        super().__init__()
        self.name = name
        self.stages = nn.ModuleList(stages)
        self.mean, self.std = mean, std
        self.output_stride, self.fixed_size, self.zero_padded = output_stride, fixed_size, zero_padded
        self.has_tokens = False
        # Networks of convolutions alone have no surprises, and one image is enough.
        times = PROBES[:1] if zero_padded else PROBES
        sides = [fixed_size[0]] if fixed_size else [factor * unit for factor in times]
        shapes = [self._probe(side) for side in sides]
        if any(len({channels for channels, _ in at}) > 1 for at in zip(*shapes)):
            raise ValueError("a map has its channels last")
        self.channels = tuple(channels for channels, _ in shapes[0])
        self.strides = tuple(_stride(sides, [height for _, height in at]) for at in zip(*shapes))
        # Without padding, a network loses cells at the border; others resize maps inside. Patches would not fit again.
        fits = all(
            side == height * stride
            for side, at in zip(sides, shapes)
            for (_, height), stride in zip(at, self.strides, strict=True)
        )
        self.is_exact = fixed_size is None and fits
        divides = all(later % earlier == 0 for earlier, later in pairwise(self.strides))
        self.takes_patches = takes_patches and self.is_exact and divides and len(stages) > 1

    def forward(self, images: Tensor) -> Tensor:
        """B×3×H×W → B×C×h×w, through every stage."""
        for stage in self:
            images = stage(images)
        return images

    def __iter__(self) -> Iterator[nn.Module]:
        """The stages, in the order in which an image passes them."""
        return iter(self.stages)

    def __len__(self) -> int:
        """The number of stages."""
        return len(self.stages)

    def __getitem__(self, index: int) -> nn.Module:
        """One stage."""
        return self.stages[index]

    def prepared(self, images: Tensor) -> Tensor:
        """B×3×H×W of any size → as the first stage takes them: padded at the bottom and right, or resized.

        The padding is zeros, the mean colour of a normalised image, up to a multiple of the last stride.
        """
        if self.fixed_size is not None:
            return F.interpolate(images, self.fixed_size, mode="bilinear", align_corners=False, antialias=True)
        bottom, right = (-side % self.strides[-1] for side in images.shape[-2:])
        return F.pad(images, (0, right, 0, bottom)) if bottom or right else images

    def placed(self, features: Tensor, size: Sequence[int], stage: int = -1) -> Tensor:
        """A stage's map of prepared images → on cells of its stride: h = ⌈H / stride⌉, w = ⌈W / stride⌉.

        Most maps are that already. Others are resampled: those of a fixed size, of a network that resizes its maps, or
        of one without padding, whose cells lie around the middle of the image.

        Args:
            features: B×C×h'×w'.
            size: (H, W) of the images before they were prepared.
            stage: which stage's map it is.
        """
        stride = self.strides[stage]
        cells = -(-size[0] // stride), -(-size[1] // stride)
        if self.fixed_size is not None:
            return on_image_grid(features, (cells[0] * stride / size[0], cells[1] * stride / size[1]), cells)
        if not self.is_exact and (features.shape[2], features.shape[3]) != cells:
            return on_image_grid(features, (1.0, 1.0), cells)
        return features[..., : cells[0], : cells[1]]

    def pyramid(self, images: Tensor) -> list[Tensor]:
        """B×3×H×W of any size → the map of every stage, from the top left of the image to its end or beyond."""
        features, maps = self.prepared(images), []
        size = features.shape[2:] if self.is_exact else images.shape[2:]
        for index, stage in enumerate(self):
            features = stage(features)
            maps.append(self.placed(map_of(features), size, index))
        return maps

    @torch.no_grad()
    def _probe(self, side: int) -> list[tuple[int, int]]:
        """(channels, height) after each stage, in evaluation mode, so that batch norm's statistics do not change."""
        training, shapes = self.training, []
        features = torch.zeros(1, 3, side, side)
        self.eval()
        for stage in self:
            features = stage(features)
            self.has_tokens |= isinstance(features, TokenMap)
            shape = map_of(features).shape
            shapes.append((shape[1], shape[2]))
        self.train(training)
        return shapes


def _stride(sides: Sequence[int], heights: Sequence[int]) -> int:
    """Pixels per cell, from how many cells more a larger image has: a network without padding loses some."""
    if len(sides) == 1:
        return round(sides[0] / heights[0])
    return round((sides[-1] - sides[0]) / (heights[-1] - heights[0]))
