"""One drawn surface: a plain textured material with no defect, or with a few small ones.

The surfaces stand for industrial inspection, where people have tags and no masks. How far the surroundings of a defect
tell its class is a setting: a classifier may then learn the surroundings, and its maps miss the defect.
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from patchlearn.core.types import Float32, UInt8
from patchlearn.data.scenes.defects import DEFECTS, draw_defect, draw_joint, draw_reflection, mark_ground
from patchlearn.data.scenes.drawn import Drawn, generators, labels_of, main_class
from patchlearn.data.scenes.textures import Ground, Look, any_look, draw_ground
from patchlearn.data.settings import SURFACES, SceneSettings

SURFACE_CLASSES: tuple[str, ...] = tuple(sorted(DEFECTS))

_SECOND_KIND = 0.15  # share of the images with a defect that have defects of another kind too
_REFLECTION, _JOINT = 0.35, 0.25  # shares of all images that have one

# What gives a class away where the surroundings do: its own kind of surface. None stands for no defect.
_OWN_LOOKS: dict[str | None, Look] = {
    "crack": Look(texture="speckled", scales=(0.8, 1.0), tones=(0.5, 0.58), hues=(0.0, 0.3)),
    "inclusion": Look(texture="coated", scales=(0.9, 1.1), tones=(0.7, 0.78), hues=(0.5, 0.6)),
    "pit": Look(texture="cast", scales=(0.9, 1.2), tones=(0.45, 0.53)),
    "scratch": Look(texture="brushed", scales=(0.9, 1.1), tones=(0.62, 0.7), turns=(-0.1, 0.1)),
    "stain": Look(texture="woven", scales=(1.0, 1.2), tones=(0.72, 0.8), hues=(0.08, 0.16)),
    None: Look(texture="banded", scales=(0.9, 1.2), tones=(0.55, 0.65)),
}


@dataclass(frozen=True, kw_only=True)
class Surface(Drawn):
    """One drawn image with its ground truth.

    Args:
        image: H×W×3, sRGB; H = W.
        mask: H×W, 0 no defect, i + 1 for class i of `SURFACE_CLASSES`: the pixels that a defect covers for at least
            half.
        labels: the class indices in `mask`, sorted; empty where there is no defect.
    """


def draw_surface(settings: SceneSettings, split: str, index: int) -> Surface:
    """Draw one image. The same settings, split and index always give the same image.

    With other `surroundings`, defects of the same kinds and shapes lie at the same places of another surface.

    Args:
        settings: `size`, `seed`, `normal` and `surroundings` matter here.
        split: "train" or "val".
        index: from 0, within the split.

    Raises:
        PatchlearnError: there is no such split, or the settings are for another kind of scenes.

    >>> surface = draw_surface(SceneSettings(kind="surfaces", size=64), "train", 0)
    >>> surface.image.shape[:2] == surface.mask.shape == (64, 64)
    True
    """
    for_ground, for_defects, for_others = generators(settings, SURFACES, split, index)
    names = _kinds(settings, split, index, for_defects)
    ground = draw_ground(for_ground, settings.size, _look(for_ground, names, settings.surroundings))
    tint, mask = _draw_defects(ground, names, for_defects)
    tint += _draw_others(ground, for_others)
    return Surface(image=_photographed(ground, tint, for_others), mask=mask, labels=labels_of(mask))


def _kinds(settings: SceneSettings, split: str, index: int, rng: Generator) -> list[str]:
    """The classes of an image, the main one first; none where the image is normal."""
    other, is_mixed = rng.integers(1, len(SURFACE_CLASSES)), rng.random() < _SECOND_KIND
    first = main_class(settings, split, index, len(SURFACE_CLASSES))
    if first is None:
        return []
    second = (first + int(other)) % len(SURFACE_CLASSES)
    return [SURFACE_CLASSES[label] for label in ([first, second] if is_mixed else [first])]


def _look(rng: Generator, names: list[str], surroundings: float) -> Look:
    """That of the main class with the probability `surroundings`, otherwise any."""
    is_own, random = rng.random() < surroundings, any_look(rng)
    return _OWN_LOOKS[names[0] if names else None] if is_own else random


def _draw_defects(ground: Ground, names: list[str], rng: Generator) -> tuple[Float32, UInt8]:
    """(H×W×3 change of colour, H×W mask); the relief of the surface is changed too."""
    side = ground.relief.shape[0]
    tint, mask = np.zeros((side, side, 3), np.float32), np.zeros((side, side), np.uint8)
    for name in sorted(names, key=list(DEFECTS).index):
        mark = draw_defect(rng, side, DEFECTS[name])
        tint += mark_ground(ground, mark)
        mask[mark.coverage >= 0.5] = SURFACE_CLASSES.index(name) + 1
    return tint, mask


def _draw_others(ground: Ground, rng: Generator) -> Float32:
    """What is no defect, and occurs with every class: a reflection, a joint. H×W×1, the light of the reflection."""
    side = ground.relief.shape[0]
    if rng.random() < _JOINT:
        mark_ground(ground, draw_joint(rng, side))
    is_there = rng.random() < _REFLECTION
    return draw_reflection(rng, side)[..., None] * np.float32(is_there)


def _photographed(ground: Ground, tint: Float32, rng: Generator) -> UInt8:
    """H×W×3, sRGB: colour in its light, with the noise of a camera."""
    shape = ground.relief.shape
    grain = rng.uniform(0.8, 2.2) * rng.standard_normal(shape, dtype=np.float32)
    hue = ground.colour / ground.colour.mean()
    image = (ground.colour * ground.light[..., None]) + (ground.relief + grain)[..., None] * hue + tint
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)
