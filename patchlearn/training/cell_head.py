"""Train a head over single cells, from the image's tags alone.

It reads features that no longer change, at one scale, so that its steps take seconds. Every process trains the same.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from patchlearn.core.parallel import results_of
from patchlearn.core.runtime import Runtime
from patchlearn.core.seeds import Stream, seed_for
from patchlearn.core.types import Sample
from patchlearn.models.cell_head import CellHead
from patchlearn.models.pooling import pooled
from patchlearn.models.settings import CellSettings
from patchlearn.models.views import ViewFeatures
from patchlearn.training.batches import tags_of
from patchlearn.training.classifier import tag_loss

STEPS = 400
BATCH = 64
LEARNING_RATE = 0.05  # of AdamW, over one cycle; features are standardised
WEIGHT_DECAY = 1e-3
WARM_UP = 0.1  # of the steps
MOST_BYTES = 2_000_000_000  # of cells in memory, fp16; of more images, evenly spaced ones are read

View = Callable[[Sample], ViewFeatures]  # a sample → its features at one scale


@dataclass(frozen=True)
class CellImages:
    """The cells of images, side by side.

    Args:
        features: N×C×n, fp16, zero where an image has fewer cells than another.
        inside: N×n, whether there is a cell.
        labels: N×K, 0 or 1.
        judged: N×K, whether somebody judged the class.
    """

    features: Tensor
    inside: Tensor
    labels: Tensor
    judged: Tensor

    def some(self, places: Tensor) -> "CellImages":
        """Those of some images."""
        return CellImages(self.features[places], self.inside[places], self.labels[places], self.judged[places])

    def mean_cells(self) -> "CellImages":
        """One cell for each image, the mean of its cells: all that a head reads which pools by the mean."""
        sums = torch.stack([each[:, inside].float().sum(1) for each, inside in zip(self.features, self.inside)])
        means = sums / self.inside.sum(1)[:, None]
        return CellImages(means[:, :, None], torch.ones(len(means), 1, dtype=torch.bool), self.labels, self.judged)

    def scores(self, head: CellHead, settings: CellSettings, places: Tensor) -> Tensor:
        """The logits of some images, B×K."""
        cells = self.features[places].to(head.linear.weight)
        evidence = torch.einsum("kc,bcn->bkn", head.linear.weight, cells)
        return pooled(evidence, self.inside[places].to(cells.device), settings) + head.linear.bias


def read_cells(samples: Sequence[Sample], head: CellHead, view: View, runtime: Runtime) -> CellImages:
    """The standardised cells of every sample, or of evenly spaced ones where all would take too much memory."""
    chosen = fitting(samples, head.read, view)
    parts = list(results_of(chosen, partial(_cells, head.read, view), "cells", runtime.threads, runtime.console))
    longest = max(part.shape[1] for part in parts)
    labels, judged = zip(*(tags_of(sample, head.linear.out_features) for sample in chosen), strict=True)
    return CellImages(
        torch.stack([F.pad(part, (0, longest - part.shape[1])) for part in parts]),
        torch.stack([torch.arange(longest) < part.shape[1] for part in parts]),
        torch.stack(labels),
        torch.stack(judged),
    )


def fitting(samples: Sequence[Sample], read: Callable[[ViewFeatures], Tensor], view: View) -> Sequence[Sample]:
    """All samples, or evenly spaced ones where the cells of all would take too much memory."""
    each = _cells(read, view, samples[0]).numel() * 2
    return samples[:: -(-len(samples) * each // MOST_BYTES)]


def standardise(head: CellHead, samples: Sequence[Sample], view: View, runtime: Runtime, *, images: int = 200) -> None:
    """Set mean and deviation of the channels, from evenly spaced images."""
    chosen = samples[:: max(1, len(samples) // images)]
    parts = results_of(chosen, partial(_cells, head.cells, view), "channels", runtime.threads, runtime.console)
    head.standardise(torch.cat([part.float() for part in parts], dim=1).T)


def train_cell_head(head: CellHead, images: CellImages, settings: CellSettings, seed: int) -> None:
    """Train in place, on the device of the head."""
    weight, bias = head.linear.weight, head.linear.bias
    groups = [{"params": [weight], "weight_decay": WEIGHT_DECAY}, {"params": [bias], "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LEARNING_RATE, STEPS, pct_start=WARM_UP)
    generator = torch.Generator().manual_seed(seed_for(seed, Stream.CELL_ORDER))
    for _ in range(STEPS):
        places = torch.randperm(len(images.labels), generator=generator)[:BATCH]
        scores = images.scores(head, settings, places)
        loss = tag_loss(scores, images.labels[places].to(scores), images.judged[places].to(scores.device))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()


@torch.no_grad()
def cell_scores(head: CellHead, images: CellImages, settings: CellSettings) -> Tensor:
    """N×K logits of all images."""
    batches = torch.arange(len(images.labels)).split(BATCH)
    return torch.cat([images.scores(head, settings, places).float().cpu() for places in batches])


@torch.no_grad()
def _cells(read: Callable[[ViewFeatures], Tensor], view: View, sample: Sample) -> Tensor:
    """C×n, fp16, on the CPU."""
    return read(view(sample))[0].flatten(1).half().cpu()
