"""Maps on another grid over the same image."""

import pytest
import torch

from patchlearn.models.grids import on_image_grid


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
