"""The backgrounds of scenes."""

import numpy as np
import pytest

from patchlearn.data.scenes.landscape import draw_landscape


@pytest.mark.parametrize("seed", range(8))
def test_a_landscape_has_the_size_that_was_asked_for(seed: int) -> None:
    ground = draw_landscape(np.random.default_rng(seed), 80)
    short, long = sorted(ground.shape[:2])
    assert (long, ground.shape[2], ground.dtype) == (80, 3, np.float32)
    assert 60 <= short <= 80
    assert 0 < ground.mean() < 255


def test_the_same_generator_gives_the_same_landscape_and_formats_vary() -> None:
    first, again = (draw_landscape(np.random.default_rng(3), 64) for _ in range(2))
    assert np.array_equal(first, again)
    shapes = [draw_landscape(np.random.default_rng(seed), 64).shape for seed in range(40)]
    tall = sum(height > width for height, width, _ in shapes)
    assert 0 < tall < 20
