"""Which masks of a promptable network are taken: those that the score maps support.

A mask is taken if the mean score of its label is higher inside of it than around it. Around it is the box of the mask
and of the component that was asked about, larger by a quarter on each side, without the mask. A mask without a pixel,
or with nothing around it, is not taken: there is nothing to compare. With `growth`, it must also keep a share 1/growth
of the component, and be at most growth times as large.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from patchlearn.core.types import BACKGROUND, Float32, Integers
from patchlearn.refine.prompts import Prompt

Bools = NDArray[np.bool_]
MARGIN = 0.25  # of the box's sides: how far around a mask is looked


def is_supported(mask: Bools, prompt: Prompt, scores: Float32, growth: float | None = None) -> bool:
    """Whether the scores of a label are higher inside of a mask than around it.

    Args:
        mask: H×W.
        prompt: what was asked.
        scores: H×W, of the prompt's label.
        growth: above 1, how much smaller or larger than the component the mask may be; None for no bound.

    >>> scores = np.array([[0.1, 0.2, 0.9, 0.8, 0.1, 0.1]], np.float32)
    >>> prompt = Prompt(label=1, points=np.array([[2, 0]]), box=(2, 0, 3, 0), pixels=np.array([2, 3]))
    >>> is_supported(scores > 0.5, prompt, scores), is_supported(scores < 0.15, prompt, scores)
    (True, False)
    """
    if not mask.any() or (growth is not None and not _is_bounded(mask, prompt.pixels, growth)):
        return False
    window = _around(mask, prompt.box)
    inside, near = mask[window], scores[window]
    return not inside.all() and float(near[inside].mean()) > float(near[~inside].mean())


def prompted_labels(
    labels: Integers, scores: Float32, prompts: Iterable[Prompt], masks: Iterable[Bools], growth: float | None = None
) -> tuple[Integers, Bools]:
    """(H×W labels with the masks that are taken, H×W where they have decided).

    A mask that is taken replaces its component: pixels of the component outside of the mask become background. Where
    several labels claim a pixel (a mask that is taken, or a component that stays), the one with the highest score has
    it.

    Args:
        labels: H×W, 0 background, k the k-th map.
        scores: L×H×W, one map for each label, that of the background first.
        prompts: of components of the labels.
        masks: one for each prompt, H×W; they are read one after another.
        growth: see `is_supported`.

    >>> scores = np.array([[[0.5] * 6], [[0.1, 0.2, 0.9, 0.8, 0.3, 0.1]]], np.float32)
    >>> prompt = Prompt(label=1, points=np.array([[2, 0]]), box=(2, 0, 3, 0), pixels=np.array([2, 3]))
    >>> labels, decided = prompted_labels(scores.argmax(0), scores, [prompt], [np.array([[0, 1, 1, 0, 0, 0]], bool)])
    >>> labels.tolist(), decided.astype(int).tolist()
    ([[0, 1, 1, 0, 0, 0]], [[0, 1, 1, 1, 0, 0]])
    """
    stays, decided = labels != BACKGROUND, np.zeros(labels.shape, bool)
    won, best = np.zeros_like(labels), np.full(labels.shape, -np.inf, np.float32)
    for prompt, mask in zip(prompts, masks, strict=True):
        if is_supported(mask, prompt, scores[prompt.label], growth):
            stays.flat[prompt.pixels] = False
            decided.flat[prompt.pixels] = True
            decided |= mask
            is_higher = mask & (scores[prompt.label] > best)
            won[is_higher], best[is_higher] = prompt.label, scores[prompt.label][is_higher]
    own = np.take_along_axis(scores, labels[None], axis=0)[0]
    keeps = stays & (own >= best)
    return np.where(keeps | ~decided, labels, won), decided & ~keeps


def _is_bounded(mask: Bools, pixels: Integers, growth: float) -> bool:
    return bool(growth * mask.flat[pixels].sum() >= len(pixels) and mask.sum() <= growth * len(pixels))


def _around(mask: Bools, box: tuple[int, int, int, int]) -> tuple[slice, slice]:
    """The rows and columns of mask and box, and a quarter of their number on each side."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return _wider(rows, box[1], box[3], mask.shape[0]), _wider(columns, box[0], box[2], mask.shape[1])


def _wider(filled: Integers, first: int, last: int, most: int) -> slice:
    first, last = min(first, int(filled[0])), max(last, int(filled[-1]))
    margin = max(1, round(MARGIN * (last - first + 1)))
    return slice(max(0, first - margin), min(most, last + margin + 1))
