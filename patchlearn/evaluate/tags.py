"""Tags that the other images contradict, by the scores of heads that have not learned from the image in question."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from patchlearn.evaluate.surroundings import Bools, Floats

LEAST = 3  # images with a class, and without it, that there must be to compare with
EVEN = 0.5  # of the share; below, an image looks more like those of its own side


@dataclass(frozen=True, kw_only=True)
class Doubt:
    """One image whose tags are contradicted.

    Args:
        image: its place.
        index: of the class that is contradicted most.
        tagged: whether the image has the tag.
        share: of the images of the other side, which have the tag or not, that speak against it: those without the tag
            that look more like the class than this image, or those with it that look less like it.
        margin: by how many standard deviations of the scores the image lies beyond the mean of the other side.
    """

    image: int
    index: int
    tagged: bool
    share: float
    margin: float


def doubtful_tags(scores: Floats, labels: Bools, judged: Bools) -> list[Doubt]:
    """The images whose tags are contradicted, the most doubtful first; each with its most doubtful class.

    Args:
        scores: N×K, of heads that have not learned from the image.
        labels: N×K.
        judged: N×K, whether somebody judged the class. A class is left out that fewer than `LEAST` judged images have,
            or lack.

    >>> scores = np.array([[5.0], [4.0], [3.0], [4.5], [0.0], [1.0], [2.0]])
    >>> labels = np.array([[True], [True], [True], [False], [False], [False], [False]])
    >>> [(each.image, each.tagged, round(each.share, 2)) for each in doubtful_tags(scores, labels, labels | True)]
    [(3, False, 0.67)]
    """
    found: dict[int, Doubt] = {}
    for index in range(scores.shape[1]):
        for doubt in _of_class(scores[:, index], labels[:, index], judged[:, index], index):
            earlier = found.get(doubt.image)
            if earlier is None or _strength(doubt) > _strength(earlier):
                found[doubt.image] = doubt
    return sorted(found.values(), key=_strength, reverse=True)


def _strength(doubt: Doubt) -> tuple[float, float]:
    return doubt.share, doubt.margin


def _of_class(scores: Floats, labels: Bools, judged: Bools, index: int) -> Iterator[Doubt]:
    """Whatever lies on the wrong side of most of the others."""
    with_it, without = scores[labels & judged], scores[~labels & judged]
    if min(len(with_it), len(without)) < LEAST:
        return
    spread = float(scores[judged].std()) or 1.0
    for image in np.flatnonzero(judged).tolist():
        tagged, own = bool(labels[image]), scores[image]
        share, margin = _against(own, without, 1) if tagged else _against(own, with_it, -1)
        if share > EVEN:
            yield Doubt(image=image, index=index, tagged=tagged, share=share, margin=margin / spread)


def _against(own: float, others: Floats, sign: int) -> tuple[float, float]:
    """(the share of the others beyond an image's own score, by how much their mean is)."""
    beyond = sign * (others - own)
    return float((beyond > 0).mean()), float(beyond.mean())


def words_of(doubt: Doubt, image: str, classes: Sequence[str]) -> str:
    """The doubt as a sentence.

    Args:
        doubt: about one image.
        image: its name.
        classes: the K names.

    >>> words_of(Doubt(image=0, index=0, tagged=False, share=0.9, margin=1.0), "a.png", ["cat"])
    'a.png: lacks the tag cat, but looks more like it than 90 % of the images that have it'
    """
    what, percent = classes[doubt.index], f"{100 * doubt.share:.0f} %"
    if doubt.tagged:
        return f"{image}: has the tag {what}, but looks less like it than {percent} of the images without it"
    return f"{image}: lacks the tag {what}, but looks more like it than {percent} of the images that have it"
