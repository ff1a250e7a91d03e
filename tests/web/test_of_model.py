"""A model says what `predict` writes."""

from typing import Any

import numpy as np
import pytest
from known_network import known_segmenter

from patchlearn.web.answers import Question
from patchlearn.web.of_model import ModelReader


@pytest.fixture
def reader() -> ModelReader:
    return ModelReader(known_segmenter(), "known")


def image() -> np.ndarray:
    """Left: mostly red; right: red and green alike."""
    picture = np.zeros((32, 64, 3), np.uint8)
    picture[:, :32] = (230, 20, 0)
    picture[:, 32:] = (120, 110, 0)
    return picture


def test_the_mask_is_that_of_predict(reader: ModelReader) -> None:
    picture = image()
    answer = reader.answer(reader.see(picture), Question(variant="model"))
    assert np.array_equal(answer.mask, reader.segmenter.predict(picture))
    assert np.array_equal(answer.maps, reader.segmenter.probabilities(picture)[1:])
    assert answer.threshold == reader.segmenter.settings.undecided


def test_the_threshold_is_that_of_a_pixel(reader: ModelReader) -> None:
    picture = image()
    answer = reader.answer(reader.see(picture), Question(variant="model", threshold=0.6))
    assert np.array_equal(answer.mask, reader.segmenter.predict(picture, pixel_threshold=0.6))
    assert answer.threshold == 0.6


def test_tags_say_what_is_present_and_leave_the_scores(reader: ModelReader) -> None:
    picture = image()
    seen = reader.see(picture)
    free, told = (reader.answer(seen, Question(variant="model", tags=tags)) for tags in (None, (1,)))
    assert np.array_equal(told.mask, reader.segmenter.predict(picture, present=[1]))
    assert (told.tags, len(told.maps)) == ((1,), 1)
    assert free.scores == told.scores


def test_the_network_reads_an_image_once_for_a_question_without_tags(reader: ModelReader) -> None:
    network: Any = reader.segmenter.network
    reader.answer(reader.see(image()), Question(variant="model"))
    assert network.calls == 1
