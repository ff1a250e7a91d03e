import numpy as np

from patchlearn.refine.crf.features import colour_features, space_features
from patchlearn.refine.settings import CrfKernels


def test_positions_are_in_units_of_their_standard_deviation() -> None:
    features = space_features(2, 3, 4.0)
    assert features.dtype == np.float32
    assert features.tolist() == [[[0, 0.25, 0.5]] * 2, [[0] * 3, [0.25] * 3]]


def test_colours_follow_the_positions_in_units_of_their_own() -> None:
    kernels = CrfKernels(gaussian_sxy=9, gaussian_compat=1, bilateral_sxy=2, bilateral_srgb=8, bilateral_compat=1)
    image = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)
    features = colour_features(image, kernels)
    np.testing.assert_array_equal(features[:2], space_features(2, 3, 2))
    np.testing.assert_array_equal(features[2:], image.transpose(2, 0, 1) / np.float32(8))
