"""What is known of each cell: stages on one grid, with or without the image's own mean."""

import pytest
import torch
from conftest import tiny_stages
from torch.nn import functional as F

from patchlearn.core.errors import PatchlearnError
from patchlearn.models.backbones.stages import Stages
from patchlearn.models.cells import Cells, cells_of
from patchlearn.models.patch_network import PatchNetwork
from patchlearn.models.views import ViewFeatures

CELLS = {name: Cells(name, (2, 3, 4), (4, 8, 8), 8) for name in ("last", "lower", "all")}


def view() -> ViewFeatures:
    torch.manual_seed(0)
    return ViewFeatures(torch.randn(1, 4, 3, 5), (24, 40), (torch.randn(1, 2, 6, 10), torch.randn(1, 3, 3, 5)))


def test_a_coarser_grid_has_the_means_of_the_cells_and_a_finer_one_has_them_between() -> None:
    features = view()
    cells = CELLS["all"](features)
    torch.testing.assert_close(cells[:, :2], F.avg_pool2d(features.lower[0], 2))
    torch.testing.assert_close(cells[:, 2:], torch.cat([features.lower[1], features.features], 1))
    fine = CELLS["lower"].fine(features)
    assert fine.shape == (1, 5, 6, 10)
    torch.testing.assert_close(fine[:, :2], features.lower[0])
    doubled = F.interpolate(features.lower[1], scale_factor=2, mode="bilinear", align_corners=False)
    torch.testing.assert_close(fine[:, 2:], doubled)


def test_the_stages_that_are_named_are_read() -> None:
    widths = {name: cells.width for name, cells in CELLS.items()}
    assert widths == {"last": 4, "lower": 5, "all": 9}
    assert {name: cells.lower for name, cells in CELLS.items()} == {"last": 0, "lower": 2, "all": 2}
    assert torch.equal(CELLS["last"](ViewFeatures(view().features, (24, 40))), view().features)


def test_centred_cells_do_not_tell_what_is_the_same_all_over_an_image() -> None:
    centred = Cells("lower", (2, 3, 4), (4, 8, 8), 8, centred=True)
    brighter = ViewFeatures(view().features, (24, 40), tuple(maps + 7 for maps in view().lower))
    torch.testing.assert_close(centred(brighter), centred(view()))
    assert centred(view()).mean((2, 3)).abs().max() < 1e-6


def test_sides_that_are_no_multiples_of_the_stride_have_their_last_cells() -> None:
    """An image of 20×36 pixels: 5×9 cells of stride 4, and 3×5 of stride 8, of which the last ends beyond it."""
    features = ViewFeatures(torch.zeros(1, 4, 3, 5), (20, 36), (torch.ones(1, 2, 5, 9), torch.zeros(1, 3, 3, 5)))
    assert CELLS["all"](features).shape == (1, 9, 3, 5)
    assert (CELLS["all"](features)[:, :2] == 1).all()


def test_the_cells_of_a_backbone_are_those_of_its_own_maps() -> None:
    network = PatchNetwork(tiny_stages(), 2).eval()
    images = torch.randn(1, 3, 40, 56)
    last, lower = network.features_and_lower(images, "whole", 2)
    cells = cells_of(network.stages, "all", centred=False)
    assert cells.channels == (*network.stages.channels[-3:-1], network.stages.channels[-1])
    found = cells(ViewFeatures(last, (40, 56), tuple(lower)))
    assert torch.equal(found[:, -last.shape[1] :], last)
    assert [maps.shape[1] for maps in lower] == list(network.stages.channels[-3:-1])
    torch.testing.assert_close(lower, network.stages.pyramid(images)[-3:-1])


def test_patches_widen_the_last_stage_alone() -> None:
    assert cells_of(tiny_stages(), "last", centred=False, branches=3).width == 3 * tiny_stages().channels[-1]
    lower = cells_of(tiny_stages(), "lower", centred=False)
    assert cells_of(tiny_stages(), "lower", centred=False, branches=3).width == lower.width


def test_a_backbone_with_too_few_stages_is_told_so() -> None:
    two = Stages("two", [torch.nn.AvgPool2d(2), torch.nn.AvgPool2d(2)], (0.5,) * 3, (0.5,) * 3)
    assert cells_of(two, "last", centred=True).width == 3
    with pytest.raises(PatchlearnError, match=r"two has 2 in all\. Choose last"):
        cells_of(two, "lower", centred=False)
    with pytest.raises(PatchlearnError, match="did you mean 'lower'"):
        cells_of(tiny_stages(), "lowre", centred=False)


def test_facts_build_them_again() -> None:
    import json

    cells = Cells("lower", (2, 3, 4), (4, 8, 8), 4, centred=True)
    assert Cells.of(json.loads(json.dumps(cells.facts))) == cells
