"""The classification network of Patch Learning: one backbone, one classifier, three ways to fuse patches.

Source: figures 2 and 5 of "Weakly Supervised Semantic Segmentation via Progressive Patch Learning" (TMM 2022).
"""

from collections.abc import Sequence
from math import inf, lcm
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from patchlearn.core.errors import PatchlearnError, require_one_of
from patchlearn.models.backbones.stages import Stages
from patchlearn.models.patches import BORDERS, Grid, merge, split_with_border, without_border

FUSIONS = ("plain", "progressive", "explicit")
READS = ("whole", "unsplit", "merged")
FAINTEST = 1e-6  # feature: the root of nothing has no gradient


class Split(NamedTuple):
    """Cut after the output of `stages[stage]` into a grid of (rows, columns)."""

    stage: int
    grid: Grid


class PatchNetwork(nn.Module):
    """Stages, patches, fusion and a 1×1 classifier without bias.

    The unsplit map always goes through every stage. At a split, its patches go through the *same* later stages by
    themselves and are merged; merged and unsplit maps are concatenated for the classifier.

    - "plain": no patches; an ordinary classifier.
    - "progressive" (PPL, figure 2): one split at a time, `active_split`; training moves it from one to the next.
    - "explicit" (figure 5): every split at once, each detached from the layers below it.

    Images of any size are padded at the bottom and the right to a multiple of the output stride times each grid;
    what was padded takes no part in the logits and is cropped from maps and features.

    Args:
        stages: the backbone.
        classes: how many, K.
        fusion: "plain", "progressive" or "explicit".
        splits: (stage, (rows, columns)) each, in the order of the stages of training and of the merged maps.
        border: what a patch sees beyond its edge, as wide as one cell of the last map: "zero", as figures 2 and 5 are
            drawn, "replicate" or "neighbour" (`split_with_border`).
        detach: explicit patches do not train the layers that feed them (the ✕ of figure 5).
        pooling_power: of the generalised mean over the map that the classifier learns from; 1 for the mean. Features
            below zero count as zero in any other.

    Attributes:
        active_split: index into `splits`; used by the progressive variant alone.

    Raises:
        PatchlearnError: an unknown fusion or border, a power below 1, no split where one is needed, or a split that
            leaves no stage above it.

    >>> from patchlearn import create_stages
    >>> network = PatchNetwork(create_stages("resnet10t"), 6, "progressive", [(1, (4, 4)), (2, (2, 2))])
    >>> network(torch.zeros(2, 3, 50, 70)).shape, network.maps(torch.zeros(2, 3, 50, 70)).shape
    (torch.Size([2, 6]), torch.Size([2, 6, 4, 5]))
    """

    def __init__(
        self,
        stages: Stages,
        classes: int,
        fusion: str = "plain",
        splits: Sequence[tuple[int, Grid]] = (),
        *,
        border: str = "zero",
        detach: bool = True,
        pooling_power: float = 1.0,
    ):
        """See the class."""
        super().__init__()
        self.stages = stages
        self.fusion = fusion
        self.splits = tuple(Split(stage, (grid[0], grid[1])) for stage, grid in splits)
        self.border, self.detach, self.pooling_power = border, detach, pooling_power
        _check(fusion, self.splits, stages)
        require_one_of("border", border, BORDERS)
        if not 1 <= pooling_power < inf:
            raise PatchlearnError(f"pooling_power: {pooling_power}; choose 1 for the mean, or more, such as 3.")
        self.active_split = 0
        self.classifier = nn.Conv2d(stages.channels[-1] * self.branches, classes, kernel_size=1, bias=False)

    @property
    def branches(self) -> int:
        """How many maps are concatenated: 1 for plain, 2 for progressive, number of splits + 1 for explicit."""
        return {"plain": 1, "progressive": 2, "explicit": 1 + len(self.splits)}[self.fusion]

    @property
    def active_splits(self) -> tuple[Split, ...]:
        """The splits of the current stage of training."""
        active = {"plain": (), "progressive": self.splits[self.active_split :][:1], "explicit": self.splits}
        return active[self.fusion]

    def forward(self, images: Tensor) -> Tensor:
        """B×3×H×W normalised images → B×K logits: the classifier on the (generalised) mean of the features."""
        return self.logits(self.features(images))

    def logits(self, features: Tensor) -> Tensor:
        """B×C×h×w features, read whole → B×K logits."""
        logits: Tensor = self.classifier(self._pooled(features))
        return logits.flatten(1)

    def _pooled(self, features: Tensor) -> Tensor:
        """B×C×h×w → B×C×1×1.

        Source of the generalised mean: Radenović, Tolias & Chum, "Fine-tuning CNN Image Retrieval with No Human
        Annotation", TPAMI 2018.
        """
        if self.pooling_power == 1:
            return features.mean((2, 3), keepdim=True)
        powers = features.float().clamp(min=FAINTEST) ** self.pooling_power
        return powers.mean((2, 3), keepdim=True) ** (1 / self.pooling_power)

    def features(self, images: Tensor, read: str = "whole") -> Tensor:
        """B×3×H×W → B×C×h×w: merged maps in the order of the splits, then the unsplit map; h = ⌈H / output stride⌉.

        Args:
            images: normalised.
            read: "whole", or its "unsplit" or its "merged" maps alone (for explicit: all of these).

        Raises:
            PatchlearnError: an unknown `read`, or "merged" of a network without patches.
        """
        require_one_of("read", read, READS if self.splits else ("whole", "unsplit"))
        unsplit, cuts = self._unsplit(images, () if read == "unsplit" else self.active_splits)
        if read == "unsplit":
            return self._valid(unsplit, images)
        merged = [self._merged(cut, cell) for cut, cell in zip(self.active_splits, cuts, strict=True)]
        return self._valid(torch.cat(merged if read == "merged" else [*merged, unsplit], dim=1), images)

    def activations(self, features: Tensor, read: str = "whole") -> Tensor:
        """B×C×h×w features, read in one of the three ways → B×K×h×w class activation maps, before any ReLU."""
        depth = self.stages.channels[-1]
        weight = self.classifier.weight
        halves = {"whole": weight, "unsplit": weight[:, -depth:], "merged": weight[:, :-depth]}
        return F.conv2d(features, halves[read])

    def maps(self, images: Tensor, read: str = "whole") -> Tensor:
        """B×3×H×W → B×K×h×w class activation maps, before any ReLU; h = ⌈H / output stride⌉.

        Args:
            images: normalised.
            read: "whole" (the classifier as trained), its "unsplit" half alone, or its "merged" half alone (for
                explicit: all of them). The two halves add up to the whole.

        Raises:
            PatchlearnError: an unknown `read`, or "merged" of a network without patches.
        """
        return self.activations(self.features(images, read), read)

    def _unsplit(self, images: Tensor, cuts: Sequence[Split]) -> tuple[Tensor, list[Tensor]]:
        """The last map, and on the way to it the maps that are to be cut; the shared prefix runs once."""
        features, outputs = self._padded(images), []
        for stage in self.stages:
            features = stage(features)
            outputs.append(features)
        return features, [outputs[cut.stage] for cut in cuts]

    def _merged(self, cut: Split, features: Tensor) -> Tensor:
        """The patches of one map through the later stages, laid back."""
        if self.fusion == "explicit" and self.detach:
            features = features.detach()
        width = self.stages.strides[-1] // self.stages.strides[cut.stage]
        patches = _like(split_with_border(features, cut.grid, self.border, width), features)
        for stage in list(self.stages)[cut.stage + 1 :]:
            patches = stage(patches)
        return merge(without_border(patches, self.border, 1), cut.grid)

    def _padded(self, images: Tensor) -> Tensor:
        """Zeros, which is the mean colour of a normalised image."""
        height, width = images.shape[-2:]
        stride = self.stages.strides[-1]
        bottom = -height % lcm(stride, *(stride * cut.grid[0] for cut in self.splits))
        right = -width % lcm(stride, *(stride * cut.grid[1] for cut in self.splits))
        return F.pad(images, (0, right, 0, bottom)) if bottom or right else images

    def _valid(self, features: Tensor, images: Tensor) -> Tensor:
        """Without the cells that lie wholly in the padding."""
        stride = self.stages.strides[-1]
        height, width = images.shape[-2:]
        return features[..., : -(-height // stride), : -(-width // stride)]


def _like(patches: Tensor, features: Tensor) -> Tensor:
    """Keep the memory format: depthwise convolutions are 1.5 times slower on the CPU without channels_last."""
    if features.is_contiguous(memory_format=torch.channels_last):
        return patches.contiguous(memory_format=torch.channels_last)
    return patches


def _check(fusion: str, splits: Sequence[Split], stages: Stages) -> None:
    require_one_of("fusion", fusion, FUSIONS)
    if (fusion == "plain") == bool(splits):
        wanted = "no splits" if fusion == "plain" else "at least one split, such as (1, (2, 2))"
        raise PatchlearnError(f"splits: fusion {fusion!r} takes {wanted}; got {len(splits)}.")
    for stage, grid in splits:
        if not 0 <= stage < len(stages) - 1:
            raise PatchlearnError(
                f"splits: cannot cut after stage {stage}; {stages.name} has stages 0 to {len(stages) - 1}, and one "
                f"must remain above the cut. Choose 0 to {len(stages) - 2}."
            )
        if min(grid) < 1:
            raise PatchlearnError(f"splits: {grid[0]}×{grid[1]} is not a grid. Rows and columns count from 1.")
