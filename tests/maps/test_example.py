import numpy as np

from patchlearn.maps.example import disc_maps


def test_every_class_has_a_disc_that_is_smaller_than_the_one_before() -> None:
    maps = disc_maps((80, 120), [0, 3])
    assert (maps.classes, maps.size, maps.scores.shape) == ((0, 3), (80, 120), (2, 20, 30))
    assert 0 <= maps.scores.min() <= maps.scores.max() <= 1
    first, second = (maps.scores > 0.3).sum((1, 2))
    assert 0 < second < first
    assert np.allclose(maps.scores, maps.scores[:, ::-1, ::-1], atol=1e-6)
