"""How images become tensors, in training and in testing (torchvision transforms v2)."""

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import InterpolationMode, v2
from torchvision.transforms.v2 import functional as TF

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import IGNORE, UInt8

# Brightness, contrast, saturation, hue: PSA and SEAM.
JITTER = (0.3, 0.3, 0.3, 0.1)


@dataclass(frozen=True, kw_only=True)
class AugmentSettings:
    """What training does to an image: resize, crop, flip, change colours.

    Args:
        crop: side of the square crop in pixels; smaller images are padded with the mean colour.
        long_side: the longer side is resized to a random length between these two (PSA 256–512 at crop 448, IRN
            320–640 at crop 512).
        flip: mirror every second image.
        jitter: change brightness, contrast, saturation and hue (PSA, SEAM; IRN does not).
    """

    crop: int = 448
    long_side: tuple[int, int] = (320, 640)
    flip: bool = True
    jitter: bool = False


class TrainingTransform:
    """H×W×3 image → 3×crop×crop normalised tensor; randomness comes from torch's generator."""

    def __init__(self, settings: AugmentSettings, mean: tuple[float, ...], std: tuple[float, ...]):
        """Check the settings and build the transforms."""
        check_augment("augment", settings)
        self.long_side = settings.long_side
        self.mean, self.std = mean, std
        self.steps = _random_steps(settings, _mean_colour(mean))

    def __call__(self, image: UInt8) -> Tensor:
        """One random view of the image."""
        shortest, longest = self.long_side
        length = int(torch.randint(shortest, longest + 1, ()))
        return normalise(self.steps(resize_long_side(as_tensor(image), length)), self.mean, self.std)


class MaskedTransform:
    """H×W×3 image and H×W mask → the same random view of both; what is padded is ignored in the mask."""

    def __init__(self, settings: AugmentSettings, mean: tuple[float, ...], std: tuple[float, ...]):
        """Check the settings and build the transforms."""
        check_augment("augment", settings)
        self.long_side = settings.long_side
        self.mean, self.std = mean, std
        self.steps = _random_steps(settings, {tv_tensors.Image: _mean_colour(mean), tv_tensors.Mask: IGNORE})

    def __call__(self, image: UInt8, mask: UInt8) -> tuple[Tensor, Tensor]:
        """(3×crop×crop normalised floats, crop×crop uint8); values of the mask are never mixed."""
        shortest, longest = self.long_side
        length = int(torch.randint(shortest, longest + 1, ()))
        resized = resize_long_side(as_tensor(image), length)
        # "nearest" takes the pixel up to one to the left of the centre, and would move the mask against the image.
        values = TF.resize(torch.from_numpy(mask)[None], list(resized.shape[-2:]), InterpolationMode.NEAREST_EXACT)
        pair = tv_tensors.Image(resized), tv_tensors.Mask(values[0])
        view, labels = self.steps(*pair)
        return normalise(view.as_subclass(Tensor), self.mean, self.std), labels.as_subclass(Tensor)


def _mean_colour(mean: tuple[float, ...]) -> list[int]:
    return [int(255 * value) for value in mean]


def _random_steps(settings: AugmentSettings, fill: Any) -> v2.Compose:
    """Crop, flip and jitter; `fill` is what stands where an image is too small for the crop."""
    steps: list[v2.Transform] = [v2.RandomCrop(settings.crop, pad_if_needed=True, fill=fill)]
    steps += [v2.RandomHorizontalFlip()] if settings.flip else []
    steps += [v2.ColorJitter(*JITTER)] if settings.jitter else []
    return v2.Compose(steps)


def as_tensor(image: UInt8) -> Tensor:
    """H×W×3 uint8 → 3×H×W uint8.

    A mirrored view or a read-only array, which torch does not take, is copied.
    """
    return torch.from_numpy(np.require(image, requirements=["C", "W"])).permute(2, 0, 1)


def resize_long_side(image: Tensor, length: int) -> Tensor:
    """3×H×W → the longer side has this many pixels, the shape is kept; at least one pixel remains."""
    height, width = image.shape[-2:]
    scale = length / max(height, width)
    size = [max(1, round(height * scale)), max(1, round(width * scale))]
    return cast(Tensor, TF.resize(image, size, antialias=True))


def normalise(image: Tensor, mean: tuple[float, ...], std: tuple[float, ...]) -> Tensor:
    """uint8 → float with zero mean and unit spread, as the backbone wants it."""
    return cast(Tensor, TF.normalize(TF.to_dtype(image, torch.float32, scale=True), list(mean), list(std)))


def square(image: UInt8, side: int, mean: tuple[float, ...], std: tuple[float, ...]) -> Tensor:
    """H×W×3 → 3×side×side: the whole image, its longer side resized, the rest padded with the mean colour."""
    resized = normalise(resize_long_side(as_tensor(image), side), mean, std)
    height, width = resized.shape[-2:]
    return torch.nn.functional.pad(resized, (0, side - width, 0, side - height))


def check_augment(section: str, settings: AugmentSettings) -> None:
    """Raise `PatchlearnError`, naming the section, unless crop and lengths are possible."""
    shortest, longest = settings.long_side
    if settings.crop < 1 or not 1 <= shortest <= longest:
        raise PatchlearnError(
            f"{section}: crop {settings.crop} and long_side ({shortest}, {longest}) must be positive, the second "
            "length at least the first."
        )
