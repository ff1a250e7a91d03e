"""An image as a network reads it, and maps back on the image's grid.

image → `network_views` → a network → maps of each view → `on_cells` or `on_image_grid` → maps over the image.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from patchlearn.core.runtime import memory_format
from patchlearn.core.types import UInt8
from patchlearn.data.transforms import as_tensor, normalise, resize_long_side
from patchlearn.models.settings import ViewSettings


def long_sides(size: Sequence[int], scales: Sequence[float], base: int | None) -> list[int]:
    """The longer side of the image at every scale, in pixels; at least 1.

    Args:
        size: (H, W) of the image.
        scales: factors on the base size.
        base: the longer side at scale 1; None for the image's own.

    >>> long_sides((300, 400), (1.0, 0.5), None), long_sides((300, 400), (1.5,), 320)
    ([400, 200], [480])
    """
    longest = base or max(size)
    return [max(1, round(longest * scale)) for scale in scales]


def network_views(
    image: UInt8, settings: ViewSettings, mean: Sequence[float], std: Sequence[float], device: torch.device
) -> list[Tensor]:
    """One normalised batch per scale: the image, and its mirror image if the settings ask for it.

    Args:
        image: H×W×3, RGB.
        settings: scales, mirror image and base size.
        mean: per channel, of the network's normalisation.
        std: per channel, likewise.
        device: where the views are made.

    Returns:
        1×3×H'×W' or 2×3×H'×W' each, in the memory format that is fastest on the device.
    """
    pixels, views = as_tensor(image).to(device), []
    for length in long_sides(image.shape[:2], settings.scales, settings.long_side):
        view = normalise(resize_long_side(pixels, length), tuple(mean), tuple(std))[None]
        view = torch.cat([view, view.flip(3)]) if settings.flip else view
        views.append(view.contiguous(memory_format=memory_format(device)))
    return views


def on_cells(maps: Tensor, view: Sequence[int], stride: int, cells: tuple[int, int]) -> Tensor:
    """B×P×h×w → P×cells: the maps of a view and of its mirror image, summed, on a grid over the image.

    The last cells of the maps may reach beyond the image. They are enlarged to whole cells, cropped, and only then
    mirrored back.

    Args:
        maps: of one view, or of it and its mirror image.
        view: (H, W) of the view in pixels.
        stride: pixels of the view per cell of the maps.
        cells: (h, w) of the result.
    """
    covered = [round(cell * side * stride / pixels) for cell, side, pixels in zip(cells, maps.shape[2:], view)]
    enlarged = F.interpolate(maps, size=covered, mode="bilinear", align_corners=False)[..., : cells[0], : cells[1]]
    return enlarged[0] + enlarged[1].flip(2) if len(enlarged) > 1 else enlarged[0]


def on_image_grid(maps: Tensor, covered: tuple[float, float], cells: tuple[int, int]) -> Tensor:
    """B×C×h×w → B×C×cells, bilinear, exact at fractions of a cell.

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
    placement = maps.new_tensor([[columns, 0, columns - 1], [0, rows, rows - 1]]).expand(len(maps), 2, 3)
    grid = F.affine_grid(placement, [len(maps), 1, *cells], align_corners=False)
    # Beyond the outermost centres their own values go on. That is the padding mode "border", which older versions of
    # torch do not have on Apple's GPUs (pytorch/pytorch#125098).
    outermost = 1 - 1 / maps.new_tensor([maps.shape[3], maps.shape[2]])
    grid = torch.maximum(torch.minimum(grid, outermost), -outermost)
    return F.grid_sample(maps, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
