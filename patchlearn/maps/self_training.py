"""Step 2, before the maps are written: from what the maps are sure of, a discriminant learns to make better ones.

Round after round: read maps, sharpen them with a dense CRF, keep what they are sure of, learn from it what a cell
shows, and read the maps anew. The classifier and its features stay what they are. (That maps can teach a second, better
reader is an old habit of the field: IRN's affinities and SEAM's, AFA's and ToCo's second branches learn from theirs.)
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import torch
from accelerate import Accelerator

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import BACKGROUND, Sample, UInt8
from patchlearn.data.images import read_image
from patchlearn.data.transforms import as_tensor, resize_long_side
from patchlearn.maps.cam import CamSettings, image_views, maps_of_features
from patchlearn.models.lda import Discriminant, Moments, cell_labels
from patchlearn.models.patch_network import PatchNetwork
from patchlearn.refine import BackgroundRule, ConfidentRegions, check_confident, confident_regions

VERSION = 2  # of the discriminant that the same settings give; part of the key of what is written


@dataclass(frozen=True, kw_only=True)
class RelearnSettings:
    """How often, and from what, maps are learned anew.

    Args:
        rounds: how often; 0 keeps the classifier's own maps, as the paper has them. Each finds more of the object:
            the third 1.6 points of mIoU, a fourth 0.9 (docs/experiments.md, 2026-11-23).
        shrinkage: of the covariance, above 0 and at most 1; see `Moments.solve`.
        confident: what a map is sure of.
        train_split: whose maps are learned from, and whose labels.
    """

    rounds: int = 3
    shrinkage: float = 0.1
    confident: ConfidentRegions = field(default_factory=ConfidentRegions)
    train_split: str = "train"


def check_relearn(settings: RelearnSettings) -> None:
    """Raise `PatchlearnError`, naming the setting, unless every one is in range."""
    check_confident(settings.confident)
    if settings.rounds < 0:
        raise PatchlearnError(f"relearn.rounds: {settings.rounds} is negative. Choose 0 for the classifier's own maps.")
    if not 0 < settings.shrinkage <= 1:
        raise PatchlearnError(f"relearn.shrinkage: {settings.shrinkage}; choose a share above 0, and 1 at most.")


@dataclass(frozen=True)
class _Lesson:
    """What every image of a round is read with."""

    network: PatchNetwork
    cams: CamSettings
    rule: BackgroundRule
    confident: ConfidentRegions
    classes: int
    accelerator: Accelerator
    discriminant: Discriminant | None = None

    def moments(self) -> Moments:
        """Of no cells."""
        network = self.network
        branches = {"whole": network.branches, "unsplit": 1, "merged": network.branches - 1}[self.cams.read]
        return Moments(network.stages.channels[-1] * branches, self.classes)


@torch.no_grad()
def _moments_of(lesson: _Lesson, sample: Sample) -> Moments:
    """Of the cells of one image that its maps are sure of, at every scale."""
    image, network, read = read_image(sample.image), lesson.network, lesson.cams.read
    views = image_views(network, image, lesson.cams)
    image = _working_copy(image, lesson.cams.long_side)
    with lesson.accelerator.autocast():
        features = [network.features(view, read) for view in views]
        maps = maps_of_features(network, features, views, image, read, sample.labels, lesson.discriminant)
    labels = torch.from_numpy(confident_regions(image, maps, lesson.rule, lesson.confident)).to(views[0].device)
    moments, stride = lesson.moments(), network.stages.strides[-1]
    for view, cells in zip(views, features, strict=True):
        size, grid = (view.shape[2], view.shape[3]), (cells.shape[2], cells.shape[3])
        moments.add(cells[0], cell_labels(labels, size, grid, stride))
    return moments


def _working_copy(image: UInt8, long_side: int | None) -> UInt8:
    """H×W×3, no larger than the base size of the maps: cells show no more, and the CRF's time goes by the pixels."""
    if long_side is None or long_side >= max(image.shape[:2]):
        return image
    return resize_long_side(as_tensor(image), long_side).permute(1, 2, 0).contiguous().numpy()


def _total(lesson: _Lesson, parts: Iterable[Moments]) -> Moments:
    """The sum, in the order of the images, over all processes."""
    total = lesson.moments()
    for part in parts:
        total += part
    if lesson.accelerator.num_processes > 1:
        total.counts, total.sums, total.products = (
            lesson.accelerator.reduce(mine.to(lesson.accelerator.device), "sum").cpu()
            for mine in (total.counts, total.sums, total.products)
        )
    return total


def _check_cells(moments: Moments, samples: Sequence[Sample], classes: Sequence[str]) -> None:
    wanted = {BACKGROUND, *(label + 1 for sample in samples for label in sample.labels)}
    missing = [["background", *classes][index] for index in sorted(wanted) if not moments.counts[index]]
    if missing:
        raise PatchlearnError(
            f"relearn: in all {len(samples)} images no cell is surely {', '.join(missing)}. Lower "
            "relearn.confident.high (raise relearn.confident.low for background), or set relearn.rounds to 0."
        )
