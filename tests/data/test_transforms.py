"""Images become tensors."""

import numpy as np
import pytest
import torch

from patchlearn.core.seeds import seeded
from patchlearn.data.settings import AugmentSettings
from patchlearn.data.transforms import (
    MaskedTransform,
    TrainingTransform,
    as_tensor,
    normalise,
    resize_long_side,
    square,
)

HALF = (0.5, 0.5, 0.5)


@pytest.mark.parametrize("size", [(1, 1), (30, 50), (200, 20)])
def test_every_image_becomes_a_crop(size: tuple[int, int]) -> None:
    transform = TrainingTransform(AugmentSettings(crop=32, long_side=(24, 64), jitter=True), HALF, HALF)
    assert transform(np.zeros((*size, 3), np.uint8)).shape == (3, 32, 32)


def test_the_same_seed_gives_the_same_view() -> None:
    transform = TrainingTransform(AugmentSettings(crop=32, long_side=(24, 64)), HALF, HALF)
    image = np.random.default_rng(0).integers(0, 255, (40, 50, 3), np.uint8)
    views = []
    for seed in (1, 1, 2):
        with seeded(seed):
            views.append(transform(image))
    assert torch.equal(views[0], views[1])
    assert not torch.equal(views[0], views[2])


def test_padding_has_the_mean_colour() -> None:
    transform = TrainingTransform(AugmentSettings(crop=64, long_side=(16, 16)), HALF, HALF)
    view = transform(np.full((16, 16, 3), 255, np.uint8))
    assert float(view.max()) == 1.0
    assert float(view.min()) == pytest.approx(0, abs=0.01)


def masked_view(image: np.ndarray, mask: np.ndarray, seed: int, **changes: object) -> tuple[torch.Tensor, torch.Tensor]:
    settings = AugmentSettings(**{"crop": 32, "long_side": (40, 64), **changes})  # type: ignore[arg-type]
    with seeded(seed):
        return MaskedTransform(settings, HALF, HALF)(image, mask)


@pytest.mark.parametrize("seed", range(8))
def test_a_mask_goes_where_its_image_goes(seed: int) -> None:
    mask = np.zeros((37, 50), np.uint8)
    mask[5:20, 30:] = 7
    view, labels = masked_view(np.repeat((mask == 7)[..., None] * np.uint8(255), 3, 2), mask, seed)
    assert (view.shape, view.dtype, labels.shape, labels.dtype) == ((3, 32, 32), torch.float32, (32, 32), torch.uint8)
    assert type(view) is type(labels) is torch.Tensor
    differs = (view[0] > 0) != (labels == 7)
    assert int(differs.sum()) <= 64  # a pixel's width along the border: the image is resized smoothly


def test_mask_values_are_never_mixed() -> None:
    mask = np.random.default_rng(0).choice(np.array([0, 3, 200, 255], np.uint8), (40, 50))
    for seed in range(4):
        _, labels = masked_view(np.zeros((40, 50, 3), np.uint8), mask, seed)
        assert set(labels.unique().tolist()) <= {0, 3, 200, 255}


def test_what_is_padded_is_ignored_in_the_mask() -> None:
    image = np.full((16, 16, 3), 255, np.uint8)
    view, labels = masked_view(image, np.zeros((16, 16), np.uint8), 0, crop=64, long_side=(16, 16))
    assert torch.equal(labels == 255, view[0] < 0.5)
    assert int((labels == 0).sum()) == 16 * 16


def test_an_image_has_the_same_view_with_and_without_a_mask() -> None:
    settings = AugmentSettings(crop=32, long_side=(40, 64), jitter=True)
    image = np.random.default_rng(0).integers(0, 255, (40, 50, 3), np.uint8)
    view, _ = masked_view(image, np.zeros((40, 50), np.uint8), 3, jitter=True)
    with seeded(3):
        assert torch.equal(view, TrainingTransform(settings, HALF, HALF)(image))


def test_long_side_and_shape() -> None:
    assert resize_long_side(torch.zeros(3, 100, 50, dtype=torch.uint8), 20).shape == (3, 20, 10)
    assert resize_long_side(torch.zeros(3, 1, 500, dtype=torch.uint8), 20).shape == (3, 1, 20)


def test_mirrored_views_and_read_only_arrays_are_images_too(recwarn: pytest.WarningsRecorder) -> None:
    image = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    image.flags.writeable = False
    np.testing.assert_array_equal(as_tensor(image).permute(1, 2, 0), image)
    np.testing.assert_array_equal(as_tensor(image[..., ::-1]).permute(1, 2, 0), image[..., ::-1])
    assert not recwarn.list


def test_square_holds_the_whole_image() -> None:
    view = square(np.full((10, 20, 3), 255, np.uint8), 40, HALF, HALF)
    assert view.shape == (3, 40, 40)
    assert float(view[:, :20].min()) == 1.0
    assert float(view[:, 20:].abs().max()) == 0.0


def test_normalise_is_timms_formula() -> None:
    image = torch.full((3, 1, 1), 255, dtype=torch.uint8)
    assert normalise(image, (0.5, 0.4, 0.3), (0.5, 0.2, 0.1)).flatten().tolist() == pytest.approx([1, 3, 7])


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("side", "is_whole"), [(24, True), (48, False)])
def test_a_view_tells_how_much_of_the_image_it_shows(seed: int, side: int, is_whole: bool) -> None:
    mask = np.random.default_rng(seed).choice(np.array([0, 1, 255], np.uint8), (30, 60))
    image = np.repeat(mask[..., None], 3, 2)
    transform = MaskedTransform(AugmentSettings(crop=32, long_side=(side, side)), HALF, HALF)
    with seeded(seed):
        plain = transform(image, mask)
    with seeded(seed):
        view, labels, within, pixels = transform.with_extent(image, mask)
    assert torch.equal(view, plain[0])
    assert torch.equal(labels, plain[1])
    assert pixels.tolist() == [side * side // 2, 30 * 60]
    assert (int(within.sum()) == int(pixels[0])) == is_whole
    assert (within.shape, within.dtype) == ((32, 32), torch.bool)
    assert (labels[~within] == 255).all()
    assert (labels[within] != 255).any()


@pytest.mark.parametrize("width", [1, 3])
def test_mirrored_images_of_any_width_become_tensors(width: int) -> None:
    image = np.arange(2 * width * 3, dtype=np.uint8).reshape(2, width, 3)
    mirrored = as_tensor(image[:, ::-1])
    assert torch.equal(mirrored, as_tensor(image).flip(2))
