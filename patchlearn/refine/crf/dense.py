"""Dense CRF: masks that follow the edges of the image.

Source: Krähenbühl & Koltun, "Efficient Inference in Fully Connected CRFs with Gaussian Edge Potentials" (2011): mean
field with a Gaussian kernel over positions and a bilateral kernel over positions and colours, Potts compatibility and
symmetric normalisation.

The results equal those of pydensecrf where the number of pixels is a multiple of four. Elsewhere pydensecrf adds black
pixels at the origin to fill its last vector; these change the corner of a dark image by up to a few hundredths. This
module adds no pixels.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from patchlearn.core.errors import PatchlearnError, require_one_of
from patchlearn.core.types import IGNORE, Float32, UInt8, Window
from patchlearn.refine.arrays import (
    Array,
    is_tensor,
    like,
    require_image_with_maps,
    require_probabilities,
    require_rgb,
    require_whole,
    to_numpy,
)
from patchlearn.refine.crf.inference import Read, refined_parts
from patchlearn.refine.settings import PRESETS, CrfKernels


def dense_crf(image: Any, probabilities: Array, preset: str | CrfKernels = "irn", iterations: int = 10) -> Array:
    """Refine the label probabilities of every pixel.

    An image that would need more than `WORKING_BYTES` (`patchlearn.refine.crf.memory`) is refined in parts, see
    `dense_crf_parts`. A tensor on a GPU is refined whole.

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
    return like(_refined(pixels, values, kernels, iterations), probabilities)


def dense_crf_parts(
    image: UInt8, read: Read, labels: int, preset: str | CrfKernels = "irn", iterations: int = 10
) -> Iterator[tuple[Window, Float32]]:
    """`dense_crf` of a large image, of which never all refined probabilities are held at once.

    An image that needs no more than `WORKING_BYTES` is one part, whose values are those of the whole. Others are cut
    into parts, each of which is refined with a margin of two standard deviations of the wider kernel around it. In them
    labels that are implausible (below 0.001 at every pixel of the part) have no channel, and are 0 in the result. How
    an image is cut depends on the image and on K alone, never on the machine. `crf_bytes` states the bytes.

    Args:
        image: H×W×3 uint8, RGB.
        read: rows, columns → the K×h×w label probabilities of these pixels; they sum to 1.
        labels: K.
        preset: "irn", "psa", "segmenter", or your own kernels.
        iterations: of mean field, 0 or more.

    Yields:
        (rows and columns of a part, its K×h×w refined probabilities); the parts cover the image and do not overlap.

    Raises:
        PatchlearnError: an unknown preset, or an image that is not H×W×3 uint8.

    >>> even = lambda rows, columns: np.full((2, rows.stop - rows.start, columns.stop - columns.start), 0.5, np.float32)
    >>> [(window, part.shape) for window, part in dense_crf_parts(np.zeros((20, 30, 3), np.uint8), even, 2)]
    [((slice(0, 20, None), slice(0, 30, None)), (2, 20, 30))]
    """
    kernels = _kernels(preset)
    require_rgb(image)
    require_whole("iterations", iterations, 0)
    return refined_parts(image, read, labels, kernels, iterations)


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
    probabilities = np.full((count, *labels.shape), (1 - confidence) / max(1, count - 1), np.float32)
    for label, each in enumerate(probabilities):
        each[labels == label] = confidence if count > 1 else 1.0
    probabilities[:, labels == IGNORE] = 1 / count
    return probabilities


def _kernels(preset: str | CrfKernels) -> CrfKernels:
    if isinstance(preset, str):
        require_one_of("preset", preset, PRESETS)
        return PRESETS[preset]
    if not isinstance(preset, CrfKernels):
        raise PatchlearnError(f"preset: {preset!r} is neither one of {', '.join(PRESETS)} nor a CrfKernels.")
    return preset


def _refined(image: UInt8, probabilities: Float32, kernels: CrfKernels, iterations: int) -> Float32:
    parts = refined_parts(
        image, lambda rows, columns: probabilities[:, rows, columns], len(probabilities), kernels, iterations
    )
    window, first = next(parts)
    if first.shape == probabilities.shape:
        return first
    result = np.empty(probabilities.shape, np.float32)
    result[:, *window] = first
    del first
    for window, refined in parts:
        result[:, *window] = refined
        del refined  # before the next part takes as much
    return result
