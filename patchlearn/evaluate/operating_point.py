"""Thresholds on the score of an image, chosen from images whose tags are known, and how sure their rates are.

A false alarm is an image without the class whose score is at or above the threshold; a miss is an image with the class
whose score is below it.

With n images without the class, the threshold lies just above the (k+1)-th highest of their scores, so that k of them
are false alarms; k is the largest number with k/n within the wished rate. Misses are treated likewise.

The interval is the exact one of Clopper and Pearson. Its upper end holds although the threshold was chosen on the same
images: the true rate above the (k+1)-th highest of n scores has the distribution Beta(k+1, n-k), whose 97.5 % quantile
it is.
"""

from dataclasses import dataclass
from functools import cached_property
from math import ceil, log, log1p

import numpy as np
from numpy.typing import NDArray

from patchlearn.core.errors import PatchlearnError

TAIL = 0.025  # on either side of a 95 % interval
HALVINGS = 60  # of [0, 1]
Float64 = NDArray[np.float64]


@dataclass(frozen=True)
class Rate:
    """So many of so many images.

    Args:
        count: of the images for which something holds.
        of: of all images.
    """

    count: int
    of: int

    @property
    def share(self) -> float | None:
        """In [0, 1]; None of no images."""
        return self.count / self.of if self.of else None

    @cached_property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the true rate; (0, 1) of no images."""
        return clopper_pearson(self.count, self.of)

    def is_sure(self, wished: float) -> bool:
        """Whether the upper end of the interval is below twice the wished rate."""
        return self.interval[1] < 2 * wished


@dataclass(frozen=True, kw_only=True)
class OperatingPoint:
    """A threshold of one class, and its rates; those beside no threshold are of the threshold 1, the highest.

    Args:
        threshold: in [0, 1]; None where none keeps the wished rate, or no image shows it.
        false_alarms: of the images without the class.
        misses: of the images with it.
        more_without: further images without the class, of which the same share are false alarms, until the upper end
            of the interval is below twice the wished rate; 0 where it is, None where the share is above the wished one.
        more_with: likewise, images with the class and the rate of misses.
    """

    threshold: float | None
    false_alarms: Rate
    misses: Rate
    more_without: int | None
    more_with: int | None


def operating_point(
    positives: Float64, negatives: Float64, *, false_alarms: float | None = None, misses: float | None = None
) -> OperatingPoint:
    """The lowest threshold that keeps the rate of false alarms; if none is wished, the highest that keeps the misses.

    It lies halfway to the next score, so that scores which another machine computes a little differently stay on their
    side of it.

    Args:
        positives: scores in [0, 1] of the images with the class.
        negatives: scores of those without it.
        false_alarms: the wished rate, in (0, 1).
        misses: the wished rate, in (0, 1). Beside a rate of false alarms it changes no threshold.

    Raises:
        PatchlearnError: no rate is wished, or one is out of range.

    >>> negatives, positives = np.linspace(0, 0.5, 400), np.linspace(0.3, 1, 50)
    >>> point = operating_point(positives, negatives, false_alarms=0.05)
    >>> point.false_alarms, point.misses
    (Rate(count=20, of=400), Rate(count=13, of=50))
    """
    check_rates(false_alarms, misses)
    if false_alarms is not None:
        threshold = _lowest(negatives, positives, false_alarms)
    else:
        threshold = _highest(positives, negatives, misses or 0.0)
    limit = 1.0 if threshold is None else threshold
    alarms = Rate(int((negatives >= limit).sum()), len(negatives))
    missed = Rate(int((positives < limit).sum()), len(positives))
    return OperatingPoint(
        threshold=threshold,
        false_alarms=alarms,
        misses=missed,
        more_without=_more(alarms, false_alarms),
        more_with=_more(missed, misses),
    )


def check_rates(false_alarms: float | None, misses: float | None) -> None:
    """Raise `PatchlearnError` unless at least one rate is wished, and those that are can be shown by images."""
    if false_alarms is None and misses is None:
        raise PatchlearnError("no rate is wished. Name --false-alarms 0.01, for example, or --misses 0.05.")
    for name, rate in (("false alarms", false_alarms), ("misses", misses)):
        if rate is not None and not 0 < rate < 1:
            raise PatchlearnError(f"{name}: {rate} is out of range. Choose a number above 0 and below 1.")


def clopper_pearson(count: int, of: int) -> tuple[float, float]:
    """The exact 95 % interval of a rate, of which `count` in `of` were seen; (0, 1) if `of` is 0.

    >>> low, high = clopper_pearson(5, 50)
    >>> round(low, 4), round(high, 4)
    (0.0333, 0.2181)
    """
    return 1 - _upper_end(of - count, of), _upper_end(count, of)


def images_needed(rate: Rate, wished: float) -> int:
    """The number of images of which the same share leads to an interval whose upper end is below twice the wished rate.

    Args:
        rate: as it was seen; its share must not be above the wished one.
        wished: in (0, 1).

    >>> images_needed(Rate(0, 100), 0.01)
    183
    """
    if rate.count == 0:  # the upper end is 1 - TAIL ** (1 / n)
        return int(log(TAIL) / log1p(-2 * wished)) + 1 if wished < 0.5 else 1

    def is_enough(images: int) -> bool:
        return Rate(ceil(rate.count * images / rate.of), images).is_sure(wished)

    few, many = rate.of, 2 * rate.of
    while not is_enough(many):
        few, many = many, 2 * many
    while many - few > 1:
        middle = (few + many) // 2
        few, many = (few, middle) if is_enough(middle) else (middle, many)
    return many


def _more(rate: Rate, wished: float | None) -> int | None:
    if wished is None:
        return 0
    if rate.share is not None and rate.share > wished:
        return None
    return 0 if rate.of and rate.is_sure(wished) else images_needed(rate, wished) - rate.of


def _lowest(negatives: Float64, positives: Float64, wished: float) -> float | None:
    """The threshold just above the highest negative that must not be a false alarm."""
    if not len(negatives):
        return None
    bound = np.sort(negatives)[::-1][_allowed(len(negatives), wished)]
    scores = np.concatenate([negatives, positives])
    higher = scores[scores > bound]
    if not len(higher):
        threshold = float(np.nextafter(np.float32(bound), np.float32(2)))  # scores have the precision of 32 bits
        return threshold if threshold <= 1 else None
    middle = float((bound + higher.min()) / 2)
    return middle if middle > bound else float(higher.min())


def _highest(positives: Float64, negatives: Float64, wished: float) -> float | None:
    """The threshold just below the lowest positive that must not be missed, or its score where none is lower."""
    if not len(positives):
        return None
    bound = np.sort(positives)[_allowed(len(positives), wished)]
    scores = np.concatenate([negatives, positives])
    lower = scores[scores < bound]
    return float((bound + lower.max()) / 2) if len(lower) else float(bound)


def _allowed(images: int, wished: float) -> int:
    """How many of the images may be on the wrong side; 0.29 of 100 are 29, although 100 * 0.29 is a little less."""
    most = round(images * wished)
    return most - (most / images > wished)


def _upper_end(count: int, of: int) -> float:
    """The rate at which `count` or fewer of `of` have the probability `TAIL`; found by halving [0, 1]."""
    if count == of:
        return 1.0
    logarithms = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, of + 1)))])  # of the factorials
    hits = np.arange(count + 1)
    choices = logarithms[of] - logarithms[hits] - logarithms[of - hits]
    low, high = 0.0, 1.0
    for _ in range(HALVINGS):
        rate = (low + high) / 2
        tail = np.exp(choices + hits * log(rate) + (of - hits) * log1p(-rate)).sum()
        low, high = (rate, high) if tail > TAIL else (low, rate)
    return (low + high) / 2
