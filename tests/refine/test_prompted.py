"""Which masks are taken, and what becomes of the labels."""

import numpy as np
import pytest

from patchlearn.refine.prompted import Bools, is_supported, prompted_labels
from patchlearn.refine.prompts import prompts_of

SIZE = (12, 20)


def box_mask(left: int, top: int, right: int, bottom: int) -> Bools:
    """The pixels from the first to the last column and row."""
    mask = np.zeros(SIZE, bool)
    mask[top : bottom + 1, left : right + 1] = True
    return mask


SCORES = np.full((2, *SIZE), 0.5, np.float32)
SCORES[1] = np.where(box_mask(6, 4, 10, 7), 0.9, np.where(box_mask(4, 3, 12, 8), 0.4, 0.1))
LABELS = SCORES.argmax(0)
(PROMPT,) = prompts_of(LABELS, SCORES)


@pytest.mark.parametrize(
    ("mask", "is_taken"),
    [
        (box_mask(6, 4, 10, 7), True),
        (box_mask(4, 3, 12, 8), True),  # larger, over what the map holds possible
        (box_mask(7, 5, 8, 6), True),  # a part: the mean around it is lower
        (box_mask(14, 0, 19, 11), False),  # beside it
        (~box_mask(4, 3, 12, 8), False),  # its surroundings
        (np.zeros(SIZE, bool), False),
        (np.ones(SIZE, bool), False),  # nothing is around it
    ],
)
def test_a_mask_is_taken_if_scores_are_higher_inside_than_around(mask: Bools, is_taken: bool) -> None:
    assert is_supported(mask, PROMPT, SCORES[1]) is is_taken


def test_only_the_neighbourhood_counts() -> None:
    """Another thing of the class fills the rest of the image."""
    mask, near = box_mask(6, 4, 10, 7), box_mask(5, 3, 11, 8)
    scores = np.where(near, SCORES[1], np.float32(1))
    assert scores[mask].mean() < scores[~mask].mean()
    assert is_supported(mask, PROMPT, scores)
    assert not is_supported(mask, PROMPT, np.where(mask, SCORES[1], np.float32(1)))


def test_with_a_bound_a_mask_keeps_half_of_the_component_and_is_twice_as_large_at_most() -> None:
    assert len(PROMPT.pixels) == 20
    part, large, moved = box_mask(6, 4, 8, 6), box_mask(5, 3, 12, 7), box_mask(9, 4, 13, 7)
    assert [is_supported(each, PROMPT, SCORES[1]) for each in (part, large, moved)] == [True, True, True]
    assert [is_supported(each, PROMPT, SCORES[1], growth=2.0) for each in (part, large, moved)] == [False, True, False]
    assert not is_supported(box_mask(4, 3, 12, 8), PROMPT, SCORES[1], growth=2.0)  # 54 pixels
    assert is_supported(box_mask(4, 3, 12, 8), PROMPT, SCORES[1], growth=3.0)


def test_a_mask_that_is_taken_replaces_its_component() -> None:
    mask = box_mask(7, 5, 12, 8)
    labels, decided = prompted_labels(LABELS, SCORES, [PROMPT], [mask])
    assert (labels == mask).all()
    assert (decided == (mask | (LABELS == 1))).all()


def test_one_that_is_not_taken_changes_nothing() -> None:
    labels, decided = prompted_labels(LABELS, SCORES, [PROMPT], [box_mask(14, 0, 19, 11)])
    assert (labels == LABELS).all()
    assert not decided.any()


TWO = np.full((3, *SIZE), 0.5, np.float32)
TWO[1] = np.where(box_mask(3, 4, 9, 7), 0.9, 0.1)
TWO[2] = np.where(box_mask(10, 4, 15, 7), 0.8, 0.2)
FIRST, SECOND = prompts_of(TWO.argmax(0), TWO)


def test_where_two_masks_overlap_the_higher_score_wins() -> None:
    masks = [box_mask(3, 4, 11, 7), box_mask(8, 4, 15, 7)]
    for order in (slice(None), slice(None, None, -1)):
        labels, decided = prompted_labels(TWO.argmax(0), TWO, [FIRST, SECOND][order], masks[order])
        assert (labels == TWO.argmax(0)).all()
        assert (decided == box_mask(3, 4, 15, 7)).all()


def test_a_component_that_stays_keeps_its_pixels_where_its_score_is_higher() -> None:
    taken, refused = box_mask(3, 4, 12, 7), box_mask(0, 0, 2, 1)
    labels, decided = prompted_labels(TWO.argmax(0), TWO, [FIRST, SECOND], [taken, refused])
    assert (labels == TWO.argmax(0)).all()
    assert (decided == box_mask(3, 4, 9, 7)).all()
    low = TWO.copy()
    low[2] -= 0.75  # as after a CRF, the labels no longer follow the scores
    labels, decided = prompted_labels(TWO.argmax(0), low, [FIRST, SECOND], [taken, refused])
    assert (labels == np.where(taken, 1, np.where(box_mask(13, 4, 15, 7), 2, 0))).all()
    assert (decided == taken).all()


def test_there_is_one_mask_for_each_prompt() -> None:
    with pytest.raises(ValueError, match="shorter"):
        prompted_labels(TWO.argmax(0), TWO, [FIRST, SECOND], [box_mask(3, 4, 9, 7)])
