"""A smaller part of a data set in which rare classes are as frequent as the others, as far as there are images."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from hashlib import sha256

from patchlearn.core.types import Sample

NOTHING = -1  # stands beside the classes for the images without any


def balanced_subset(samples: Sequence[Sample], count: int | None) -> tuple[Sample, ...]:
    """At most `count` samples, in the order given.

    One after another is added, each of the class that has the fewest so far; images without a class count as a class.
    Within a class, an image's place follows from its id alone, so that a few more images change little.

    Args:
        samples: to choose from.
        count: of the subset, from 1; None for all samples.

    >>> from pathlib import Path
    >>> def sample(at, label):
    ...     return Sample(id=str(at), image=Path(), labels=(label,))
    >>> samples = [sample(at, label=0) for at in range(98)] + [sample(at, label=1) for at in (98, 99)]
    >>> [sample.labels for sample in balanced_subset(samples, 5)]
    [(0,), (0,), (0,), (1,), (1,)]
    """
    if count is None or count >= len(samples):
        return tuple(samples)
    waiting = _by_class(samples)
    chosen: set[int] = set()
    found = Counter(dict.fromkeys(waiting, 0))
    while len(chosen) < count:
        rarest = min(waiting, key=lambda label: (found[label], label))
        at = waiting[rarest].pop()
        if at not in chosen:
            chosen.add(at)
            found.update(samples[at].labels or [NOTHING])
        if not waiting[rarest]:
            del waiting[rarest]
    return tuple(samples[at] for at in sorted(chosen))


def held_out_places(order: Sequence[int], labels: Sequence[Sequence[int]], count: int) -> list[int]:
    """The first places of an order, at most `count`, without which every class still has an image.

    Args:
        order: places in `labels`, each once.
        labels: of each image, its classes.
        count: how many are wanted; there are fewer where each of the others is the last image of a class.

    >>> held_out_places([2, 0, 1], labels=[(0,), (0,), (0, 1)], count=2)
    [0, 1]
    """
    left = Counter(label for each in labels for label in set(each))
    places: list[int] = []
    for place in order:
        own = set(labels[place])
        if len(places) < count and all(left[label] > 1 for label in own):
            places.append(place)
            left.subtract(own)
    return places


def _by_class(samples: Sequence[Sample]) -> dict[int, list[int]]:
    """Each class → the places of its samples; the next one is the last."""
    waiting = defaultdict(list)
    for at in sorted(range(len(samples)), key=lambda at: sha256(samples[at].id.encode()).digest()):
        for label in samples[at].labels or (NOTHING,):
            waiting[label].append(at)
    return dict(waiting)
