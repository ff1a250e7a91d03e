"""What figures 2 and 5 of the paper say, operation by operation."""

from itertools import product

import pytest
import torch
from conftest import pointwise_stages, tiny_stages
from torch import Tensor, nn

from patchlearn.core.errors import PatchlearnError
from patchlearn.models.patch_network import PatchNetwork
from patchlearn.models.patches import merge, split
from patchlearn.models.settings import BORDERS

SPLITS = [(0, (2, 2)), (1, (2, 3)), (2, (1, 2))]
VARIANTS = [("plain", []), ("progressive", SPLITS), ("explicit", SPLITS)]


def images(*size: int) -> Tensor:
    return torch.randn(*size, generator=torch.Generator().manual_seed(0))


def run(stages: nn.Module, features: Tensor, first: int, last: int) -> Tensor:
    for index in range(first, last):
        features = stages[index](features)  # type: ignore[index]
    return features


def counted(network: PatchNetwork) -> list[int]:
    """How many images each stage has seen, counted by the stages themselves."""
    seen = [0] * len(network.stages)
    for index, stage in enumerate(network.stages):
        original = stage.forward

        def forward(features: Tensor, index: int = index, original=original) -> Tensor:  # type: ignore[no-untyped-def]
            seen[index] += 1
            return original(features)

        stage.forward = forward  # type: ignore[method-assign]
    return seen


@pytest.mark.parametrize("active", [0, 1, 2])
def test_progressive_features_are_merged_then_unsplit(active: int) -> None:
    network = PatchNetwork(tiny_stages(), 5, "progressive", SPLITS)
    network.active_split = active
    batch = images(2, 3, 48, 48)
    stage, grid = SPLITS[active]
    stages = network.stages
    prefix = run(stages, batch, 0, stage + 1)
    merged = merge(run(stages, split(prefix, grid), stage + 1, 4), grid)
    unsplit = run(stages, prefix, stage + 1, 4)
    torch.testing.assert_close(network.features(batch), torch.cat([merged, unsplit], 1))


def test_explicit_features_are_all_merged_maps_then_unsplit() -> None:
    network = PatchNetwork(tiny_stages(), 5, "explicit", SPLITS)
    batch = images(2, 3, 48, 48)
    stages = network.stages
    merged = [merge(run(stages, split(run(stages, batch, 0, at + 1), grid), at + 1, 4), grid) for at, grid in SPLITS]
    expected = torch.cat([*merged, run(stages, batch, 0, 4)], 1)
    torch.testing.assert_close(network.features(batch), expected)
    assert network.classifier.weight.shape == (5, 4 * 10, 1, 1)


def test_a_patch_sees_nothing_of_its_neighbour() -> None:
    network = PatchNetwork(tiny_stages(), 5, "progressive", [(1, (2, 2))])
    prefix = images(1, 6, 8, 8)
    changed = prefix.clone()
    changed[..., 4:] += 1.0  # the right half
    patches, others = (run(network.stages, split(part, (2, 2)), 2, 4) for part in (prefix, changed))
    assert torch.equal(patches[[0, 2]], others[[0, 2]])
    assert not torch.equal(patches[[1, 3]], others[[1, 3]])
    # The same through the network's own path: the merged map's left half does not move, the unsplit one's does.
    cut = network.splits[0]
    merged, moved = (network._merged(cut, features, (4, 4)) for features in (prefix, changed))
    assert torch.equal(merged[..., :2], moved[..., :2])
    whole, swayed = run(network.stages, prefix, 2, 4), run(network.stages, changed, 2, 4)
    assert not torch.equal(whole[..., :2], swayed[..., :2])


def test_neighbours_as_wide_as_the_layers_see_undo_the_cut() -> None:
    """One 3×3 convolution above the cut sees one cell further, which is just what a patch is given."""
    batch = images(2, 3, 48, 48)
    for border, undone in (("zero", False), ("replicate", False), ("neighbour", True)):
        network = PatchNetwork(tiny_stages(), 5, "progressive", [(2, (2, 3))], border=border)
        merged, unsplit = network.features(batch).chunk(2, dim=1)
        assert merged.shape == unsplit.shape
        assert torch.allclose(merged, unsplit, atol=1e-6) == undone


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("size", [(48, 48), (33, 47), (1, 1)])
def test_no_border_matters_where_no_cell_sees_another(border: str, size: tuple[int, int]) -> None:
    network = PatchNetwork(pointwise_stages(), 5, "explicit", SPLITS, border=border)
    *merged, unsplit = network.features(images(2, 3, *size)).chunk(4, dim=1)
    for branch in merged:
        torch.testing.assert_close(branch, unsplit)


