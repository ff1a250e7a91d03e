"""Dense CRF: masks that follow the edges of the image.

Source: Krähenbühl & Koltun, "Efficient Inference in Fully Connected CRFs with Gaussian Edge Potentials" (2011): mean
field with a Gaussian kernel over positions and a bilateral one over positions and colours, Potts compatibility and
symmetric normalisation.

The results are those of pydensecrf where the number of pixels is a multiple of four. Where it is not, that program adds
black pixels at the origin to fill its last vector, which change the corner of a dark image by up to a few hundredths;
here there are none.
"""

from dataclasses import astuple
from functools import lru_cache
from typing import Any

import numpy as np

from patchlearn.core.errors import PatchlearnError, require_one_of
from patchlearn.core.types import IGNORE, Float32, UInt8
from patchlearn.refine.arrays import (
    Array,
    is_tensor,
    like,
    require_probabilities,
    require_shape,
    require_whole,
    to_numpy,
)
from patchlearn.refine.crf.features import LOWEST, PRESETS, CrfKernels, colour_features, space_features
from patchlearn.refine.crf.lattice import Lattice, build_lattice
from patchlearn.refine.crf.mean_field import mean_field
from patchlearn.refine.crf.vectors import VECTOR

NEVER = -1e4  # a logit whose exponential is zero


SMALL = 1_000_000  # pixels of an image whose spatial lattice (24 bytes per pixel) is kept for the next one of its size


SPACE, COLOUR = (0,) * 3, (0,) * 6  # corners of a simplex over 2 and 5 features


def dense_crf(image: Any, probabilities: Array, preset: str | CrfKernels = "irn", iterations: int = 10) -> Array:
    """Refine the label probabilities of every pixel.

    Args:
        image: H×W×3 uint8, RGB.
        probabilities: K×H×W in [0, 1], K labels (background among them) that sum to one at every pixel; a NumPy array
            or a torch tensor. One on a GPU is refined there.
        preset: "irn", "psa", "segmenter", or kernels of your own.
        iterations: of mean field.

    Returns:
        K×H×W float32 that sum to one; the kind of array that `probabilities` is.

    Raises:
        PatchlearnError: an unknown preset, sizes that do not fit, or values that are no probabilities.

    >>> image = np.zeros((20, 30, 3), np.uint8)
    >>> image[:, 10:] = 200  # an edge at column 10; the probabilities put it at column 12
    >>> foreground = np.where(np.arange(30) < 12, 0.2, 0.8) * np.ones((20, 1))
    >>> refined = dense_crf(image, np.stack([1 - foreground, foreground]).astype(np.float32))
    >>> (refined.argmax(0) == (np.arange(30) >= 10)).all()
    np.True_
    """
    kernels = _kernels(preset)
    pixels, values = to_numpy(image), to_numpy(probabilities)
    _check(pixels, values, iterations)
    if is_tensor(probabilities) and probabilities.device.type == "cuda":  # type: ignore[attr-defined]
        from patchlearn.refine.crf.mean_field_torch import infer

        return infer(pixels, probabilities, kernels, iterations)  # type: ignore[return-value, arg-type]
    return like(_infer(pixels, values, kernels, iterations), probabilities)


def label_probabilities(labels: UInt8, count: int, confidence: float = 0.7) -> Float32:
    """Probabilities of hard labels, as unaries of `dense_crf`.

    Args:
        labels: H×W, in 0..count-1; 255 where nothing is known.
        count: K.
        confidence: of the label; the others share the rest (IRN: 0.7).

    Returns:
        K×H×W; where nothing is known, all are equal.

    Raises:
        PatchlearnError: a label that is not below `count`, or a confidence that would not make it the likeliest.

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
    deviations = (preset.gaussian_sxy, preset.bilateral_sxy, preset.bilateral_srgb)
    if not (min(deviations) > 0 and min(astuple(preset)) >= 0 and np.isfinite(astuple(preset)).all()):
        raise PatchlearnError(f"{preset}: standard deviations must be above 0, what disagreeing costs 0 or more.")
    return preset


def _check(image: Any, probabilities: Any, iterations: int) -> None:
    require_shape("image", image, "H×W×3", "an RGB image")
    require_shape("probabilities", probabilities, "K×H×W", "one map for each label, background among them")
    if image.shape[2] != 3 or image.dtype != np.uint8:
        raise PatchlearnError(f"image: {image.shape} of {image.dtype} is no RGB image of uint8. Convert it first.")
    if image.shape[:2] != tuple(probabilities.shape[1:]):
        raise PatchlearnError(
            f"probabilities: maps of {probabilities.shape[1]}×{probabilities.shape[2]} on an image of "
            f"{image.shape[0]}×{image.shape[1]}. Resize them to the image first."
        )
    require_whole("iterations", iterations, 0)
    require_probabilities("probabilities", probabilities)


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
    """Channels are padded to what vector instructions take."""
    return channels if channels <= 2 else 4 if channels <= 4 else -(-channels // VECTOR) * VECTOR


def _logits(probabilities: Float32, lanes: int) -> Float32:
    """N×lanes: log probabilities less that of the last label, which needs no channel: softmax ignores a common shift.

    Padded lanes stand for labels of no probability.
    """
    logs = np.log(np.clip(probabilities, LOWEST, 1, dtype=np.float32)).reshape(len(probabilities), -1)
    logits = np.full((logs.shape[1], lanes), NEVER, np.float32)
    np.subtract(logs[:-1].T, logs[-1][:, None], out=logits[:, : len(probabilities) - 1])
    return logits


def _probabilities(differences: Float32) -> Float32:
    """K×N from the (K−1)×N differences to the last label's: all K sum to one."""
    result = np.empty((len(differences) + 1, differences.shape[1]), np.float32)
    result[-1] = (1 - differences.sum(0)) / len(result)
    np.add(differences, result[-1], out=result[:-1])
    return np.clip(result, 0, 1, out=result)
