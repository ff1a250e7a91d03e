"""Affinity networks: which neighbouring pixels belong together. A frozen trunk, and a small head that is trained.

Two kinds:

- "boundary": IRN's class-boundary branch. Two pixels belong together unless a boundary lies between them. IRN's second
  branch, the displacement field, separates instances of one class and is left out.
- "features": PSA's AffinityNet. Two pixels belong together if their features are similar.

IRN's trunk is a frozen ResNet-50, trained on ImageNet. Here the trunk is the trained classifier's backbone, frozen as
well, so that no other weights are needed.

Sources: Ahn, Cho & Kwak, "Weakly Supervised Learning of Instance Segmentation with Inter-pixel Relations" (IRN), CVPR
2019; Ahn & Kwak, "Learning Pixel-level Semantic Affinity with Image-level Supervision" (PSA), CVPR 2018.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Self, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from patchlearn.core.checkpoints import load_checkpoint, save_checkpoint
from patchlearn.core.errors import PatchlearnError, require_one_of
from patchlearn.core.runtime import memory_format
from patchlearn.core.types import Float32, UInt8
from patchlearn.data.transforms import as_tensor, normalise, resize_long_side
from patchlearn.models.affinity_heads import BoundaryHead, FeatureHead
from patchlearn.models.backbones.create import create_stages
from patchlearn.models.backbones.stages import Stages
from patchlearn.models.grids import on_image_grid
from patchlearn.models.views import ViewFeatures
from patchlearn.refine import random_walk, random_walk_features


class AffinityNetwork(nn.Module, ABC):
    """A frozen trunk and the head that is trained; the base of `BoundaryAffinity` and `FeatureAffinity`.

    Args:
        stages: the trunk. It is frozen in place: its weights no longer have gradients, and it stays in evaluation mode.
        head: the map of every stage → the output, at this network's stride.

    Attributes:
        KIND: the name of the kind in settings and files.
        STRIDE: pixels per cell of the output, whatever the strides of the stages.
        RADIUS: training compares pairs of cells that are less than this far apart.
        BETA: the usual power of the affinities in the walk.
    """

    KIND: ClassVar[str]
    STRIDE: ClassVar[int]
    RADIUS: ClassVar[int]
    BETA: ClassVar[float]

    def __init__(self, stages: Stages, head: nn.Module):
        super().__init__()
        self.stages = stages.requires_grad_(False)
        self.head = head
        self.train(self.training)

    def train(self, mode: bool = True) -> Self:
        """Set the mode of the head; the trunk stays in evaluation mode."""
        super().train(mode)
        self.stages.eval()
        return self

    def forward(self, images: Tensor) -> Tensor:
        """B×3×H×W normalised images → B×C×⌈H/STRIDE⌉×⌈W/STRIDE⌉."""
        height, width = images.shape[-2:]
        return self._of_maps(self.stages.pyramid(images), (height, width))

    def _of_maps(self, maps: Sequence[Tensor], view: tuple[int, int]) -> Tensor:
        """The output for the maps of a view of H×W pixels, without the cells beyond it."""
        output: Tensor = self.head(maps)
        return output[..., : -(-view[0] // self.STRIDE), : -(-view[1] // self.STRIDE)]

    @property
    def usual_beta(self) -> float:
        """`BETA`."""
        return self.BETA

    @abstractmethod
    def walk(
        self, image: UInt8, scores: Float32, radius: int, beta: float, steps: int, long_side: int | None
    ) -> Float32:
        """Spread the scores of one image along the affinities that this network finds in it.

        Args:
            image: H×W×3, RGB.
            scores: P×h×w.
            radius: in cells; cells less than this far apart are connected.
            beta: power of the affinities, above 0; `BETA` is the usual one.
            steps: of the random walk.
            long_side: the network reads the image resized to this longer side, in pixels; None keeps its size.

        Returns:
            P×⌈H/STRIDE⌉×⌈W/STRIDE⌉, neither mixed with the scores nor rescaled.

        Raises:
            PatchlearnError: a score is not a number, or the grid of the scores does not fit.
        """

    def _view(self, image: UInt8, long_side: int | None) -> Tensor:
        """1×3×H'×W', normalised, on the network's device."""
        pixels = as_tensor(image).to(next(self.parameters()).device)
        resized = pixels if long_side is None else resize_long_side(pixels, long_side)
        return normalise(resized, self.stages.mean, self.stages.std)[None]

    def _read(self, views: Tensor, image: UInt8) -> Tensor:
        """B×C×⌈H/STRIDE⌉×⌈W/STRIDE⌉: the output for views of the image, on cells that cover exactly the image."""
        output = self(views.contiguous(memory_format=memory_format(views.device)))
        return self._placed(output, views.shape[2:], image)

    def _placed(self, output: Tensor, view: Sequence[int], image: UInt8) -> Tensor:
        """The output for a view of H'×W' pixels, on cells that cover exactly the image."""
        rows, columns = (pixels / (side * self.STRIDE) for pixels, side in zip(view, output.shape[2:]))
        cells = (-(-image.shape[0] // self.STRIDE), -(-image.shape[1] // self.STRIDE))
        return on_image_grid(output.float(), (rows, columns), cells)


@final
class BoundaryAffinity(AffinityNetwork):
    """IRN's class-boundary branch: B×3×H×W normalised images → B×1×⌈H/4⌉×⌈W/4⌉ boundary logits.

    Args:
        stages: the trunk, which is frozen in place.

    >>> from patchlearn import create_stages
    >>> BoundaryAffinity(create_stages("resnet10t"))(torch.zeros(2, 3, 50, 70)).shape
    torch.Size([2, 1, 13, 18])
    """

    KIND = "boundary"
    STRIDE = BoundaryHead.STRIDE
    RADIUS = 10
    BETA = 10.0

    def __init__(self, stages: Stages):
        super().__init__(stages, BoundaryHead(stages))

    @torch.no_grad()
    def boundary_map(self, image: UInt8, long_side: int | None = None) -> Float32:
        """Boundaries between classes: the sigmoid of the mean logit of an image and its mirror image (IRN).

        Args:
            image: H×W×3, RGB.
            long_side: the network reads the image resized to this longer side, in pixels; None keeps its size.

        Returns:
            ⌈H/4⌉×⌈W/4⌉ in [0, 1], on the grid of the score maps whatever `long_side` is.
        """
        view = self._view(image, long_side)
        logits = self._read(torch.cat([view, view.flip(3)]), image)
        # The cells of both views end where the image ends, so that one may be mirrored back onto the other.
        mean = (logits[0, 0] + logits[1, 0].flip(1)) / 2
        return mean.sigmoid().cpu().numpy()

    def walk(
        self, image: UInt8, scores: Float32, radius: int, beta: float, steps: int, long_side: int | None
    ) -> Float32:
        """IRN's random walk; the scores must be P×⌈H/4⌉×⌈W/4⌉."""
        return random_walk(scores, self.boundary_map(image, long_side), radius, beta, steps)


@final
class FeatureAffinity(AffinityNetwork):
    """PSA's AffinityNet: B×3×H×W normalised images → B×448×⌈H/8⌉×⌈W/8⌉ features.

    Args:
        stages: the trunk, which is frozen in place.

    >>> from patchlearn import create_stages
    >>> FeatureAffinity(create_stages("resnet10t"))(torch.zeros(2, 3, 50, 70)).shape
    torch.Size([2, 448, 7, 9])
    """

    KIND = "features"
    STRIDE = FeatureHead.STRIDE
    RADIUS = 5
    BETA = 8.0

    def __init__(self, stages: Stages):
        super().__init__(stages, FeatureHead(stages))
        self._depth = min(len(stages), len(FeatureHead.WIDTHS))  # so many stages are read

    @torch.no_grad()
    def feature_map(self, image: UInt8, long_side: int | None = None) -> Float32:
        """Features of an image: the smaller the distance of two cells, the larger their affinity (PSA).

        Args:
            image: H×W×3, RGB.
            long_side: the network reads the image resized to this longer side, in pixels; None keeps its size.

        Returns:
            448×⌈H/8⌉×⌈W/8⌉.
        """
        return self._read(self._view(image, long_side), image)[0].cpu().numpy()

    @torch.no_grad()
    def read(self, image: UInt8, long_side: int) -> ViewFeatures:
        """A view of the image as the trunk reads it, resized to this longer side in pixels."""
        view = self._view(image, long_side)
        maps = self.stages.pyramid(view.contiguous(memory_format=memory_format(view.device)))
        *lower, last = maps[-self._depth :]
        return ViewFeatures(last, (view.shape[2], view.shape[3]), tuple(lower))

    @torch.no_grad()
    def features_of(self, view: ViewFeatures, image: UInt8) -> Float32:
        """`feature_map`, from a view that the trunk has read: 448×⌈H/8⌉×⌈W/8⌉.

        Args:
            view: on this network's device, with the two stages before the last.
            image: H×W×3, RGB; its size alone counts.

        Raises:
            PatchlearnError: the view lacks these stages.
        """
        maps = (*view.lower, view.features)
        if len(maps) < self._depth:
            raise PatchlearnError(
                f"walk.stored: the affinity network reads {self._depth} stages, and {len(maps)} are stored. "
                "Set walk.stored to false, or store the features anew."
            )
        return self._placed(self._of_maps(maps, view.size), view.size, image)[0].cpu().numpy()

    def walk(
        self, image: UInt8, scores: Float32, radius: int, beta: float, steps: int, long_side: int | None
    ) -> Float32:
        """PSA's random walk; the scores may have any grid and are resized to this network's."""
        return walk_over(self.feature_map(image, long_side), scores, radius, beta, steps)


def walk_over(features: Float32, scores: Float32, radius: int, beta: float, steps: int) -> Float32:
    """PSA's random walk of P×h×w scores, which are resized to the grid of the features."""
    coarse = _resized(scores, (features.shape[1], features.shape[2]))
    return random_walk_features(coarse, features, radius, beta, steps)


def create_affinity(stages: Stages, kind: str = "boundary") -> BoundaryAffinity | FeatureAffinity:
    """A new affinity network; its head has new weights from torch's generator.

    Args:
        stages: the trunk, which is frozen in place.
        kind: "boundary" or "features".

    Raises:
        PatchlearnError: an unknown kind.
    """
    require_one_of("kind", kind, _KINDS)
    return _KINDS[kind](stages)


def save_affinity(path: Path, network: AffinityNetwork) -> None:
    """Write weights, the trunk's too, and the settings that rebuild the network into one safetensors file."""
    settings = {
        "backbone": network.stages.name,
        "output_stride": network.stages.output_stride,
        "kind": network.KIND,
    }
    save_checkpoint(path, network.state_dict(), settings)


def load_affinity(path: Path) -> BoundaryAffinity | FeatureAffinity:
    """Rebuild a trained affinity network, in evaluation mode on the CPU.

    Raises:
        PatchlearnError: the file is missing, damaged, or no affinity network; or its tensors do not fit.
    """
    tensors, settings = load_checkpoint(path)
    try:
        network = create_affinity(create_stages(settings["backbone"], settings["output_stride"]), settings["kind"])
        network.load_state_dict(tensors)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[-1].strip()
        raise PatchlearnError(f"{path}: not an affinity network of patchlearn ({reason}). Train it again.") from None
    return network.eval()


def _resized(scores: Float32, cells: tuple[int, int]) -> Float32:
    """P×h×w on another grid over the same image. Exact where a side is odd, unlike the mode "area"."""
    resized = F.interpolate(
        torch.tensor(scores)[None], size=cells, mode="bilinear", align_corners=False, antialias=True
    )
    return resized[0].numpy()


_KINDS: dict[str, type[BoundaryAffinity] | type[FeatureAffinity]] = {
    BoundaryAffinity.KIND: BoundaryAffinity,
    FeatureAffinity.KIND: FeatureAffinity,
}
