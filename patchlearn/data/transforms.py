"""How images become tensors, in training and in testing (torchvision transforms v2)."""

from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import InterpolationMode, v2
from torchvision.transforms.v2 import functional as TF

from patchlearn.core.types import IGNORE, UInt8
from patchlearn.data.settings import AugmentSettings

JITTER = (0.3, 0.3, 0.3, 0.1)  # brightness, contrast, saturation, hue, as in PSA and SEAM


class TrainingTransform:
    """H×W×3 image → random view, 3×crop×crop normalised floats. The randomness comes from torch's generator.

    Args:
        settings: size, crop, mirroring and colours.
        mean: of each channel, in [0, 1].
        std: standard deviation of each channel.

    >>> settings = AugmentSettings(crop=32, long_side=(24, 64))
    >>> TrainingTransform(settings, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))(np.zeros((40, 50, 3), np.uint8)).shape
    torch.Size([3, 32, 32])
    """

    def __init__(self, settings: AugmentSettings, mean: tuple[float, ...], std: tuple[float, ...]):
        self.long_side = settings.long_side
        self.mean, self.std = mean, std
        self.steps = _random_steps(settings, _mean_colour(mean))

    def __call__(self, image: UInt8) -> Tensor:
        """One random view of the image."""
        return normalise(self.steps(_random_size(image, self.long_side)), self.mean, self.std)


class MaskedTransform:
    """H×W×3 image and H×W mask → the same random view of both. Padded pixels of the mask become 255 (ignored).

    Args:
        settings: size, crop, mirroring and colours.
        mean: of each channel, in [0, 1].
        std: standard deviation of each channel.
    """

    def __init__(self, settings: AugmentSettings, mean: tuple[float, ...], std: tuple[float, ...]):
        self.long_side = settings.long_side
        self.mean, self.std = mean, std
        self.steps = _random_steps(settings, {tv_tensors.Image: _mean_colour(mean), tv_tensors.Mask: IGNORE})

    def __call__(self, image: UInt8, mask: UInt8) -> tuple[Tensor, Tensor]:
        """(3×crop×crop normalised floats, crop×crop uint8); the mask is never interpolated."""
        view, planes, _ = self._view(image, mask[None])
        return view, planes[0]

    def with_extent(self, image: UInt8, mask: UInt8) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The same view, and how much of the image it shows.

        Returns:
            (3×crop×crop normalised floats, crop×crop uint8, crop×crop bools: False where the image is padded, the
            pixels of the whole image as it was resized and as it was given).
        """
        view, planes, pixels = self._view(image, np.stack([mask, np.zeros_like(mask)]))
        return view, planes[0], planes[1] != IGNORE, torch.tensor([pixels, mask.size], dtype=torch.float32)

    def _view(self, image: UInt8, planes: UInt8) -> tuple[Tensor, Tensor, int]:
        """(the view, that of P×H×W masks, pixels of the resized image)."""
        resized = _random_size(image, self.long_side)
        height, width = resized.shape[-2:]
        # NEAREST would shift the mask against the image by up to a pixel; NEAREST_EXACT takes the pixel at the centre.
        values = TF.resize(torch.from_numpy(planes), [height, width], InterpolationMode.NEAREST_EXACT)
        view, labels = self.steps(tv_tensors.Image(resized), tv_tensors.Mask(values))
        return normalise(view.as_subclass(Tensor), self.mean, self.std), labels.as_subclass(Tensor), height * width


def as_tensor(image: UInt8) -> Tensor:
    """H×W×3 uint8 → 3×H×W uint8.

    Mirrored views and read-only arrays, which torch does not accept, are copied.
    """
    if min(image.strides) < 0:  # of one pixel's width, it counts as contiguous
        image = image.copy()
    return torch.from_numpy(np.require(image, requirements=["C", "W"])).permute(2, 0, 1)


def resize_long_side(image: Tensor, length: int) -> Tensor:
    """3×H×W → the longer side has `length` pixels, the aspect ratio is kept; no side is below one pixel."""
    height, width = image.shape[-2:]
    scale = length / max(height, width)
    size = [max(1, round(height * scale)), max(1, round(width * scale))]
    return cast(Tensor, TF.resize(image, size, antialias=True))


def normalise(image: Tensor, mean: tuple[float, ...], std: tuple[float, ...]) -> Tensor:
    """uint8 → floats (value / 255 - mean) / std, by channel, as the backbone expects them."""
    return cast(Tensor, TF.normalize(TF.to_dtype(image, torch.float32, scale=True), list(mean), list(std)))


def square(image: UInt8, side: int, mean: tuple[float, ...], std: tuple[float, ...]) -> Tensor:
    """H×W×3 → 3×side×side: the whole image with its longer side resized, padded with the mean colour."""
    resized = normalise(resize_long_side(as_tensor(image), side), mean, std)
    height, width = resized.shape[-2:]
    return torch.nn.functional.pad(resized, (0, side - width, 0, side - height))


def _random_size(image: UInt8, long_side: tuple[int, int]) -> Tensor:
    shortest, longest = long_side
    return resize_long_side(as_tensor(image), int(torch.randint(shortest, longest + 1, ())))


def _random_steps(settings: AugmentSettings, fill: Any) -> v2.Compose:
    """Crop, flip and jitter; `fill` is the padding of images that are smaller than the crop."""
    steps: list[v2.Transform] = [v2.RandomCrop(settings.crop, pad_if_needed=True, fill=fill)]
    steps += [v2.RandomHorizontalFlip()] if settings.flip else []
    steps += [v2.ColorJitter(*JITTER)] if settings.jitter else []
    return v2.Compose(steps)


def _mean_colour(mean: tuple[float, ...]) -> list[int]:
    return [int(255 * value) for value in mean]
