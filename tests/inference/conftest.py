"""A segmenter whose masks can be told by hand."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from patchlearn.inference.segmenter import Segmenter

CLASSES = ("red", "blue")


class Colours(nn.Module):
    """A network that classifies a cell by its mean colour: red is class 1, blue class 2, anything else background."""

    stride, unit, mean, std = 4, 32, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)

    def __init__(self) -> None:
        super().__init__()
        self.sharpness = nn.Parameter(torch.tensor(30.0))
        self.largest = 0

    def forward(self, images: Tensor) -> Tensor:
        assert images.shape[2] % 32 == 0
        assert images.shape[3] % 32 == 0
        self.largest = max(self.largest, *images.shape[2:])
        red, _, blue = F.avg_pool2d(images, 4).unbind(1)
        return self.sharpness * torch.stack([0.5 + 0 * red, red - blue, blue - red], dim=1)


@pytest.fixture
def colours() -> Segmenter:
    network: Any = Colours()
    return Segmenter(network=network, classes=CLASSES)
