"""Dense CRF: masks that follow the edges of the image.

Source: Krähenbühl & Koltun, "Efficient Inference in Fully Connected CRFs with Gaussian Edge Potentials" (2011): mean
field with a Gaussian kernel over positions and a bilateral one over positions and colours, Potts compatibility and
symmetric normalisation.

The results are those of pydensecrf where the number of pixels is a multiple of four. Where it is not, that program adds
black pixels at the origin to fill its last vector, which change the corner of a dark image by up to a few hundredths;
here there are none.
"""

from dataclasses import dataclass

import numpy as np

from patchlearn.core.types import Float32, UInt8

LOWEST = 1e-5  # probabilities are clipped to [1e-5, 1]: PSA, SEAM


@dataclass(frozen=True, kw_only=True)
class CrfKernels:
    """The two kernels of a dense CRF.

    Args:
        gaussian_sxy: standard deviation of the Gaussian kernel, in pixels.
        gaussian_compat: what disagreeing with a near pixel costs.
        bilateral_sxy: standard deviation of the bilateral kernel in space, in pixels.
        bilateral_srgb: and in colour, in grey levels of 0–255.
        bilateral_compat: what disagreeing with a pixel that is near and alike costs.
    """

    gaussian_sxy: float
    gaussian_compat: float
    bilateral_sxy: float
    bilateral_srgb: float
    bilateral_compat: float


PRESETS = {
    # jiwoon-ahn/irn, misc/imutils.py
    "irn": CrfKernels(gaussian_sxy=3, gaussian_compat=3, bilateral_sxy=50, bilateral_srgb=5, bilateral_compat=10),
    # jiwoon-ahn/psa and YudeWang/SEAM, on class activation maps
    "psa": CrfKernels(gaussian_sxy=3, gaussian_compat=3, bilateral_sxy=80, bilateral_srgb=13, bilateral_compat=10),
    # kazuto1011/deeplab-pytorch, after a segmentation network
    "segmenter": CrfKernels(gaussian_sxy=1, gaussian_compat=3, bilateral_sxy=67, bilateral_srgb=3, bilateral_compat=4),
}


def colour_features(image: UInt8, kernels: CrfKernels) -> Float32:
    """5×H×W: column, row, red, green, blue, each in units of its standard deviation."""
    height, width = image.shape[:2]
    features = np.empty((5, height, width), np.float32)
    features[:2] = space_features(height, width, kernels.bilateral_sxy)
    for channel in range(3):
        np.divide(image[..., channel], np.float32(kernels.bilateral_srgb), out=features[2 + channel])
    return features


def space_features(height: int, width: int, deviation: float) -> Float32:
    """2×H×W: column and row in units of the standard deviation."""
    features = np.empty((2, height, width), np.float32)
    features[0] = np.arange(width, dtype=np.float32) / np.float32(deviation)
    features[1] = (np.arange(height, dtype=np.float32) / np.float32(deviation))[:, None]
    return features
