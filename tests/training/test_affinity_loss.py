"""The losses against a slow loop over pairs."""

import math
from collections.abc import Callable
from itertools import combinations, product

import pytest
import torch
from torch import Tensor

from patchlearn.training import affinity as module
from patchlearn.training.affinity_loss import affinity_loss, boundary_costs, feature_costs, labels_on_grid

KINDS = ("boundary", "features")


def slow_costs(
    cost: Callable[[int, tuple[int, int], tuple[int, int], bool], Tensor], labels: Tensor, radius: int
) -> list[list[Tensor]]:
    """The definition, pair by pair: three lists of costs."""
    costs: list[list[Tensor]] = [[], [], []]
    count, height, width = labels.shape
    for image in range(count):
        for p, q in combinations(product(range(height), range(width)), 2):
            near = (p[0] - q[0]) ** 2 + (p[1] - q[1]) ** 2 < radius**2
            a, b = int(labels[image][p]), int(labels[image][q])
            if near and a != 255 and b != 255:
                group = 2 if a != b else int(a > 0)
                costs[group].append(cost(image, p, q, a == b))
    return costs


def slow_loss(costs: list[list[Tensor]]) -> Tensor:
    background, foreground, apart = (torch.stack(group).mean() for group in costs)
    return background / 4 + foreground / 4 + apart / 2


def line(p: tuple[int, int], q: tuple[int, int]) -> list[tuple[int, int]]:
    """The cells of the bounding box of p and q that are less than one from the line through both."""
    rows = range(min(p[0], q[0]), max(p[0], q[0]) + 1)
    columns = range(min(p[1], q[1]), max(p[1], q[1]) + 1)
    length = math.dist(p, q)
    across = lambda y, x: abs((q[0] - p[0]) * (x - p[1]) - (q[1] - p[1]) * (y - p[0])) / length  # noqa: E731
    return [(y, x) for y in rows for x in columns if across(y, x) < 1 - 1e-9]


def some_labels(*shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.tensor([0, 1, 2, 255])[torch.randint(0, 4, shape, generator=generator)]


@pytest.mark.parametrize("radius", [2, 4, 10])
def test_the_boundary_loss_is_that_of_a_loop_over_pairs(radius: int) -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(2, 1, 6, 7, dtype=torch.double, requires_grad=True), some_labels(2, 6, 7)

    def cost(image: int, p: tuple[int, int], q: tuple[int, int], together: bool) -> Tensor:
        affinity = 1 - torch.stack([logits[image, 0][cell].sigmoid() for cell in line(p, q)]).max()
        return -torch.log(affinity if together else 1 - affinity)

    slow = slow_costs(cost, labels, radius)
    wanted = slow_loss(slow)
    costs, counts = boundary_costs(logits, labels, radius)
    assert counts.tolist() == [len(group) for group in slow]
    ours = affinity_loss(costs, counts)
    assert ours.item() == pytest.approx(wanted.item(), rel=1e-5)
    gradients = [torch.autograd.grad(loss, logits)[0] for loss in (ours, wanted)]
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("radius", [2, 5])
def test_the_feature_loss_is_that_of_a_loop_over_pairs(radius: int) -> None:
    torch.manual_seed(0)
    features, labels = torch.randn(2, 3, 4, 5, requires_grad=True), some_labels(2, 4, 5)

    def cost(image: int, p: tuple[int, int], q: tuple[int, int], together: bool) -> Tensor:
        points = features[image].permute(1, 2, 0)
        affinity = torch.exp(-(points[p] - points[q]).abs().mean())
        return -torch.log(affinity if together else 1 + 1e-5 - affinity)

    slow = slow_costs(cost, labels, radius)
    wanted = slow_loss(slow)
    costs, counts = feature_costs(features, labels, radius)
    assert counts.tolist() == [len(group) for group in slow]
    ours = affinity_loss(costs, counts)
    assert ours.item() == pytest.approx(wanted.item(), rel=1e-5)
    gradients = [torch.autograd.grad(loss, features)[0] for loss in (ours, wanted)]
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_undecided_pixels_take_no_part(kind: str) -> None:
    output = torch.randn(1, 1 if kind == "boundary" else 6, 5, 5, requires_grad=True)
    costs, counts = module.COSTS[kind](output, torch.full((1, 5, 5), 255), 4)
    loss = affinity_loss(costs, counts)
    assert loss.item() == 0
    loss.backward()
    assert output.grad is not None
    assert not output.grad.any()
    below = torch.zeros(1, 5, 5, dtype=torch.long)
    below[:, 0] = 255  # on no path between cells of other rows
    losses = []
    for value in (-50.0, 50.0):
        changed = output.detach().clone()
        changed[..., 0, :] = value
        losses.append(float(affinity_loss(*module.COSTS[kind](changed, below, 4))))
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)


def test_each_group_counts_however_small_it_is() -> None:
    assert float(affinity_loss(torch.tensor([4.0, 4e6, 4.0]), torch.tensor([1, 10**6, 1]))) == 1 + 1 + 2
    assert float(affinity_loss(torch.zeros(3), torch.zeros(3))) == 0


def test_the_loss_is_finite_for_extreme_logits() -> None:
    logits = torch.tensor([[[[500.0, -500.0, 500.0]]]], requires_grad=True)
    loss = affinity_loss(*boundary_costs(logits, torch.tensor([[[0, 0, 1]]]), 3))
    loss.backward()
    assert loss.isfinite()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()
    features = torch.zeros(1, 4, 1, 2, requires_grad=True)
    loss = affinity_loss(*feature_costs(features, torch.tensor([[[0, 1]]]), 3))
    loss.backward()
    assert loss.isfinite()
    assert features.grad is not None
    assert features.grad.isfinite().all()


def test_labels_are_read_at_the_centre_of_a_cell() -> None:
    labels = torch.arange(9 * 10).view(1, 9, 10)
    assert labels_on_grid(labels, 4).tolist() == [[[22, 26, 255], [62, 66, 255], [255, 255, 255]]]
