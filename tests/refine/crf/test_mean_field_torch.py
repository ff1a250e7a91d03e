import numpy as np
import pytest
import torch

from patchlearn.core.types import Float32, UInt8
from patchlearn.refine import dense_crf
from patchlearn.refine.crf.features import colour_features
from patchlearn.refine.crf.lattice import build_lattice
from patchlearn.refine.crf.mean_field_torch import TorchLattice, infer
from patchlearn.refine.settings import PRESETS


def made_up(labels: int = 3, height: int = 20, width: int = 27) -> tuple[UInt8, Float32]:
    rng = np.random.default_rng(labels)
    powers = np.exp(rng.normal(size=(labels, height, width)))
    image = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    return image, (powers / powers.sum(0)).astype(np.float32)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("labels", [2, 3, 6, 9])
def test_torch_gives_the_same(preset: str, labels: int) -> None:
    image, probabilities = made_up(labels)
    refined = infer(image, torch.from_numpy(probabilities), PRESETS[preset], 10).numpy()
    np.testing.assert_allclose(dense_crf(image, probabilities, preset), refined, atol=2e-3)


def test_torch_keeps_nothing_for_gradients() -> None:
    image, probabilities = made_up()
    assert not infer(image, torch.from_numpy(probabilities).requires_grad_(), PRESETS["irn"], 1).requires_grad


def test_the_lattice_is_the_compiled_one_up_to_the_numbers_of_its_vertices() -> None:
    features = colour_features(made_up()[0], PRESETS["psa"])
    compiled, ours = build_lattice(features, 2.0), TorchLattice(features, 2.0, torch.device("cpu"))
    assert ours.neighbours.shape[2] == compiled.neighbours.shape[1]
    np.testing.assert_allclose(ours.weights.numpy(), compiled.weights, atol=1e-4)
    numbers = np.full(compiled.neighbours.shape[1] + 1, -1)
    numbers[-1] = len(numbers) - 1  # a missing neighbour
    numbers[compiled.vertices] = ours.vertices.numpy()
    assert sorted(numbers) == list(range(len(numbers)))
    known = ours.neighbours.numpy().transpose(0, 2, 1)[:, numbers[:-1]]
    for direction, neighbours in zip(known, numbers[compiled.neighbours], strict=True):
        np.testing.assert_array_equal(np.sort(direction, 1), np.sort(neighbours, 1))
