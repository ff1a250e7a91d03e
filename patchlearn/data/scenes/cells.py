"""One drawn view through a microscope: pale red cells everywhere, and among them things of five classes, or none.

The images stand for stained smears, where people have tags and no masks. Most things are small, and an image has up
to three classes.
"""

from typing import final

import numpy as np
from numpy.random import Generator

from patchlearn.core.types import Float32, Integers, UInt8
from patchlearn.data.scenes.cell_shapes import KINDS, REFERENCE, draw_red_cell, draw_thing
from patchlearn.data.scenes.drawing import noise
from patchlearn.data.scenes.drawn import Drawn, generators, labels_of, main_class
from patchlearn.data.settings import CELLS, SceneSettings

CELL_CLASSES: tuple[str, ...] = tuple(sorted(KINDS))
LEAST_PIXELS = 10  # of a thing in the mask of an image of side `REFERENCE`; a smaller one cannot be recognised

_MOST_KINDS = 3  # classes in one image
_TRIES = 20  # places that are tried for a thing
_GROUND, _GROUND_TEXTURE = (228.0, 214.0, 224.0), (4.0, 4.8, 4.0)  # mean and texture, grey levels of red, green, blue
_RED_CELL, _RED_MIDDLE = (225.0, 170.0, 175.0), (200.0, 200.0, 200.0)


@final
class Smear:
    """A view while it is painted.

    Args:
        colour: H×W×3 in 0..255, the ground; H = W.
    """

    def __init__(self, colour: Float32) -> None:
        self.colour = colour
        self._thing: Integers = np.zeros(colour.shape[:2], np.int64)
        self._values: list[int] = [0]

    @property
    def mask(self) -> UInt8:
        """H×W: 0 background, i + 1 for class i."""
        return np.array(self._values, np.uint8)[self._thing]

    def paint(self, alpha: Float32, colour: Float32) -> None:
        """Lay a colour (3 values or H×W×3) over the view, with the opacity `alpha` (H×W in [0, 1])."""
        self.colour += alpha[..., None] * (colour - self.colour)

    def has_room(self, coverage: Float32) -> bool:
        """Whether a new thing, and each thing below it, shows enough pixels to be recognised."""
        after = np.where(coverage >= 0.5, len(self._values), self._thing)
        shown = np.bincount(after.ravel(), minlength=len(self._values) + 1)[1:]
        return bool((shown >= LEAST_PIXELS * (len(after) / REFERENCE) ** 2).all())

    def add(self, coverage: Float32, label: int) -> None:
        """Note a thing of class `label` in the mask: the pixels that it covers for at least half."""
        self._thing[coverage >= 0.5] = len(self._values)
        self._values.append(label + 1)


def draw_cells(settings: SceneSettings, split: str, index: int) -> Drawn:
    """Draw one image. The same settings, split and index always give the same image.

    Args:
        settings: `size`, `seed` and `normal` matter here.
        split: "train" or "val".
        index: from 0, within the split.

    Returns:
        The image, square, with the classes of `CELL_CLASSES`.

    Raises:
        PatchlearnError: there is no such split, or the settings are for another kind of scenes.

    >>> cells = draw_cells(SceneSettings(kind="cells", size=64), "train", 0)
    >>> cells.image.shape[:2] == cells.mask.shape == (64, 64)
    True
    """
    for_ground, for_things, for_camera = generators(settings, CELLS, split, index)
    smear = Smear(_draw_ground(for_ground, settings.size))
    _draw_red_cells(smear, for_ground)
    _draw_things(smear, _labels(settings, split, index, for_things), for_things)
    return Drawn(image=_photographed(smear.colour, for_camera), mask=smear.mask, labels=labels_of(smear.mask))


def _labels(settings: SceneSettings, split: str, index: int, rng: Generator) -> list[int]:
    """The classes of an image, the main one first; none where the image is normal."""
    count = len(CELL_CLASSES)
    first = main_class(settings, split, index, count)
    if first is None:
        return []
    others = rng.permutation(np.arange(1, count))[: rng.integers(_MOST_KINDS)]
    return [first, *((first + others) % count).tolist()]


def _draw_ground(rng: Generator, side: int) -> Float32:
    """H×W×3 in 0..255, faintly textured; its colour differs from image to image."""
    colour = np.array(_GROUND) + rng.normal(0.0, 6.0, 3)
    texture = noise(rng, side, side, 8 * side / REFERENCE)[..., None] * np.array(_GROUND_TEXTURE)
    return (colour + texture).astype(np.float32)


def _draw_red_cells(smear: Smear, rng: Generator) -> None:
    """What is no class, and occurs with every class."""
    for _ in range(rng.integers(2, 7)):
        whole, middle = draw_red_cell(rng, len(smear.colour))
        smear.paint(np.float32(0.4) * whole, np.array(_RED_CELL, np.float32))
        smear.paint(np.float32(0.2) * middle, np.array(_RED_MIDDLE, np.float32))


def _draw_things(smear: Smear, labels: list[int], rng: Generator) -> None:
    for name in sorted((CELL_CLASSES[label] for label in labels), key=list(KINDS).index):
        least, most = KINDS[name].counts
        for _ in range(rng.integers(least, most + 1)):
            _draw_thing(smear, name, rng)


def _draw_thing(smear: Smear, name: str, rng: Generator) -> None:
    """Draw a thing at the first of some places where there is room; where none has room, it is not drawn."""
    side, kind = len(smear.colour), KINDS[name]
    places = (draw_thing(rng, side, kind) for _ in range(_TRIES))
    coverage = next((place for place in places if smear.has_room(place)), None)
    if coverage is not None:
        grain = kind.grain * noise(rng, side, side, side / REFERENCE)
        colour = np.array(kind.colour) + rng.normal(0.0, 8.0, 3) + grain[..., None]
        smear.paint(coverage * np.float32(rng.uniform(0.7, 0.95)), colour.astype(np.float32))
        smear.add(coverage, CELL_CLASSES.index(name))


def _photographed(colour: Float32, rng: Generator) -> UInt8:
    """H×W×3, sRGB: with the noise of a camera."""
    return np.clip(np.rint(colour + rng.normal(0.0, 3.0, colour.shape)), 0, 255).astype(np.uint8)
