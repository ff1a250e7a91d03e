"""Dense CRF: masks that follow the edges of the image.

Source: Krähenbühl & Koltun, "Efficient Inference in Fully Connected CRFs with Gaussian Edge Potentials" (2011): mean
field with a Gaussian kernel over positions and a bilateral kernel over positions and colours, Potts compatibility and
symmetric normalisation.

The results equal those of pydensecrf where the number of pixels is a multiple of four. Elsewhere pydensecrf adds black
pixels at the origin to fill its last vector; these change the corner of a dark image by up to a few hundredths. This
module adds no pixels.
"""

from functools import lru_cache
from typing import Any

import numpy as np

from patchlearn.core.errors import PatchlearnError, require_one_of
from patchlearn.core.types import IGNORE, Float32, UInt8
from patchlearn.refine.arrays import (
    Array,
    is_tensor,
    like,
    require_image_with_maps,
    require_probabilities,
    require_whole,
    to_numpy,
)
from patchlearn.refine.crf.features import LEAST_PROBABILITY, colour_features, space_features
from patchlearn.refine.crf.lattice import Lattice, build_lattice
from patchlearn.refine.crf.mean_field import mean_field
from patchlearn.refine.crf.vectors import VECTOR
from patchlearn.refine.settings import PRESETS, CrfKernels

NEVER = -1e4  # a logit whose exponential is zero
SMALL = 1_000_000  # pixels; the spatial lattice of a size (24 bytes per pixel) is cached up to here
SPACE, COLOUR = (0,) * 3, (0,) * 6  # as long as a simplex over 2 and over 5 features has corners


def dense_crf(image: Any, probabilities: Array, preset: str | CrfKernels = "irn", iterations: int = 10) -> Array:
    """Refine the label probabilities of every pixel.

    Args:
        image: H×W×3 uint8, RGB.
        probabilities: K×H×W in [0, 1], K labels with the background among them; they sum to 1 at every pixel. A NumPy
            array or a torch tensor; a tensor on a GPU is refined there.
        preset: "irn", "psa", "segmenter", or your own kernels.
        iterations: of mean field, 0 or more.

    Returns:
        K×H×W float32 that sum to 1; an array of the same kind as `probabilities`.

    Raises:
        PatchlearnError: an unknown preset, sizes that do not fit, or values that are not probabilities.

    >>> image = np.zeros((20, 30, 3), np.uint8)
    >>> image[:, 10:] = 200  # an edge at column 10; the probabilities have it at column 12
    >>> foreground = np.where(np.arange(30) < 12, 0.2, 0.8) * np.ones((20, 1))
    >>> refined = dense_crf(image, np.stack([1 - foreground, foreground]).astype(np.float32))
    >>> (refined.argmax(0) == (np.arange(30) >= 10)).all()
    np.True_
    """
    kernels = _kernels(preset)
    pixels, values = to_numpy(image), to_numpy(probabilities)
    require_image_with_maps(pixels, values)
    require_whole("iterations", iterations, 0)
    require_probabilities("probabilities", values)
    if is_tensor(probabilities) and probabilities.device.type == "cuda":  # type: ignore[attr-defined]
        from patchlearn.refine.crf.mean_field_torch import infer

        return infer(pixels, probabilities, kernels, iterations)  # type: ignore[return-value, arg-type]
    return like(_infer(pixels, values, kernels, iterations), probabilities)


def label_probabilities(labels: UInt8, count: int, confidence: float = 0.7) -> Float32:
    """Probabilities of hard labels, as `dense_crf` takes them.

    Args:
        labels: H×W, in 0..count-1; 255 where the label is unknown.
        count: K.
        confidence: of the label; the other labels share the rest (IRN: 0.7).

    Returns:
        K×H×W; where the label is unknown, all are equal.

    Raises:
        PatchlearnError: a label that is not below `count`, or a confidence that would not make it the most probable.

    >>> label_probabilities(np.array([[0, 1, 255]], np.uint8), 2, confidence=0.75)[1].tolist()
    [[0.25, 0.75, 0.5]]
    """
    strange = np.setdiff1d(labels, [*range(count), IGNORE])
    if len(strange) or not (confidence > 1 / count or count == 1) or not confidence <= 1:
        raise PatchlearnError(
            f"label_probabilities: labels must be below {count} or {IGNORE}, the confidence above 1/{count} and "
            f"at most 1; got the labels {strange.tolist()} and {confidence}."
        )
    others = (1 - confidence) / max(1, count - 1)
    chosen = labels == np.arange(count)[:, None, None]
    probabilities = np.where(chosen, confidence if count > 1 else 1.0, others)
    return np.where(labels == IGNORE, 1 / count, probabilities).astype(np.float32)


def _kernels(preset: str | CrfKernels) -> CrfKernels:
    if isinstance(preset, str):
        require_one_of("preset", preset, PRESETS)
        return PRESETS[preset]
    if not isinstance(preset, CrfKernels):
        raise PatchlearnError(f"preset: {preset!r} is neither one of {', '.join(PRESETS)} nor a CrfKernels.")
    return preset


def _infer(image: UInt8, probabilities: Float32, kernels: CrfKernels, iterations: int) -> Float32:
    labels, height, width = probabilities.shape
    if labels == 1:
        return np.ones_like(probabilities, np.float32)
    spatial = _cached_spatial_lattice if height * width <= SMALL else _spatial_lattice
    colour = build_lattice(colour_features(image, kernels), kernels.bilateral_compat)
    space = spatial(height, width, kernels.gaussian_sxy, kernels.gaussian_compat)
    lanes = (0,) * _lanes(labels - 1)
    differences = mean_field(_logits(probabilities, len(lanes)), colour, space, iterations, COLOUR, SPACE, lanes)
    return _probabilities(differences.T[: labels - 1]).reshape(labels, height, width)


def _spatial_lattice(height: int, width: int, deviation: float, strength: float) -> Lattice:
    return build_lattice(space_features(height, width, deviation), strength)


_cached_spatial_lattice = lru_cache(maxsize=4)(_spatial_lattice)


def _lanes(channels: int) -> int:
    """The number of channels, padded to what vector instructions take."""
    return channels if channels <= 2 else 4 if channels <= 4 else -(-channels // VECTOR) * VECTOR


def _logits(probabilities: Float32, lanes: int) -> Float32:
    """N×lanes: log probabilities minus those of the last label, which needs no channel.

    Softmax ignores a common shift. Padded lanes are labels of probability zero.
    """
    logs = np.log(np.clip(probabilities, LEAST_PROBABILITY, 1, dtype=np.float32)).reshape(len(probabilities), -1)
    logits = np.full((logs.shape[1], lanes), NEVER, np.float32)
    np.subtract(logs[:-1].T, logs[-1][:, None], out=logits[:, : len(probabilities) - 1])
    return logits


def _probabilities(differences: Float32) -> Float32:
    """K×N from the (K−1)×N differences to the last label: all K sum to 1."""
    result = np.empty((len(differences) + 1, differences.shape[1]), np.float32)
    result[-1] = (1 - differences.sum(0)) / len(result)
    np.add(differences, result[-1], out=result[:-1])
    return np.clip(result, 0, 1, out=result)
