"""Whether the surroundings of a thing give its class away: what the tags and the scores of new images say about it.

A class whose tag is told as well by the weakest places of an image as by the whole image is told by what lies all over
the image. Maps that explain such a classifier may show anything.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

SUSPICIOUS = 0.85  # from this share on, the surroundings may tell the class (docs/log/trust.md)
KEPT = 0.5  # of the recognition after erasing elsewhere; with so much left, the mask is not what tells the class
LEAST_RECOGNITION = 0.1  # mAP above chance; a class that is hardly recognised has no telling surroundings


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What tells one class, each an average precision in [0, 1].

    Args:
        weakest: from the evidence that only a tenth of the places of an image falls below.
        mean: from the mean over all places.
        chance: of scores at random: the share of images with the class.
        erased: after what the mask covers was erased; None where it was not tried.
        elsewhere: after as much was erased elsewhere in the image.
        of_all: mean `share` of all classes; None where this is the only one.
    """

    weakest: float
    mean: float
    chance: float
    erased: float | None = None
    elsewhere: float | None = None
    of_all: float | None = None

    @property
    def share(self) -> float:
        """Of the recognition above chance, what the weakest places reach; 0 for a class that is hardly recognised.

        >>> Surroundings(weakest=0.96, mean=0.99, chance=0.4).share > SUSPICIOUS
        True
        >>> Surroundings(weakest=0.63, mean=0.79, chance=0.21).share > SUSPICIOUS
        False
        """
        if self.mean - self.chance < LEAST_RECOGNITION:
            return 0.0
        return max(0.0, (self.weakest - self.chance) / (self.mean - self.chance))

    @property
    def is_suspicious(self) -> bool:
        """Whether the surroundings may tell the class.

        The share of one class rests on few images, so that half of the verdict is that of all classes.
        """
        own = min(1.0, self.share)
        return (own if self.of_all is None else (own + self.of_all) / 2) >= SUSPICIOUS

    @property
    def kept(self) -> float | None:
        """Of the recognition after erasing elsewhere, what is left without the thing; None where it was not tried."""
        if self.erased is None or self.elsewhere is None or self.elsewhere - self.chance < LEAST_RECOGNITION:
            return None
        return max(0.0, (self.erased - self.chance) / (self.elsewhere - self.chance))

    @property
    def tell(self) -> bool:
        """Whether the surroundings tell the class. What erasing says counts more than the suspicion."""
        return self.is_suspicious and (self.kept is None or self.kept >= KEPT)


def average_precisions(scores: Floats, labels: Bools, judged: Bools) -> list[float | None]:
    """The area under the precision–recall curve of each class; None for a class without a positive or a negative.

    Args:
        scores: N×K, higher is more probable.
        labels: N×K.
        judged: N×K, False where nobody judged the class: such an image is left out.

    >>> scores, labels = np.array([[3.0], [2.0], [1.0]]), np.array([[True], [False], [True]])
    >>> average_precisions(scores, labels, labels | True)  # (1 + 2/3) / 2
    [0.8333333333333333]
    """
    return [
        _average_precision(scores[judged[:, index], index], labels[judged[:, index], index])
        for index in range(labels.shape[1])
    ]


def _average_precision(scores: Floats, labels: Bools) -> float | None:
    hits = labels[np.argsort(-scores, kind="stable")]
    if not hits.any() or hits.all():
        return None
    precision = hits.cumsum() / np.arange(1, len(hits) + 1)
    return float(precision[hits].mean())


def surroundings(weakest: Floats, mean: Floats, labels: Bools, judged: Bools) -> list[Surroundings | None]:
    """For each class, what tells it; None for a class without a positive or a negative.

    Args:
        weakest: N×K, the evidence that only a tenth of the places of an image falls below.
        mean: N×K, the mean over all places.
        labels: N×K.
        judged: N×K.
    """
    low, high = (average_precisions(scores, labels, judged) for scores in (weakest, mean))
    chances = (labels & judged).sum(0) / np.maximum(judged.sum(0), 1)
    found = [
        None if least is None or most is None else Surroundings(weakest=least, mean=most, chance=float(chance))
        for least, most, chance in zip(low, high, chances, strict=True)
    ]
    of_all = float(np.mean([min(1.0, each.share) for each in found if each] or [0.0]))
    return [each and replace(each, of_all=of_all) for each in found]


def after_erasing(
    found: Surroundings, scores: Floats, labels: Bools, judged: Bools, erased: dict[int, tuple[float, float]]
) -> Surroundings:
    """The same with what is left of the recognition; as it was where no image could be erased.

    Args:
        found: of one class.
        scores: N of it, of the images as they are.
        labels: N.
        judged: N.
        erased: place of an image with the class → its score after erasing the thing, and after erasing elsewhere. Of
            the images with the class, only these are ranked.
    """
    chosen = judged & (~labels | np.isin(np.arange(len(labels)), list(erased)))
    if not erased or not (judged & ~labels).any():
        return found
    first, second = scores.copy(), scores.copy()
    for place, (without, elsewhere) in erased.items():
        first[place], second[place] = without, elsewhere
    precisions = [_average_precision(each[chosen], labels[chosen]) for each in (first, second)]
    share = float(labels[chosen].mean())
    rescaled = [_at_chance(value, share, found.chance) for value in precisions]
    return replace(found, erased=rescaled[0], elsewhere=rescaled[1])


def _at_chance(precision: float | None, share: float, chance: float) -> float | None:
    """An average precision of a part of the images, as far between chance and 1 as among all of them."""
    return None if precision is None else chance + (precision - share) / (1 - share) * (1 - chance)


def missed_share(found: Sequence[Surroundings | None]) -> float:
    """Mean over the classes of what is recognised without the thing; 0 where nothing can be said.

    A class that its surroundings tell says nothing: it is recognised however good its mask is.

    >>> missed_share([None, Surroundings(weakest=0.5, mean=0.9, chance=0.4, erased=0.5, elsewhere=0.9)])
    0.2
    """
    kept = [min(1.0, each.kept) for each in found if each and each.kept is not None and not each.is_suspicious]
    return round(float(np.mean(kept)), 6) if kept else 0.0


def told_share(found: Sequence[Surroundings | None]) -> float:
    """Share of the classes that the surroundings may tell; 0 for no class.

    >>> told_share([None, Surroundings(weakest=0.4, mean=0.99, chance=0.4)])
    0.0
    """
    known = [each.is_suspicious for each in found if each]
    return sum(known) / len(known) if known else 0.0
