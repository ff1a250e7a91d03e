"""Agreement of masks without a true one."""

import numpy as np
import pytest

from patchlearn.evaluate.agreement import agreement, mask_of_scores


def mask(*values: int) -> np.ndarray:
    return np.array([values], np.uint8)


def test_equal_masks_agree_and_the_order_does_not_matter() -> None:
    pairs = [(mask(0, 1, 2, 2), mask(0, 1, 2, 2)), (mask(0, 0, 0, 0), mask(0, 0, 0, 0))]
    assert agreement(pairs, 2) == (1.0, (1.0, 1.0, 1.0))
    first = [(mask(0, 1, 2, 255), mask(1, 1, 255, 2)), (mask(0, 0), mask(0, 2))]
    assert agreement(first, 2) == agreement([(other, one) for one, other in first], 2)


def test_images_are_counted_together_and_undecided_pixels_not_at_all() -> None:
    pairs = [(mask(1, 1, 1, 0), mask(1, 1, 1, 255)), (mask(1, 0), mask(0, 0))]
    miou, ious = agreement(pairs, 1)
    assert ious == (1 / 2, 3 / 4)
    assert miou == pytest.approx(5 / 8)


def test_a_pixel_belongs_to_the_strongest_map_above_the_threshold() -> None:
    scores = np.array([[[0.2, 0.7, 0.5]], [[0.1, 0.6, 0.9]]], np.float32)
    assert mask_of_scores(scores, 0.4, (5, 9)).tolist() == [[0, 5, 9]]
    assert mask_of_scores(scores, 0.8, (5, 9)).tolist() == [[0, 0, 9]]
