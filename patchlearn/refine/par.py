"""Pixel-adaptive refinement (PAR): probabilities follow the colours of the image, without training."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import Float32, Integers, UInt8
from patchlearn.refine.arrays import Array, like, require_finite, require_image_with_maps, require_whole, to_numpy
from patchlearn.refine.compiled import kernel

Float64 = NDArray[np.float64]

COLOUR_SCALE = 0.3  # w1 of AFA and ToCo
POSITION_SHARE = 0.01  # w2 of AFA and ToCo
GROWTH = 1 + POSITION_SHARE  # of the total in every iteration
NO_ZERO_DIVISION = 1e-8  # added to standard deviations


def pixel_adaptive_refinement(
    image: Any,
    probabilities: Array,
    iterations: int = 10,
    dilations: Sequence[int] = (1, 2, 4, 8, 12, 24),
) -> Array:
    """Replace each pixel by a weighted sum of its neighbours, several times; similar colours have large weights.

    The neighbours are the eight around the pixel at each dilation. Outside of the image, the nearest pixel of its
    border takes their place. The weights are softmax(−mean over colours (|ΔRGB| / (0.3 σ))²) + 0.01 ·
    softmax(−(distance / (0.3 σ))²); each σ is the standard deviation over all neighbours. As in AFA and ToCo the
    weights sum to 1.01: each iteration raises the total by a hundredth, which does not change an argmax.

    Memory in addition to the probabilities: 32 bytes per pixel and dilation, 36 MB at 500×375 with six dilations.

    Args:
        image: H×W×3, uint8, RGB.
        probabilities: K×H×W, float32, at the size of the image.
        iterations: 0 or more. AFA and ToCo use 10 on VOC, 15 on COCO.
        dilations: in pixels, each 1 or more.

    Returns:
        K×H×W, float32, an array of the same kind (NumPy or torch) and on the same device as `probabilities`.

    Raises:
        PatchlearnError: wrong axes, sizes or type, a value out of range or not a number.

    Source: Ru et al., "Learning Affinity from Attention" (AFA), CVPR 2022; Ru et al., "Token Contrast for
    Weakly-Supervised Semantic Segmentation" (ToCo), CVPR 2023.

    >>> image = np.zeros((1, 6, 3), np.uint8)
    >>> image[:, 3:] = 255
    >>> probabilities = np.array([[[0.9, 0.8, 0.4, 0.6, 0.3, 0.2]]], np.float32)
    >>> (pixel_adaptive_refinement(image, probabilities, iterations=4, dilations=(1,)) > 0.5).tolist()
    [[[True, True, True, False, False, False]]]
    """
    picture, values = to_numpy(image), to_numpy(probabilities)
    require_image_with_maps(picture, values)
    require_finite("probabilities", values, "Check the step that made them.")
    _check_settings(iterations, dilations)
    offsets, distances = _neighbours(dilations)
    margin = int(max(dilations))
    padded = np.pad(picture, ((margin, margin), (margin, margin), (0, 0)), mode="edge")
    weights = _weights(padded, offsets, _position_weights(distances))
    return like(_refine(np.array(values, np.float32), weights, offsets, int(iterations)), probabilities)


def _check_settings(iterations: int, dilations: Sequence[int]) -> None:
    require_whole("iterations", iterations, 0)
    if len(dilations) == 0:
        raise PatchlearnError("dilations: the list is empty. Name at least one; AFA uses 1, 2, 4, 8, 12, 24.")
    for dilation in dilations:
        require_whole("dilations", dilation, 1)


def _neighbours(dilations: Sequence[int]) -> tuple[Integers, Float64]:
    """The offsets (dy, dx), n×2, of the eight neighbours at every dilation, and their distances in pixels, n."""
    around = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (dy, dx) != (0, 0)]
    offsets = np.array([(dilation * dy, dilation * dx) for dilation in dilations for dy, dx in around], np.int64)
    return offsets, np.hypot(offsets[:, 0], offsets[:, 1])


def _position_weights(distances: Float64) -> Float64:
    """0.01 · softmax over the neighbours, n; the nearest neighbours have the largest weights."""
    scaled = distances / (distances.std(ddof=1) + NO_ZERO_DIVISION) / COLOUR_SCALE
    weights = np.exp(scaled.min() ** 2 - scaled**2)
    return POSITION_SHARE * weights / weights.sum()


@kernel()
def _weights(image: UInt8, offsets: Integers, position: Float64) -> Float32:
    """n×H×W: the weight of each neighbour at each pixel; `image` is padded with its border pixels."""
    margin = offsets.max()
    height, width = image.shape[0] - 2 * margin, image.shape[1] - 2 * margin
    weights = np.empty((len(offsets), height, width), np.float32)
    contrast = np.empty(len(offsets))
    for y in range(height):
        for x in range(width):
            _contrast(image, margin + y, margin + x, offsets, contrast)
            likeness = np.exp(contrast.min() - contrast)
            weights[:, y, x] = likeness / likeness.sum() + position
    return weights


@kernel()
def _contrast(image: UInt8, y: int, x: int, offsets: Integers, contrast: Float64) -> None:
    """Overwrite `contrast`, n: the mean over colours of (|ΔRGB| / (0.3 σ))² to every neighbour of one pixel."""
    contrast[:] = 0.0
    for colour in range(3):
        total, squares = np.int64(0), np.int64(0)
        for dy, dx in offsets:
            value = np.int64(image[y + dy, x + dx, colour])
            total += value
            squares += value * value
        count = len(offsets)
        spread = math.sqrt((count * squares - total * total) / (count * (count - 1.0))) + NO_ZERO_DIVISION
        for n in range(count):
            difference = image[y + offsets[n, 0], x + offsets[n, 1], colour] - np.float64(image[y, x, colour])
            contrast[n] += (difference / (COLOUR_SCALE * spread)) ** 2 / 3.0


@kernel()
def _refine(values: Float32, weights: Float32, offsets: Integers, iterations: int) -> Float32:
    margin = offsets.max()
    classes, height, width = values.shape
    padded = np.empty((classes, height + 2 * margin, width + 2 * margin), np.float32)
    for _ in range(iterations):
        _repeat_border(values, padded, margin)
        values = _weighted_sum(padded, weights, offsets)
    return values


@kernel()
def _repeat_border(values: Float32, padded: Float32, margin: int) -> None:
    """Copy K×H×W into the larger array and fill its margin with the nearest values."""
    classes, height, width = values.shape
    for k in range(classes):
        for row in range(padded.shape[1]):
            source, target = values[k, min(max(row - margin, 0), height - 1)], padded[k, row]
            target[:margin] = source[0]
            target[margin : margin + width] = source
            target[margin + width :] = source[width - 1]


@kernel(fastmath={"contract"})
def _weighted_sum(padded: Float32, weights: Float32, offsets: Integers) -> Float32:
    count, height, width = weights.shape
    margin = offsets.max()
    result = np.zeros((len(padded), height, width), np.float32)
    for y in range(height):
        for n in range(count):
            row, left, weight = margin + y + offsets[n, 0], margin + offsets[n, 1], weights[n, y]
            for k in range(len(padded)):
                neighbour, total = padded[k, row, left : left + width], result[k, y]
                for x in range(width):
                    total[x] += weight[x] * neighbour[x]
    return result
