"""Arguments of refinement: NumPy array or torch tensor in, the same kind out; wrong values are refused."""

import sys
from numbers import Integral
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from patchlearn.core.errors import PatchlearnError

Array = TypeVar("Array")
UNEVEN = 1e-2  # largest deviation of a pixel's sum from 1: half precision with many labels reaches it


def is_tensor(value: object) -> bool:
    """Whether the value is a torch tensor; does not import torch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def to_numpy(value: Any) -> NDArray[Any]:
    """The array itself, or a tensor's values on the CPU; bfloat16 becomes float32, because NumPy lacks it."""
    if not is_tensor(value):
        return np.asarray(value)
    values = value.detach().cpu()
    return (values.float() if values.dtype == sys.modules["torch"].bfloat16 else values).numpy()


def like(result: NDArray[Any], reference: Array) -> Array:
    """The result as an array of the reference's kind (NumPy or torch), on the reference's device."""
    if not is_tensor(reference):
        return result  # type: ignore[return-value]
    return sys.modules["torch"].from_numpy(result).to(reference.device)  # type: ignore[attr-defined]


def require_shape(name: str, array: NDArray[Any], shape: str, example: str) -> None:
    """Raise `PatchlearnError` unless the array has the axes of a legend such as "K×H×W", none of them empty."""
    if array.ndim != len(shape.split("×")) or 0 in array.shape:
        raise PatchlearnError(
            f"{name}: the shape {array.shape} is not {shape} with at least one of each. Hand over {example}."
        )


def require_rgb(image: NDArray[Any]) -> None:
    """Raise `PatchlearnError` unless this is an RGB image, H×W×3 of uint8."""
    require_shape("image", image, "H×W×3", "an RGB image as read_image gives it")
    if image.shape[2] != 3 or image.dtype != np.uint8:
        raise PatchlearnError(
            f"image: {image.shape[2]} channels of {image.dtype} are not 3 of uint8. "
            "Hand over the RGB image itself, neither normalised nor scaled."
        )


def require_image_with_maps(image: NDArray[Any], probabilities: NDArray[Any]) -> None:
    """Raise `PatchlearnError` unless these are an RGB image, H×W×3 of uint8, and maps of its size, K×H×W."""
    require_shape("probabilities", probabilities, "K×H×W", "one map per label, np.stack(maps)")
    require_rgb(image)
    if image.shape[:2] != probabilities.shape[1:]:
        raise PatchlearnError(
            f"probabilities: maps of {probabilities.shape[1]}×{probabilities.shape[2]} on an image of "
            f"{image.shape[0]}×{image.shape[1]}. Resize them to the image first."
        )


def require_whole(name: str, value: object, least: int) -> None:
    """Raise `PatchlearnError` unless the value is a whole number, not below the least."""
    if not isinstance(value, Integral) or int(value) < least:
        raise PatchlearnError(f"{name}: {value!r} is not a whole number of {least} or more. Choose one.")


def require_probabilities(name: str, array: NDArray[Any]) -> None:
    """Raise `PatchlearnError` unless the values, K×H×W, are at least 0 and sum to 1 at every pixel."""
    require_finite(name, array, "Check the step that made them.")
    total = array.sum(0, dtype=np.float32)  # 255 labels summed in fp16 do not give 1
    if float(array.min()) < 0 or float(abs(total - 1).max()) > UNEVEN:
        raise PatchlearnError(
            f"{name}: the smallest value is {float(array.min()):.3g} and the sums at the pixels are "
            f"{float(total.min()):.3g} to {float(total.max()):.3g}; values must be at least 0 and sum to 1 at every "
            "pixel. Apply a softmax, divide by the sum, or add the background as a label of its own."
        )


def require_finite(name: str, array: NDArray[Any], remedy: str) -> None:
    """Raise `PatchlearnError` if a value is infinite or not a number."""
    if not all(np.isfinite(each).all() for each in array):
        count = int((~np.isfinite(array)).sum())
        raise PatchlearnError(f"{name}: {count} values are infinite or not a number. {remedy}")
