import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from patchlearn.models.backbones.tokens import FeatureMap
from patchlearn.models.patches import PatchGrid, merge, split
from patchlearn.models.settings import BORDERS

sizes = st.integers(1, 4)


@given(images=sizes, channels=sizes, rows=sizes, columns=sizes, height=sizes, width=sizes)
def test_merge_undoes_split(images: int, channels: int, rows: int, columns: int, height: int, width: int) -> None:
    features = torch.randn(images, channels, rows * height, columns * width)
    patches = split(features, (rows, columns))
    assert patches.shape == (images * rows * columns, channels, height, width)
    assert torch.equal(merge(patches, (rows, columns)), features)


def test_patches_come_image_by_image_then_row_by_row() -> None:
    features = torch.arange(2 * 3 * 4 * 6.0).reshape(2, 3, 4, 6)
    patches = split(features, (2, 3))
    for image in range(2):
        for row in range(2):
            for column in range(3):
                expected = features[image, :, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
                assert torch.equal(patches[image * 6 + row * 3 + column], expected)


def test_merge_lays_patches_of_another_size_back_in_their_places() -> None:
    features = torch.randn(2, 3, 8, 12)
    shrunk = split(features, (2, 3))[..., ::2, ::2]
    assert torch.equal(merge(shrunk, (2, 3)), features[..., ::2, ::2])


def test_split_keeps_memory_format_irrelevant() -> None:
    features = torch.randn(2, 3, 8, 12)
    assert torch.equal(split(features.contiguous(memory_format=torch.channels_last), (2, 3)), split(features, (2, 3)))


@pytest.mark.parametrize(("size", "grid"), [((5, 4), (2, 2)), ((4, 5), (2, 2)), ((4, 4), (3, 1))])
def test_a_map_that_does_not_divide_is_refused(size: tuple[int, int], grid: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="Pad it to"):
        split(torch.zeros(1, 1, *size), grid)


def test_a_wrong_number_of_patches_is_refused() -> None:
    with pytest.raises(ValueError, match="no multiple of 2×2"):
        merge(torch.zeros(6, 1, 2, 2), (2, 2))


@pytest.mark.parametrize("grid", [(0, 2), (2, 0), (-1, 2)])
def test_a_grid_without_patches_is_refused(grid: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="is not a grid"):
        split(torch.zeros(1, 1, 4, 4), grid)


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("clipped", [False, True])
@given(height=st.integers(1, 9), width=st.integers(1, 9), rows=sizes, columns=sizes)
def test_merge_undoes_split_for_any_size_and_border(
    border: str, clipped: bool, height: int, width: int, rows: int, columns: int
) -> None:
    features = torch.randn(2, 3, height, width)
    grid = PatchGrid((height, width), (rows, columns), border, clipped=clipped)
    assert torch.equal(grid.merge([_tensor(batch) for batch in grid.split(features)]), features)


@given(height=st.integers(1, 6), width=st.integers(1, 6), rows=sizes, columns=sizes, ratio=sizes)
def test_a_cut_lies_where_a_cell_of_the_merged_map_begins(
    height: int, width: int, rows: int, columns: int, ratio: int
) -> None:
    finer = torch.randn(2, 3, height * ratio, width * ratio)
    grid = PatchGrid((height, width), (rows, columns))
    pooled = [torch.nn.functional.avg_pool2d(_tensor(batch), ratio) for batch in grid.split(finer, ratio)]
    assert torch.equal(grid.merge(pooled), torch.nn.functional.avg_pool2d(finer, ratio))


def test_patches_differ_by_one_cell_at_most() -> None:
    grid = PatchGrid((7, 10), (3, 4))
    assert sorted(grid.groups) == [(2, 2), (2, 3), (3, 2), (3, 3)]
    assert sum(len(places) for places in grid.groups.values()) == 12
    assert [len(places) for places in PatchGrid((1, 2), (4, 4)).groups.values()] == [2]  # fewer cells than patches


def test_a_border_of_neighbours_is_what_surrounds_the_patch() -> None:
    features = torch.arange(2 * 3 * 8 * 12.0).reshape(2, 3, 8, 12)
    patches = _tensor(PatchGrid((8, 12), (2, 3), "neighbour").split(features)[0])
    assert torch.equal(patches[6 + 1 * 3 + 1], torch.nn.functional.pad(features, (1, 1, 1, 1))[1, :, 4:10, 4:10])
    assert (patches[0, :, 0] == 0).all()  # outside the map
    assert torch.equal(patches[0, :, 1:, 1:], features[0, :, :5, :5])


def test_a_clipped_border_has_nothing_outside_of_the_map() -> None:
    features = torch.arange(1.0, 1 + 8 * 12).reshape(1, 1, 8, 12)
    batches = [_tensor(batch) for batch in PatchGrid((8, 12), (2, 3), "neighbour", clipped=True).split(features)]
    assert [tuple(batch.shape) for batch in batches] == [(4, 1, 5, 5), (2, 1, 5, 6)]
    assert all((batch > 0).all() for batch in batches)
    assert torch.equal(batches[0][0], features[0, :, :5, :5])
    assert torch.equal(batches[1][1], features[0, :, 3:, 3:9])


def test_a_replicated_border_repeats_the_patch_itself() -> None:
    features = torch.randn(1, 2, 8, 8)
    patches = _tensor(PatchGrid((4, 4), (2, 2), "replicate").split(features, ratio=2)[0])
    assert patches.shape[2:] == (8, 8)
    assert torch.equal(patches[..., 2:-2, 2:-2], split(features, (2, 2)))
    assert torch.equal(patches[..., 0], patches[..., 2])
    assert torch.equal(patches[..., -1, :], patches[..., 5, :])


def _tensor(features: FeatureMap) -> torch.Tensor:
    assert isinstance(features, torch.Tensor)
    return features
