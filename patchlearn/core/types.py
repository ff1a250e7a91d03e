"""The nouns every step shares.

Shape legend, used by every docstring of the package:

    B  images in a batch      C  channels           K  classes, background not counted
    H  W  pixels              h  w  cells of a map   P  classes present in one image
    T  thresholds             rows  columns  the grid of patches

Class indices count from 0 without background where they stand for image labels and score maps; in a mask
0 is background, i + 1 is class i, and 255 is ignored.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, reduce
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from patchlearn.core.errors import PatchlearnError

IGNORE = 255
BACKGROUND = 0
MAX_CLASSES = IGNORE - 1

Bands = tuple[int, int, int]  # numbers of the bands of a file that become red, green and blue, from 1
Window = tuple[slice, slice]  # rows and columns of an image, both with a start and a stop
UInt8 = NDArray[np.uint8]
Float32 = NDArray[np.float32]
Integers = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One image, its tags, and the path of its true mask, if there is one.

    Args:
        id: unique within the data set; the stem of every file that a step writes about this image.
        image: the picture; may be of any mode or orientation, `read_image` makes it RGB.
        labels: class indices in 0..K-1, sorted.
        unknown: indices of the classes that nobody judged for this image, sorted. They take no part in loss or mAP.
        mask: ground truth, for evaluation and for the fully supervised reference only.
        parts: 1 strongly, 2 weakly discriminative part, 0 background, 255 ignored (drawn animals only).
    """

    id: str
    image: Path
    labels: tuple[int, ...]
    unknown: tuple[int, ...] = ()
    mask: Path | None = None
    parts: Path | None = None


@dataclass(frozen=True, kw_only=True)
class ClassSize:
    """What a user knows of a class: the area that it usually has in an image that shows it.

    Args:
        least: smallest area; None for no bound.
        most: largest area; None for no bound.
        unit: "share" (areas are shares of the image, in (0, 1]) or "pixels" (of the image in its file).
        count: "one" (the pixels of the class in one image are connected) or "many".
    """

    least: float | None = None
    most: float | None = None
    unit: str = "share"
    count: str = "many"


Sizes = tuple[ClassSize | None, ...]  # of each class, in the order of the classes; () where none is known


