from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from patchlearn.core.checkpoints import save_checkpoint
from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import IGNORE
from patchlearn.models.cells import Cells
from patchlearn.models.lda import TEMPERATURE, LinearDiscriminant, Moments, cell_labels, load_lda, save_lda


def cells(seed: int = 0, classes: int = 2) -> tuple[Tensor, Tensor]:
    """5×12×20 features that depend on their label, and the labels; a few are left out."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, classes + 1, (12, 20), generator=generator)
    means = torch.randn(classes + 1, 5, generator=torch.Generator().manual_seed(9))
    mixing = torch.randn(5, 5, generator=torch.Generator().manual_seed(8))
    features = means[labels].permute(2, 0, 1) + torch.tensordot(
        mixing, torch.randn(5, 12, 20, generator=generator), dims=1
    )
    labels[:2] = IGNORE
    return features, labels


def moments_of(*parts: tuple[Tensor, Tensor], classes: int = 2) -> Moments:
    total = Moments(channels=5, classes=classes)
    for features, labels in parts:
        part = Moments(channels=5, classes=classes)
        part.add(features, labels)
        total += part
    return total


def log_densities(features: Tensor, labels: Tensor, shrinkage: float) -> np.ndarray:  # type: ignore[type-arg]
    """The textbook's way: normal densities with one covariance, cell by cell."""
    x, y = features.flatten(1).T.double().numpy(), labels.flatten().numpy()
    means = [x[y == label].mean(0) for label in range(3)]
    deviations = np.concatenate([x[y == label] - means[label] for label in range(3)])
    within = np.cov(deviations.T, bias=True)
    within = (1 - shrinkage) * within + shrinkage * np.trace(within) / 5 * np.eye(5)
    inverse = np.linalg.inv(within)
    return np.stack([-0.5 * np.einsum("nc,cd,nd->n", x - mean, inverse, x - mean) for mean in means], axis=1)


@pytest.mark.parametrize("shrinkage", [0.01, 0.1, 1.0])
def test_probabilities_are_those_of_normal_densities_with_one_covariance(shrinkage: float) -> None:
    features, labels = cells()
    found = moments_of((features, labels)).solve(shrinkage)(features[None], [0, 1])[0].flatten(1).T
    powers = np.exp(log_densities(features, labels, shrinkage) / TEMPERATURE)
    expected = (powers / powers.sum(1, keepdims=True))[:, 1:]
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-4)


def test_classes_that_are_not_in_the_image_have_no_influence() -> None:
    features, labels = cells()
    lda = moments_of((features, labels)).solve(0.1)
    powers = np.exp(log_densities(features, labels, 0.1) / TEMPERATURE)
    expected = powers[:, 2] / (powers[:, 0] + powers[:, 2])
    np.testing.assert_allclose(lda(features[None], [1]).flatten().numpy(), expected, atol=1e-4)


def test_moments_of_parts_add_up_to_those_of_the_whole() -> None:
    first, second = ((features[:, :6], labels[:6]) for features, labels in (cells(0), cells(1)))
    together = moments_of((torch.cat([first[0], second[0]], 1), torch.cat([first[1], second[1]], 0)))
    apart = moments_of(second, first)
    torch.testing.assert_close(apart.counts, together.counts)
    torch.testing.assert_close(apart.sums, together.sums, atol=1e-3, rtol=1e-5)
    torch.testing.assert_close(apart.products, together.products, atol=1e-3, rtol=1e-5)


def test_of_a_large_view_evenly_spaced_cells_are_used() -> None:
    moments, labels = Moments(channels=1, classes=2), torch.arange(2).repeat_interleave(1000).reshape(40, 50)
    labels[:, 0] = IGNORE
    moments.add(labels[None].float(), labels)
    assert moments.counts.sum() == 1960 // 8
    assert moments.counts[0] == pytest.approx(moments.counts[1], abs=1)


