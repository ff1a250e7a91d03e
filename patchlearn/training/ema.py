"""The exponential moving average of a network's weights: a teacher that is steadier than the network itself."""

from copy import deepcopy

import torch
from torch import Tensor, nn

RAMP = 10.0  # in the first steps the average keeps (1 + steps) / (RAMP + steps) of itself


class MovingAverage(nn.Module):
    """A network, and the exponential moving average of its weights.

    Source: Tarvainen & Valpola, "Mean teachers are better role models", NeurIPS 2017.

    Args:
        network: learns.
        decay: share of the average that is kept at each step; less in the first steps.
    """

    steps: Tensor
    average: nn.Module

    def __init__(self, network: nn.Module, decay: float):
        super().__init__()
        self.network = network
        self.average = deepcopy(network).requires_grad_(False).eval()
        self.decay = decay
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))

    def forward(self, images: Tensor) -> Tensor:
        """The learning network's output."""
        output: Tensor = self.network(images)
        return output

    @torch.no_grad()
    def update(self) -> None:
        """One more step of the network into the average."""
        count = float(self.steps)
        decay = min(self.decay, (1 + count) / (RAMP + count))
        learned = self.network.state_dict()
        for name, kept in self.average.state_dict().items():
            if kept.is_floating_point():
                kept.lerp_(learned[name], 1 - decay)
            else:
                kept.copy_(learned[name])
        self.steps += 1
