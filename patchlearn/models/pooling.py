"""How the evidence at the cells of an image becomes one score of the image."""

import torch
from torch import Tensor

from patchlearn.models.settings import CellSettings


def pooled(evidence: Tensor, inside: Tensor, settings: CellSettings) -> Tensor:
    """B×K×N evidence at N cells → B×K.

    Args:
        evidence: of K classes.
        inside: B×N, whether a cell belongs to the image; images of a batch may have different numbers of cells.
        settings: how.

    >>> evidence, inside = torch.tensor([[[1.0, 2.0, 3.0, 9.0]]]), torch.tensor([[True, True, True, False]])
    >>> pooled(evidence, inside, CellSettings(pooling="mean")), pooled(evidence, inside, CellSettings(pooling="top"))
    (tensor([[2.]]), tensor([[3.]]))
    """
    if settings.pooling == "mean":
        return torch.where(inside[:, None], evidence, 0).sum(2) / inside.sum(1)[:, None]
    if settings.pooling == "lse":
        return _log_mean_exp(evidence, inside, settings.sharpness)
    top = _mean_of_largest(evidence, inside, settings.share)
    if settings.pooling == "top":
        return top
    return top - settings.alpha * _mean_of_largest(-evidence, inside, settings.share)


def _log_mean_exp(evidence: Tensor, inside: Tensor, sharpness: float) -> Tensor:
    sharp = (evidence * sharpness).masked_fill(~inside[:, None], -torch.inf)
    return (sharp.logsumexp(2) - inside.sum(1)[:, None].log()) / sharpness


def _mean_of_largest(evidence: Tensor, inside: Tensor, share: float) -> Tensor:
    counts = (inside.sum(1) * share).round().clamp(min=1)[:, None, None]
    largest = evidence.masked_fill(~inside[:, None], -torch.inf).topk(int(counts.max()), dim=2).values
    places = torch.arange(largest.shape[2], device=evidence.device)
    return torch.where(places < counts, largest, 0).sum(2) / counts[..., 0]