def test_a_hundred_rare_cells_weigh_as_much_as_ten_thousand() -> None:
    """Prior probabilities are equal: midway between two means, both have the same probability."""
    moments = Moments(channels=1, classes=1)
    generator = torch.Generator().manual_seed(0)
    many, few = (torch.randn(count, 100, generator=generator) for count in (100, 1))
    many, few = many - many.mean(), few - few.mean() + 4
    for row in many:
        moments.add(row[None, None], torch.zeros(1, 100, dtype=torch.long))
    moments.add(few[None], torch.ones(1, 100, dtype=torch.long))
    assert moments.solve(0.1)(torch.full((1, 1, 1, 1), 2.0), [0]).item() == pytest.approx(0.5, abs=1e-4)


def test_a_class_without_cells_has_no_probability() -> None:
    features, labels = cells()
    lda = moments_of((features, labels), classes=3).solve(0.1)
    probabilities = lda(features[None], [0, 2])
    assert probabilities[:, 1].eq(0).all()
    torch.testing.assert_close(probabilities[:, :1], moments_of((features, labels)).solve(0.1)(features[None], [0]))


def test_features_that_are_not_numbers_are_refused() -> None:
    features, labels = cells()
    features[0] = torch.nan
    with pytest.raises(PatchlearnError, match=r"^LDA classifier: features .* are infinite or not a number"):
        moments_of((features, labels)).solve(shrinkage=0.1)


def test_labels_are_read_under_the_centre_of_each_cell() -> None:
    """An image of 6×8 is seen at twice its size, in cells of 8 pixels: their centres are at 4, 12 and 20 of 12×16."""
    labels = torch.arange(48, dtype=torch.uint8).reshape(6, 8)
    found = cell_labels(labels, view=(12, 16), cells=(2, 3), stride=8)
    assert found.tolist() == [[2 * 8 + 2, 2 * 8 + 6, IGNORE], [IGNORE, IGNORE, IGNORE]]


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    features, labels = cells()
    lda = moments_of((features, labels)).solve(0.1)
    save_lda(tmp_path / "d.safetensors", lda)
    found = load_lda(tmp_path / "d.safetensors")
    torch.testing.assert_close(found(features[None], [0, 1]), lda(features[None], [0, 1]), rtol=0, atol=0)


def test_tensors_that_do_not_fit_their_settings_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "d.safetensors"
    save_checkpoint(path, LinearDiscriminant(4, 2).state_dict(), {"channels": 5, "classes": 2})
    with pytest.raises(PatchlearnError, match=r"not an LDA classifier of patchlearn \(size mismatch"):
        load_lda(path)


@torch.no_grad()
def test_cells_of_several_stages_may_have_channels_of_any_scale() -> None:
    """The diagonal is what the covariance shrinks to, so that another unit of a channel changes nothing."""
    features = torch.randn(1, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    labels = (torch.arange(20) % 2).view(4, 5)
    cells = Cells("all", (2, 1), (8, 8), 8)
    found = []
    for unit in (1.0, 100.0):
        scaled = features * torch.tensor([1.0, 1.0, unit]).view(1, 3, 1, 1)
        moments = Moments(channels=3, classes=1)
        moments.add(scaled[0], labels)
        found.append(moments.solve(0.5, cells)(scaled, [0]))
    torch.testing.assert_close(found[1], found[0], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("of_cells", [False, True])
@pytest.mark.parametrize("alive", [0, 1])
def test_channels_that_are_the_same_everywhere_change_nothing(of_cells: bool, alive: int) -> None:
    cells = Cells("lower", (2, 1), (8, 16), 8) if of_cells else None
    features = torch.randn(alive, 1, 40, generator=torch.Generator().manual_seed(0)) * 0.5
    labels = torch.tensor([[0, 1] * 20])
    features += labels * 3.0
    both = Moments(2, 1)
    both.add(torch.cat([features, torch.full((2 - alive, 1, 40), 0.5)]), labels)
    lda = both.solve(0.1, cells)
    assert lda.weight.isfinite().all()
    assert lda.bias.isfinite().all()
    if alive and of_cells:
        alone = Moments(1, 1)
        alone.add(features, labels)
        expected = alone.solve(0.1, Cells("lower", (1, 1), (8, 16), 8))
        torch.testing.assert_close(lda.weight[1, 0] - lda.weight[0, 0], expected.weight[1, 0] - expected.weight[0, 0])
