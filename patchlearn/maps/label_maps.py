"""The label maps of one image, made where they are read: those of a large image never exist as a whole."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from patchlearn.core.strips import strips
from patchlearn.core.types import BACKGROUND, IGNORE, Float32, ScoreMaps, UInt8, Window, enlarge
from patchlearn.refine import CrfSettings, dense_crf_parts, label_probabilities
from patchlearn.refine.background import label_scores
from patchlearn.refine.settings import NO_CRF

EPSILON = 1e-5  # where background and every class have no score, none is likelier than another
COPIES = 4  # of the maps of a strip, that are held while it becomes a mask


@dataclass(frozen=True)
class LabelMaps:
    """One map for each label of an image.

    Args:
        count: of the labels, K.
        size: (H, W) of the image.
        read: rows, columns → the K×h×w values there.
    """

    count: int
    size: tuple[int, int]
    read: Callable[[slice, slice], Float32]

    def whole(self) -> Float32:
        """K×H×W: all values at once."""
        return self.read(slice(0, self.size[0]), slice(0, self.size[1]))


def of_array(labels: Float32, size: tuple[int, int]) -> LabelMaps:
    """K×h×w maps on any grid, enlarged to an image of (H, W).

    >>> of_array(np.array([[[0.0, 1.0]]], np.float32), (1, 4)).read(slice(0, 1), slice(0, 2)).tolist()
    [[[0.0, 0.25]]]
    """
    return LabelMaps(len(labels), size, lambda rows, columns: enlarge(labels, size, (rows, columns)))


def of_mask(mask: UInt8, confidence: float) -> tuple[LabelMaps, tuple[int, ...]]:
    """(the label probabilities of a mask, the value of each label); the background is one of them.

    Args:
        mask: H×W, not all of it 255, which is unknown.
        confidence: of its labels.
    """
    found = np.bincount(mask.ravel(), minlength=IGNORE + 1).astype(bool)
    found[BACKGROUND], found[IGNORE] = True, False
    values = np.flatnonzero(found)
    places = np.full(IGNORE + 1, IGNORE, np.uint8)
    places[values] = np.arange(len(values))

    def read(rows: slice, columns: slice) -> Float32:
        return label_probabilities(places[mask[rows, columns]], len(values), confidence)

    return LabelMaps(len(values), (mask.shape[0], mask.shape[1]), read), tuple(values.tolist())


def of_scores(maps: ScoreMaps, threshold: float) -> LabelMaps:
    """The background's threshold and the label maps of score maps."""
    count = 1 + len(maps.mask_values)
    return LabelMaps(count, maps.size, lambda rows, columns: label_scores(maps, threshold, (rows, columns)))


def unary(labels: LabelMaps, settings: CrfSettings) -> LabelMaps:
    """The probabilities from which a CRF starts, of scores."""
    return LabelMaps(
        labels.count, labels.size, lambda rows, columns: probabilities_of(labels.read(rows, columns), settings)
    )


def probabilities_of(scores: Float32, settings: CrfSettings) -> Float32:
    """K×h×w: the same of scores that were read."""
    if settings.unary == "hard":
        return label_probabilities(scores.argmax(0).astype(np.uint8), len(scores), settings.confidence)
    return (scores + EPSILON) / (scores + EPSILON).sum(0)


def refined_parts(image: UInt8, labels: LabelMaps, settings: CrfSettings) -> Iterator[tuple[Window, Float32]]:
    """(rows and columns, K×h×w) of parts that cover the image: after the CRF or, without one, as they are.

    Args:
        image: H×W×3, RGB.
        labels: probabilities for a CRF, any scores without one.
        settings: of the CRF.
    """
    if settings.preset != NO_CRF:
        yield from dense_crf_parts(image, labels.read, labels.count, settings.kernels(labels.size), settings.iterations)
        return
    for window in strips(labels.size, 4 * COPIES * labels.count):
        yield window, labels.read(*window)
