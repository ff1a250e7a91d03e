"""What is known of each cell of an image: the maps of one or several stages on one grid.

The last stage tells what a thing is, over a large field of view. The stages before it tell how a small place looks.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import Tensor

from patchlearn.core.errors import PatchlearnError, require_one_of
from patchlearn.models.backbones.stages import Stages
from patchlearn.models.grids import on_stride
from patchlearn.models.settings import CELL_STAGES, LOWER_STAGES
from patchlearn.models.views import ViewFeatures


@dataclass(frozen=True)
class Cells:
    """Views → B×C×h×w, on cells of one stride.

    Args:
        stages: "last", "lower" (those before the last) or "all" (the lower ones first).
        channels: of the lower stages and the last one.
        strides: likewise, in pixels.
        stride: of the result, in pixels.
        centred: whether the mean over the cells of each image is subtracted. What is the same all over an image, such
            as its surface or its light, then tells nothing.

    Raises:
        PatchlearnError: unknown stages.

    >>> cells = Cells("all", channels=(2, 3), strides=(8, 16), stride=8, centred=True)
    >>> view = ViewFeatures(torch.ones(1, 3, 2, 2), (32, 32), lower=(torch.ones(1, 2, 4, 4),))
    >>> cells(view).shape, cells(view).abs().max(), cells.width, cells.lower
    (torch.Size([1, 5, 4, 4]), tensor(0.), 5, 1)
    """

    stages: str
    channels: tuple[int, ...]
    strides: tuple[int, ...]
    stride: int
    centred: bool = False

    def __post_init__(self) -> None:
        require_one_of("stages", self.stages, CELL_STAGES)

    @classmethod
    def of(cls, facts: dict[str, Any]) -> "Cells":
        """Those that `facts` describes, read from JSON."""
        return cls(**{**facts, "channels": tuple(facts["channels"]), "strides": tuple(facts["strides"])})

    @property
    def facts(self) -> dict[str, Any]:
        """What builds them again."""
        return asdict(self)

    @property
    def width(self) -> int:
        """Channels of the result, C."""
        return sum(self._chosen(self.channels))

    @property
    def lower(self) -> int:
        """How many stages before the last a view must have."""
        return 0 if self.stages == "last" else len(self.channels) - 1

    @property
    def fine(self) -> "Cells":
        """The same on the smallest stride of the stages that are read."""
        return replace(self, stride=min(self._chosen(self.strides)))

    def __call__(self, view: ViewFeatures) -> Tensor:
        """B×C×h×w: h = ⌈H / stride⌉ for a view of H pixels."""
        cells = -(-view.size[0] // self.stride), -(-view.size[1] // self.stride)
        pairs = zip(self._chosen((*view.lower, view.features)), self._chosen(self.strides), strict=True)
        features = torch.cat([on_stride(maps, stride, self.stride, cells).float() for maps, stride in pairs], dim=1)
        return features - features.mean((2, 3), keepdim=True) if self.centred else features

    def _chosen(self, of_each_stage: Sequence[Any]) -> Sequence[Any]:
        places = {"last": slice(-1, None), "lower": slice(0, -1), "all": slice(0, None)}
        return of_each_stage[places[self.stages]]


def cells_of(backbone: Stages, stages: str, *, centred: bool, branches: int = 1) -> Cells:
    """The cells of a backbone, on the stride of its last stage.

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
            f"stages: {stages!r} reads {LOWER_STAGES} stages before the last, and {backbone.name} has {len(backbone)} "
            "in all. Choose last."
        )
    *channels, last = backbone.channels[-1 - LOWER_STAGES :]
    strides = backbone.strides[-1 - LOWER_STAGES :]
    return Cells(stages, (*channels, last * branches), strides, strides[-1], centred)
