"""Patch Learning's P and M: cut a feature map into a grid of patches, and lay them back.

Source: figure 2 of "Weakly Supervised Semantic Segmentation via Progressive Patch Learning" (TMM 2022). Patches are
independent samples, so they are folded into the batch; nothing loops over them.
"""

from torch import Tensor

Grid = tuple[int, int]


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


def merge(patches: Tensor, grid: Grid) -> Tensor:
    """Lay patches back where `split` took them from; the exact inverse of `split` for maps of any patch size.

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
