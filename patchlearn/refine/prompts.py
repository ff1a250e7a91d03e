"""Points and boxes from score maps: what a promptable network such as SAM 2 is asked."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from patchlearn.core.types import Float32, Integers
from patchlearn.refine.components import component_numbers

MOST = 64  # prompts of one image; smaller components stay what they are
STRONG = 0.75  # of the highest score in a component: lower peaks are no points
APART = 0.25  # of the longer side of the box: the distance between two points


@dataclass(frozen=True, kw_only=True, eq=False)
class Prompt:
    """What is asked about one connected component of a label.

    Args:
        label: which one; 0 is the background, and never asked about.
        points: n×2 pixels (x, y) of the image, counted from 0: the peaks of the scores, the highest first.
        box: (x0, y0, x1, y1): the first and the last column and row of the component.
        pixels: of the component, as indices of the flattened image.
    """

    label: int
    points: Integers
    box: tuple[int, int, int, int]
    pixels: Integers


def prompts_of(labels: Integers, scores: Float32, points: int = 3, without: Collection[int] = ()) -> list[Prompt]:
    """A prompt for each connected component, the largest first, at most 64; corners connect pixels.

    Points are the highest scores in the component. A further one is at least a quarter of the box's longer side away
    from all before it, and has at least three quarters of the highest score.

    Args:
        labels: H×W, 0 background, k the k-th map.
        scores: L×H×W, one map for each label, that of the background first.
        points: at most so many for each component, 1 or more.
        without: labels that are not asked about.

    >>> scores = np.array([[[0.5] * 6], [[0.1, 0.6, 0.9, 0.1, 0.1, 0.7]]], np.float32)
    >>> [(prompt.points.tolist(), prompt.box) for prompt in prompts_of(scores.argmax(0), scores)]
    [([[2, 0]], (1, 0, 2, 0)), ([[5, 0]], (5, 0, 5, 0))]
    """
    wanted = [label for label in range(1, len(scores)) if label not in without]
    components = [(label, place) for label in wanted for place in _components(labels == label)]
    largest = sorted(components, key=lambda each: -len(each[1]))[:MOST]
    return [_prompt(label, places, scores[label], points) for label, places in largest]


def _components(pixels: NDArray[np.bool_]) -> Iterator[Integers]:
    """n×2 rows and columns of each component."""
    places, numbers = np.argwhere(pixels), component_numbers(pixels)
    order = np.argsort(numbers, kind="stable")
    ends: Integers = np.bincount(numbers).cumsum()[:-1]
    yield from (each for each in np.split(places[order], ends) if len(each))


def _prompt(label: int, places: Integers, scores: Float32, points: int) -> Prompt:
    (top, left), (bottom, right) = places.min(0).tolist(), places.max(0).tolist()
    apart = APART * (1 + max(bottom - top, right - left))
    return Prompt(
        label=label,
        points=_peaks(places, scores[places[:, 0], places[:, 1]], points, apart)[:, ::-1],
        box=(left, top, right, bottom),
        pixels=np.ravel_multi_index((places[:, 0], places[:, 1]), scores.shape),
    )


def _peaks(places: Integers, scores: Float32, count: int, apart: float) -> Integers:
    """n×2 rows and columns, the highest score first; of equal ones that nearest to their middle."""
    left = np.where(scores >= STRONG * scores.max(), scores, -np.inf)
    found: list[Integers] = []
    while len(found) < count and np.isfinite(left.max()):
        highest = places[left == left.max()]
        found.append(highest[np.square(highest - highest.mean(0)).sum(1).argmin()])
        left[np.square(places - found[-1]).sum(1) < apart**2] = -np.inf
    return np.stack(found)
