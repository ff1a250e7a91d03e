"""What is known of each cell of an image: the maps of one or several stages on one grid, standardised.

The last stage tells what a thing is, over a large field of view. The stages before it tell how a small place looks.
Where the surroundings of a thing give its class away, the last stage answers everywhere, and the stages before it do
not (docs/log/readings.md).
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from patchlearn.core.errors import PatchlearnError, require_one_of
from patchlearn.models.backbones.stages import Stages
from patchlearn.models.grids import on_stride
from patchlearn.models.settings import CELL_STAGES, LOWER_STAGES
from patchlearn.models.views import ViewFeatures

LEAST_DEVIATION = 1e-4  # of a channel that is the same everywhere


class Cells(nn.Module):
    """Views → B×C×h×w, on cells of one stride.

    Args:
        stages: "last", "lower" (the two before the last) or "all" (the lower ones first).
        channels: of the lower stages and the last one.
        strides: likewise, in pixels.
        stride: of the result, in pixels.
        centred: whether the mean over the cells of each image is subtracted. What is the same all over an image, such
            as its surface or its light, then tells nothing.

    Attributes:
        width: channels of the result, C.
        mean: C, subtracted from every cell.
        std: C, every cell is divided by it.

    Raises:
        PatchlearnError: unknown stages.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self, stages: str, channels: Sequence[int], strides: Sequence[int], stride: int, *, centred: bool = False
    ):
        super().__init__()
        require_one_of("stages", stages, CELL_STAGES)
        self.stages, self.strides, self.stride, self.centred = stages, tuple(strides), stride, centred
        self.channels = tuple(channels)
        self.width = sum(self._chosen(self.channels))
        self.register_buffer("mean", torch.zeros(self.width))
        self.register_buffer("std", torch.ones(self.width))

    @property
    def facts(self) -> dict[str, Any]:
        """What builds it again: the arguments."""
        return {
            "stages": self.stages,
            "channels": self.channels,
            "strides": self.strides,
            "stride": self.stride,
            "centred": self.centred,
        }

    @property
    def lower(self) -> int:
        """How many stages before the last a view must have."""
        return 0 if self.stages == "last" else len(self.channels) - 1

    def forward(self, view: ViewFeatures) -> Tensor:
        """B×C×h×w: h = ⌈H / stride⌉ for a view of H pixels."""
        cells = -(-view.size[0] // self.stride), -(-view.size[1] // self.stride)
        pairs = zip(self._chosen((*view.lower, view.features)), self._chosen(self.strides), strict=True)
        features = torch.cat([on_stride(maps, stride, self.stride, cells).float() for maps, stride in pairs], dim=1)
        mean = features.mean((2, 3), keepdim=True) if self.centred else self.mean[:, None, None]
        return (features - mean) / self.std[:, None, None]

    def standardise(self, features: Tensor) -> None:
        """Set mean and standard deviation.

        Args:
            features: N×C, cells as `forward` gives them before.
        """
        self.mean.copy_(features.mean(0) * self.std + self.mean)
        self.std.copy_((features.std(0) * self.std).clamp(min=LEAST_DEVIATION))

    def fine(self) -> "Cells":
        """The same on the smallest stride of the stages that are read."""
        finest = Cells(**{**self.facts, "stride": min(self._chosen(self.strides))})
        finest.load_state_dict(self.state_dict())
        return finest.to(self.mean.device)

    def _chosen(self, of_each_stage: Sequence[Any]) -> Sequence[Any]:
        places = {"last": slice(-1, None), "lower": slice(0, -1), "all": slice(0, None)}
        return of_each_stage[places[self.stages]]


def cells_of(backbone: Stages, stages: str, *, centred: bool, branches: int = 1) -> Cells:
    """New cells over a backbone, on the stride of its last stage, neither shifted nor scaled.

    Args:
        backbone: whose stages are read.
        stages: see `Cells`.
        centred: see `Cells`.
        branches: of a classifier with patches: how many maps stand side by side after the last stage.

    Raises:
        PatchlearnError: unknown stages, or a backbone that has too few.
    """
    if stages != "last" and len(backbone) <= LOWER_STAGES:
        raise PatchlearnError(
            f"reading.cells.stages: {stages!r} reads {LOWER_STAGES} stages before the last, and {backbone.name} has "
            f"{len(backbone)} in all. Choose last."
        )
    *channels, last = backbone.channels[-1 - LOWER_STAGES :]
    strides = backbone.strides[-1 - LOWER_STAGES :]
    return Cells(stages, (*channels, last * branches), strides, strides[-1], centred=centred)
