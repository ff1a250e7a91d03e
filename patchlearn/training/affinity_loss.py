"""The loss of an affinity network: the cost of too little affinity within a class, or too much between two.

Pairs and their paths are IRN's (`patchlearn.refine.walk`); the balance of the losses is PSA's and IRN's.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from patchlearn.core.types import BACKGROUND, IGNORE
from patchlearn.refine.walk import half_offsets, path_cells

GROUPS = 3  # of pairs: both background, both of one class, of two classes
UNDECIDED = GROUPS
BALANCE = (1 / 4, 1 / 4, 1 / 2)  # PSA and IRN: each group counts, however few of its pixels there are
EPSILON = 1e-5  # log(a + 1e-5): PSA
Offset = tuple[int, int]


def affinity_loss(costs: Tensor, counts: Tensor) -> Tensor:
    """A quarter of the mean cost of background pairs, a quarter of one-class pairs', half of two-class pairs'.

    A group without pairs costs nothing.

    Args:
        costs: 3, summed over the pairs of each group.
        counts: 3, how many pairs each group has.

    >>> affinity_loss(torch.tensor([8.0, 0.0, 6.0]), torch.tensor([2, 0, 3]))  # 4 / 4 + 0 + 2 / 2
    tensor(2.)
    """
    return (costs / counts.clamp(min=EPSILON) * costs.new_tensor(BALANCE)).sum()


def boundary_costs(logits: Tensor, labels: Tensor, radius: int) -> tuple[Tensor, Tensor]:
    """What a boundary map costs: −log a of pairs that belong together, −log(1 − a) of pairs that do not.

    The affinity of two cells is a = 1 − the largest boundary on the path between them (IRN). With m the largest
    *logit* on the path, −log a = log(1 + e^m) and −log(1 − a) = log(1 + e^−m), exactly and without overflow. A pair's
    cost depends on one cell alone, so it is enough to count of how many pairs of each group a cell is the largest:
    memory is that of the map, not of the pairs.

    Args:
        logits: B×1×h×w.
        labels: B×h×w on the same grid: 0 background, i + 1 class i, 255 undecided.
        radius: in cells; pairs less than this far apart are compared.

    Returns:
        3 costs and 3 numbers of pairs, as `affinity_loss` takes them. Pairs with an undecided cell are left out.

    >>> costs, counts = boundary_costs(torch.zeros(1, 1, 1, 3), torch.tensor([[[0, 0, 1]]]), radius=2)
    >>> (costs / torch.tensor(2.0).log()).tolist(), counts.tolist()
    ([1.0, 0.0, 1.0], [1.0, 0.0, 1.0])
    """
    values, order = _cells_first(logits.float().squeeze(1)).flatten().sort()
    largest = _largest_counts(order, _cells_first(labels), radius).to(values.dtype)
    together, apart = F.softplus(values), F.softplus(-values)
    return (largest * torch.stack([together, together, apart])).sum(1), largest.sum(1)


def feature_costs(features: Tensor, labels: Tensor, radius: int) -> tuple[Tensor, Tensor]:
    """What features cost: −log a of pairs that belong together, −log(1 − a) of pairs that do not.

    The affinity of two cells is a = exp(−mean over channels |f_p − f_q|) (PSA).

    Args:
        features: B×C×h×w.
        labels: B×h×w on the same grid: 0 background, i + 1 class i, 255 undecided.
        radius: in cells; pairs less than this far apart are compared.

    Returns:
        3 costs and 3 numbers of pairs, as `affinity_loss` takes them. Pairs with an undecided cell are left out.

    >>> costs, counts = feature_costs(torch.tensor([[[[0.0, 2.0, 2.0]]]]), torch.tensor([[[0, 0, 255]]]), radius=3)
    >>> costs.tolist(), counts.tolist()
    ([2.0, 0.0, 0.0], [1.0, 0.0, 0.0])
    """
    points, marks = _cells_first(features.float()), _cells_first(labels)
    costs, counts = points.new_zeros(GROUPS), points.new_zeros(GROUPS)
    offsets = _offsets_within(radius, marks)
    for plane, offset in zip(_Distances.apply(points, offsets), offsets, strict=True):
        distance = _moved(plane, (0, 0), offset)
        apart = -torch.log(1 + EPSILON - torch.exp(-distance))
        members = _groups(marks, offset) == torch.arange(GROUPS, device=marks.device).view(-1, 1, 1, 1)
        costs = costs + (members * torch.stack([distance, distance, apart])).sum((1, 2, 3))
        counts += members.sum((1, 2, 3))
    return costs, counts


def labels_on_grid(labels: Tensor, stride: int) -> Tensor:
    """B×H×W → B×⌈H/stride⌉×⌈W/stride⌉: the label at the centre of each cell; 255 where that is outside the image.

    >>> labels_on_grid(torch.tensor([[[1, 2, 3, 4, 5, 6]]]).repeat(1, 4, 1), 4).tolist()
    [[[3, 255]]]
    """
    height, width = labels.shape[-2:]
    padded = F.pad(labels, (0, -width % stride, 0, -height % stride), value=IGNORE)
    return padded[..., stride // 2 :: stride, stride // 2 :: stride]


COSTS = {"boundary": boundary_costs, "features": feature_costs}


@torch.no_grad()
def _largest_counts(order: Tensor, labels: Tensor, radius: int) -> Tensor:
    """3×N: of how many pairs of each group the n-th smallest of the N cells is the largest on the path.

    A cell's rank stands for its value, because the largest rank also says *which* cell it is.
    """
    count = len(order)
    ranks = torch.empty(count, dtype=torch.int32, device=order.device)
    ranks[order] = torch.arange(count, dtype=torch.int32, device=order.device)
    ranks = ranks.view(labels.shape)
    largest = torch.zeros((GROUPS + 1) * count, dtype=torch.int32, device=order.device)
    for offset in _offsets_within(radius, labels):
        winners = (_groups(labels, offset) * count + _path_maximum(ranks, offset)).flatten()
        largest.index_add_(0, winners, torch.ones_like(winners))
    return largest.view(GROUPS + 1, count)[:UNDECIDED]


def _path_maximum(values: Tensor, offset: Offset) -> Tensor:
    """The largest value on the path of every pair."""
    first, *others = (_moved(values, cell, offset) for cell in path_cells(*offset))
    largest = first.clone()
    for other in others:
        torch.maximum(largest, other, out=largest)
    return largest


class _Distances(torch.autograd.Function):
    """Mean over channels of |f_p − f_q|: h×w×B×C points, n offsets → n×h×w×B, at p; 0 where q is outside.

    Left to autograd, the B·C·h·w differences of every offset would be kept for the gradient, which is their sign. They
    are formed anew instead, and added up in place: memory is that of the features, in half the time.
    """

    @staticmethod
    def forward(ctx: Any, points: Tensor, offsets: list[Offset]) -> Tensor:
        ctx.save_for_backward(points)
        ctx.offsets = offsets
        distances = points.new_zeros(len(offsets), *points.shape[:-1])
        for plane, offset in zip(distances, offsets):
            difference = _moved(points, (0, 0), offset) - _moved(points, offset, offset)
            _moved(plane, (0, 0), offset).copy_(difference.abs_().mean(-1))
        return distances

    @staticmethod
    def backward(ctx: Any, gradients: Tensor) -> tuple[Tensor, None]:
        (points,) = ctx.saved_tensors
        total = torch.zeros_like(points)
        for gradient, offset in zip(gradients / points.shape[-1], ctx.offsets):
            difference = _moved(points, (0, 0), offset) - _moved(points, offset, offset)
            slope = difference.sign_().mul_(_moved(gradient, (0, 0), offset).unsqueeze(-1))
            _moved(total, (0, 0), offset).add_(slope)
            _moved(total, offset, offset).sub_(slope)
        return total, None


def _groups(labels: Tensor, offset: Offset) -> Tensor:
    """The group of every pair: 0 both background, 1 both of one class, 2 of two classes, 3 undecided."""
    here, there = _moved(labels, (0, 0), offset), _moved(labels, offset, offset)
    decided = (here != IGNORE) & (there != IGNORE)
    groups = torch.where(here == there, (here != BACKGROUND).to(torch.int32), 2)
    return torch.where(decided, groups, UNDECIDED)


def _moved(maps: Tensor, cell: Offset, offset: Offset) -> Tensor:
    """h×w×… → for every pair (p, p + offset) inside the map, the value at p + cell."""
    (y, x), (dy, dx) = cell, offset
    height, width = maps.shape[:2]
    left, right = max(0, -dx), max(0, dx)
    return maps[y : height - dy + y, left + x : width - right + x]


def _offsets_within(radius: int, maps: Tensor) -> list[Offset]:
    """The offsets that fit into h×w×… maps."""
    height, width = maps.shape[:2]
    return [(dy, dx) for dy, dx in half_offsets(radius).tolist() if dy < height and abs(dx) < width]


def _cells_first(maps: Tensor) -> Tensor:
    """B×(C×)h×w → h×w×B(×C), so that a row of pairs is one long piece of memory."""
    return maps.movedim((-2, -1), (0, 1)).contiguous()
