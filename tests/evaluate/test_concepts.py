"""The score of a word against the tags."""

from pathlib import Path

import numpy as np
import pytest

from patchlearn.core.types import Sample
from patchlearn.evaluate.concepts import mean_precision, word_scores

CLASSES, WORDS = ["cat", "tv", "all"], ["cat", "television", "everything"]
SAMPLES = [
    Sample(id=str(place), image=Path(str(place)), labels=labels, unknown=unknown)
    for place, (labels, unknown) in enumerate([((0, 2), ()), ((1, 2), ()), ((0, 2), (1,)), ((2,), ())])
]
# By rank of "cat": tagged, not, tagged, not. Of "tv" the best is not judged, then not, tagged, not.
SCORES = np.array([[0.9, 0.1, 0.5], [0.8, 0.2, 0.5], [0.7, 0.9, 0.5], [0.1, 0.3, 0.5]], np.float32)


def test_average_precision_is_that_of_the_judged_images() -> None:
    cat, tv, everything = word_scores(SCORES, SAMPLES, CLASSES, WORDS)
    assert (cat.name, cat.word, cat.tagged, cat.judged, cat.chance) == ("cat", "cat", 2, 4, 0.5)
    assert cat.precision == pytest.approx((1 / 1 + 2 / 3) / 2)
    assert (tv.word, tv.tagged, tv.judged) == ("television", 1, 3)
    assert tv.precision == pytest.approx(1 / 2)
    assert (everything.precision, everything.chance) == (None, 1.0)
    assert mean_precision([cat, tv, everything]) == pytest.approx((5 / 6 + 1 / 2) / 2)


def test_without_a_class_that_can_be_ranked_there_is_no_mean() -> None:
    found = word_scores(SCORES[:, 2:], [Sample(id="a", image=Path("a"), labels=(0,))] * 4, ["all"], ["all"])
    assert mean_precision(found) is None


def test_a_class_that_nobody_judged_has_neither() -> None:
    (found,) = word_scores(SCORES[:1, :1], [Sample(id="a", image=Path("a"), labels=(), unknown=(0,))], ["cat"], ["cat"])
    assert (found.judged, found.chance, found.precision) == (0, None, None)
