"""Views of an image, and maps back on the image's grid."""

import numpy as np
import pytest
import torch

from patchlearn.models.settings import ViewSettings
from patchlearn.models.views import ViewFeatures, long_sides, network_views, on_cells

CPU = torch.device("cpu")


def test_no_scale_is_smaller_than_one_pixel() -> None:
    assert long_sides((3, 4), (0.01, 1.0), None) == [1, 4]


@pytest.mark.parametrize("flip", [False, True])
def test_each_scale_is_a_batch_of_the_image_and_its_mirror_image(flip: bool) -> None:
    image = np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)
    settings = ViewSettings(scales=(1.0, 0.5), flip=flip, long_side=80)
    views = network_views(image, settings, (0.5,) * 3, (0.25,) * 3, CPU)
    assert [tuple(view.shape) for view in views] == [(1 + flip, 3, 60, 80), (1 + flip, 3, 30, 40)]
    assert views[0].is_contiguous(memory_format=torch.channels_last)
    if flip:
        assert torch.equal(views[0][0].flip(2), views[0][1])
    pixels = torch.from_numpy(image).permute(2, 0, 1) / 255
    torch.testing.assert_close(views[1][0], (pixels - 0.5) / 0.25)


@pytest.mark.parametrize("width", [96, 90, 83])
def test_maps_on_cells_lie_where_the_image_has_them(width: int) -> None:
    """A ramp over the pixels, read at stride 8 and doubled in size: any shift, or a wrong mirror, would show."""
    stride, cells = 8, (6, -(-width // 4))
    padded = -(-width // stride) * stride
    centres = torch.arange(padded).reshape(-1, stride).float().mean(1).expand(1, 1, 3, -1)
    mirrored = (width - 1 - torch.arange(padded).float()).reshape(-1, stride).mean(1).expand(1, 1, 3, -1)
    one = on_cells(centres, (24, width), stride, cells)
    both = on_cells(torch.cat([centres, mirrored]), (24, width), stride, cells)
    wanted = (torch.arange(cells[1]) + 0.5) * width / cells[1] - 0.5
    assert one.shape == both.shape == (1, *cells)
    torch.testing.assert_close(one[0, 3, 2:-2], wanted[2:-2], rtol=0, atol=1e-3)
    torch.testing.assert_close(both[0, 3, 2:-2] / 2, wanted[2:-2], rtol=0, atol=1e-3)


def test_a_view_beside_its_mirror_image_is_one_batch_of_every_stage() -> None:
    first = ViewFeatures(torch.zeros(1, 3, 2, 2), (16, 16), (torch.zeros(1, 2, 4, 4),))
    second = ViewFeatures(torch.ones(1, 3, 2, 2, dtype=torch.double), (16, 16), (torch.ones(1, 2, 4, 4),))
    both = first.beside(second)
    assert [maps[:, 0, 0, 0].tolist() for maps in (both.features, *both.lower)] == [[0, 1]] * 2
    assert both.features.dtype is torch.double
    with pytest.raises(ValueError, match="zip"):
        first.beside(ViewFeatures(torch.ones(1, 3, 2, 2), (16, 16)))
