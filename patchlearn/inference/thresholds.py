"""Two thresholds: on a class's score of the whole image, and on the probability of a pixel's label.

The score of a class is the 99.9 % quantile of its pixel probability over the image.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from patchlearn.core.errors import PatchlearnError, did_you_mean
from patchlearn.core.files import parse_json
from patchlearn.core.settings import require_share
from patchlearn.core.types import BACKGROUND, Float32
from patchlearn.data.labels import read_text

QUANTILE = 0.999  # a tenth of a per cent of the image: fewer pixels than that are no object
Float64 = NDArray[np.float64]
ImageThreshold = float | Mapping[str, float | None]


def image_scores(probabilities: Float32) -> Float64:
    """K scores in [0, 1]: the 99.9 % quantile of each class's pixel probability.

    Args:
        probabilities: (K+1)×h×w, background first, as `Segmenter.probabilities` gives them; on their own grid, which
            is coarser than the image.

    >>> probabilities = np.zeros((2, 10, 100), np.float32)
    >>> probabilities[1, 0, :2] = 0.5
    >>> image_scores(probabilities)
    array([0.5])
    """
    return np.array([np.quantile(each, QUANTILE) for each in probabilities[BACKGROUND + 1 :]], np.float64)


def dropped(scores: Float64, threshold: ImageThreshold | None, classes: Sequence[str]) -> list[int]:
    """Indices of the classes whose score is below their threshold.

    Args:
        scores: K, of one image.
        threshold: one for all classes, or one for each; None where there is none.
        classes: the K names.
    """
    if threshold is None:
        return []
    limits = [threshold[name] if isinstance(threshold, Mapping) else threshold for name in classes]
    return [index for index, limit in enumerate(limits) if limit is not None and scores[index] < limit]


def check_thresholds(
    image_threshold: ImageThreshold | None, pixel_threshold: float | None, classes: Sequence[str]
) -> None:
    """Raise `PatchlearnError` unless both are in [0, 1], and there is one, or None, for each of the classes.

    Args:
        image_threshold: one for all classes, or class → threshold; None for none.
        pixel_threshold: None for none.
        classes: the K names of the model.
    """
    if pixel_threshold is not None:
        require_share("pixel threshold", pixel_threshold)
    if isinstance(image_threshold, Mapping):
        _check_classes(image_threshold, classes)
        for name, limit in image_threshold.items():
            _require_number(f"image threshold of {name!r}", limit)
    else:
        _require_number("image threshold", image_threshold)


def read_image_threshold(words: str) -> ImageThreshold:
    """A number, or the class → threshold of a JSON file, as `patchlearn operating-point --out` writes it.

    Raises:
        PatchlearnError: the words are no number and name no such file.
    """
    try:
        return float(words)
    except ValueError:
        path = Path(words)
    if not path.is_file():
        raise PatchlearnError(f"image threshold: {words!r} is no number, and there is no such file. Name one of both.")
    try:
        read = parse_json(read_text(path))
    except ValueError as error:
        raise PatchlearnError(f"{path}: {_reason(error)}") from None
    if not isinstance(read, dict):
        raise PatchlearnError(f'{path}: no table of thresholds. Write one as {{"cat": 0.5, "dog": null}}.')
    return read


def _reason(error: ValueError) -> str:
    if isinstance(error, PatchlearnError):  # of the encoding; the message names the file already
        return str(error).partition(": ")[2]
    return f"not valid JSON ({error}). Correct it, or write it again with patchlearn operating-point --out."


def _check_classes(threshold: Mapping[str, float | None], classes: Sequence[str]) -> None:
    strange = [name for name in threshold if name not in classes]
    if strange:
        raise PatchlearnError(
            f"image threshold: {strange[0]!r} is no class of the model{did_you_mean(str(strange[0]), classes)} "
            f"Its classes are {', '.join(classes)}."
        )
    missing = [name for name in classes if name not in threshold]
    if missing:
        raise PatchlearnError(
            f"image threshold: {', '.join(missing)} has none. Name a number in [0, 1], or null (in Python: None) for a "
            "class that is never dropped."
        )


def _require_number(name: str, value: object) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float | np.floating):
        raise PatchlearnError(f"{name}: {value!r} is no number. Choose a number in [0, 1].")
    require_share(name, float(value))
