"""Tags that the other images contradict, by the scores of heads that have not learned from the image in question."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from patchlearn.evaluate.surroundings import Bools, Floats

LEAST = 3  # images with a class, and without it, that there must be to compare with


@dataclass(frozen=True, kw_only=True)
class Doubt:
    """One image whose tags are contradicted.

    Args:
        image: its place.
        index: of the class that is contradicted most.
        tagged: whether the image has the tag.
        odds: above 0: the logarithm of how much likelier the score of the image is among those of the other side. Both
            sides count as normal, with their own medians and one deviation.
        share: of the images of its own side, with the tag or without it, that look more as they should.
    """

    image: int
    index: int
    tagged: bool
    odds: float
    share: float


def doubtful_tags(scores: Floats, labels: Bools, judged: Bools) -> list[Doubt]:
    """The images whose tags are contradicted, the most doubtful first; each with its most doubtful class.

    Args:
        scores: N×K, of heads that have not learned from the image.
        labels: N×K.
        judged: N×K, whether somebody judged the class. A class is left out that fewer than `LEAST` judged images have,
            or lack.

    >>> scores = np.array([[5.0], [4.0], [3.0], [4.5], [0.0], [1.0], [2.0]])
    >>> labels = np.array([[True], [True], [True], [False], [False], [False], [False]])
    >>> [(each.image, each.tagged, each.share) for each in doubtful_tags(scores, labels, labels | True)]
    [(3, False, 0.75)]
    """
    found: dict[int, Doubt] = {}
    for index in comparable(labels, judged):
        for doubt in _of_class(scores[:, index], labels[:, index], judged[:, index], index):
            earlier = found.get(doubt.image)
            if earlier is None or doubt.odds > earlier.odds:
                found[doubt.image] = doubt
    return sorted(found.values(), key=lambda doubt: doubt.odds, reverse=True)


def comparable(labels: Bools, judged: Bools) -> list[int]:
    """The classes that at least `LEAST` judged images have, and as many lack.

    >>> comparable(np.arange(6)[:, None] < [3, 4], np.ones((6, 2), bool))
    [0]
    """
    with_it, without = (labels & judged).sum(0), (~labels & judged).sum(0)
    return np.flatnonzero(np.minimum(with_it, without) >= LEAST).tolist()


def _of_class(scores: Floats, labels: Bools, judged: Bools, index: int) -> Iterator[Doubt]:
    """Whatever lies nearer to the median of the other side; nothing where the scores do not tell the class."""
    sides = {tagged: scores[judged & (labels == tagged)] for tagged in (True, False)}
    medians = {tagged: float(np.median(found)) for tagged, found in sides.items()}
    distance, middle = medians[True] - medians[False], (medians[True] + medians[False]) / 2
    variance = float(np.concatenate([found - medians[tagged] for tagged, found in sides.items()]).var()) or 1.0
    for image in np.flatnonzero(judged).tolist():
        tagged = bool(labels[image])
        sign = -1 if tagged else 1
        odds = sign * (float(scores[image]) - middle) * distance / variance
        if distance > 0 and odds > 0:
            share = float((sign * (scores[image] - sides[tagged]) > 0).mean())
            yield Doubt(image=image, index=index, tagged=tagged, odds=odds, share=share)


def words_of(doubt: Doubt, image: str, classes: Sequence[str]) -> str:
    """The doubt as a sentence.

    Args:
        doubt: about one image.
        image: its name.
        classes: the K names.

    >>> words_of(Doubt(image=0, index=0, tagged=False, odds=2.0, share=0.9), "a.png", ["cat"])
    'a.png: lacks the tag cat, but looks more like it than 90 % of the images without it'
    """
    what, percent = classes[doubt.index], f"{100 * doubt.share:.0f} %"
    if doubt.tagged:
        return f"{image}: has the tag {what}, but looks less like it than {percent} of the images with it"
    return f"{image}: lacks the tag {what}, but looks more like it than {percent} of the images without it"
