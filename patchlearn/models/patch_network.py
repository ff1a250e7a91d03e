"""The classification network of Patch Learning (PPL): one backbone, one classifier, three ways to fuse patches.

Source: figures 2 and 5 of "Weakly Supervised Semantic Segmentation via Progressive Patch Learning" (TMM 2022).
"""

from collections.abc import Sequence
from math import inf
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from patchlearn.core.errors import PatchlearnError, require_one_of
from patchlearn.models.backbones.stages import Stages
from patchlearn.models.backbones.tokens import FeatureMap, TokenMap, map_of
from patchlearn.models.patches import Grid, PatchGrid
from patchlearn.models.settings import BORDERS, FIGURE_2, FUSIONS, READS

LEAST_FEATURE = 1e-6  # the root has no finite gradient at 0


class Split(NamedTuple):
    """Cut after the output of `stages[stage]` into a grid of (rows, columns)."""

    stage: int
    grid: Grid


def splits_of_figure_2(stages: Stages) -> tuple[Split, ...]:
    """Every cut of figure 2, one after another: after block i, after block i + 1, and so on to just before the last.

    The figure draws a grid of 2×2. It does not say which block is i; here it is the second stage, the first after the
    stem, from which a ResNet has the cuts after layer1, layer2 and layer3.

    >>> from patchlearn import create_stages
    >>> [split.stage for split in splits_of_figure_2(create_stages("resnet10t"))]
    [1, 2, 3]
    """
    return tuple(Split(stage, (2, 2)) for stage in range(1, len(stages) - 1))


