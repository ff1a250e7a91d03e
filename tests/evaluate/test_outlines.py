"""How masks stand out from what is around them."""

import numpy as np
import pytest

from patchlearn.evaluate.outlines import ClassOutlines, ImageOutlines, appearance, class_outlines, contrast


def noise(mean: float, count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(mean, 10, (count, 1)).astype(np.float32)


@pytest.mark.parametrize("counts", [(40, 60), (40, 400), (5000, 5000)])
def test_two_samples_of_one_surface_have_next_to_no_contrast(counts: tuple[int, int]) -> None:
    found = [contrast(noise(100, counts[0], seed), noise(100, counts[1], seed + 1000)) for seed in range(40)]
    assert np.mean(found) < 0.08


def test_contrast_rises_with_the_share_of_the_mask_that_is_the_thing() -> None:
    around = noise(100, 2000, 0)
    found = [
        contrast(np.concatenate([noise(200, 20 * share, 1), noise(100, 2000 - 20 * share, 2)]), around)
        for share in (0, 25, 50, 100)
    ]
    np.testing.assert_allclose(found, [0, 0.25, 0.5, 1], atol=0.06)


def test_the_channel_that_tells_most_counts() -> None:
    grey, colour = np.full((50, 50, 3), 120, np.uint8), np.full((50, 50, 3), (180, 120, 60), np.uint8)
    looks = [appearance(image).reshape(-1, 2) for image in (grey, colour)]
    assert looks[1][0].tolist() == [120, 120]
    assert contrast(*looks) == 1


def test_a_class_counts_the_images_that_are_tagged_with_it() -> None:
    images = [
        ImageOutlines(tags=(0, 1), contrasts=(0.2, 0.9), cores=(10, 0), hulls=(30, 5)),
        ImageOutlines(tags=(0,), contrasts=(None,), cores=(0,), hulls=(10,)),
        ImageOutlines(tags=(0,), contrasts=(0.4,), cores=(10,), hulls=(40,)),
        ImageOutlines(tags=(2,), contrasts=(None,), cores=(0,), hulls=(0,)),
    ]
    assert class_outlines(images, 0) == ClassOutlines(contrast=pytest.approx(0.3), thickness=0.25)
    assert class_outlines(images, 2) == ClassOutlines(contrast=None, thickness=0.0)
    assert class_outlines(images, 3) is None
