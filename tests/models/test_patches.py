import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from patchlearn.models.patches import merge, split, split_with_border, without_border
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
def test_what_a_border_adds_can_be_taken_off(border: str) -> None:
    features = torch.randn(2, 3, 8, 12)
    patches = split_with_border(features, (2, 3), border, 2)
    assert torch.equal(without_border(patches, border, 2), split(features, (2, 3)))


def test_a_border_of_neighbours_is_what_surrounds_the_patch() -> None:
    features = torch.arange(2 * 3 * 8 * 12.0).reshape(2, 3, 8, 12)
    patches = split_with_border(features, (2, 3), "neighbour", 1)
    assert torch.equal(patches[6 + 1 * 3 + 1], torch.nn.functional.pad(features, (1, 1, 1, 1))[1, :, 4:10, 4:10])
    assert (patches[0, :, 0] == 0).all()  # outside the map
    assert torch.equal(patches[0, :, 1:, 1:], features[0, :, :5, :5])


def test_a_replicated_border_repeats_the_patch_itself() -> None:
    patches = split_with_border(torch.randn(1, 2, 4, 4), (2, 2), "replicate", 2)
    own = split_with_border(torch.randn(1, 2, 4, 4), (2, 2), "zero", 2)
    assert own.shape[2:] == (2, 2)
    assert torch.equal(patches[..., 0], patches[..., 2])
    assert torch.equal(patches[..., -1, :], patches[..., 3, :])
