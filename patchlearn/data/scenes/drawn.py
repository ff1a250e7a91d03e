"""What drawn images of every kind share: their fields, their random stream, and which class comes first in each."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator, SeedSequence

from patchlearn.core.errors import require_one_of
from patchlearn.core.types import UInt8
from patchlearn.data.settings import SceneSettings

SPLITS = ("train", "val")


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """One drawn image with its ground truth.

    Args:
        image: H×W×3, sRGB.
        mask: H×W, 0 background, i + 1 for class i of its kind.
        labels: the class indices in `mask`, sorted.
    """

    image: UInt8
    mask: UInt8
    labels: tuple[int, ...]


def image_seed(seed: int, split: str, index: int) -> SeedSequence:
    """The seed of one image, which depends on no other image.

    >>> image_seed(0, "val", 3).entropy
    (0, 1, 3)
    """
    return SeedSequence((seed, SPLITS.index(split), index))


def generators(settings: SceneSettings, kind: str, split: str, index: int) -> list[Generator]:
    """Three random streams of one image.

    Raises:
        PatchlearnError: there is no such split, or the settings are for another kind of scenes.
    """
    require_one_of("split", split, SPLITS)
    require_one_of("kind", settings.kind, [kind])
    return [np.random.default_rng(each) for each in image_seed(settings.seed, split, index).spawn(3)]


def first_class(seed: int, split: str, place: int, count: int) -> int:
    """The class, in 0..count - 1, that comes first in an image.

    Among every `count` images each class comes first once, so that all classes are about equally frequent.

    Args:
        seed: of the settings.
        split: "train" or "val".
        place: from 0, among the images of the split that have a class.
        count: of the classes.

    >>> sorted(first_class(0, "train", place, 4) for place in range(4))
    [0, 1, 2, 3]
    """
    turn, within = divmod(place, count)
    shuffle = np.random.default_rng(SeedSequence((seed, SPLITS.index(split), turn, count)))
    return int(shuffle.permutation(count)[within])


def main_class(settings: SceneSettings, split: str, index: int, count: int) -> int | None:
    """The class that comes first in an image, or None where the image is one of the share `normal`.

    >>> settings = SceneSettings(kind="surfaces", normal=0.5)
    >>> [main_class(settings, "train", index, 5) is None for index in range(4)]
    [False, True, False, True]
    """
    before, until = (int(settings.normal * images + 1e-9) for images in (index, index + 1))
    return None if until > before else first_class(settings.seed, split, index - before, count)


def labels_of(mask: UInt8) -> tuple[int, ...]:
    """The class indices in a mask, sorted.

    >>> labels_of(np.array([[0, 3], [1, 3]], np.uint8))
    (0, 2)
    """
    return tuple(int(value) - 1 for value in np.unique(mask) if value)
