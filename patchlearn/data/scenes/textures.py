"""The plain surfaces of the scenes: texture, colour and light, without a defect."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from PIL import Image

from patchlearn.core.types import Float32
from patchlearn.data.scenes.drawing import from_hsv, noise, rotation

REFERENCE = 224  # side in pixels for which lengths are stated; they grow with the image

# (rng, side, unit, turn) → side×side relief. `unit` is pixels per unit of length, `turn` the direction in radians.
Relief = Callable[[Generator, int, float, float], Float32]


# --- looks -------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Texture:
    """A kind of surface.

    Args:
        relief: draws its structure.
        hues: range of the hue.
        saturations: range of the saturation.
        contrasts: range of the relief's standard deviation, in grey levels.
    """

    relief: Relief
    hues: tuple[float, float]
    saturations: tuple[float, float]
    contrasts: tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Look:
    """How a group of surfaces looks.

    Args:
        texture: a name of `TEXTURES`.
        scales: range of the structure's size; 1 is the middle.
        tones: range of the brightness, in 0..1.
        turns: range of the direction, in radians.
        hues: range of the place between the limits of the texture's hues, in 0..1.
    """

    texture: str
    scales: tuple[float, float]
    tones: tuple[float, float]
    turns: tuple[float, float] = (0.0, float(np.pi))
    hues: tuple[float, float] = (0.0, 1.0)


def any_look(rng: Generator) -> Look:
    """One of all kinds of surface, with the full range of scales, tones, directions and hues."""
    names = tuple(TEXTURES)
    return Look(texture=names[rng.integers(len(names))], scales=(0.7, 1.5), tones=(0.4, 0.82))


@dataclass(kw_only=True)
class Ground:
    """A surface, before it becomes an image.

    Args:
        colour: 3 values in 0..255.
        light: H×W factor of the brightness; about 1.
        relief: H×W deviation from the colour, in grey levels.
        contrast: standard deviation of the relief without defects, in grey levels.
    """

    colour: Float32
    light: Float32
    relief: Float32
    contrast: float


def draw_ground(rng: Generator, side: int, look: Look) -> Ground:
    """A surface without a defect.

    Args:
        rng: source of randomness.
        side: of the square image, in pixels.
        look: from which ranges its texture, brightness and direction are drawn.
    """
    texture = TEXTURES[look.texture]
    low, high = texture.hues
    hue = low + (high - low) * rng.uniform(*look.hues)
    colour = from_hsv(hue, rng.uniform(*texture.saturations), rng.uniform(*look.tones))
    contrast, unit = rng.uniform(*texture.contrasts), rng.uniform(*look.scales) * side / REFERENCE
    relief = texture.relief(rng, side, unit, rng.uniform(*look.turns))
    relief = (relief - relief.mean()) / relief.std()
    return Ground(
        colour=np.array(colour, dtype=np.float32),
        light=_uneven_light(rng, side),
        relief=np.clip(relief, -3, 3) * np.float32(contrast),
        contrast=contrast,
    )


def _uneven_light(rng: Generator, side: int) -> Float32:
    """Brighter on one side, darker towards the corners, with slow changes between."""
    x, y = _rotated(side, rng.uniform(0.0, 2 * np.pi))
    slope, corners = rng.uniform(0.0, 0.18), rng.uniform(0.0, 0.12)
    slow = 0.025 * _bumps(rng, side, 0.4 * side)
    light = 1 + (2 * slope / side) * x - (2 * corners / side**2) * (x**2 + y**2) + slow
    return light.astype(np.float32)


# --- structures --------------------------------------------------------------


def _rotated(side: int, turn: float) -> tuple[Float32, Float32]:
    """Two side×side arrays: coordinates of the pixels around the middle, along the direction and across it."""
    offset = np.arange(side, dtype=np.float32) + np.float32(0.5 - side / 2)
    cos, sin = np.float32(np.cos(turn)), np.float32(np.sin(turn))
    columns, rows = offset[None, :], offset[:, None]
    return cos * columns + sin * rows, cos * rows - sin * columns


def _strands(rng: Generator, side: int, turn: float, along: float, across: float) -> Float32:
    """side×side smooth noise of about unit variance, with bumps `along`×`across` pixels large in a direction."""
    reach = 1.42 * side
    coarse = rng.standard_normal((int(reach / across) + 4, int(reach / along) + 4), dtype=np.float32)
    to_coarse = np.diag([1 / along, 1 / across]) @ rotation(-turn)
    middle = np.array([coarse.shape[1] / 2, coarse.shape[0] / 2]) - to_coarse @ (side / 2, side / 2)
    matrix = (*to_coarse[0], middle[0], *to_coarse[1], middle[1])
    drawn = Image.fromarray(coarse).transform((side, side), Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC)
    return np.asarray(drawn) * np.float32(1.5)


def _bumps(rng: Generator, side: int, cell: float) -> Float32:
    """side×side smooth noise of about unit variance without a direction: two turned grids hide each other's lines."""
    layers = [_strands(rng, side, rng.uniform(0.0, np.pi), cell, cell) for _ in range(2)]
    return (layers[0] + layers[1]) * np.float32(0.7)


