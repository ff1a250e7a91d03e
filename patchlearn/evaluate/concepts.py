"""How well the score of a word finds the images that are tagged with its class."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from patchlearn.core.types import Float32, Sample
from patchlearn.evaluate.surroundings import average_precisions


@dataclass(frozen=True, kw_only=True)
class WordScore:
    """One class and its word.

    Args:
        name: of the class.
        word: what was asked.
        tagged: images with the tag.
        judged: images with the tag, or without it; those where nobody judged the class are left out.
        precision: average precision, in 0..1; None where all or none of the images have the tag.
    """

    name: str
    word: str
    tagged: int
    judged: int
    precision: float | None

    @property
    def chance(self) -> float | None:
        """The average precision of guessing: the share of images with the tag."""
        return self.tagged / self.judged if self.judged else None


def word_scores(
    scores: Float32, samples: Sequence[Sample], classes: Sequence[str], words: Sequence[str]
) -> tuple[WordScore, ...]:
    """The score of each class.

    Args:
        scores: N×K, how probable each word is in each image.
        samples: the N images, with their tags.
        classes: names of the K classes.
        words: of the K classes.

    >>> from pathlib import Path
    >>> samples = [Sample(id="a", image=Path("a"), labels=(0,)), Sample(id="b", image=Path("b"), labels=())]
    >>> word_scores(np.array([[0.9], [0.1]], np.float32), samples, ["cat"], ["cat"])[0].precision
    1.0
    """
    indices = range(len(classes))
    labels = np.array([[index in sample.labels for index in indices] for sample in samples])
    judged = np.array([[index not in sample.unknown for index in indices] for sample in samples])
    found = average_precisions(scores.astype(np.float64), labels, judged)
    return tuple(
        WordScore(
            name=classes[index],
            word=words[index],
            tagged=int((labels & judged)[:, index].sum()),
            judged=int(judged[:, index].sum()),
            precision=found[index],
        )
        for index in indices
    )


def mean_precision(scores: Sequence[WordScore]) -> float | None:
    """Over the classes that have one; None if none has."""
    found = [each.precision for each in scores if each.precision is not None]
    return float(np.mean(found)) if found else None
