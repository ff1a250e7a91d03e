"""The features of the dense CRF's two kernels, and the smallest probability that it takes."""

import numpy as np

from patchlearn.core.types import Float32, UInt8
from patchlearn.refine.settings import CrfKernels

LEAST_PROBABILITY = 1e-5  # probabilities are clipped to [1e-5, 1]: PSA, SEAM


def colour_features(image: UInt8, kernels: CrfKernels, corner: tuple[int, int] = (0, 0)) -> Float32:
    """5×H×W: column, row, red, green, blue, each in units of its standard deviation.

    Args:
        image: H×W×3, RGB.
        kernels: whose standard deviations are the units.
        corner: (row, column) of the first pixel, where the image is a part of a larger one.

    >>> from patchlearn.refine.settings import PRESETS
    >>> colour_features(np.full((4, 6, 3), 10, np.uint8), PRESETS["irn"])[:, 3, 5].tolist()  # 5/50, 3/50, 10/5 each
    [0.10000000149011612, 0.05999999865889549, 2.0, 2.0, 2.0]
    """
    height, width = image.shape[:2]
    features = np.empty((5, height, width), np.float32)
    features[:2] = space_features(height, width, kernels.bilateral_sxy, corner)
    for channel in range(3):
        np.divide(image[..., channel], np.float32(kernels.bilateral_srgb), out=features[2 + channel])
    return features


def space_features(height: int, width: int, deviation: float, corner: tuple[int, int] = (0, 0)) -> Float32:
    """2×H×W: column and row, counted from `corner`, in units of the standard deviation, which is in pixels."""
    top, left = corner
    features = np.empty((2, height, width), np.float32)
    features[0] = np.arange(left, left + width, dtype=np.float32) / np.float32(deviation)
    features[1] = (np.arange(top, top + height, dtype=np.float32) / np.float32(deviation))[:, None]
    return features
