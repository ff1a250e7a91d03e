"""Probabilities on a coarse grid → the mask of an image, with or without a dense CRF; never all maps at full size."""

from collections.abc import Iterator, Sequence

import numpy as np

from patchlearn.core.strips import strips
from patchlearn.core.types import BACKGROUND, IGNORE, Float32, UInt8, Window, enlarge
from patchlearn.inference.settings import InferenceSettings
from patchlearn.refine import dense_crf_parts
from patchlearn.refine.settings import NO_CRF

OF_PIXEL = 24  # bytes of a strip: two maps, their winner, and what compares them


def labelled(
    image: UInt8, maps: Float32, labels: Sequence[int], settings: InferenceSettings, least: float = 0.0
) -> UInt8:
    """H×W: the label that each pixel has, 255 where the highest probability, before a CRF, is below `least`.

    Args:
        image: H×W×3, RGB.
        maps: (K+1)×h×w probabilities, the background's first.
        labels: those that may occur, that of the background among them.
        settings: of the CRF.
        least: in [0, 1].
    """
    size = image.shape[0], image.shape[1]
    mask = np.empty(size, np.uint8)
    for window, winners in _winners(image, maps, labels, settings):
        mask[window] = winners
    if least > 0:
        for window in strips(size, OF_PIXEL):
            _, probability = _argmax_at(maps, size, labels, window, normal=settings.crf != NO_CRF)
            mask[window][probability < least] = IGNORE
    return mask


def _winners(
    image: UInt8, maps: Float32, labels: Sequence[int], settings: InferenceSettings
) -> Iterator[tuple[Window, UInt8]]:
    """(rows and columns, the label of each pixel there) of parts that cover the image."""
    size = image.shape[0], image.shape[1]
    if settings.crf == NO_CRF:
        for window in strips(size, OF_PIXEL):
            yield window, _argmax_at(maps, size, labels, window)[0]
        return

    def read(rows: slice, columns: slice) -> Float32:
        full = _normalised(enlarge(maps, size, (rows, columns)))
        return full if len(labels) == len(full) else _kept(full, labels)

    for window, refined in dense_crf_parts(image, read, len(maps), settings.kernels(size), settings.iterations):
        yield window, _argmax(refined, labels)
        del refined  # before the next part takes as much


def _argmax(refined: Float32, labels: Sequence[int]) -> UInt8:
    if len(labels) == len(refined):
        return refined.argmax(0).astype(np.uint8)
    return np.array(labels, np.uint8)[refined[labels].argmax(0)]


def _kept(full: Float32, labels: Sequence[int]) -> Float32:
    """The same array, in which those of the other labels are 0; a pixel at which all are 0 becomes background."""
    full[np.setdiff1d(np.arange(len(full)), labels)] = 0
    full[BACKGROUND] += full.sum(0) == 0
    full /= full.sum(0)
    return full


def _argmax_at(
    maps: Float32, size: tuple[int, int], labels: Sequence[int], window: Window, *, normal: bool = False
) -> tuple[UInt8, Float32]:
    """(label, value) of the largest of K enlarged maps in a window; two maps in memory at a time.

    With `normal`, the value is divided by the sum of all maps, the others too.
    """
    best = enlarge(maps[:1], size, window)[0].copy()
    winners, total = np.zeros(best.shape, np.uint8), best.copy() if normal else None
    for index in range(1, len(maps)):
        if index not in labels and not normal:
            continue
        rival = enlarge(maps[index : index + 1], size, window)[0]
        if total is not None:
            total += rival
        if index in labels:
            winners[rival > best] = index
            np.maximum(best, rival, out=best)
    return winners, best if total is None else best / total


def _normalised(maps: Float32) -> Float32:
    """Sums of one again, to the last digit."""
    return maps / maps.sum(0)