def test_branches_share_their_weights() -> None:
    for fusion, splits in VARIANTS:
        network = PatchNetwork(tiny_stages(), 5, fusion, splits)
        own = sum(parameter.numel() for parameter in network.parameters())
        backbone = sum(parameter.numel() for parameter in tiny_stages().parameters())
        assert own == backbone + network.classifier.weight.numel()


def test_explicit_patches_do_not_train_what_feeds_them() -> None:
    network = PatchNetwork(tiny_stages(), 5, "explicit", [(1, (2, 2))])
    network.classifier.weight.data[:, 10:] = 0  # the unsplit half is silent
    network(images(1, 3, 32, 32)).sum().backward()
    gradients = [max(float(p.grad.abs().max()) for p in stage.parameters()) for stage in network.stages]
    assert gradients[0] == gradients[1] == 0
    assert gradients[2] > 0
    assert gradients[3] > 0


def test_explicit_patches_train_every_layer_if_they_are_not_detached() -> None:
    network = PatchNetwork(tiny_stages(), 5, "explicit", [(1, (2, 2))], detach=False)
    network.classifier.weight.data[:, 10:] = 0
    network(images(1, 3, 32, 32)).sum().backward()
    assert all(float(p.grad.abs().max()) > 0 for p in network.stages.parameters() if p.grad is not None)


def test_explicit_unsplit_branch_trains_every_layer() -> None:
    network = PatchNetwork(tiny_stages(), 5, "explicit", [(1, (2, 2))])
    network.classifier.weight.data[:, :10] = 0
    network(images(1, 3, 32, 32)).sum().backward()
    assert all(float(p.grad.abs().max()) > 0 for p in network.stages.parameters() if p.grad is not None)


def test_progressive_patches_do_train_what_feeds_them() -> None:
    network = PatchNetwork(tiny_stages(), 5, "progressive", [(1, (2, 2))])
    network.classifier.weight.data[:, 10:] = 0
    network(images(1, 3, 32, 32)).sum().backward()
    assert all(float(p.grad.abs().max()) > 0 for p in network.stages.parameters() if p.grad is not None)


def test_the_shared_prefix_runs_once() -> None:
    network = PatchNetwork(tiny_stages(), 5, "progressive", [(1, (2, 2))])
    seen = counted(network)
    network(images(2, 3, 32, 32))
    assert seen == [1, 1, 2, 2]
    network = PatchNetwork(tiny_stages(), 5, "explicit", SPLITS)
    seen = counted(network)
    network(images(2, 3, 48, 48))
    assert seen == [1, 2, 3, 4]


def test_reading_the_unsplit_half_runs_no_patch() -> None:
    network = PatchNetwork(tiny_stages(), 5, "explicit", SPLITS)
    seen = counted(network)
    network.maps(images(2, 3, 48, 48), "unsplit")
    assert seen == [1, 1, 1, 1]


