"""NumPy array or torch tensor in, the same kind out; what cannot be refined is refused."""

import sys
from numbers import Integral
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from patchlearn.core.errors import PatchlearnError

Array = TypeVar("Array")
UNEVEN = 1e-2  # how far the probabilities of a pixel may be from one: half precision with many labels is


def is_tensor(value: object) -> bool:
    """Whether it is a torch tensor; torch is not imported for the question."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def to_numpy(value: Any) -> NDArray[Any]:
    """The array itself, or a tensor's values on the CPU."""
    if not is_tensor(value):
        return np.asarray(value)
    values = value.detach().cpu()
    unknown_to_numpy = values.dtype == sys.modules["torch"].bfloat16
    return (values.float() if unknown_to_numpy else values).numpy()


def like(result: NDArray[Any], reference: Array) -> Array:
    """The result as the kind of array that the reference is, on its device."""
    if not is_tensor(reference):
        return result  # type: ignore[return-value]
    return sys.modules["torch"].from_numpy(result).to(reference.device)  # type: ignore[attr-defined]


def require_shape(name: str, array: NDArray[Any], shape: str, example: str) -> None:
    """Raise `PatchlearnError` unless the array has as many axes as the legend, such as "K×H×W", names."""
    axes = shape.split("×")
    if array.ndim != len(axes) or 0 in array.shape:
        raise PatchlearnError(
            f"{name}: the shape {array.shape} is not {shape} with at least one of each. Hand over {example}."
        )


def require_whole(name: str, value: object, least: int) -> None:
    """Raise `PatchlearnError` unless the value is a whole number, not below the least."""
    if not isinstance(value, Integral) or int(value) < least:
        raise PatchlearnError(f"{name}: {value!r} is not a whole number of {least} or more. Choose one.")


def require_probabilities(name: str, array: NDArray[Any]) -> None:
    """Raise `PatchlearnError` unless the values, K×H×W, are at least 0 and sum to one at every pixel."""
    require_finite(name, array, "Look at where they come from.")
    total = array.sum(0, dtype=np.float32)  # 255 labels in fp16 do not sum to one
    if float(array.min()) < 0 or float(abs(total - 1).max()) > UNEVEN:
        raise PatchlearnError(
            f"{name}: they begin at {float(array.min()):.3g} and sum to {float(total.min()):.3g} to "
            f"{float(total.max()):.3g}; they must be at least 0 and sum to 1 at every pixel. Apply a softmax, divide "
            "them by their sum, or add the background as a label of its own."
        )


def require_finite(name: str, array: NDArray[Any], remedy: str) -> None:
    """Raise `PatchlearnError` if a value is infinite or not a number."""
    if not np.isfinite(array).all():
        count = int((~np.isfinite(array)).sum())
        raise PatchlearnError(f"{name}: {count} values are infinite or not a number. {remedy}")
