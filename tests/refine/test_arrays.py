import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch

from patchlearn.core.errors import PatchlearnError
from patchlearn.refine.arrays import (
    is_tensor,
    like,
    require_finite,
    require_image_with_maps,
    require_probabilities,
    require_shape,
    require_whole,
    to_numpy,
)

IMAGE = np.zeros((4, 5, 3), np.uint8)
MAPS = np.full((2, 4, 5), 0.5, np.float32)


def test_arrays_are_not_tensors_and_torch_is_not_imported_to_find_out() -> None:
    assert is_tensor(torch.zeros(1))
    assert not is_tensor(np.zeros(1))
    code = "import sys; from patchlearn.refine.arrays import is_tensor; print(is_tensor(3), 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_tensors_become_arrays_of_their_values() -> None:
    tensor = torch.arange(3.0).requires_grad_()
    assert to_numpy(tensor).tolist() == [0, 1, 2]
    assert to_numpy(tensor.to(torch.bfloat16)).dtype == np.float32
    assert to_numpy(tensor.half()).dtype == np.float16
    assert to_numpy([[1, 2]]).shape == (1, 2)


def test_results_have_the_kind_of_the_reference() -> None:
    result = np.arange(3.0)
    assert like(result, np.zeros(1)) is result
    assert torch.equal(like(result, torch.zeros(1)), torch.arange(3.0, dtype=torch.double))


@pytest.mark.parametrize("array", [MAPS[0], MAPS[None], MAPS[:0], MAPS[:, :, :0]])
def test_wrong_or_empty_axes_are_refused(array: Any) -> None:
    require_shape("maps", MAPS, "K×H×W", "maps")
    with pytest.raises(PatchlearnError, match=r"^maps: the shape .* is not K×H×W .*Hand over one map per class"):
        require_shape("maps", array, "K×H×W", "one map per class")


@pytest.mark.parametrize(
    ("image", "maps", "message"),
    [
        (IMAGE[0], MAPS, r"^image: the shape \(5, 3\) is not H×W×3"),
        (IMAGE, MAPS[0], r"^probabilities: the shape \(4, 5\) is not K×H×W"),
        (IMAGE[..., :2], MAPS, r"^image: 2 channels of uint8 are not 3 of uint8"),
        (IMAGE / 255, MAPS, r"^image: 3 channels of float64 are not 3 of uint8"),
        (IMAGE, MAPS[:, 1:], r"^probabilities: maps of 3×5 on an image of 4×5\. Resize them"),
    ],
)
def test_images_and_maps_that_do_not_fit_are_refused(image: Any, maps: Any, message: str) -> None:
    require_image_with_maps(IMAGE, MAPS)
    with pytest.raises(PatchlearnError, match=message):
        require_image_with_maps(image, maps)


@pytest.mark.parametrize("value", [1, 1.5, "3", None, np.float32(4)])
def test_whole_numbers_are_whole_and_large_enough(value: object) -> None:
    require_whole("steps", np.int64(2), 2)
    with pytest.raises(PatchlearnError, match=r"^steps: .* is not a whole number of 2 or more"):
        require_whole("steps", value, 2)


def test_probabilities_are_at_least_zero_and_sum_to_one() -> None:
    require_probabilities("p", MAPS)
    require_probabilities("p", MAPS * 1.009)  # rounding of half precision
    with pytest.raises(
        PatchlearnError, match=r"^p: the smallest value is 0\.25 and the sums at the pixels are 0\.5 to 1"
    ):
        require_probabilities("p", np.stack([np.full((1, 2), 0.25), [[0.25, 0.75]]]))
    with pytest.raises(PatchlearnError, match=r"^p: the smallest value is -1 .*Apply a softmax"):
        require_probabilities("p", np.stack([MAPS[0] - 1.5, MAPS[0] + 1.5]))


def test_infinite_values_are_counted() -> None:
    with pytest.raises(PatchlearnError, match=r"^scores: 2 values are infinite or not a number\. Look there\.$"):
        require_finite("scores", np.array([1, np.nan, np.inf]), "Look there.")
