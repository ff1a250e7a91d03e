import numpy as np
import pytest
from numpy.typing import NDArray

from patchlearn.refine.crf.features import space_features
from patchlearn.refine.crf.lattice import Lattice, blur, build_lattice
from patchlearn.refine.crf.mean_field import mean_field

HEIGHT, WIDTH = 5, 6


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def filtered(lattice: Lattice, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """N×K → N×K: splat, blur, slice, one channel after the other."""
    result = np.zeros_like(values)
    for channel in range(values.shape[1]):
        table = np.zeros((lattice.neighbours.shape[1] + 1, 1), np.float32)
        np.add.at(table[:, 0], lattice.vertices, lattice.weights * values[:, channel : channel + 1])
        table, _ = blur(table, np.empty_like(table), lattice.neighbours, (0,))
        result[:, channel] = (table[lattice.vertices, 0] * lattice.weights).sum(1)
    return result


@pytest.mark.parametrize("labels", [2, 3, 4, 9])
@pytest.mark.parametrize("iterations", [0, 1, 4])
def test_it_is_the_mean_field_of_all_labels(labels: int, iterations: int) -> None:
    """The definition, with a channel for every label: Q = softmax(U + Σ kernels · Q)."""
    rng = np.random.default_rng(labels)
    colours = rng.normal(size=(5, HEIGHT, WIDTH)).astype(np.float32)
    colour, space = build_lattice(colours, 3.0), build_lattice(space_features(HEIGHT, WIDTH, 2.0), 1.5)
    logits = rng.normal(size=(HEIGHT * WIDTH, labels))
    beliefs = softmax(logits)
    for _ in range(iterations):
        beliefs = softmax(logits + filtered(colour, beliefs) + filtered(space, beliefs))
    lanes = {1: 1, 2: 2, 3: 4, 8: 8}[labels - 1]
    relative = np.full((len(logits), lanes), -1e4, np.float32)  # padded lanes are labels of probability zero
    relative[:, : labels - 1] = logits[:, :-1] - logits[:, -1:]
    result = mean_field(relative, colour, space, iterations, (0,) * 6, (0,) * 3, (0,) * lanes)
    assert result is relative
    np.testing.assert_allclose(result[:, : labels - 1], beliefs[:, :-1] - beliefs[:, -1:], atol=1e-4)
