"""The operations P and M of Patch Learning: split a feature map into a grid of patches, and merge the patches.

Source: figure 2 of "Weakly Supervised Semantic Segmentation via Progressive Patch Learning" (TMM 2022). Patches are
independent samples: patches of one size become samples of one batch, and no loop over them is needed.
"""

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple, cast

import torch
from torch import Tensor
from torch.nn import functional as F

from patchlearn.models.backbones.tokens import FeatureMap, together, window_of

Grid = tuple[int, int]  # (rows, columns)


def split(features: Tensor, grid: Grid) -> Tensor:
    """Cut every map into rows × columns patches of one size.

    Args:
        features: B×C×H×W.
        grid: (rows, columns).

    Returns:
        (B·rows·columns)×C×h×w, image-major, then row-major.

    Raises:
        ValueError: the grid is not positive, or H or W is not divisible by it (`PatchGrid` takes any size).

    >>> import torch
    >>> image = torch.arange(16.0).reshape(1, 1, 4, 4)
    >>> split(image, (2, 2))[1].tolist()  # top right
    [[[2.0, 3.0], [6.0, 7.0]]]
    """
    rows, columns = _checked(grid)
    height, width = features.shape[-2:]
    if height % rows or width % columns:
        raise ValueError(
            f"a {height}×{width} map cannot be cut into {rows}×{columns} equal patches. "
            f"Pad it to {-(-height // rows) * rows}×{-(-width // columns) * columns}."
        )
    return cast(Tensor, PatchGrid((height, width), grid).split(features)[0])


def merge(patches: Tensor, grid: Grid) -> Tensor:
    """Put patches of one size back in their places; the exact inverse of `split`, for patches of any size.

    Args:
        patches: (B·rows·columns)×C×h×w, image-major, then row-major.
        grid: (rows, columns).

    Returns:
        B×C×(rows·h)×(columns·w).

    Raises:
        ValueError: the grid is not positive, or the number of patches is no multiple of rows·columns.
    """
    rows, columns = _checked(grid)
    if len(patches) % (rows * columns):
        raise ValueError(
            f"{len(patches)} patches are no multiple of {rows}×{columns}. Merge with the grid that split them."
        )
    return PatchGrid((rows * patches.shape[2], columns * patches.shape[3]), grid).merge([patches])


class Span(NamedTuple):
    """One side of a patch, in cells of the merged map: its own cells, and the border before and after them."""

    start: int
    stop: int
    before: int = 0
    after: int = 0

    @property
    def length(self) -> int:
        """Cells, the border included."""
        return self.stop - self.start + self.before + self.after


class PatchGrid:
    """Where the patches of a map of any size lie, and their batches: one for each size of patch.

    A patch is cut where a cell of the *merged* map begins, so that no layer reads a cell of padding. The sizes of the
    patches differ by one cell at most; where a side has fewer cells than the grid has rows, it has fewer patches.

    Args:
        size: (h, w) of the merged map.
        grid: (rows, columns).
        border: what a patch has beyond its edge, as wide as one cell of the merged map. "zero": nothing, because
            convolutions pad patches with zeros themselves. "replicate": its own outermost cells. "neighbour": the cells
            around it.
        clipped: a border of neighbours ends where the map ends, because cells would attend to the zeros outside of it.

    >>> grid = PatchGrid((3, 4), (2, 2))
    >>> batches = grid.split(torch.arange(12.0).reshape(1, 1, 3, 4))
    >>> [tuple(batch.shape) for batch in batches]
    [(2, 1, 2, 2), (2, 1, 1, 2)]
    >>> grid.merge(batches).flatten().tolist() == list(range(12))
    True
    """

    def __init__(self, size: tuple[int, int], grid: Grid, border: str = "zero", *, clipped: bool = False):
        clipped = clipped and border == "neighbour"
        self.border, self.framed = border, border == "neighbour" and not clipped
        rows, columns = _checked(grid)
        sides = _spans(size[0], rows, border, clipped=clipped), _spans(size[1], columns, border, clipped=clipped)
        self.groups: dict[tuple[int, int], list[tuple[Span, Span]]] = {}
        for row, column in product(*sides):
            self.groups.setdefault((row.length, column.length), []).append((row, column))

    def split(self, features: FeatureMap, ratio: int = 1) -> list[FeatureMap]:
        """The patches of maps at the cut, in batches of one size.

        Args:
            features: B×C×(h·ratio)×(w·ratio), or tokens.
            ratio: cells at the cut for each cell of the merged map, along a side.

        Returns:
            (B·n)×C×h'×w' for each size, image-major, then row-major.
        """
        shift = 0
        if self.framed and isinstance(features, Tensor):
            features, shift = F.pad(features, (ratio,) * 4), ratio
        batches = []
        for places in self.groups.values():
            windows = [tuple(self._cells(span, ratio, shift) for span in place) for place in places]
            batches.append(self._bordered(together([window_of(features, *window) for window in windows]), ratio))
        return batches

    def merge(self, batches: Sequence[Tensor]) -> Tensor:
        """The maps of all patches, without their border, in their places.

        Args:
            batches: as `split` gave them, after any layers: (B·n)×C×h'×w', one cell for each cell of the merged map.

        Returns:
            B×C×h×w.
        """
        placed: dict[tuple[int, int], Tensor] = {}
        for places, batch in zip(self.groups.values(), batches, strict=True):
            patches = batch.unflatten(0, (-1, len(places)))
            for index, (row, column) in enumerate(places):
                placed[row.start, column.start] = patches[:, index, :, _own(row), _own(column)]
        rows, columns = (sorted(set(starts)) for starts in zip(*placed))
        return torch.cat([torch.cat([placed[row, column] for column in columns], dim=3) for row in rows], dim=2)

    def _cells(self, span: Span, ratio: int, shift: int) -> slice:
        """The cells of a patch at the cut; its border is among them where it is cut out of the map."""
        before, after = (span.before, span.after) if self.border == "neighbour" else (0, 0)
        return slice((span.start - before) * ratio + shift, (span.stop + after) * ratio + shift)

    def _bordered(self, patches: FeatureMap, width: int) -> FeatureMap:
        if self.border == "replicate" and isinstance(patches, Tensor):
            return F.pad(patches, (width,) * 4, mode="replicate")
        return patches


def _spans(cells: int, parts: int, border: str, *, clipped: bool) -> list[Span]:
    """`parts` spans of `cells` cells, as even as possible; empty ones are left out."""
    lengths = [cells // parts + (index < cells % parts) for index in range(min(parts, cells))]
    starts = [sum(lengths[:index]) for index in range(len(lengths))]
    width = 0 if border == "zero" else 1
    return [
        Span(start, stop, 0 if clipped and start == 0 else width, 0 if clipped and stop == cells else width)
        for start, stop in ((start, start + length) for start, length in zip(starts, lengths, strict=True))
    ]


def _own(span: Span) -> slice:
    return slice(span.before, span.length - span.after)


def _checked(grid: Grid) -> Grid:
    rows, columns = grid
    if rows < 1 or columns < 1:
        raise ValueError(f"grid: {rows}×{columns} is not a grid. Rows and columns count from 1.")
    return rows, columns
