"""Self-training of the maps, for one image: the confident pixels of its maps become labels for an LDA classifier.

The classifier and its features stay what they are. That maps can teach a second classifier is an old habit of the
field: IRN's affinities and the second branches of SEAM, AFA and ToCo learn from them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from accelerate import Accelerator

from patchlearn.core.memory import Need
from patchlearn.core.types import Sample, ScoreMaps, Sizes, UInt8, in_shares
from patchlearn.data.clicks.pixels import labelled_pixels
from patchlearn.data.clicks.values import Box, Clicks
from patchlearn.data.images import read_image
from patchlearn.data.transforms import as_tensor, resize_long_side
from patchlearn.maps.boxes import confident_in_boxes, resized_boxes
from patchlearn.maps.cam import CLASSIFIER, maps_of_features
from patchlearn.maps.clicks import labelled_cells
from patchlearn.maps.features import features_of_views
from patchlearn.maps.memory import pseudo_mask_need, views_need
from patchlearn.maps.methods import MapMethod
from patchlearn.maps.reading import Reading
from patchlearn.maps.settings import CamSettings, PseudoSettings, SelfTrainingSettings
from patchlearn.models.cells import Cells, cells_of
from patchlearn.models.lda import LinearDiscriminant, Moments, cell_labels
from patchlearn.models.patch_network import PatchNetwork
from patchlearn.models.views import ViewFeatures
from patchlearn.refine import BackgroundRule, ConfidentRegions

MOMENTS = 3  # matrices of an image that are held at once


@dataclass(frozen=True)
class RoundSettings:
    """How every image of one round is read.

    Args:
        network: the classifier's.
        cams: scales and reading.
        rule: of the background threshold, without a bound.
        growth: the bound with which the round is done again where a class has no confident cell; None for never.
        confident: which pixels become labels.
        classes: K.
        accelerator: for the precision.
        lda: of the round before; None in the first round, which reads the classifier's own maps.
        stored: a sample → its features, or None where they are to be computed.
        reading: what the maps of the first round are read from.
        cells: what of each cell the LDA classifier learns from; None for the features of the last stage.
        clicked: the moments of the cells that a person has labelled; None where there are none.
        weight: of a clicked cell.
        sizes: how large each class usually is; () where nothing is known.
        clicks: what a person has labelled, whose boxes bound the maps; None where there is nothing.
        method: makes the maps of the first round in place of the reading; None for the reading.
    """

    network: PatchNetwork
    cams: CamSettings
    rule: BackgroundRule
    confident: ConfidentRegions
    classes: int
    accelerator: Accelerator
    lda: LinearDiscriminant | None = None
    stored: Callable[[Sample], Sequence[ViewFeatures] | None] | None = None
    reading: Reading = CLASSIFIER
    cells: Cells | None = None
    clicked: Moments | None = None
    weight: float = 1.0
    sizes: Sizes = ()
    clicks: Clicks | None = None
    growth: float | None = None
    method: MapMethod | None = None

    @property
    def bounded(self) -> "RoundSettings":
        """The same with labels of which the CRF erases no class."""
        return replace(self, rule=replace(self.rule, growth=self.growth))

    def moments(self) -> Moments:
        """Moments without any cell, of the right size."""
        return Moments(self.width, self.classes)

    @property
    def width(self) -> int:
        """Channels that the LDA classifier learns from, C."""
        if self.cells:
            return self.cells.width
        return self.network.stages.channels[-1] * self.network.branches_of(self.cams.read)

    @property
    def stride(self) -> int:
        """Pixels of a view per cell that the LDA classifier learns from."""
        return self.cells.stride if self.cells else self.network.stages.strides[-1]

    def cells_of(self, view: ViewFeatures) -> torch.Tensor:
        """B×C×h×w: what the LDA classifier learns from."""
        return self.cells(view) if self.cells else view.features

    @property
    def lower(self) -> int:
        """How many stages before the last are read."""
        return max(self.reading.lower, self.cells.lower if self.cells else 0)


@torch.no_grad()
def confident_moments(
    settings: RoundSettings,
    image: UInt8,
    labels: tuple[int, ...],
    unknown: tuple[int, ...] = (),
    stored: Sequence[ViewFeatures] | None = None,
    boxes: Sequence[Box] = (),
) -> Moments:
    """The moments of the cells of one image under the confident pixels of its maps, at every scale.

    Args:
        settings: of the round.
        image: H×W×3, RGB.
        labels: class indices that are in the image.
        unknown: class indices that nobody judged, none of them in `labels`. A cell where one wins is no label.
        stored: the features of the image at every scale, if they were computed before.
        boxes: of the image; its maps stay in them.
    """
    sizes, whole = in_shares(settings.sizes, image.shape[:2]), image
    views, image, maps = _read(settings, image, labels, unknown, stored)
    boxes = resized_boxes(boxes, whole.shape[:2], maps.size)
    labelled = confident_in_boxes(image, maps, settings.rule, settings.confident, sizes, boxes)
    pixels = torch.from_numpy(labelled)
    moments = settings.moments()
    for view in views:
        cells = settings.cells_of(view)
        grid = cells.shape[2], cells.shape[3]
        moments.add(cells[0], cell_labels(pixels.to(cells.device), view.size, grid, settings.stride))
    return moments


def _read(
    settings: RoundSettings,
    image: UInt8,
    labels: tuple[int, ...],
    unknown: tuple[int, ...],
    stored: Sequence[ViewFeatures] | None,
) -> tuple[list[ViewFeatures], UInt8, ScoreMaps]:
    """(the views of an image, its working copy, its maps of the size of the copy)."""
    network, read, classes = settings.network, settings.cams.read, sorted((*labels, *unknown))
    with settings.accelerator.autocast():
        views = list(features_of_views(network, image, settings.cams, stored, settings.lower))
        copy = _working_copy(image, settings.cams.views.long_side)
        made = settings.reading, settings.method
        maps = maps_of_features(network, views, copy, read, classes, settings.lda, unknown, *made)
    return views, copy, maps


@torch.no_grad()
def is_mapped(settings: RoundSettings, sample: Sample, index: int) -> bool:
    """Whether the map of a class of a sample is above 0 anywhere."""
    stored = settings.stored(sample) if settings.stored else None
    _, _, maps = _read(settings, read_image(sample.image), sample.labels, sample.unknown, stored)
    return bool(maps.scores[maps.classes.index(index)].any())


@torch.no_grad()
def clicked_moments_of(settings: RoundSettings, clicks: Clicks, sample: Sample) -> Moments:
    """The moments of the cells of a sample that a person has labelled, at every scale."""
    image, moments = read_image(sample.image), settings.moments()
    pixels = labelled_pixels(clicks.of(sample.id), (image.shape[0], image.shape[1]))
    stored = settings.stored(sample) if settings.stored else None
    with settings.accelerator.autocast():
        views = list(features_of_views(settings.network, image, settings.cams, stored, settings.lower))
    for view in views:
        cells = settings.cells_of(view)
        grid = cells.shape[2], cells.shape[3]
        labels = labelled_cells(pixels, view.size, grid, settings.stride)
        moments.add(cells[0], torch.from_numpy(labels).to(cells.device))
    return moments


def confident_moments_of(settings: RoundSettings, sample: Sample) -> Moments:
    """`confident_moments` of a sample's image, labels and unknown classes."""
    stored = settings.stored(sample) if settings.stored else None
    boxes = settings.clicks.of(sample.id).boxes if settings.clicks else ()
    return confident_moments(settings, read_image(sample.image), sample.labels, sample.unknown, stored, boxes)


def confident_moments_need(settings: RoundSettings, sample: Sample) -> Need:
    """What `confident_moments_of` holds at most, with three matrices of moments: two of its own, and one that waits."""
    labelling, _ = pseudo_mask_need(sample, PseudoSettings(), whole=bool(settings.growth or settings.clicks))
    return views_need(sample, settings.cams.views, more=labelling + MOMENTS * 8 * settings.width**2)


def _working_copy(image: UInt8, long_side: int | None) -> UInt8:
    """H×W×3, no larger than the base size of the maps: cells show no more, and the CRF's time grows with the pixels."""
    if long_side is None or long_side >= max(image.shape[:2]):
        return image
    return resize_long_side(as_tensor(image), long_side).permute(1, 2, 0).contiguous().numpy()


def lda_cells(network: PatchNetwork, settings: SelfTrainingSettings, read: str) -> Cells | None:
    """What an LDA classifier learns from, on the finest grid; None for the features of the last stage, as they are.

    Raises:
        PatchlearnError: the network has too few stages.
    """
    if not settings.has_cells:
        return None
    branches = network.branches_of(read)
    return cells_of(network.stages, settings.stages, centred=settings.centred, branches=branches).fine
