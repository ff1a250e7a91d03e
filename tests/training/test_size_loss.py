"""The loss for areas outside of stated bounds."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from patchlearn.core.types import ClassSize
from patchlearn.training.size_loss import bounds_in_view, has_bounds, size_loss

ALL = torch.ones(1, 2, 5, dtype=torch.bool)


def logits_of(shares: list[float]) -> Tensor:
    """1×(K+1)×2×5: every pixel has these probabilities, background first."""
    return torch.tensor(shares).log().view(1, -1, 1, 1).expand(1, len(shares), 2, 5)


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ([[0, 1], [0, 1]], 0),
        ([[0.1, 0.35], [0.5, 0.7]], 0),
        ([[0, 0.2], [0, 1]], 0.1**2),  # too large
        ([[0.5, 1], [0, 1]], 0.2**2),  # too small
        ([[0.5, 1], [0, 0.5]], 0.2**2 + 0.1**2),
    ],
)
def test_the_square_of_what_is_outside_of_the_bounds(bounds: list[list[float]], expected: float) -> None:
    found = size_loss(logits_of([0.1, 0.3, 0.6]), torch.ones(1, 2), ALL, torch.tensor([bounds]))
    assert float(found) == pytest.approx(expected, abs=1e-6)


def test_only_classes_that_the_tags_name_cost_and_images_are_averaged() -> None:
    logits, bounds = logits_of([0.1, 0.3, 0.6]).expand(2, 3, 2, 5), torch.tensor([[[0.0, 0.1], [0.0, 0.1]]] * 2)
    within, present = ALL.expand(2, 2, 5), torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    assert float(size_loss(logits, present, within, bounds)) == pytest.approx(0.2**2 / 2, abs=1e-6)


def test_padded_pixels_do_not_count() -> None:
    logits = torch.full((1, 2, 2, 5), 9.0)
    logits[0, 1, 0] = -9  # background above; the class at random below, where the image is padded
    within = torch.zeros(1, 2, 5, dtype=torch.bool)
    within[:, 0] = True
    assert float(size_loss(logits, torch.ones(1, 1), within, torch.tensor([[[0.0, 0.01]]]))) == 0
    assert float(size_loss(logits, torch.ones(1, 1), ALL, torch.tensor([[[0.0, 0.01]]]))) > 0.05


def test_an_excess_pulls_as_that_part_of_a_label() -> None:
    logits = torch.zeros(1, 2, 2, 5, requires_grad=True)
    (label,) = torch.autograd.grad(F.cross_entropy(logits, torch.zeros(1, 2, 5, dtype=torch.long)), logits)
    (size,) = torch.autograd.grad(size_loss(logits, torch.ones(1, 1), ALL, torch.tensor([[[0.0, 0.4]]])), logits)
    torch.testing.assert_close(size, 0.1 * label)


def test_bounds_are_shares_of_what_the_crop_shows() -> None:
    """An image of 400 pixels: the first crop shows all of it, at a tenth of its pixels; the second a half of it."""
    within = torch.ones(2, 5, 10, dtype=torch.bool)
    within[0, 4] = False
    pixels = torch.tensor([[40.0, 400.0], [100.0, 400.0]])
    sizes = (ClassSize(least=0.1, most=0.2), ClassSize(least=40, most=120, unit="pixels"), None, ClassSize(count="one"))
    expected = [
        [[0.1, 0.2], [0.1, 0.3], [0, 1], [0, 1]],
        [[0, 0.4], [0, 0.6], [0, 1], [0, 1]],  # the thing may be cut off
    ]
    torch.testing.assert_close(bounds_in_view(sizes, within, pixels), torch.tensor(expected))


def test_no_bound_is_above_all_pixels() -> None:
    size = (ClassSize(least=300, most=900, unit="pixels"),)
    assert bounds_in_view(size, ALL, torch.tensor([[10.0, 100.0]])).tolist() == [[[1, 1]]]


def test_a_count_is_no_bound() -> None:
    assert not has_bounds((None, ClassSize(count="one")))
    assert has_bounds((None, ClassSize(least=0.1)))
    assert has_bounds((ClassSize(most=9, unit="pixels"),))
