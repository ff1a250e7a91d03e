"""The operations P and M of Patch Learning: split a feature map into a grid of patches, and merge the patches.

Source: figure 2 of "Weakly Supervised Semantic Segmentation via Progressive Patch Learning" (TMM 2022). Patches are
independent samples: they become samples of the batch, and no loop is needed.
"""

from torch import Tensor
from torch.nn import functional as F

Grid = tuple[int, int]  # (rows, columns)


def split(features: Tensor, grid: Grid) -> Tensor:
    """Cut every map into rows × columns patches.

    Args:
        features: B×C×H×W.
        grid: (rows, columns).

    Returns:
        (B·rows·columns)×C×h×w, image-major, then row-major.

    Raises:
        ValueError: the grid is not positive, or H or W is not divisible by it.

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
    tiles = features.unflatten(3, (columns, -1)).unflatten(2, (rows, -1))  # B C rows h columns w
    return tiles.permute(0, 2, 4, 1, 3, 5).flatten(0, 2)


def split_with_border(features: Tensor, grid: Grid, border: str, width: int) -> Tensor:
    """Cut every map into patches with `width` additional cells on all four sides; `without_border` removes these.

    Args:
        features: B×C×H×W.
        grid: (rows, columns).
        border: the content of the additional cells: "replicate" repeats the patch's outermost cells, "neighbour" takes
            the cells around the patch, and zeros outside of the map. "zero" adds no cells, because convolutions pad
            patches with zeros themselves.
        width: cells; not used with "zero".

    Returns:
        (B·rows·columns)×C×(h + 2·width)×(w + 2·width), in the order of `split`.

    Raises:
        ValueError: the grid is not positive, or H or W is not divisible by it.
    """
    patches = split(features, grid)
    if border == "zero":
        return patches
    if border == "replicate":
        return F.pad(patches, (width, width, width, width), mode="replicate")
    height, breadth = patches.shape[-2:]
    framed = F.pad(features, (width, width, width, width))
    windows = framed.unfold(2, height + 2 * width, height).unfold(3, breadth + 2 * width, breadth)
    return windows.permute(0, 2, 3, 1, 4, 5).flatten(0, 2)


def without_border(patches: Tensor, border: str, width: int) -> Tensor:
    """Remove the cells that `split_with_border` added.

    Args:
        patches: the patches, or the output of layers for them.
        border: as in `split_with_border`.
        width: of the border at the stride of `patches`, in cells.
    """
    return patches if border == "zero" else patches[..., width:-width, width:-width]


def merge(patches: Tensor, grid: Grid) -> Tensor:
    """Put patches back in their places; the exact inverse of `split`, for patches of any size.

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
    tiles = patches.unflatten(0, (-1, rows, columns))  # B rows columns C h w
    return tiles.permute(0, 3, 1, 4, 2, 5).flatten(4, 5).flatten(2, 3)


def _checked(grid: Grid) -> Grid:
    rows, columns = grid
    if rows < 1 or columns < 1:
        raise ValueError(f"grid: {rows}×{columns} is not a grid. Rows and columns count from 1.")
    return rows, columns
