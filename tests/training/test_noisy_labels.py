"""Losses that trust labels less, and a teacher that corrects them."""

from functools import partial

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from patchlearn.training.noisy_labels import (
    LOSSES,
    balanced,
    bootstrapped,
    corrected,
    cross_entropy,
    generalised,
    own_pixels,
)


@pytest.fixture
def logits() -> Tensor:
    return torch.randn(2, 4, 5, 6, generator=torch.Generator().manual_seed(0), requires_grad=True)


@pytest.fixture
def labels() -> Tensor:
    labels = torch.randint(0, 4, (2, 5, 6), generator=torch.Generator().manual_seed(1))
    labels[:, :2, :3] = 255
    return labels


def test_cross_entropy_is_torch_s_own(logits: Tensor, labels: Tensor) -> None:
    torch.testing.assert_close(cross_entropy(logits, labels), F.cross_entropy(logits, labels, ignore_index=255))


def test_generalised_cross_entropy_nears_cross_entropy_and_the_absolute_error(
    logits: Tensor, labels: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("patchlearn.training.noisy_labels.GENERALISED_POWER", 1e-4)
    torch.testing.assert_close(generalised(logits, labels), cross_entropy(logits, labels), rtol=1e-3, atol=1e-3)
    monkeypatch.setattr("patchlearn.training.noisy_labels.GENERALISED_POWER", 1.0)
    known = labels != 255
    likelihood = logits.softmax(1).gather(1, labels.where(known, 0)[:, None])[:, 0]
    torch.testing.assert_close(generalised(logits, labels), (1 - likelihood[known]).mean())


def test_a_label_without_any_likelihood_has_a_gradient_too() -> None:
    logits = torch.tensor([0.0, 110.0], requires_grad=True)
    generalised(logits.view(1, 2, 1, 1), torch.zeros(1, 1, 1, dtype=torch.long)).backward()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def test_balanced_objects_weigh_as_much_as_background(labels: Tensor) -> None:
    sure_of_background = torch.zeros(2, 4, 5, 6)
    sure_of_background[:, 0] = 30.0
    rare = torch.zeros_like(labels)
    rare[0, 0, 0] = 2
    assert float(balanced(sure_of_background, rare)) == pytest.approx(15.0)
    assert float(cross_entropy(sure_of_background, rare)) == pytest.approx(30 / rare.numel())


def test_bootstrapping_mixes_in_what_the_network_says(logits: Tensor, labels: Tensor) -> None:
    own = logits.argmax(1).where(labels != 255, 255)
    wanted = 0.8 * cross_entropy(logits, labels) + 0.2 * cross_entropy(logits, own)
    torch.testing.assert_close(bootstrapped(logits, labels), wanted)


@pytest.mark.parametrize("name", LOSSES)
def test_what_is_ignored_has_no_gradient_and_nothing_to_learn_costs_nothing(
    name: str, logits: Tensor, labels: Tensor
) -> None:
    LOSSES[name](logits, labels, own_pixels).backward()
    assert logits.grad is not None
    assert not logits.grad.permute(0, 2, 3, 1)[labels == 255].any()
    assert logits.grad.permute(0, 2, 3, 1)[labels != 255].any()
    assert LOSSES[name](logits, torch.full_like(labels, 255), own_pixels).item() == 0.0


def test_the_teacher_corrects_only_what_is_labelled_sure_and_tagged() -> None:
    labels = torch.tensor([[[0, 0, 0, 255, 2]]])
    probabilities = torch.tensor(
        [[0.04, 0.95, 0.01], [0.3, 0.6, 0.1], [0.01, 0.04, 0.95], [0, 1.0, 0], [0.95, 0.05, 0]]
    )
    maps = probabilities.T[None, :, None]
    only_the_first = torch.tensor([[1.0, 0.0]])
    assert corrected(labels, maps, only_the_first, 0.9).tolist() == [[[1, 0, 0, 255, 0]]]
    assert corrected(labels, maps, torch.ones(1, 2), 0.9).tolist() == [[[1, 0, 2, 255, 0]]]


def test_what_the_teacher_takes_for_an_unknown_class_is_ignored() -> None:
    labels = torch.tensor([[[0, 0, 1, 255, 1]]])
    probabilities = torch.tensor([[0.04, 0.01, 0.95], [0.3, 0.1, 0.6], [0, 0.05, 0.95], [0, 0, 1.0], [0.95, 0.05, 0]])
    maps, tags = probabilities.T[None, :, None], torch.tensor([[1.0, 0.0]])
    judged = torch.tensor([[True, False]])
    assert corrected(labels, maps, tags, 0.9, judged).tolist() == [[[255, 0, 255, 255, 0]]]
    assert corrected(labels, maps, tags, 0.9, torch.ones(1, 2, dtype=torch.bool)).tolist() == [[[0, 0, 1, 255, 0]]]
    two = [torch.cat([each, each]) for each in (labels, maps, tags)]
    each_its_own = torch.tensor([[True, True], [True, False]])
    assert corrected(*two, 0.9, each_its_own).tolist() == [[[0, 0, 1, 255, 0]], [[255, 0, 255, 255, 0]]]


@pytest.mark.parametrize("name", LOSSES)
def test_processes_that_divide_by_equal_parts_average_to_the_whole_batch(name: str) -> None:
    """The labelled pixels are shared unequally: 3 of 16 on the one, all 16 on the other."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 3, 4, 4, generator=generator)
    labels = torch.randint(0, 3, (2, 4, 4), generator=generator)
    labels[0].view(-1)[3:] = 255
    counts: list[list[Tensor]] = [[], []]

    def noted(index: int, pixels: Tensor) -> Tensor:
        counts[index].append(pixels)
        return pixels

    for index in (0, 1):
        LOSSES[name](logits[index, None], labels[index, None], partial(noted, index))
    shared = [(one + other) / 2 for one, other in zip(*counts, strict=True)]
    parts = []
    for index in (0, 1):
        left = iter(shared)
        parts.append(LOSSES[name](logits[index, None], labels[index, None], lambda _, left=left: next(left)))
    torch.testing.assert_close(torch.stack(parts).mean(), LOSSES[name](logits, labels, own_pixels))
