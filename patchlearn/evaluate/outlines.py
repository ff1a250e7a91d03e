"""Whether the outlines of masks can be right; no true mask is read.

A mask that is several times too large, or lies beside its thing, covers pixels that look like those around it. A mask
that is hardly thicker than the cells from which it was made is mostly outline.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from patchlearn.core.types import UInt8

Floats = NDArray[np.float32]
BINS = 16  # of a histogram
FEWEST = 8  # pixels on either side
RANGE = (1.0, 99.0)  # percentiles between which a histogram lies


@dataclass(frozen=True, kw_only=True)
class ImageOutlines:
    """What one image shows of the classes that it is tagged with.

    Args:
        tags: class indices.
        contrasts: of each class, see `contrast`; None where its mask, or what is around it, has too few pixels.
        cores: pixels of its mask after half a cell was taken from all sides.
        hulls: pixels of its mask after half a cell was added on all sides.
    """

    tags: tuple[int, ...]
    contrasts: tuple[float | None, ...]
    cores: tuple[int, ...]
    hulls: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class ClassOutlines:
    """One class over all images that are tagged with it.

    Args:
        contrast: mean over the images where there is one; None without any.
        thickness: the IoU of its masks without their outermost half cell and of those with half a cell more.
    """

    contrast: float | None
    thickness: float


def contrast(inside: Floats, outside: Floats) -> float:
    """How other the pixels of a mask look than those around it: from 0, as by chance, to 1, no value in common.

    It is the total variation distance of the two histograms of a channel, less what two samples of one distribution of
    that size show on average; the largest of all channels counts.

    Args:
        inside: N×C, see `appearance`.
        outside: M×C.

    >>> dark, bright = np.zeros((50, 1), np.float32), np.ones((50, 1), np.float32)
    >>> contrast(dark, bright), contrast(dark, dark)
    (1.0, 0.0)
    """
    return max(_distance(*channel) for channel in zip(inside.T, outside.T, strict=True))


def appearance(image: UInt8) -> Floats:
    """H×W×3, RGB → H×W×2: brightness and chroma, both from 0 to 255."""
    colours = image.astype(np.float32)
    return np.stack([colours.mean(2), colours.max(2) - colours.min(2)], axis=2)


def class_outlines(images: Iterable[ImageOutlines], index: int) -> ClassOutlines | None:
    """One class over all images; None where none is tagged with it.

    >>> image = ImageOutlines(tags=(3,), contrasts=(0.5,), cores=(10,), hulls=(40,))
    >>> class_outlines([image], 3)
    ClassOutlines(contrast=0.5, thickness=0.25)
    """
    shown = [(image, image.tags.index(index)) for image in images if index in image.tags]
    if not shown:
        return None
    contrasts = [value for image, place in shown if (value := image.contrasts[place]) is not None]
    core, hull = (sum(counts) for counts in zip(*((image.cores[at], image.hulls[at]) for image, at in shown)))
    return ClassOutlines(
        contrast=float(np.mean(contrasts)) if contrasts else None, thickness=core / hull if hull else 0.0
    )


def _distance(inside: Floats, outside: Floats) -> float:
    """Of one channel."""
    low, high = np.percentile(np.concatenate([inside, outside]), RANGE)
    if high <= low:
        return 0.0
    counts = [np.histogram(values.clip(low, high), BINS, (low, high))[0] for values in (inside, outside)]
    shares = [each / each.sum() for each in counts]
    by_chance = _by_chance((counts[0] + counts[1]) / (len(inside) + len(outside)), [len(inside), len(outside)])
    return float(max(0.0, (np.abs(shares[0] - shares[1]).sum() / 2 - by_chance) / (1 - by_chance)))


def _by_chance(shares: NDArray[np.float64], sizes: Sequence[int]) -> float:
    """The mean distance of two samples of one distribution, from the mean absolute differences of its bins."""
    variances = shares * (1 - shares) * sum(1 / size for size in sizes)
    return float(np.sqrt(2 / np.pi * variances).sum() / 2)
