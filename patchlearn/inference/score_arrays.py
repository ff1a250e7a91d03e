"""Arrays of other programs: one map for each class, in the order K×h×w or h×w×K."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from patchlearn.core.errors import PatchlearnError, require_one_of
from patchlearn.core.files import require_regular
from patchlearn.core.masks_io import UNREADABLE, read_scores
from patchlearn.core.types import MAX_CLASSES, Float32, ScoreMaps
from patchlearn.data.images import read_image
from patchlearn.evaluate.confusions import require_classes

KINDS = ("scores", "probabilities")
LAYOUTS = ("chw", "hwc")


@dataclass(frozen=True, kw_only=True)
class MapFormat:
    """What the maps and masks of another program hold.

    Args:
        kind: of arrays: "scores" of K classes, or "probabilities" of K + 1 labels, background first.
        layout: of arrays: "chw" (K×h×w) or "hwc" (h×w×K). None: chw, and an array that only fits hwc is an error.
        classes: K; None where it is not known.
        binary: whether 255 in masks stands for class 1.
    """

    kind: str = "scores"
    layout: str | None = None
    classes: int | None = None
    binary: bool = False

    def __post_init__(self) -> None:
        require_one_of("kind", self.kind, KINDS)
        if self.layout is not None:
            require_one_of("layout", self.layout, LAYOUTS)

    @property
    def background(self) -> int:
        """How many maps there are besides those of the classes."""
        return int(self.kind == "probabilities")

    @property
    def most(self) -> int:
        """The largest number of maps that a mask can hold."""
        return MAX_CLASSES + self.background


def read_score_file(path: Path, size: tuple[int, int], format: MapFormat) -> ScoreMaps:
    """Read the score maps of an image: `.npz` of patchlearn, or a `.npy` array K×h×w of scores in [0, 1].

    The maps of an array are those of the classes 0 to K-1, given for the image, at whatever size they have.

    Args:
        path: the file.
        size: (H, W) of the image.
        format: what an array should hold, and how many classes there are.

    Raises:
        PatchlearnError: what `read_scores` and `read_array` raise, a class that is not there, or a score that is no
            number in [0, 1].
    """
    if path.suffix.lower() == ".npz":
        maps = read_scores(path)
        require_classes(np.add(maps.classes, 1), MAX_CLASSES if format.classes is None else format.classes, str(path))
        return maps
    array = read_array(path, size, format)
    if not (np.isfinite(array).all() and array.min() >= 0 and array.max() <= 1):
        raise PatchlearnError(
            f"{path}: scores from {array.min():.3g} to {array.max():.3g}; they must be numbers in [0, 1]. Cut them off "
            "at 0 and divide each map by its maximum."
        )
    return ScoreMaps(scores=array, classes=tuple(range(len(array))), size=size)


def read_array(path: Path, size: tuple[int, int], format: MapFormat) -> Float32:
    """Read the maps of an image as K×h×w, one for each class, or with that of the background.

    Args:
        path: a `.npy` file.
        size: (H, W) of the image.
        format: what the file should hold.

    Raises:
        PatchlearnError: the file is damaged or no array of maps, the maps are h×w×K and nobody said so, or their number
            is wrong.
    """
    require_regular(path)
    try:
        with path.open("rb") as file:  # numpy.load would take an archive as well
            array: NDArray[np.generic] = np.lib.format.read_array(file, allow_pickle=False)
    except UNREADABLE as error:
        raise PatchlearnError(f"{path}: not a plain NumPy array ({error}). Write it again with numpy.save.") from None
    if array.ndim != 3 or 0 in array.shape or array.dtype.kind not in "fiub":
        raise PatchlearnError(
            f"{path}: {array.dtype} of the shape {array.shape} is not K×h×w numbers with at most {format.most} maps. "
            "Write one map for each class."
        )
    maps = np.moveaxis(array, -1, 0) if _layout(path, array.shape, size, format) == "hwc" else array
    _require_count(path, len(maps), format)
    return np.ascontiguousarray(maps, np.float32)


def refuse_too_many(path: Path, image: Path, format: MapFormat) -> None:
    """Raise `PatchlearnError` if an array has more maps than a mask can hold.

    Of the array only the header is read, and the image only where the axes alone do not tell. A file that is wrong
    otherwise passes: its own error comes when it is worked on.
    """
    try:
        require_regular(path)
        shape = np.lib.format.open_memmap(path, mode="r").shape
        if len(shape) != 3 or 0 in shape or max(shape[0], shape[2]) <= format.most:
            return
        height, width = read_image(image).shape[:2]
        layout = _layout(path, shape, (height, width), format)
    except (*UNREADABLE, PatchlearnError):
        return
    _require_storable(path, shape[2] if layout == "hwc" else shape[0], format)


def _layout(path: Path, shape: tuple[int, ...], size: tuple[int, int], format: MapFormat) -> str:
    """ "chw" or "hwc".

    Raises:
        PatchlearnError: the array fits hwc and not chw, and the format does not say so.
    """
    if format.layout is not None:
        return format.layout
    first, last = _fits(shape[0], shape[1:], size, format), _fits(shape[2], shape[:2], size, format)
    if last <= first:
        return "chw"
    rows, columns, maps = shape
    raise PatchlearnError(
        f"{path}: the shape {rows}×{columns}×{maps} fits h×w×K ({maps} maps of {columns}×{rows} cells) and not K×h×w, "
        f"for an image of {size[1]}×{size[0]} pixels. Say --layout hwc; or --layout chw, if it has {rows} maps."
    )


def _fits(count: int, cells: Sequence[int], size: tuple[int, int], format: MapFormat) -> tuple[bool, bool]:
    """How well so many maps of h×w cells fit. A known number of classes decides, and between equals the shape."""
    is_square = cells[0] == cells[1]  # programs that make every image square also write square maps
    has_shape = is_square or has_shape_of(cells, size)
    if format.classes is None:
        return count <= format.most and has_shape, False
    return count == format.classes + format.background, has_shape


def has_shape_of(cells: Sequence[int], size: Sequence[int]) -> bool:
    """Whether h×w cells cover an image of H×W pixels with cells about as high as wide: each side up to a cell.

    >>> has_shape_of((15, 22), (480, 704)), has_shape_of((16, 23), (480, 704)), has_shape_of((22, 3), (480, 704))
    (True, True, False)
    """
    smallest = max(pixels / (side + 1) for side, pixels in zip(cells, size))
    largest = min(pixels / (side - 1) if side > 1 else inf for side, pixels in zip(cells, size))
    return smallest <= largest


def _require_count(path: Path, count: int, format: MapFormat) -> None:
    _require_storable(path, count, format)
    if format.classes is None or count == format.classes + format.background:
        return
    more = " and the background" if format.background else ""
    raise PatchlearnError(
        f"{path}: holds {count} maps, but there are {format.classes} classes{more}. Correct the list of classes, "
        "--kind or the maps."
    )


def _require_storable(path: Path, count: int, format: MapFormat) -> None:
    if count > format.most:
        raise PatchlearnError(
            f"{path}: holds {count} maps, but a mask holds at most {format.most}. Merge classes, or split the data set "
            "by groups of classes."
        )
