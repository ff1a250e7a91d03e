import numpy as np
import pytest

from patchlearn.core.types import Float32, Integers
from patchlearn.refine.area import ROUNDS, WEIGHTS, bounded_labels, changed_classes, refinement_weights, winners


def exact(labels: Integers, classes: int) -> Float32:
    """Label scores of which these labels win: 1 against the background's 0.5."""
    scores = (labels == np.arange(classes + 1)[:, None, None]).astype(np.float32)
    scores[0] = 0.5
    return scores


def certain(labels: Integers, classes: int) -> Float32:
    """Probabilities of a CRF that is sure of these labels, to the last digit."""
    return (labels == np.arange(classes + 1)[:, None, None]).astype(np.float32)


def things(flooded: int = 0) -> Integers:
    """24×24: class 1 is a square of 5×5 pixels, class 2 a line of one pixel; what is left is `flooded`."""
    labels = np.full((24, 24), flooded)
    labels[2:7, 2:7], labels[12, 2:22] = 1, 2
    return labels


@pytest.mark.parametrize("refined", [things(0) * 0, things(1), things(2), np.ones((24, 24), int), things() // 2])
def test_what_is_flooded_or_lost_comes_back_from_the_evidence(refined: Integers) -> None:
    found = things()
    labels = bounded_labels(exact(found, 2), certain(refined, 2), found, growth=2.0)
    for value in (1, 2):
        assert (labels == value).sum() <= 2 * (found == value).sum()
        assert 2 * ((labels == value) & (found == value)).sum() >= (found == value).sum()
    np.testing.assert_array_equal(bounded_labels(exact(found, 2), certain(refined, 2), found, None), refined)


def test_a_refinement_within_the_bounds_is_taken_whole() -> None:
    found, refined = things(), things()
    refined[2:7, 7:12] = 1  # twice as large
    refined[12, 12:22] = 0  # half is left
    labels = bounded_labels(exact(found, 2), certain(refined, 2), found, growth=2.0)
    np.testing.assert_array_equal(labels, refined)
    refined[7, 2] = 1
    assert (bounded_labels(exact(found, 2), certain(refined, 2), found, growth=2.0) != refined).any()


def test_the_class_beside_a_flooded_one_keeps_its_refinement() -> None:
    found, refined = things(), things()
    refined[8:] = 2
    refined[2:7, 2:9] = 1
    labels = bounded_labels(exact(found, 2), certain(refined, 2), found, growth=2.0)
    np.testing.assert_array_equal(labels == 1, refined == 1)
    np.testing.assert_array_equal(labels == 2, found == 2)


def test_a_class_that_covers_the_evidence_of_another_gives_it_back() -> None:
    """Class 2 lies inside of class 1, which is within its own bounds: its weight falls, because class 2 has none."""
    found = np.ones((12, 12), int)
    found[4:8, 4:8] = 2
    scores = exact(found, 2)
    scores[1] *= 2  # twice as sure of class 1 as of class 2, once the refinement counts
    labels = bounded_labels(scores, certain(np.ones((12, 12), int), 2), found, growth=2.0)
    np.testing.assert_array_equal(labels, found)


def test_a_class_without_evidence_stays_without_a_pixel() -> None:
    found, scores = np.zeros((6, 6), int), exact(np.zeros((6, 6), int), 1)
    scores[1] = 0.4
    refined = found.copy()
    refined[0, 0] = 1
    assert not bounded_labels(scores, certain(refined, 1), found, growth=2.0).any()


def test_the_background_keeps_its_share_where_a_class_grows_within_its_own_bounds() -> None:
    found = np.zeros((10, 10), int)
    found[:6] = 1
    labels = bounded_labels(exact(found, 1), certain(np.ones((10, 10), int), 1), found, growth=2.0)
    np.testing.assert_array_equal(labels, found)
    everywhere = np.ones((10, 10), int)
    labels = bounded_labels(exact(everywhere, 1), certain(everywhere, 1), everywhere, growth=2.0)
    assert labels.all()


def test_pixels_that_a_saturated_refinement_cannot_tell_apart_are_ranked_by_the_evidence() -> None:
    scores = np.full((2, 1, 100), 0.5, np.float32)
    scores[1, 0] = np.linspace(0, 1, 100)
    found, lost = winners(scores[1:], 0.5), certain(np.zeros((1, 100), int), 1)
    labels = bounded_labels(scores, lost, found, growth=2.0)
    assert 25 <= labels.sum() <= 50
    assert (np.diff(labels) >= 0).all()


def test_the_largest_weight_that_keeps_the_rule_is_taken() -> None:
    found = np.array([[1, 1, 0, 0, 0, 0, 2]])
    for least in WEIGHTS[:-1]:

        def labels(weights: Float32, least: float = least) -> Integers:
            return np.where(weights[0] > least, np.array([[1, 1, 1, 1, 1, 0, 2]]), found)

        assert refinement_weights(found, labels, np.ones(2, np.float32), 2.0).tolist() == [least, 1]


@pytest.mark.parametrize("classes", [1, 3, 40])
def test_rounds_are_bounded_whatever_the_labels_do(classes: int) -> None:
    """Time is linear in pixels and in classes: labels are computed at most `ROUNDS` times."""
    rounds = 0

    def stubborn(weights: Float32) -> Integers:
        nonlocal rounds
        rounds += 1
        return np.where(np.arange(classes) == rounds % classes, 0, np.arange(classes) + 1)[None]

    weights = refinement_weights(np.arange(classes)[None] + 1, stubborn, np.ones(classes, np.float32), 2.0)
    assert not weights.any()
    assert rounds <= ROUNDS


def test_the_others_give_way_as_far_as_a_class_without_weight_needs() -> None:
    found = np.array([[1, 1, 1, 2, 2]])

    def labels(weights: Float32) -> Integers:
        return found if weights[0] < 0.3 else np.array([[1, 1, 1, 1, 1]])

    assert refinement_weights(found, labels, np.ones(2, np.float32), 2.0).tolist() == [0.25, 0]


def test_only_classes_that_may_change_do() -> None:
    found, weights = np.array([[1, 2]]), np.array([0.5, 1.0], np.float32)
    movable = np.array([False, True])
    moved = refinement_weights(found, lambda _: np.array([[0, 0]]), weights, 2.0, movable)
    assert moved.tolist() == [0.5, 0]
    assert weights.tolist() == [0.5, 1]


def test_bounds_are_inclusive() -> None:
    found = np.array([[1, 1, 0, 0, 0, 0, 0, 0]])
    for refined, is_wrong in (
        ([1, 0, 0, 0, 0, 0, 0, 0], False),
        ([1, 1, 1, 1, 0, 0, 0, 0], False),
        ([0, 0, 1, 1, 0, 0, 0, 0], True),
        ([1, 1, 1, 1, 1, 0, 0, 0], True),
    ):
        assert changed_classes(found, np.array([refined]), 1, 2.0).tolist() == [is_wrong]


def test_the_background_wins_where_the_best_score_is_the_threshold() -> None:
    assert winners(np.array([[[0.5, 0.6]]], np.float32), 0.5).tolist() == [[0, 1]]