def in_shares(sizes: Sizes, size: tuple[int, int]) -> Sizes:
    """The same sizes with all bounds as shares of one image.

    Args:
        sizes: of each class.
        size: (H, W) of the image in its file.

    >>> in_shares((ClassSize(most=50, unit="pixels"), None), (10, 20))
    (ClassSize(least=None, most=0.25, unit='share', count='many'), None)
    """
    pixels = size[0] * size[1]

    def share(bound: float | None) -> float | None:
        return None if bound is None else min(bound / pixels, 1.0)

    return tuple(
        replace(each, least=share(each.least), most=share(each.most), unit="share")
        if each is not None and each.unit == "pixels"
        else each
        for each in sizes
    )


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Images with image-level labels, by split.

    Args:
        root: the folder it was read from.
        classes: names of the K classes.
        splits: the samples of each split, in the order of the data set's own list.
        mask_values: class values of the mask files, in the order of `classes`.
        masks_are_closed: whether a mask value that is neither 0, 255 nor in `mask_values` is an error
            (a folder data set) or a class left out on purpose, which is ignored (VOC with a `classes.txt`).
        mask_colours: (red, green, blue) → class value, for mask files of colours; None for VOC's colour map.
        bands: those that were chosen of the images (`data.bands`); None for the usual ones.
        sizes: how large each class usually is (`classes.csv`), in the order of `classes`; () where nothing is said.
        notes: sentences about what was found out while opening, and what of the folder is not used.
    """

    root: Path
    classes: tuple[str, ...]
    splits: dict[str, tuple[Sample, ...]]
    mask_values: tuple[int, ...]
    masks_are_closed: bool
    mask_colours: dict[tuple[int, int, int], int] | None = None
    bands: Bands | None = None
    sizes: Sizes = ()
    notes: tuple[str, ...] = field(default=(), compare=False)

    def split(self, name: str) -> tuple[Sample, ...]:
        """The samples of one split.

        Raises:
            PatchlearnError: the data set has no split of this name; the message lists those it has.
        """
        if name not in self.splits:
            raise PatchlearnError(
                f"{self.root}: no split {name!r}. It has: {', '.join(sorted(self.splits))}. Name one of these in the "
                "settings, or rename it in the data."
            )
        return self.splits[name]

    @cached_property
    def mask_table(self) -> Integers:
        """256 entries: value in a mask file → 0 background, i + 1 class i, 255 ignore, -1 not allowed."""
        table = np.full(256, -1 if self.masks_are_closed else IGNORE, dtype=np.int64)
        table[BACKGROUND], table[IGNORE] = BACKGROUND, IGNORE
        table[list(self.mask_values)] = np.arange(1, len(self.mask_values) + 1)
        return table


@dataclass(frozen=True, kw_only=True)
class ScoreMaps:
    """Soft class scores of one image, for its present classes, and for those that may be present, only.

    Args:
        scores: P×h×w in [0, 1]; each class's own maximum is 1 unless its map is empty.
        classes: the P class indices, in 0..K-1, sorted.
        size: (H, W) of the image; the scores may lie on a coarser grid.
        labels: "given" (the image's own labels chose the classes) or "predicted".
        unknown: those of `classes` that nobody judged for this image. Where they win, a mask is 255.
    """

    scores: Float32
    classes: tuple[int, ...]
    size: tuple[int, int]
    labels: str = "given"
    unknown: tuple[int, ...] = ()

    @property
    def judged(self) -> "ScoreMaps":
        """The maps without those of the unknown classes."""
        if not self.unknown:
            return self
        places = [place for place, index in enumerate(self.classes) if index not in self.unknown]
        classes = tuple(self.classes[place] for place in places)
        return replace(self, scores=self.scores[places], classes=classes, unknown=())

    @property
    def mask_values(self) -> tuple[int, ...]:
        """What a mask holds where each of the `label_maps` wins: i + 1 for class i, 255 for the unknown classes.

        >>> ScoreMaps(scores=np.ones((3, 1, 1), np.float32), classes=(0, 4, 6), size=(1, 1), unknown=(0, 4)).mask_values
        (7, 255)
        """
        known = tuple(index + 1 for index in self.classes if index not in self.unknown)
        return (*known, IGNORE) if self.unknown else known

    def label_maps(self, window: Window | None = None) -> Float32:
        """L×H×W: the maps of the judged classes at the size of their image; of all unknown ones their maximum, last.

        With a window, those of its pixels alone. There is one map for all unknown classes: it does not matter which of
        them wins, and their number changes neither the time nor the result of a CRF.
        """
        if not self.unknown:
            return self.full_size(window)
        places = [place for place, index in enumerate(self.classes) if index in self.unknown]
        maps = (enlarge(self.scores[place : place + 1], self.size, window) for place in places)
        return np.concatenate([self.judged.full_size(window), reduce(np.maximum, maps)])

    def full_size(self, window: Window | None = None) -> Float32:
        """P×H×W: the scores at the size of their image, bilinear; with a window, those of its pixels.

        >>> maps = ScoreMaps(scores=np.ones((1, 2, 3), np.float32), classes=(4,), size=(20, 30))
        >>> maps.full_size().shape
        (1, 20, 30)
        """
        if self.scores.shape[1:] == self.size and window is None:
            return self.scores
        return enlarge(self.scores, self.size, window)


def enlarge(maps: Float32, size: tuple[int, int], window: Window | None = None) -> Float32:
    """K×h×w → K×H×W, bilinear; with a window, the pixels of it, as they are in the whole but for rounding (1e-5).

    >>> enlarge(np.array([[[0.0, 1.0]]], np.float32), (1, 4), (slice(0, 1), slice(2, 4))).tolist()
    [[[0.75, 1.0]]]
    """
    rows, columns = window or (slice(0, size[0]), slice(0, size[1]))
    if window is not None and maps.shape[1:] == size:
        return maps[:, rows, columns]
    result = np.empty((len(maps), rows.stop - rows.start, columns.stop - columns.start), np.float32)
    for each, given in zip(result, maps):
        box = None if result.shape[1:] == size else _box(given.shape, size, rows, columns)
        image = Image.fromarray(given).resize(each.shape[::-1], Image.Resampling.BILINEAR, box)
        each[...] = np.asarray(image)
    return result


def _box(cells: Sequence[int], size: tuple[int, int], rows: slice, columns: slice) -> tuple[float, float, float, float]:
    """(left, top, right, bottom) of the pixels on the grid of the cells."""
    high, wide = cells[0] / size[0], cells[1] / size[1]
    right, bottom = min(cells[1], columns.stop * wide), min(cells[0], rows.stop * high)
    return columns.start * wide, rows.start * high, right, bottom
