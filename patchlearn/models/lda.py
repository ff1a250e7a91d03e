"""The LDA classifier: linear discriminant analysis of a classifier's features, cell by cell, with the background.

The image classifier is trained on whole images, but its maps are read at single cells. Linear discriminant analysis
(Fisher, Annals of Eugenics 7, 1936) is trained on single cells. It has a closed form: the mean of each class and one
covariance matrix within the classes. No gradients are needed.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from patchlearn.core.checkpoints import load_checkpoint, save_checkpoint
from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import BACKGROUND, IGNORE
from patchlearn.models.cells import Cells
from patchlearn.models.views import ViewFeatures

# Divides the logits. The closed form treats cells as independent, but neighbouring cells have nearly the same features,
# so that its probabilities are too extreme. 3 and 10 give nearly the same maps (docs/log/self-training.md).
TEMPERATURE = 3.0
# So many clicked cells of weight 1 count as much as all confident cells of a class, however many these are: a person
# is right, and the maps may be wrong everywhere.
CLICKS_AS_ALL = 30
LEAST_VARIANCE = 1e-12  # of the largest; a channel with less is the same everywhere, but for rounding
MOST_CELLS = 256  # of one view; a quarter of all cells was as good as all of them (the same log)


class LinearDiscriminant(nn.Module):
    """An LDA classifier: one score for the background and one for each class, linear in the features.

    Args:
        channels: of the features, C.
        classes: their number, K.
        cells: what of a view it reads; None for the features of the last stage, as they are.

    >>> lda = LinearDiscriminant(channels=8, classes=3)
    >>> lda(torch.zeros(1, 8, 4, 5), [0, 2]).shape
    torch.Size([1, 2, 4, 5])
    """

    weight: Tensor
    bias: Tensor

    def __init__(self, channels: int, classes: int, cells: Cells | None = None):
        super().__init__()
        self.register_buffer("weight", torch.zeros(classes + 1, channels))
        self.register_buffer("bias", torch.zeros(classes + 1))
        self.cells = cells

    @property
    def stride(self) -> int | None:
        """Pixels of a view per cell; None for those of the last stage."""
        return self.cells.stride if self.cells else None

    @property
    def lower(self) -> int:
        """How many stages before the last are read."""
        return self.cells.lower if self.cells else 0

    @property
    def lacking(self) -> list[int]:
        """The classes of which it has learned no cell: their probability is 0 everywhere."""
        found: list[int] = self.bias[1:].isinf().nonzero().flatten().tolist()
        return found

    def cells_of(self, view: ViewFeatures) -> Tensor:
        """B×C×h×w: what it reads of a view."""
        return self.cells(view) if self.cells else view.features

    def forward(self, features: Tensor, classes: Sequence[int]) -> Tensor:
        """The probabilities of the classes in an image, at every cell.

        Args:
            features: B×C×h×w.
            classes: indices of the P classes in the image; together with the background, their probabilities sum to 1.

        Returns:
            B×P×h×w in [0, 1].
        """
        rows = [BACKGROUND, *(index + 1 for index in classes)]
        logits = F.conv2d(features.float(), self.weight[rows, :, None, None], self.bias[rows])
        return (logits / TEMPERATURE).softmax(1)[:, 1:]


class Moments:
    """The statistics of labelled cells from which an LDA classifier is computed, in float64 on the CPU.

    The moments of several images are the sum of each image's moments, in any order.

    Args:
        channels: C.
        classes: K.

    Attributes:
        counts: K+1, cells of the background and of each class.
        sums: (K+1)×C, of their features.
        products: C×C, the sum of f·fᵀ over the features f of all cells.
    """

    def __init__(self, channels: int, classes: int):
        self.counts = torch.zeros(classes + 1, dtype=torch.double)
        self.sums = torch.zeros(classes + 1, channels, dtype=torch.double)
        self.products = torch.zeros(channels, channels, dtype=torch.double)

    def __iadd__(self, other: Self) -> Self:
        """Add the moments of other cells."""
        self.counts += other.counts
        self.sums += other.sums
        self.products += other.products
        return self

    def add(self, features: Tensor, labels: Tensor) -> None:
        """Add the labelled cells of a view; of more than `MOST_CELLS`, evenly spaced ones.

        Args:
            features: C×h×w.
            labels: h×w integers, as in a mask: 0 background, i + 1 class i, 255 for cells that are left out.
        """
        known = (labels.flatten() != IGNORE).nonzero().flatten()
        known = known[:: max(1, -(-len(known) // MOST_CELLS))]
        cells = features.flatten(1)[:, known].T.float()
        members = F.one_hot(labels.flatten()[known].long(), len(self.counts)).to(cells)
        self.counts += members.sum(0).cpu()
        self.sums += (members.T @ cells).cpu()
        self.products += (cells.T @ cells).cpu()

    def means(self, clicked: Self | None = None, weight: float = 1.0) -> Tensor:
        """(K+1)×C: the mean of each class; of clicked cells alone where no other is labelled.

        Args:
            clicked: the moments of cells that a person has labelled.
            weight: of a clicked cell.
        """
        means = self.sums / self.counts.clamp(min=1)[:, None]
        if clicked is None:
            return means
        share = weight * clicked.counts / (weight * clicked.counts + CLICKS_AS_ALL)
        share = share.where((self.counts > 0) | (clicked.counts == 0), torch.ones_like(share))[:, None]
        return (1 - share) * means + share * clicked.means()

    def solve(
        self, shrinkage: float, cells: Cells | None = None, clicked: Self | None = None, weight: float = 1.0
    ) -> LinearDiscriminant:
        """The LDA classifier of these cells, with equal prior probabilities of the background and all classes.

        A class without cells has the probability 0 everywhere.

        Args:
            shrinkage: above 0, at most 1; the weight, in the covariance matrix, of a multiple of the identity with the
                same trace (Ledoit and Wolf, Journal of Multivariate Analysis 88, 2004). Channels of several stages
                have different scales: for `cells`, it is the weight of the diagonal.
            cells: what of a view the features were; None for the last stage, as it is.
            clicked: the moments of cells that a person has labelled; they move the means.
            weight: of a clicked cell.

        Raises:
            PatchlearnError: a feature was not a number.

        >>> moments = Moments(channels=1, classes=1)
        >>> moments.add(torch.tensor([[[1.0, 2.0, 7.0, 8.0]]]), torch.tensor([[0, 0, 1, 1]]))
        >>> moments.solve(shrinkage=0.1)(torch.tensor([[[[4.4, 4.5, 4.6]]]]), [0]) > 0.5
        tensor([[[[False, False,  True]]]])
        """
        if not self.products.isfinite().all():
            raise PatchlearnError(
                "LDA classifier: features of the image classifier are infinite or not a number. Train the classifier "
                "again, with a smaller learning rate or in fp32."
            )
        within = (self.products - self.sums.T @ self.means()) / self.counts.sum()
        means = self.means(clicked, weight)
        size = len(within)
        rest = _variances(within) if cells else _mean_variance(within).expand(size)
        directions = torch.linalg.solve((1 - shrinkage) * within + shrinkage * rest.diag(), means.T).T
        bias = -0.5 * (directions * means).sum(1)
        lda = LinearDiscriminant(size, len(self.counts) - 1, cells)
        lda.weight.copy_(directions)
        counts = self.counts if clicked is None else self.counts + clicked.counts
        lda.bias.copy_(bias.where(counts > 0, torch.tensor(-torch.inf, dtype=torch.double)))
        return lda


def _variances(within: Tensor) -> Tensor:
    """C, all above 0: a channel that is the same everywhere tells nothing, and has the largest variance of all.

    >>> _variances(torch.tensor([[4.0, 0.0], [0.0, 0.0]])), _variances(torch.zeros(1, 1))
    (tensor([4., 4.]), tensor([1.]))
    """
    variances = within.diagonal()
    largest = variances.max()
    if largest <= 0:
        return torch.ones_like(variances)
    return variances.where(variances > LEAST_VARIANCE * largest, largest)


def _mean_variance(within: Tensor) -> Tensor:
    """Of all channels; 1 where every channel is the same everywhere."""
    mean = within.diagonal().mean()
    return mean if mean > 0 else torch.ones_like(mean)


def cell_labels(labels: Tensor, view: tuple[int, int], cells: tuple[int, int], stride: int) -> Tensor:
    """H×W labels of an image → h×w: the label at the centre of each cell of a view, 255 if the centre is padding.

    Args:
        labels: as in a mask.
        view: (H, W) of the resized image that the network read.
        cells: (h, w) of its features.
        stride: pixels of the view per cell.

    >>> cell_labels(torch.arange(12).reshape(3, 4), view=(6, 8), cells=(2, 3), stride=4)
    tensor([[  5,   7, 255],
            [255, 255, 255]])
    """
    rows, columns = (torch.arange(count, device=labels.device) * stride + stride // 2 for count in cells)
    inside = (rows < view[0])[:, None] & (columns < view[1])
    row, column = (
        (at.clamp(max=side - 1) * pixels // side) for at, side, pixels in zip((rows, columns), view, labels.shape)
    )
    return labels[row[:, None], column].where(inside, torch.tensor(IGNORE, dtype=labels.dtype, device=labels.device))


def save_lda(path: Path, lda: LinearDiscriminant) -> None:
    """Write one safetensors file."""
    rows, channels = lda.weight.shape  # one row for the background
    facts = {"cells": lda.cells.facts} if lda.cells else {}
    save_checkpoint(path, lda.state_dict(), {"channels": channels, "classes": rows - 1, **facts})


def load_lda(path: Path) -> LinearDiscriminant:
    """Read the file that `save_lda` wrote.

    Raises:
        PatchlearnError: the file is missing, damaged, or no LDA classifier; or its tensors do not fit.
    """
    tensors, settings = load_checkpoint(path)
    try:
        cells = Cells.of(settings["cells"]) if "cells" in settings else None
        lda = LinearDiscriminant(settings["channels"], settings["classes"], cells)
        lda.load_state_dict(tensors)
    except (KeyError, TypeError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[-1].strip()
        raise PatchlearnError(f"{path}: not an LDA classifier of patchlearn ({reason}). Train it again.") from None
    return lda