def _brushed(rng: Generator, side: int, unit: float, turn: float) -> Float32:
    """Metal with fine parallel strokes."""
    fine = _strands(rng, side, turn, 45 * unit, max(1.0, 1.1 * unit))
    coarse = _strands(rng, side, turn, 90 * unit, 3.5 * unit)
    return fine + np.float32(0.7) * coarse + np.float32(0.35) * noise(rng, side, side, 1.0)


def _woven(rng: Generator, side: int, unit: float, turn: float) -> Float32:
    """Plain weave: threads of two directions, in turn above and below each other."""
    pitch = np.float32(max(3.5, 5.5 * unit))
    u, v = (each / pitch for each in _rotated(side, turn))
    u = u + np.float32(0.12) * noise(rng, side, side, 45 * unit)
    v = v + np.float32(0.12) * noise(rng, side, side, 45 * unit)
    column, row = np.floor(u), np.floor(v)
    across, along = np.cos(np.pi * (u - column - 0.5)), np.cos(np.pi * (v - row - 0.5))
    uneven = rng.normal(0.0, 0.22, (2, 4 * side)).astype(np.float32)
    upright = across * (0.55 + 0.45 * along) + uneven[0][column.astype(np.int64)]
    lying = along * (0.5 + 0.4 * across) + uneven[1][row.astype(np.int64)]
    over = (column + row) % 2 == 0
    return np.where(over, upright, lying).astype(np.float32) + np.float32(0.1) * noise(rng, side, side, 1.3)


def _cast(rng: Generator, side: int, unit: float, _turn: float) -> Float32:
    """Grain of several sizes, as of cast or blasted metal."""
    cells = ((1.0, 1.2), (0.8, 2.4), (0.5, 6.0), (0.4, 18.0))
    return np.sum([share * _bumps(rng, side, max(1.0, cell * unit)) for share, cell in cells], axis=0, dtype=np.float32)


def _banded(rng: Generator, side: int, unit: float, turn: float) -> Float32:
    """Bands of uneven width with fine fibres, as of wood."""
    _, v = _rotated(side, turn)
    bent = np.float32(1.1) * _strands(rng, side, turn, 150 * unit, 45 * unit)
    phase = np.float32(2 * np.pi) * (v / np.float32(17 * unit) + bent)
    rings = np.sin(phase) + np.float32(0.45) * np.sin(2 * phase + 1)
    return rings + np.float32(0.8) * _strands(rng, side, turn, 30 * unit, max(1.0, 1.2 * unit))


def _speckled(rng: Generator, side: int, unit: float, _turn: float) -> Float32:
    """Stone: light and dark grains on a middle tone."""
    light, dark = _bumps(rng, side, 2.6 * unit), _bumps(rng, side, 2.0 * unit)
    fine, slow = noise(rng, side, side, 1.0), _bumps(rng, side, 14 * unit)
    return np.tanh(4 * (light - 1.1)) - np.tanh(4 * (dark - 1.3)) + np.float32(0.3) * fine + np.float32(0.35) * slow


def _coated(rng: Generator, side: int, unit: float, turn: float) -> Float32:
    """Paint with the shallow bumps of an orange's peel, lit from one side."""
    bumps = _bumps(rng, side, 4.5 * unit) + np.float32(0.5) * _bumps(rng, side, 9 * unit)
    rows, columns = np.gradient(bumps)
    lit = np.float32(np.cos(turn)) * columns + np.float32(np.sin(turn)) * rows
    return lit + np.float32(0.1) * noise(rng, side, side, 1.0)


TEXTURES: dict[str, Texture] = {
    "banded": Texture(relief=_banded, hues=(0.06, 0.11), saturations=(0.22, 0.45), contrasts=(6.0, 12.0)),
    "brushed": Texture(relief=_brushed, hues=(0.52, 0.65), saturations=(0.0, 0.07), contrasts=(5.0, 10.0)),
    "cast": Texture(relief=_cast, hues=(0.5, 0.65), saturations=(0.0, 0.08), contrasts=(5.0, 11.0)),
    "coated": Texture(relief=_coated, hues=(0.0, 1.0), saturations=(0.05, 0.4), contrasts=(2.5, 5.0)),
    "speckled": Texture(relief=_speckled, hues=(0.0, 0.15), saturations=(0.02, 0.15), contrasts=(9.0, 16.0)),
    "woven": Texture(relief=_woven, hues=(0.0, 1.0), saturations=(0.05, 0.35), contrasts=(9.0, 16.0)),
}
