"""Learning from masks that are partly wrong: losses that trust a label less, and a teacher that corrects it."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from patchlearn.core.types import BACKGROUND, IGNORE

HARD_BOOTSTRAP = 0.8  # share of the label: Reed et al., section 3.3


GENERALISED_POWER = 0.7  # q: Zhang & Sabuncu, section 4


Divisor = Callable[[Tensor], Tensor]


def own_pixels(pixels: Tensor) -> Tensor:
    """The divisor of a single process: its own pixels."""
    return pixels


def cross_entropy(logits: Tensor, labels: Tensor, divisor: Divisor = own_pixels) -> Tensor:
    """Every labelled pixel counts the same.

    >>> cross_entropy(torch.zeros(1, 2, 1, 2), torch.tensor([[[1, 255]]]))
    tensor(0.6931)
    """
    return _mean(_pixel_costs(logits, labels), labels != IGNORE, divisor)


def balanced(logits: Tensor, labels: Tensor, divisor: Divisor = own_pixels) -> Tensor:
    """Background and objects weigh the same, however few pixels either has.

    Source: the seeding loss of Huang et al., "Weakly-Supervised Semantic Segmentation Network with Deep Seeded Region
    Growing" (DSRG), CVPR 2018.
    """
    costs = _pixel_costs(logits, labels)
    is_object = (labels != BACKGROUND) & (labels != IGNORE)
    return (_mean(costs, labels == BACKGROUND, divisor) + _mean(costs, is_object, divisor)) / 2


def bootstrapped(logits: Tensor, labels: Tensor, divisor: Divisor = own_pixels) -> Tensor:
    """A part of every label is replaced by the network's own prediction.

    Source: hard bootstrapping, Reed et al., "Training Deep Neural Networks on Noisy Labels with Bootstrapping", ICLR
    2015 workshop.
    """
    predicted = logits.detach().argmax(1)
    costs = HARD_BOOTSTRAP * _pixel_costs(logits, labels) + (1 - HARD_BOOTSTRAP) * _pixel_costs(logits, predicted)
    return _mean(costs, labels != IGNORE, divisor)


def generalised(logits: Tensor, labels: Tensor, divisor: Divisor = own_pixels) -> Tensor:
    """(1 − p^q) / q with p the probability of the label: the gradient of an improbable label is smaller.

    Source: Zhang & Sabuncu, "Generalized Cross Entropy Loss for Training Deep Neural Networks with Noisy Labels",
    NeurIPS 2018.
    """
    # p^q from log p: a power of a p that is 0 in float32 would have no gradient.
    powers = (-GENERALISED_POWER * _pixel_costs(logits, labels)).exp()
    return _mean((1 - powers) / GENERALISED_POWER, labels != IGNORE, divisor)


Loss = Callable[[Tensor, Tensor, Divisor], Tensor]


LOSSES: dict[str, Loss] = {
    "balanced": balanced,
    "bootstrapped": bootstrapped,
    "cross_entropy": cross_entropy,
    "generalised": generalised,
}


def _pixel_costs(logits: Tensor, labels: Tensor) -> Tensor:
    return F.cross_entropy(logits.float(), labels.long(), ignore_index=IGNORE, reduction="none")


def _mean(costs: Tensor, counted: Tensor, divisor: Divisor) -> Tensor:
    """The mean over the counted pixels; 0 where there are none. With several processes the divisor may be below 1."""
    pixels = divisor(counted.sum().to(costs.dtype))
    return (costs * counted).sum() / torch.where(pixels > 0, pixels, 1)


def corrected(
    labels: Tensor, probabilities: Tensor, present: Tensor, confidence: float, judged: Tensor | None = None
) -> Tensor:
    """Labels, replaced where the teacher predicts another class of the image's tags with enough confidence.

    Args:
        labels: B×H×W; ignored pixels stay ignored.
        probabilities: B×(K+1)×H×W of the teacher, background first.
        present: B×K, 1 where the image's tags name the class.
        confidence: the teacher's probability from which a label is replaced.
        judged: B×K, False where nobody judged the class; what the teacher takes for such a class becomes ignored.
            None: all were judged.

    >>> confident = torch.tensor([[0.05, 0.95, 0.95], [0.95, 0.05, 0.05]]).view(1, 2, 1, 3)
    >>> corrected(torch.tensor([[[0, 255, 1]]]), confident, torch.ones(1, 1), 0.9)
    tensor([[[  1, 255,   0]]])
    """
    unknown = torch.zeros_like(present, dtype=torch.bool) if judged is None else ~judged
    allowed = F.pad(present.masked_fill(unknown, 1.0), (1, 0), value=1.0)[:, :, None, None]
    best, winners = (probabilities * allowed).max(1)
    is_unknown = F.pad(unknown, (1, 0)).gather(1, winners.flatten(1)).view_as(winners)
    better = winners.masked_fill(is_unknown, IGNORE).to(labels.dtype)
    return torch.where((labels != IGNORE) & (best >= confidence), better, labels)
