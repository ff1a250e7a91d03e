"""Stages: a backbone as consecutive modules, with their channels and strides."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn


class Stages(nn.Module):
    """A backbone cut into consecutive stages; the last stage gives its last feature map.

    Args:
        name: the backbone's name, as `create_stages` takes it.
        stages: consecutive modules, each B×C×h×w → B×C'×h'×w'.
        mean: per channel, of the images' normalisation, for values in [0, 1].
        std: likewise.

    Attributes:
        channels: channels of each stage's output, found with a small image of zeros.
        strides: pixels of the image per cell of each stage's output, found likewise.
    """

    PROBE = 128  # pixels of the small image's sides: a multiple of every stride

    def __init__(self, name: str, stages: Sequence[nn.Module], mean: tuple[float, ...], std: tuple[float, ...]):
        super().__init__()
        self.name = name
        self.stages = nn.ModuleList(stages)
        self.mean = mean
        self.std = std
        shapes = self._probe()
        self.channels = tuple(channels for channels, _ in shapes)
        self.strides = tuple(self.PROBE // height for _, height in shapes)

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

    @torch.no_grad()
    def _probe(self) -> list[tuple[int, int]]:
        """(channels, height) after each stage, in evaluation mode, so that batch norm's statistics do not change."""
        training, shapes = self.training, []
        features = torch.zeros(1, 3, self.PROBE, self.PROBE)
        self.eval()
        for stage in self:
            features = stage(features)
            shapes.append((features.shape[1], features.shape[2]))
        self.train(training)
        return shapes
