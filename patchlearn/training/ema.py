"""Learning from masks that are partly wrong: losses that trust a label less, and a teacher that corrects it."""

from copy import deepcopy

import torch
from torch import Tensor, nn

RAMP = 10.0  # steps after which the average looks back further than to the start


class MovingAverage(nn.Module):
    """A network, and the exponential moving average of its weights.

    Source: Tarvainen & Valpola, "Mean teachers are better role models", NeurIPS 2017.

    Args:
        network: learns.
        decay: how much of the average is kept at each step; less in the first steps, when there is little to keep.
    """

    steps: Tensor
    average: nn.Module

    def __init__(self, network: nn.Module, decay: float):
        """The average starts as a copy."""
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
