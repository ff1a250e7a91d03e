"""Which tags are doubtful: what lies among the images of the other side."""

import numpy as np
import pytest

from patchlearn.evaluate.tags import LEAST, doubtful_tags


def scores_of(labels: np.ndarray, seed: int = 0) -> np.ndarray:
    """Six standard deviations apart."""
    return labels * 6.0 + np.random.default_rng(seed).normal(size=labels.shape)


def test_planted_wrong_tags_rank_first() -> None:
    """Of 200 images of three classes, eight have a tag of the second one too many, or lack it."""
    true = np.random.default_rng(1).random((200, 3)) < 0.4
    given, wrong = true.copy(), [3, 50, 77, 120, 121, 140, 160, 199]
    given[wrong, 1] ^= True
    doubts = doubtful_tags(scores_of(true), given, np.ones_like(given))
    assert {each.image for each in doubts[:8]} == {*wrong}
    assert all(each.tagged == given[each.image, each.index] for each in doubts)
    assert len({each.image for each in doubts}) == len(doubts)


def test_what_nobody_judged_is_not_doubted() -> None:
    labels = np.arange(20)[:, None] < 10
    scores, judged = scores_of(labels), np.ones_like(labels)
    scores[0], judged[0] = -9.0, False
    assert 0 not in {each.image for each in doubtful_tags(scores, labels, judged)}


@pytest.mark.parametrize("count", [LEAST - 1, LEAST])
def test_a_class_with_too_few_images_is_left_out(count: int) -> None:
    labels = np.arange(20)[:, None] < count
    scores = np.where(labels, 25.0, np.arange(20.0)[:, None])
    assert bool(doubtful_tags(scores, labels, np.ones_like(labels))) == (count == LEAST)
