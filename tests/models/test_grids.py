"""Maps on another grid over the same image."""

import pytest
import torch
from torch.nn import functional as F

from patchlearn.models.grids import on_image_grid, on_stride


@pytest.mark.parametrize("width", [96, 90, 83])
def test_maps_on_the_image_grid_are_exact_at_fractions_of_a_cell(width: int) -> None:
    stride, cells = 8, (6, 17)
    padded = -(-width // stride) * stride
    centres = torch.arange(padded).reshape(-1, stride).float().mean(1).expand(1, 1, 3, -1)
    found = on_image_grid(centres, (1.0, width / padded), cells)
    wanted = (torch.arange(cells[1]) + 0.5) * width / cells[1] - 0.5
    torch.testing.assert_close(found[0, 0, 3, 2:-2], wanted[2:-2], rtol=0, atol=1e-3)


def test_beyond_the_outermost_centres_their_values_go_on() -> None:
    maps = torch.tensor([[[[1.0, 3.0]]]])
    assert on_image_grid(maps, (1.0, 1.0), (1, 8))[0, 0, 0, [0, 1, -2, -1]].tolist() == [1, 1, 3, 3]


def test_a_stride_is_reached_by_means_or_between_centres() -> None:
    maps = torch.arange(8.0).view(1, 1, 2, 4)
    assert torch.equal(on_stride(maps, 8, 8, (2, 4)), maps)
    assert on_stride(maps, 8, 16, (1, 2)).flatten().tolist() == [2.5, 4.5]
    doubled = F.interpolate(maps, scale_factor=2, mode="bilinear", align_corners=False)
    torch.testing.assert_close(on_stride(maps, 16, 8, (4, 8)), doubled)


def test_cells_that_end_beyond_the_image_are_left_out_or_averaged_alone() -> None:
    """20 pixels: 3 cells of stride 8, 2 of stride 16, of which the last averages one cell."""
    maps = torch.tensor([1.0, 3.0, 7.0]).view(1, 1, 1, 3)
    assert on_stride(maps, 8, 16, (1, 2)).flatten().tolist() == [2.0, 7.0]
    assert on_stride(maps, 8, 8, (1, 2)).flatten().tolist() == [1.0, 3.0]


def test_a_stride_that_does_not_divide_the_other_keeps_the_places() -> None:
    ramp = (torch.arange(6.0) * 14 + 7).view(1, 1, 1, 6)  # the place of each cell of stride 14, in pixels
    found = on_stride(ramp, 14, 8, (1, 10)).flatten()
    inner = torch.arange(1, 9)
    torch.testing.assert_close(found[inner], inner * 8.0 + 4)
