"""A sample of tagged images in which rare classes are not missing."""

from collections.abc import Iterator, Sequence
from itertools import zip_longest

import numpy as np

from patchlearn.core.types import Dataset, Sample
from patchlearn.data.checks.mask_pairs import tagged_samples


def tagged_images(dataset: Dataset) -> list[Sample]:
    """The images that somebody tagged, of all splits; an image that several splits list once."""
    return list({sample.image: sample for _, sample in tagged_samples(dataset)}.values())


def stratified(samples: Sequence[Sample], most: int, seed: int) -> list[Sample]:
    """At most so many of the samples, in their order; all where there are no more.

    Each class in turn, the rarest first, adds one image that shows it, and after the classes one image without any;
    this is repeated. Within a class the images are drawn at random.

    Args:
        samples: with their labels.
        most: how many are drawn, 1 or more.
        seed: another one draws others.

    >>> from pathlib import Path
    >>> labels = [(0,), (0,), (0,), (0,), (0, 1), ()]
    >>> samples = [Sample(id=str(place), image=Path(str(place)), labels=each) for place, each in enumerate(labels)]
    >>> sorted(len(sample.labels) for sample in stratified(samples, 3, seed=0))
    [0, 1, 2]
    """
    if len(samples) <= most:
        return list(samples)
    order = np.random.default_rng(seed).permutation(len(samples)).tolist()
    chosen: dict[int, None] = {}
    for place in _in_turn(samples, order):
        chosen[place] = None
        if len(chosen) == most:
            break
    return [samples[place] for place in sorted(chosen)]


def _in_turn(samples: Sequence[Sample], order: Sequence[int]) -> Iterator[int]:
    """Places of the images, one of each class after another; an image of two classes comes twice."""
    strata: dict[int, list[int]] = {}
    for place in order:
        for label in samples[place].labels or (-1,):
            strata.setdefault(label, []).append(place)
    without = strata.pop(-1, [])
    rarest_first = sorted(strata.values(), key=len)
    for row in zip_longest(*rarest_first, without):
        yield from (place for place in row if place is not None)
