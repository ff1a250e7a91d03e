"""One drawn scene: a landscape, some clutter, and one to three animals.

The scenes show the central problem of the field. The head of an animal tells its class, so a classifier needs nothing
else, and its class activation map covers the head only. The bodies differ between the classes too (in build, hue and
coat), but only a little, and the classes overlap.
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from patchlearn.core.errors import require_one_of
from patchlearn.core.types import UInt8
from patchlearn.data.scenes.creatures import CREATURES, draw_creature
from patchlearn.data.scenes.drawing import Sprite, draw_clutter
from patchlearn.data.scenes.drawn import SPLITS, Drawn, first_class, image_seed, labels_of
from patchlearn.data.scenes.landscape import draw_landscape
from patchlearn.data.scenes.picture import Picture
from patchlearn.data.settings import ANIMALS, SceneSettings

SCENE_CLASSES: tuple[str, ...] = tuple(sorted(CREATURES))

_HEADLESS_SHARE = 0.2  # of the animals; if every head were visible, the body would carry no information
_OBJECT_COUNTS = (0.4, 0.4, 0.2)  # probabilities of 1, 2 and 3 animals
_SIZES = ((0.42, 0.64), (0.32, 0.48), (0.26, 0.4))  # trunk length / shorter side of the image, for 1, 2, 3 animals
_HIGHEST_CENTRE = 0.3  # of the image's height, from the top


@dataclass(frozen=True, kw_only=True)
class Scene(Drawn):
    """One drawn image with its ground truth.

    Args:
        image: H×W×3, sRGB.
        mask: H×W, 0 background, i + 1 for class i of `SCENE_CLASSES`.
        parts: H×W, 0 background, 1 strongly discriminative part (the head), 2 weakly discriminative part (the body).
        labels: the class indices in `mask`, sorted.
    """

    parts: UInt8


def draw_scene(settings: SceneSettings, split: str, index: int) -> Scene:
    """Draw one image. The same seed, size, split and index always give the same image.

    Args:
        settings: only `size` and `seed` matter here.
        split: "train" or "val".
        index: from 0, within the split.

    Raises:
        PatchlearnError: there is no such split, or the settings are for another kind of scenes.

    >>> scene = draw_scene(SceneSettings(size=64), "train", 0)
    >>> scene.image.shape[:2] == scene.mask.shape == scene.parts.shape
    True
    """
    require_one_of("split", split, SPLITS)
    require_one_of("kind", settings.kind, [ANIMALS])
    rng = np.random.default_rng(image_seed(settings.seed, split, index))
    picture = Picture(draw_landscape(rng, settings.size))
    for _ in range(rng.integers(3, 8)):
        sprite = draw_clutter(rng, unit=min(picture.size) * rng.uniform(0.03, 0.1))
        picture.paste(sprite, _random_corner(rng, picture.size, sprite))
    others = int(rng.choice(len(_OBJECT_COUNTS), p=_OBJECT_COUNTS))
    first = first_class(settings.seed, split, index, len(SCENE_CLASSES))
    _draw_creatures(picture, rng, [first, *rng.integers(len(SCENE_CLASSES), size=others).tolist()])
    mask = picture.mask
    return Scene(image=picture.image, mask=mask, parts=picture.parts, labels=labels_of(mask))


def _draw_creatures(picture: Picture, rng: Generator, labels: list[int]) -> None:
    low, high = _SIZES[len(labels) - 1]
    for label in labels:
        unit = min(picture.size) * rng.uniform(low, high)
        creature = CREATURES[SCENE_CLASSES[label]]
        sprite = draw_creature(creature, rng, unit=unit, headless=rng.random() < _HEADLESS_SHARE)
        corner = _free_corner(picture, rng, sprite)
        if corner is not None:
            picture.paste(sprite, corner, label)


def _free_corner(picture: Picture, rng: Generator, sprite: Sprite) -> tuple[int, int] | None:
    """A place inside the frame where the sprite covers little of other objects; None if 20 tries find none.

    The first object is put into the middle instead, so that no scene is empty.
    """
    for _ in range(20):
        corner = _random_corner(rng, picture.size, sprite)
        if picture.has_room(sprite, corner):
            return corner
    middle = (picture.size[0] - sprite.part.shape[0]) // 2, (picture.size[1] - sprite.part.shape[1]) // 2
    return middle if picture.is_empty or picture.has_room(sprite, middle) else None


def _random_corner(rng: Generator, size: tuple[int, int], sprite: Sprite) -> tuple[int, int]:
    """The sprite's top left corner (row, column); its centre is anywhere below the sky."""
    height, width = size
    row, column = rng.integers(round(_HIGHEST_CENTRE * height), height), rng.integers(width)
    return int(row) - sprite.part.shape[0] // 2, int(column) - sprite.part.shape[1] // 2
