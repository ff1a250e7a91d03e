"""What the weakest places of an image tell about its tags: heads that judge images from which they have not learned.

Five heads learn from four fifths of the images each, and judge the fifth that is left. Their score is the mean of the
evidence over all cells of the last stage, as that of an ordinary classifier.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from patchlearn.core.runtime import Runtime
from patchlearn.core.seeds import Stream, seed_for
from patchlearn.core.types import Sample, UInt8
from patchlearn.evaluate.surroundings import Bools, Floats
from patchlearn.models.cell_head import CellHead
from patchlearn.models.classifier import Classifier
from patchlearn.models.views import ViewFeatures
from patchlearn.refine.fill import filled, moved_elsewhere, widened
from patchlearn.training.cell_head import CellImages, View, fitting, train_cell_head
from patchlearn.training.reading import HELD_OUT, ORDINARY, new_cells, standardised_cells

WEAKEST = 0.1  # share of the cells that fall below the evidence of the weakest places
WIDER = 0.04  # of the longer side: by how much a mask is widened before it is erased


@dataclass(frozen=True, kw_only=True)
class HeldOutEvidence:
    """What heads say about images from which they have not learned.

    Args:
        samples: N images: all that were given, or evenly spaced ones where the cells of all would take too much memory.
        weakest: N×K, the evidence that only a tenth of the cells falls below.
        mean: N×K, over all cells.
        labels: N×K.
        judged: N×K, whether somebody judged the class.
        heads: that have learned from four fifths each.
        places: N, which of the heads has not learned from an image.
    """

    samples: tuple[Sample, ...]
    weakest: Floats
    mean: Floats
    labels: Bools
    judged: Bools
    heads: tuple[CellHead, ...]
    places: tuple[int, ...]


def held_out_evidence(
    classifier: Classifier, samples: Sequence[Sample], view: View, read: str, runtime: Runtime, *, seed: int
) -> HeldOutEvidence:
    """Train the heads, and let each judge the images that it has not seen.

    Args:
        classifier: on the accelerator's device.
        samples: images with tags; a tenth of the evidence is read at every one.
        view: a sample → its features at one scale.
        read: how they were read ("whole", "unsplit" or "merged").
        runtime: device and threads.
        seed: of the order of the images.
    """
    samples = fitting(samples, new_cells(classifier.network, ORDINARY, read), view)
    head, images = standardised_cells(classifier, samples, view, read, ORDINARY, runtime)
    count = len(images.labels)
    generator = torch.Generator().manual_seed(seed_for(seed, Stream.HELD_OUT))
    places = torch.empty(count, dtype=torch.long)
    places[torch.randperm(count, generator=generator)] = torch.arange(count) % min(HELD_OUT, count)
    means = images.mean_cells()
    heads = tuple(_trained(head, means.some(places != place), seed) for place in range(int(places.max()) + 1))
    weakest, mean = zip(*(_evidence(heads[place], images, at) for at, place in enumerate(places.tolist())), strict=True)
    return HeldOutEvidence(
        samples=tuple(samples),
        weakest=torch.stack(weakest).double().numpy(),
        mean=torch.stack(mean).double().numpy(),
        labels=images.labels.bool().numpy(),
        judged=images.judged.bool().numpy(),
        heads=heads,
        places=tuple(places.tolist()),
    )


def scores_after_erasing(
    head: CellHead, image: UInt8, thing: Bools, index: int, features: Callable[[UInt8], ViewFeatures]
) -> tuple[float, float] | None:
    """(the score of a class without the thing, and with as much erased elsewhere); None where there is no elsewhere.

    Args:
        head: that has not learned from the image.
        image: H×W×3, RGB.
        thing: H×W, what the mask covers.
        index: of the class.
        features: an image → its features at the scale at which the head reads.
    """
    hole = widened(thing, round(WIDER * max(thing.shape)))
    elsewhere = moved_elsewhere(hole)
    if not thing.any() or elsewhere is None:
        return None
    first, second = (_score(head, features(filled(image, erased)), index) for erased in (hole, elsewhere))
    return first, second


def _trained(head: CellHead, images: CellImages, seed: int) -> CellHead:
    """A head like this one, which learns from the mean cell of each image."""
    new = CellHead(head.cells, head.linear.out_features).to(head.mean.device)
    new.mean.copy_(head.mean)
    new.std.copy_(head.std)
    train_cell_head(new, images, ORDINARY, seed)
    return new


@torch.no_grad()
def _evidence(head: CellHead, images: CellImages, place: int) -> tuple[Tensor, Tensor]:
    """(that of the weakest cells, the mean), K each."""
    cells = images.features[place][:, images.inside[place]].to(head.linear.weight)
    evidence = head.linear.weight @ cells + head.linear.bias[:, None]
    return evidence.quantile(WEAKEST, dim=1).cpu(), evidence.mean(1).cpu()


@torch.no_grad()
def _score(head: CellHead, view: ViewFeatures, index: int) -> float:
    return float(np.float64(head(view)[0, index].mean() + head.linear.bias[index]))