@pytest.mark.parametrize(("variant", "size"), list(product(VARIANTS, [(1, 1), (7, 30), (33, 47), (48, 48), (50, 20)])))
def test_any_size_works_and_halves_add_up(variant: tuple[str, list], size: tuple[int, int]) -> None:  # type: ignore[type-arg]
    fusion, splits = variant
    network = PatchNetwork(tiny_stages(), 5, fusion, splits)
    batch = images(2, 3, *size)
    whole = network.maps(batch)
    assert whole.shape == (2, 5, -(-size[0] // 8), -(-size[1] // 8))
    assert network.features(batch).shape[2:] == whole.shape[2:]
    torch.testing.assert_close(whole.mean((2, 3)), network(batch))
    halves = [network.maps(batch, "unsplit")] + ([network.maps(batch, "merged")] if splits else [])
    torch.testing.assert_close(torch.stack(halves).sum(0), whole)


@pytest.mark.parametrize("variant", VARIANTS)
def test_padding_does_not_change_the_logits(variant: tuple[str, list]) -> None:  # type: ignore[type-arg]
    """Where no cell sees another, an image gives the same logits whatever it had to be padded to."""
    fusion, splits = variant
    network = PatchNetwork(pointwise_stages(), 5, fusion, splits)
    batch = images(2, 3, 40, 56)  # 5×7 cells; padded to 48×96 with the grids above
    unpadded = run(network.stages, batch, 0, 4).repeat(1, network.branches, 1, 1)
    torch.testing.assert_close(network(batch), network.classifier(unpadded.mean((2, 3), keepdim=True)).flatten(1))


@pytest.mark.parametrize(("fusion", "splits"), [("progressive", [(0, (2, 3))]), ("explicit", [(1, (4, 3))])])
def test_no_grid_changes_the_unsplit_map(fusion: str, splits: list) -> None:  # type: ignore[type-arg]
    """50×10 pixels are 7×2 cells; a grid that does not divide them adds no padding for the unsplit map to read."""
    network = PatchNetwork(tiny_stages(), 5, fusion, splits)
    batch = images(1, 3, 50, 10)
    plain = PatchNetwork(network.stages, 5)
    assert torch.equal(network.features(batch, "unsplit"), plain.features(batch))


def test_patches_of_an_odd_map_are_those_cut_by_hand() -> None:
    """7×5 cells into 2×2: rows of 4 and 3, columns of 3 and 2."""
    network = PatchNetwork(tiny_stages(), 5, "progressive", [(1, (2, 2))])
    batch = images(2, 3, 56, 40)
    prefix = run(network.stages, batch, 0, 2)
    quarters = [
        [prefix[..., :8, :6], prefix[..., :8, 6:]],
        [prefix[..., 8:, :6], prefix[..., 8:, 6:]],
    ]
    rows = [torch.cat([run(network.stages, quarter, 2, 4) for quarter in row], 3) for row in quarters]
    torch.testing.assert_close(network.features(batch, "merged"), torch.cat(rows, 2))


@pytest.mark.parametrize(
    ("fusion", "splits", "complaint"),
    [
        ("plane", [], "did you mean 'plain'"),
        ("plain", [(1, (2, 2))], "takes no splits"),
        ("progressive", [], "at least one split"),
        ("explicit", [(3, (2, 2))], "Choose 0 to 2"),
        ("explicit", [(-1, (2, 2))], "Choose 0 to 2"),
        ("explicit", [(1, (0, 2))], "not a grid"),
    ],
)
def test_wrong_options_are_errors(fusion: str, splits: list, complaint: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(PatchlearnError, match=complaint):
        PatchNetwork(tiny_stages(), 5, fusion, splits)


def test_the_generalised_mean_by_hand() -> None:
    network = PatchNetwork(tiny_stages(), 2, pooling_power=3.0).eval()
    images = torch.randn(2, 3, 40, 56)
    features = network.features(images).clamp(min=1e-6)
    expected = network.classifier((features**3).mean((2, 3), keepdim=True) ** (1 / 3)).flatten(1)
    torch.testing.assert_close(network(images), expected)
    plain = PatchNetwork(network.stages, 2).eval()
    torch.testing.assert_close(plain(images), plain.classifier(plain.features(images).mean((2, 3), True)).flatten(1))


def test_features_that_are_zero_everywhere_have_a_gradient() -> None:
    network = PatchNetwork(tiny_stages(), 2, pooling_power=3.0)
    features = torch.zeros(1, 10, 4, 4, requires_grad=True)
    network.pooled(features).sum().backward()
    assert features.grad is not None
    assert features.grad.isfinite().all()


@pytest.mark.parametrize("power", [0.5, float("nan"), float("inf")])
def test_a_power_that_is_no_mean_is_an_error(power: float) -> None:
    with pytest.raises(PatchlearnError, match=r"^pooling_power: .* is out of range\. Choose 1 for the mean"):
        PatchNetwork(tiny_stages(), 2, pooling_power=power)


def test_an_unknown_border_is_an_error() -> None:
    with pytest.raises(PatchlearnError, match="Choose one of: neighbour, replicate, zero"):
        PatchNetwork(tiny_stages(), 5, "progressive", SPLITS, border="mirror")


def test_merged_maps_of_a_plain_network_are_an_error() -> None:
    with pytest.raises(PatchlearnError, match="Choose one of: unsplit, whole"):
        PatchNetwork(tiny_stages(), 5).maps(images(1, 3, 32, 32), "merged")


def test_figure_2_is_every_cut_from_the_second_stage_to_just_before_the_last() -> None:
    network = PatchNetwork(tiny_stages(), 5, "progressive", "figure 2")
    assert network.splits == ((1, (2, 2)), (2, (2, 2)))
    with pytest.raises(PatchlearnError, match="splits: 'figure 5' is not an option; did you mean 'figure 2'"):
        PatchNetwork(tiny_stages(), 5, "progressive", "figure 5")
