"""A linear discriminant over a classifier's features: what a single cell shows, background among the answers.

A classifier is asked about whole images, and its maps answer a question that it never learned: where. Fisher's linear
discriminant (Annals of Eugenics 7, 1936) asks every cell by itself. It has a closed form, so that there is nothing to
tune and no gradient: the mean of each class, and one covariance within the classes.
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

# Neighbouring cells see nearly the same pixels, so that the closed form is surer than it may be. Between 1 and 10 the
# maps hardly change (docs/experiments.md, 2026-11-23).
TEMPERATURE = 3.0
MOST_CELLS = 256  # of one view: a quarter of all cells was as good as all of them (the same log)


class Discriminant(nn.Module):
    """A score for the background and for each class, linear in the features.

    Args:
        channels: of the features, C.
        classes: how many, K.

    >>> discriminant = Discriminant(channels=8, classes=3)
    >>> discriminant(torch.zeros(1, 8, 4, 5), [0, 2]).shape
    torch.Size([1, 2, 4, 5])
    """

    weight: Tensor
    bias: Tensor

    def __init__(self, channels: int, classes: int):
        """See the class."""
        super().__init__()
        self.register_buffer("weight", torch.zeros(classes + 1, channels))
        self.register_buffer("bias", torch.zeros(classes + 1))

    def forward(self, features: Tensor, classes: Sequence[int]) -> Tensor:
        """B×C×h×w → B×P×h×w in [0, 1]: how probable each of the P classes is, next to the others and the background."""
        answers = [BACKGROUND, *(index + 1 for index in classes)]
        logits = F.conv2d(features.float(), self.weight[answers, :, None, None], self.bias[answers])
        return (logits / TEMPERATURE).softmax(1)[:, 1:]


class Moments:
    """What the discriminant needs to know of labelled cells: how many, their sums and the sum of their products.

    Moments of different images add up, whoever gathered them.

    Args:
        channels: C.
        classes: K.

    Attributes:
        counts: K+1.
        sums: (K+1)×C.
        products: C×C.
    """

    def __init__(self, channels: int, classes: int):
        """Of no cells."""
        self.counts = torch.zeros(classes + 1, dtype=torch.double)
        self.sums = torch.zeros(classes + 1, channels, dtype=torch.double)
        self.products = torch.zeros(channels, channels, dtype=torch.double)

    def __iadd__(self, other: Self) -> Self:
        """Those of other cells as well."""
        self.counts += other.counts
        self.sums += other.sums
        self.products += other.products
        return self

    def add(self, features: Tensor, labels: Tensor) -> None:
        """Count cells in: of a large view an evenly spaced share, at most `MOST_CELLS`.

        Args:
            features: C×h×w.
            labels: h×w integers, as in a mask: 0 background, i + 1 class i, 255 left out.
        """
        known = (labels.flatten() != IGNORE).nonzero().flatten()
        known = known[:: max(1, -(-len(known) // MOST_CELLS))]
        cells = features.flatten(1)[:, known].T.float()
        answers = F.one_hot(labels.flatten()[known].long(), len(self.counts)).to(cells)
        self.counts += answers.sum(0).cpu()
        self.sums += (answers.T @ cells).cpu()
        self.products += (cells.T @ cells).cpu()

    def solve(self, shrinkage: float) -> Discriminant:
        """The discriminant of these cells, for answers that are equally likely beforehand.

        A class without any cell is never the answer.

        Args:
            shrinkage: above 0, at most 1: how far the covariance is drawn to a multiple of the identity that has the
                same trace (Ledoit and Wolf, Journal of Multivariate Analysis 88, 2004).

        Raises:
            PatchlearnError: a feature was not a number.

        >>> moments = Moments(channels=1, classes=1)
        >>> moments.add(torch.tensor([[[1.0, 2.0, 7.0, 8.0]]]), torch.tensor([[0, 0, 1, 1]]))
        >>> moments.solve(shrinkage=0.1)(torch.tensor([[[[4.4, 4.5, 4.6]]]]), [0]) > 0.5
        tensor([[[[False, False,  True]]]])
        """
        if not self.products.isfinite().all():
            raise PatchlearnError(
                "discriminant: features of the classifier are infinite or not a number. Train it anew, with a smaller "
                "learning rate or in fp32."
            )
        means = self.sums / self.counts.clamp(min=1)[:, None]
        within = (self.products - self.sums.T @ means) / self.counts.sum()
        size = len(within)
        rest = torch.eye(size, dtype=torch.double) * within.trace() / size
        weight = torch.linalg.solve((1 - shrinkage) * within + shrinkage * rest, means.T).T
        bias = -0.5 * (weight * means).sum(1)
        discriminant = Discriminant(size, len(self.counts) - 1)
        discriminant.weight.copy_(weight)
        discriminant.bias.copy_(bias.where(self.counts > 0, torch.tensor(-torch.inf, dtype=torch.double)))
        return discriminant


def cell_labels(labels: Tensor, view: tuple[int, int], cells: tuple[int, int], stride: int) -> Tensor:
    """H×W labels of an image → h×w: what lies under the centre of each cell of a view of it, 255 if that is padding.

    Args:
        labels: as in a mask.
        view: (H, W) of the resized image that the network saw.
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


def save_discriminant(path: Path, discriminant: Discriminant) -> None:
    """Write one safetensors file."""
    answers, channels = discriminant.weight.shape
    save_checkpoint(path, discriminant.state_dict(), {"channels": channels, "classes": answers - 1})


def load_discriminant(path: Path) -> Discriminant:
    """Read what `save_discriminant` wrote.

    Raises:
        PatchlearnError: the file is missing, damaged, or no discriminant.
    """
    tensors, settings = load_checkpoint(path)
    try:
        discriminant = Discriminant(settings["channels"], settings["classes"])
        discriminant.load_state_dict(tensors)
    except (KeyError, TypeError, RuntimeError) as error:
        raise PatchlearnError(f"{path}: not a discriminant of patchlearn ({error}). Learn it again.") from None
    return discriminant
