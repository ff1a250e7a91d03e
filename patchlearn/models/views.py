"""An image as a network reads it, and maps back on the image's grid.

image → `network_views` → a network → maps of each view → `on_cells` → maps over the image.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from patchlearn.core.runtime import memory_format
from patchlearn.core.types import UInt8
from patchlearn.data.transforms import as_tensor, normalise, resize_long_side
from patchlearn.models.grids import on_image_grid
from patchlearn.models.settings import ViewSettings


@final
@dataclass(frozen=True)
class ViewFeatures:
    """The features of one view, and of its mirror image if that is read too.

    Args:
        features: 1×C×h×w or 2×C×h×w, of the last stage.
        size: (H, W) of the view in pixels.
        lower: the same of stages before the last, in the order of the stages; none where nothing reads them.
    """

    features: torch.Tensor
    size: tuple[int, int]
    lower: tuple[torch.Tensor, ...] = ()

    def to(self, device: torch.device) -> "ViewFeatures":
        """The same on another device."""
        return ViewFeatures(self.features.to(device), self.size, tuple(maps.to(device) for maps in self.lower))

    def beside(self, other: "ViewFeatures") -> "ViewFeatures":
        """One batch of both, such as a view and its mirror image; on the other's device, with its precision."""
        pairs = zip((self.features, *self.lower), (other.features, *other.lower), strict=True)
        last, *lower = (torch.cat([mine.to(theirs), theirs]) for mine, theirs in pairs)
        return ViewFeatures(last, self.size, tuple(lower))


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

    The last cells of the maps may reach beyond the image. They are placed exactly, and only then mirrored back.

    Args:
        maps: of one view, or of it and its mirror image.
        view: (H, W) of the view in pixels.
        stride: pixels of the view per cell of the maps.
        cells: (h, w) of the result.
    """
    rows, columns = (pixels / (side * stride) for pixels, side in zip(view, maps.shape[2:], strict=True))
    placed = on_image_grid(maps, (rows, columns), cells)
    return placed[0] + placed[1].flip(2) if len(placed) > 1 else placed[0]
