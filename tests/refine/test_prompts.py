"""Points and boxes from score maps."""

import numpy as np

from patchlearn.core.types import Float32
from patchlearn.refine.prompts import MOST, Prompt, prompts_of


def scores_with(size: tuple[int, int], *spots: tuple[slice, slice, float]) -> Float32:
    """2×H×W: a background of 0.5, and one map that is 0.1 but for the spots."""
    scores = np.full((2, *size), 0.5, np.float32)
    scores[1] = 0.1
    for rows, columns, value in spots:
        scores[1, rows, columns] = value
    return scores


def asked(scores: Float32, points: int = 3) -> list[Prompt]:
    return prompts_of(scores.argmax(0), scores, points)


def test_each_component_is_asked_about_with_its_box_and_its_peak_the_largest_first() -> None:
    small, large = (slice(2, 4), slice(30, 33), 0.7), (slice(10, 16), slice(4, 20), 0.6)
    first, second = asked(scores_with((20, 40), small, large, (slice(12, 13), slice(7, 8), 0.95)), points=1)
    assert (first.label, first.box, first.points.tolist()) == (1, (4, 10, 19, 15), [[7, 12]])
    assert (second.box, second.points.shape, len(second.pixels)) == ((30, 2, 32, 3), (1, 2), 6)
    assert sorted(second.pixels.tolist()) == [row * 40 + column for row in (2, 3) for column in (30, 31, 32)]


def test_corners_connect_and_labels_do_not() -> None:
    scores = np.full((3, 4, 6), 0.5, np.float32)
    scores[1:] = 0.1
    scores[1, [0, 1], [0, 1]] = 0.9  # diagonal neighbours
    scores[2, 1, 2] = 0.8  # beside them, of another label
    assert [(each.label, each.box) for each in asked(scores)] == [(1, (0, 0, 1, 1)), (2, (2, 1, 2, 1))]


def test_more_points_lie_apart_and_are_nearly_as_high() -> None:
    scores = scores_with((1, 40), (slice(0, 1), slice(0, 40), 0.55))
    for column, value in ((5, 0.9), (6, 0.89), (20, 0.8), (35, 0.6)):
        scores[1, 0, column] = value
    (prompt,) = asked(scores)
    assert prompt.points.tolist() == [[5, 0], [20, 0]]  # 6 is too near, 35 lower than three quarters of 0.9
    assert asked(scores, points=1)[0].points.tolist() == [[5, 0]]


def test_of_equal_scores_the_point_in_the_middle_is_taken() -> None:
    (prompt,) = asked(scores_with((21, 31), (slice(5, 16), slice(10, 21), 0.9)), points=1)
    assert prompt.points.tolist() == [[15, 10]]


def test_points_lie_in_the_component_also_if_its_middle_does_not() -> None:
    scores = scores_with((20, 20), (slice(2, 18), slice(2, 18), 0.9), (slice(4, 16), slice(4, 16), 0.1))
    (ring,) = asked(scores)
    assert len(ring.points) == 3
    assert all(y * 20 + x in ring.pixels for x, y in ring.points.tolist())


def test_the_background_and_what_is_left_out_are_not_asked_about() -> None:
    scores = np.full((3, 3, 9), 0.1, np.float32)
    scores[0, :, :3], scores[1, :, 3:6], scores[2, :, 6:] = 1, 1, 1
    labels = scores.argmax(0)
    assert [each.label for each in prompts_of(labels, scores)] == [1, 2]
    assert [each.label for each in prompts_of(labels, scores, without=[2])] == [1]
    assert prompts_of(np.zeros_like(labels), scores) == []


def test_no_image_has_more_prompts_than_the_limit() -> None:
    scores = np.full((2, 20, 60), 0.5, np.float32)
    scores[1, ::2, ::2] = 0.9
    labels = np.zeros((20, 60), np.int64)
    labels[::2, ::2] = 1
    labels[18, 40:43] = 1
    found = prompts_of(labels, scores)
    assert len(found) == MOST < labels.sum() // 2
    assert [len(each.pixels) for each in found[:2]] == [3, 1]