class PatchNetwork(nn.Module):
    """Stages, patches, fusion and a 1×1 classifier without bias.

    The unsplit map always passes every stage. At a split, the patches of a map pass the *same* later stages,
    independently of each other, and are merged. Merged and unsplit maps are concatenated for the classifier.

    - "plain": no patches, an ordinary classifier.
    - "progressive" (PPL, figure 2): one split at a time, `active_split`; training moves on to the next split.
    - "explicit" (figure 5): all splits at once, each detached from the layers below it.

    Images of any size are padded at the bottom and at the right to a multiple of the output stride, and no further:
    patches are cut where a cell of the last map begins, and their sizes differ by one cell at most (`PatchGrid`).

    On a transformer (the paper has none), a patch is its tokens and a copy of the prefix tokens: they attend to each
    other alone, with the positions that they have in the whole image.

    Args:
        stages: the backbone.
        classes: their number, K.
        fusion: "plain", "progressive" or "explicit".
        splits: (stage, (rows, columns)) for each split, in the order of training and of the merged maps; or "figure 2"
            (`splits_of_figure_2`).
        border: the content of a border around each patch, as wide as one cell of the last map: "zero", as figures 2
            and 5 are drawn, "replicate" (convolutions alone) or "neighbour" (`PatchGrid`).
        detach: explicit patches do not train the layers below their split (the ✕ of figure 5).
        pooling_power: of the generalised mean over the features, from which the logits are computed; 1 is the mean.
            With any other power, features below zero count as zero.

    Attributes:
        active_split: index into `splits`; the progressive fusion alone uses it.

    Raises:
        PatchlearnError: an unknown fusion or border, a power below 1, no split where one is needed, a split that
            leaves no stage above it, or stages that take no patches.

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
        splits: Sequence[tuple[int, Grid]] | str = (),
        *,
        border: str = "zero",
        detach: bool = True,
        pooling_power: float = 1.0,
    ):
        super().__init__()
        self.stages = stages
        self.fusion = fusion
        if isinstance(splits, str):
            require_one_of("splits", splits, [FIGURE_2])
            splits = splits_of_figure_2(stages)
        self.splits = tuple(Split(stage, (grid[0], grid[1])) for stage, grid in splits)
        self.border, self.detach, self.pooling_power = border, detach, pooling_power
        require_one_of("border", border, BORDERS)
        _check(fusion, self.splits, stages, border)
        if not 1 <= pooling_power < inf:
            raise PatchlearnError(
                f"pooling_power: {pooling_power} is out of range. Choose 1 for the mean, or a larger number, such as 3."
            )
        self.active_split = 0
        self.classifier = nn.Conv2d(stages.channels[-1] * self.branches, classes, kernel_size=1, bias=False)

    @property
    def branches(self) -> int:
        """Number of concatenated maps: 1 for plain, 2 for progressive, number of splits + 1 for explicit."""
        return {"plain": 1, "progressive": 2, "explicit": 1 + len(self.splits)}[self.fusion]

    def branches_of(self, read: str) -> int:
        """Number of maps in the features of one way of reading: "whole", "unsplit" or "merged"."""
        return {"whole": self.branches, "unsplit": 1, "merged": self.branches - 1}[read]

    @property
    def active_splits(self) -> tuple[Split, ...]:
        """The splits of the current stage of training."""
        active = {"plain": (), "progressive": self.splits[self.active_split :][:1], "explicit": self.splits}
        return active[self.fusion]

    def forward(self, images: Tensor) -> Tensor:
        """B×3×H×W normalised images → B×K logits: the classifier on the generalised mean of the features."""
        return self.logits(self.features(images))

    def logits(self, features: Tensor) -> Tensor:
        """B×C×h×w features, read whole → B×K logits."""
        logits: Tensor = self.classifier(self.pooled(features))
        return logits.flatten(1)

    def pooled(self, features: Tensor) -> Tensor:
        """B×C×h×w → B×C×1×1.

        Source of the generalised mean: Radenović, Tolias & Chum, "Fine-tuning CNN Image Retrieval with No Human
        Annotation", TPAMI 2018.
        """
        if self.pooling_power == 1:
            return features.mean((2, 3), keepdim=True)
        powers = features.float().clamp(min=LEAST_FEATURE) ** self.pooling_power
        return powers.mean((2, 3), keepdim=True) ** (1 / self.pooling_power)

    def features(self, images: Tensor, read: str = "whole") -> Tensor:
        """B×3×H×W → B×C×h×w: merged maps in the order of the splits, then the unsplit map; h = ⌈H / output stride⌉.

        Args:
            images: normalised.
            read: "whole", or the "unsplit" map alone, or the "merged" maps alone.

        Raises:
            PatchlearnError: an unknown `read`, or "merged" of a network without patches.
        """
        return self.features_and_lower(images, read, 0)[0]

    def features_and_lower(self, images: Tensor, read: str, lower: int) -> tuple[Tensor, list[Tensor]]:
        """`features`, and the maps of the unsplit image after as many stages before the last.

        Args:
            images: normalised.
            read: see `features`.
            lower: how many; the maps are in the order of the stages, each B×C×h×w with h = ⌈H / its stride⌉.

        Raises:
            PatchlearnError: as `features`.
        """
        require_one_of("read", read, READS if self.splits else ("whole", "unsplit"))
        outputs, size = self._outputs(images), images.shape[-2:]
        places = range(max(0, len(self.stages) - 1 - lower), len(self.stages) - 1)
        before = [self.stages.placed(map_of(outputs[place]), size, place) for place in places]
        return self.stages.placed(self._fused(outputs, read), size), before

    def _fused(self, outputs: Sequence[FeatureMap], read: str) -> Tensor:
        """The last map of the unsplit image, of the merged patches, or both."""
        unsplit = map_of(outputs[-1])
        if read == "unsplit":
            return unsplit
        cells = unsplit.shape[2], unsplit.shape[3]
        merged = [self._merged(cut, outputs[cut.stage], cells) for cut in self.active_splits]
        return torch.cat(merged if read == "merged" else [*merged, unsplit], dim=1)

    def activations(self, features: Tensor, read: str = "whole") -> Tensor:
        """B×C×h×w features → B×K×h×w class activation maps, before any ReLU.

        Args:
            features: from `features`, with the same `read`.
            read: "whole", "unsplit" or "merged".
        """
        depth = self.stages.channels[-1]
        weight = self.classifier.weight
        halves = {"whole": weight, "unsplit": weight[:, -depth:], "merged": weight[:, :-depth]}
        return F.conv2d(features, halves[read])

    def maps(self, images: Tensor, read: str = "whole") -> Tensor:
        """B×3×H×W → B×K×h×w class activation maps, before any ReLU; h = ⌈H / output stride⌉.

        Args:
            images: normalised.
            read: "whole" (the classifier as trained), or the part of its weights on the "unsplit" map, or the part on
                the "merged" maps. The two parts add up to the whole.

        Raises:
            PatchlearnError: an unknown `read`, or "merged" of a network without patches.
        """
        return self.activations(self.features(images, read), read)

    def _outputs(self, images: Tensor) -> list[FeatureMap]:
        """The map, or the tokens, of the unsplit image after every stage; what patches share with it runs once."""
        features, outputs = self.stages.prepared(images), []
        for stage in self.stages:
            features = stage(features)
            outputs.append(features)
        return outputs

    def _merged(self, cut: Split, features: FeatureMap, cells: tuple[int, int]) -> Tensor:
        """The patches of one map, passed through the later stages and merged.

        Args:
            cut: where, and into which grid.
            features: at the cut.
            cells: (h, w) of the last map.
        """
        if self.fusion == "explicit" and self.detach:
            features = features.detach()
        grid = PatchGrid(cells, cut.grid, self.border, clipped=not self.stages.zero_padded)
        batches = grid.split(features, self.stages.strides[-1] // self.stages.strides[cut.stage])
        return grid.merge([self._above(cut, _like(batch, features)) for batch in batches])

    def _above(self, cut: Split, patches: FeatureMap) -> Tensor:
        """The last map of each patch."""
        for stage in list(self.stages)[cut.stage + 1 :]:
            patches = stage(patches)
        assert isinstance(patches, Tensor)
        return patches


def _like(patches: FeatureMap, features: FeatureMap) -> FeatureMap:
    """The patches in the memory format of the features: without channels_last, the CPU is 1.5 times slower."""
    if isinstance(patches, TokenMap) or isinstance(features, TokenMap):
        return patches
    if features.is_contiguous(memory_format=torch.channels_last):
        return patches.contiguous(memory_format=torch.channels_last)
    return patches


def _check(fusion: str, splits: Sequence[Split], stages: Stages, border: str) -> None:
    require_one_of("fusion", fusion, FUSIONS)
    if (fusion == "plain") == bool(splits):
        wanted = "no splits" if fusion == "plain" else "at least one split, such as (1, (2, 2))"
        raise PatchlearnError(f"splits: fusion {fusion!r} takes {wanted}; got {len(splits)}.")
    if splits and not stages.takes_patches:
        raise PatchlearnError(
            f"fusion: {fusion!r} cuts feature maps, which {stages.name} does not allow: its later stages do not take a "
            "part of a map. Choose fusion 'plain', or another backbone, such as resnet50 or vit_small_patch16_224."
        )
    if splits and stages.has_tokens and border == "replicate":
        raise PatchlearnError(
            f"border: 'replicate' is for convolutions; the tokens of {stages.name} would attend to copies of "
            "themselves. Choose zero or neighbour."
        )
    for stage, grid in splits:
        if not 0 <= stage < len(stages) - 1:
            raise PatchlearnError(
                f"splits: cannot cut after stage {stage}; {stages.name} has stages 0 to {len(stages) - 1}, and one "
                f"must remain above the cut. Choose 0 to {len(stages) - 2}."
            )
        if min(grid) < 1:
            raise PatchlearnError(f"splits: {grid[0]}×{grid[1]} is not a grid. Rows and columns count from 1.")
