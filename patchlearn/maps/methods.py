"""CAM methods of other packages, in place of the built-in maps (`cams.method`).

A package offers one as an entry point in the group `patchlearn.methods`: a function of a classifier, an H×W×3 uint8
image and P class indices. It returns P×h×w numbers from 0 on, an array or a tensor, or `ScoreMaps`. docs/extend.md has
an example.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import numpy as np
import torch

from patchlearn.core.errors import PatchlearnError, did_you_mean
from patchlearn.core.types import Float32, ScoreMaps, UInt8, enlarge
from patchlearn.models.classifier import Classifier

GROUP = "patchlearn.methods"

Method = Callable[[Classifier, UInt8, Sequence[int]], Any]


@dataclass(frozen=True)
class MapMethod:
    """A method, and the classifier whose maps it makes.

    Args:
        name: of the method.
        function: the method.
        classifier: on any device.
    """

    name: str
    function: Method
    classifier: Classifier

    def maps(
        self, image: UInt8, classes: Sequence[int], cells: tuple[int, int], unknown: Sequence[int] = ()
    ) -> ScoreMaps:
        """The maps of one image on a grid of cells, each divided by its maximum.

        Gradients are on while the method works.

        Args:
            image: H×W×3, RGB.
            classes: P class indices, sorted; at least one.
            cells: (h, w) of the result.
            unknown: those of `classes` that nobody judged.

        Raises:
            PatchlearnError: what the method returns is not P×h×w numbers from 0 on.
        """
        with torch.enable_grad():
            found = self.function(self.classifier, image, tuple(classes))
        scores = enlarge(self._checked(found, classes), cells)
        most = scores.max((1, 2), keepdims=True)
        scores /= np.where(most > 0, most, 1)  # gradients may be tiny: only their proportions count
        size = (image.shape[0], image.shape[1])
        return ScoreMaps(scores=scores, classes=tuple(classes), size=size, unknown=tuple(unknown))

    def _checked(self, found: Any, classes: Sequence[int]) -> Float32:
        is_ours = isinstance(found, ScoreMaps)
        if is_ours and found.classes != tuple(classes):
            raise PatchlearnError(
                f"cams.method {self.name}: returns maps of the classes {list(found.classes)}, but was asked for "
                f"{list(classes)}. Its package must be corrected."
            )
        array = found.scores if is_ours else found
        numbers = array.detach().float().cpu().numpy() if isinstance(array, torch.Tensor) else np.asarray(array)
        fits = numbers.ndim == 3 and len(numbers) == len(classes) and numbers.size and numbers.dtype.kind in "fiub"
        if not fits or not np.isfinite(numbers).all() or numbers.min() < 0:
            raise PatchlearnError(
                f"cams.method {self.name}: returns {numbers.dtype} of the shape {numbers.shape}, where P×h×w numbers "
                f"from 0 on are wanted, for P = {len(classes)} classes. Its package must be corrected."
            )
        return np.ascontiguousarray(numbers, np.float32)


def method_of(name: str | None, classifier: Classifier) -> MapMethod | None:
    """The method of this name for a classifier; None for the built-in maps, which have no name.

    Raises:
        PatchlearnError: no package offers the method.
    """
    return None if name is None else MapMethod(name, load_method(name), classifier)


@lru_cache(maxsize=8)
def load_method(name: str) -> Method:
    """Import a method by its name. It is found once: looking through all packages for every image would take long.

    Raises:
        PatchlearnError: no package offers it, or its package cannot be imported.
    """
    found = _found(name)
    try:
        function = found.load()
    except (ImportError, AttributeError) as error:
        raise PatchlearnError(
            f"cams.method: {name!r} is {found.value}, which cannot be imported ({error}). Install its package again."
        ) from None
    if not callable(function):
        raise PatchlearnError(f"cams.method: {name!r} is {found.value}, which is no function. Correct its package.")
    return function


def require_method(name: str) -> None:
    """Raise `PatchlearnError`, naming those that are installed, unless one package offers this method."""
    _found(name)


def _found(name: str) -> EntryPoint:
    offered = entry_points(group=GROUP)
    for each in offered:
        if each.name == name:
            return each
    names = sorted({each.name for each in offered})
    installed = f"Installed: {', '.join(names)}." if names else "None is installed."
    raise PatchlearnError(
        f"cams.method: no package offers {name!r}{did_you_mean(name, names)} {installed} Install one with pip install "
        f"PACKAGE; a package offers a method as an entry point in the group {GROUP} (docs/extend.md). Null is the "
        "built-in maps."
    )
