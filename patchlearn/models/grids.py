"""Maps on another grid over the same image."""

import torch
from torch import Tensor
from torch.nn import functional as F


def on_image_grid(maps: Tensor, covered: tuple[float, float], cells: tuple[int, int]) -> Tensor:
    """B×C×h×w → B×C×cells: bilinear, exact at fractions of a cell.

    A network's last cells lie partly, or wholly, in the padding where the sides of an image are no multiple of its
    stride. Only maps that end where the image ends may be mirrored, or laid over maps of another scale.

    Args:
        maps: of a padded image.
        covered: which share of the maps' height and width the image itself takes, from the top left.
        cells: (h, w) of the result.

    >>> on_image_grid(torch.arange(4.0).view(1, 1, 1, 4), (1.0, 0.5), (1, 2))
    tensor([[[[0., 1.]]]])
    """
    rows, columns = covered
    precision, maps = maps.dtype, maps.float()  # places in bf16 would be wrong by a fifth of a cell
    placement = maps.new_tensor([[columns, 0, columns - 1], [0, rows, rows - 1]]).expand(len(maps), 2, 3)
    grid = F.affine_grid(placement, [len(maps), 1, *cells], align_corners=False)
    # Beyond the outermost centres their own values go on. That is the padding mode "border", which older versions of
    # torch do not have on Apple's GPUs (pytorch/pytorch#125098).
    outermost = 1 - 1 / maps.new_tensor([maps.shape[3], maps.shape[2]])
    grid = torch.maximum(torch.minimum(grid, outermost), -outermost)
    return F.grid_sample(maps, grid, mode="bilinear", padding_mode="zeros", align_corners=False).to(precision)


def on_stride(maps: Tensor, stride: int, target: int, cells: tuple[int, int]) -> Tensor:
    """B×C×h×w on cells of one stride → B×C×cells, on cells of another: averaged where it is coarser, else bilinear.

    Both begin at the top left of the image, and may end beyond it.

    Args:
        maps: on cells of `stride` pixels.
        stride: of the maps, in pixels.
        target: of the result, in pixels.
        cells: (h, w) of the result.
    """
    if stride < target:
        maps, stride = F.avg_pool2d(maps, target // stride, ceil_mode=True), target
    if stride == target:
        return maps[..., : cells[0], : cells[1]]
    factor, rest = divmod(stride, target)
    if not rest and (maps.shape[2] * factor, maps.shape[3] * factor) == cells:
        return F.interpolate(maps, scale_factor=factor, mode="bilinear", align_corners=False)
    covered = (cells[0] * target / (maps.shape[2] * stride), cells[1] * target / (maps.shape[3] * stride))
    return on_image_grid(maps, covered, cells)
