"""Images in memory, the least recently used dropped first."""

import numpy as np
import pytest

from patchlearn.core.errors import PatchlearnError
from patchlearn.web.answers import Answer, Question
from patchlearn.web.shelf import ANSWERS, Shelf

IMAGE = np.zeros((1, 1, 3), np.uint8)
ANSWER = Answer(scores=(), tags=(), maps=np.zeros((0, 1, 1), np.float32), mask=IMAGE[..., 0], threshold=0.5)


def test_the_image_that_was_not_looked_at_is_dropped() -> None:
    shelf = Shelf(2)
    first, second = (shelf.put(name, IMAGE, None) for name in "ab")
    assert shelf.get(first.id) is first
    third = shelf.put("c", IMAGE, None)
    assert (shelf.get(first.id), shelf.get(third.id)) == (first, third)
    with pytest.raises(PatchlearnError, match="no longer held"):
        shelf.get(second.id)


def test_ids_cannot_be_guessed() -> None:
    shelf = Shelf(100)
    ids = {shelf.put("a", IMAGE, None).id for _ in range(100)}
    assert len(ids) == 100
    assert min(map(len, ids)) >= 20


def test_a_few_answers_are_kept() -> None:
    shelved = Shelf(1).put("a", IMAGE, None)
    questions = [Question(variant="plain", threshold=number / 100) for number in range(ANSWERS + 1)]
    for question in questions:
        shelved.remember(question, ANSWER)
    assert list(shelved.answers) == questions[1:]
