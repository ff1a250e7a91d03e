"""Tools for drawing scenes: smooth shapes, sprites with exact part maps, colours, textures and clutter.

A shape is a closed outline of N×2 points (x, y); x points right, y points down.
"""

from collections.abc import Sequence
from colorsys import hsv_to_rgb
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from patchlearn.core.types import Float32, UInt8

STRONG, WEAK, COVER = 1, 2, 3
SUPERSAMPLING = 3  # is odd, so that the centre of each pixel is the centre of a subpixel, which gives the part

Points = NDArray[np.float64]
Colour = tuple[int, int, int]


# --- shapes ------------------------------------------------------------------


def ellipse(x: float, y: float, width: float, height: float, turn: float = 0.0) -> Points:
    """An ellipse with the half axes `width` and `height`, turned clockwise by `turn` radians."""
    angles = np.linspace(0.0, 2 * np.pi, 36, endpoint=False)
    return np.stack([width * np.cos(angles), height * np.sin(angles)], axis=1) @ rotation(turn).T + (x, y)


def smooth(points: Sequence[tuple[float, float]]) -> Points:
    """A closed Catmull-Rom curve through all points."""
    control = np.array(points)
    before, after, beyond = np.roll(control, 1, 0), np.roll(control, -1, 0), np.roll(control, -2, 0)
    t = np.linspace(0.0, 1.0, 7, endpoint=False)[:, None, None]
    bend = t * (after - before) + t**2 * (2 * before - 5 * control + 4 * after - beyond)
    curve = control + 0.5 * (bend + t**3 * (3 * control - before - 3 * after + beyond))
    return curve.transpose(1, 0, 2).reshape(-1, 2)


def limb(start: tuple[float, float], end: tuple[float, float], start_width: float, end_width: float) -> Points:
    """A tapered stroke with round ends."""
    along = np.arctan2(end[1] - start[1], end[0] - start[0])
    half_circle = np.linspace(np.pi / 2, 3 * np.pi / 2, 10) + along
    cap = np.stack([np.cos(half_circle), np.sin(half_circle)], axis=1) / 2
    return np.concatenate([cap * start_width + start, -cap * end_width + end])


def scallops(radius: float, lobes: int) -> Points:
    """A circle around the origin with a wavy rim."""
    angles = np.linspace(0.0, 2 * np.pi, 8 * lobes, endpoint=False)
    rim = radius * (0.88 + 0.12 * np.abs(np.cos(lobes * angles / 2)))
    return np.stack([rim * np.sin(angles), -rim * np.cos(angles)], axis=1)


def rotation(turn: float) -> Points:
    """2×2 rotation matrix; it turns clockwise on the screen, because y points down."""
    return np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])


# --- sprites -----------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Sprite:
    """A drawn object or piece of clutter.

    Args:
        colour: h×w×3 in 0..255, already multiplied by `alpha`.
        alpha: h×w coverage in [0, 1].
        part: h×w, at the centre of each pixel: 0 nothing, STRONG, WEAK, or COVER, which covers objects and belongs to
            none.
        shadow: h×w in [0, 1], the shadow on the ground.
    """

    colour: Float32
    alpha: Float32
    part: UInt8
    shadow: Float32

    @property
    def is_object(self) -> NDArray[np.bool_]:
        """h×w: whether the pixel's centre shows the object."""
        return (self.part == STRONG) | (self.part == WEAK)


@final
class Canvas:
    """A square transparent sheet on which shapes are filled, at three times its final size.

    Args:
        reach: half its side, in the units of the shapes.
        unit: pixels per unit.
        turn: clockwise rotation of all shapes, in radians.
        flipped: whether left and right are exchanged.
    """

    def __init__(self, *, reach: float, unit: float, turn: float = 0.0, flipped: bool = False) -> None:
        self.unit = unit
        self.side = 2 * int(np.ceil(reach * unit))
        self._to_pixels = unit * rotation(turn) @ np.diag([-1.0 if flipped else 1.0, 1.0])
        big = (self.side * SUPERSAMPLING, self.side * SUPERSAMPLING)
        self._colour, self._part = Image.new("RGB", big), Image.new("L", big)
        self._draw_colour, self._draw_part = ImageDraw.Draw(self._colour), ImageDraw.Draw(self._part)
        self._shadow = Image.new("L", (self.side, self.side))

    def fill(self, points: Points, colour: Colour, part: int) -> None:
        """Paint a shape over the earlier ones."""
        outline = [(x, y) for x, y in (SUPERSAMPLING * self._pixels(points) - 0.5).tolist()]
        self._draw_colour.polygon(outline, fill=colour)
        self._draw_part.polygon(outline, fill=part)

    def cast_shadow(self, points: Points) -> None:
        """Add a soft shadow on the ground."""
        ImageDraw.Draw(self._shadow).polygon([(x, y) for x, y in self._pixels(points).tolist()], fill=255)
        self._shadow = self._shadow.filter(ImageFilter.GaussianBlur(0.04 * self.unit))

    def coordinates(self) -> tuple[Float32, Float32]:
        """x and y of the centre of every pixel, two h×w arrays in the units of the shapes."""
        offset = np.arange(self.side, dtype=np.float32) + np.float32(0.5 - self.side / 2)
        back = np.linalg.inv(self._to_pixels).astype(np.float32)
        columns, rows = offset[None, :], offset[:, None]
        return back[0, 0] * columns + back[0, 1] * rows, back[1, 0] * columns + back[1, 1] * rows

    def sprite(self) -> Sprite:
        """The drawing so far, with anti-aliased edges."""
        centre = SUPERSAMPLING // 2
        return Sprite(
            colour=np.asarray(self._colour.reduce(SUPERSAMPLING), dtype=np.float32),
            alpha=self.coverage(STRONG, WEAK, COVER),
            part=np.asarray(self._part)[centre::SUPERSAMPLING, centre::SUPERSAMPLING].copy(),
            shadow=np.asarray(self._shadow, dtype=np.float32) / np.float32(255),
        )

    def coverage(self, *parts: int) -> Float32:
        """h×w in [0, 1]: the share of each pixel that the given parts cover."""
        chosen = self._part.point([255 * (value in parts) for value in range(256)])
        return np.asarray(chosen.reduce(SUPERSAMPLING), dtype=np.float32) / np.float32(255)

    def _pixels(self, points: Points) -> Points:
        return points @ self._to_pixels.T + self.side / 2


# --- colours and textures ----------------------------------------------------


def from_hsv(hue: float, saturation: float, value: float) -> Colour:
    """A colour from its hue (any number; hue + 1 is the same hue), saturation and value, both clipped to [0, 1]."""
    red, green, blue = hsv_to_rgb(hue % 1.0, min(max(saturation, 0.0), 1.0), min(max(value, 0.0), 1.0))
    return round(255 * red), round(255 * green), round(255 * blue)


def shaded(colour: Colour, factor: float) -> Colour:
    """A darker (factor below 1) or lighter (above 1) colour."""
    red, green, blue = (min(255, round(channel * factor)) for channel in colour)
    return red, green, blue


def noise(rng: Generator, height: int, width: int, cell: float) -> Float32:
    """H×W smooth noise of mean 0 and about unit variance, with bumps about `cell` pixels wide."""
    coarse = rng.standard_normal((int(height / cell) + 3, int(width / cell) + 3), dtype=np.float32)
    window = (0.5, 0.5, 0.5 + width / cell, 0.5 + height / cell)
    fine = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC, box=window)
    return np.asarray(fine) * np.float32(1.5)


def octaves(rng: Generator, height: int, width: int, cells: Sequence[float]) -> Float32:
    """H×W sum of noises with these bump widths; each is 0.6 times as strong as the one before."""
    layers = [0.6**power * noise(rng, height, width, cell) for power, cell in enumerate(cells)]
    return np.sum(layers, axis=0, dtype=np.float32)


# --- clutter -----------------------------------------------------------------


def draw_clutter(rng: Generator, *, unit: float) -> Sprite:
    """A bush, a stone, a ball or a flower of random colour; `unit` is about its radius in pixels."""
    canvas = Canvas(reach=1.6, unit=unit, turn=rng.normal(0.0, 0.2))
    canvas.cast_shadow(ellipse(0.0, 0.85, 1.0, 0.22))
    draw = (draw_bush, _draw_stone, _draw_ball, _draw_flower)[rng.integers(4)]
    draw(canvas, rng, (0.0, 0.0), 1.0)
    return canvas.sprite()


def draw_bush(canvas: Canvas, rng: Generator, centre: tuple[float, float], radius: float) -> None:
    """A round bush that covers earlier shapes; `centre` and `radius` are in the units of the canvas."""
    leaf = from_hsv(rng.uniform(0.2, 0.45), rng.uniform(0.3, 0.65), rng.uniform(0.35, 0.65))
    angles = rng.permutation(np.linspace(0.0, 2 * np.pi, 9, endpoint=False)) + rng.uniform(0.0, 1.0)
    canvas.fill(ellipse(*centre, 0.85 * radius, 0.85 * radius), shaded(leaf, 0.8), COVER)
    for angle in angles:
        x, y = centre[0] + 0.6 * radius * np.cos(angle), centre[1] + 0.6 * radius * np.sin(angle)
        size = radius * rng.uniform(0.3, 0.5)
        canvas.fill(ellipse(x, y, size, size), shaded(leaf, 0.95 - 0.2 * np.sin(angle)), COVER)


def _draw_stone(canvas: Canvas, rng: Generator, centre: tuple[float, float], radius: float) -> None:
    grey = from_hsv(rng.random(), rng.uniform(0.02, 0.2), rng.uniform(0.4, 0.8))
    angles = np.linspace(0.0, 2 * np.pi, 8, endpoint=False)
    reach = radius * rng.uniform(0.75, 1.1, 8)
    rim = np.stack([reach * np.cos(angles), 0.75 * reach * np.sin(angles) + 0.2 * radius], axis=1)
    canvas.fill(smooth([(x, y) for x, y in (rim + centre).tolist()]), shaded(grey, 0.8), COVER)
    canvas.fill(smooth([(x, y) for x, y in (0.75 * rim + centre - 0.12 * radius).tolist()]), grey, COVER)


def _draw_ball(canvas: Canvas, rng: Generator, centre: tuple[float, float], radius: float) -> None:
    colour = from_hsv(rng.random(), rng.uniform(0.4, 0.9), rng.uniform(0.6, 0.95))
    x, y = centre
    canvas.fill(ellipse(x, y, 0.9 * radius, 0.9 * radius), shaded(colour, 0.8), COVER)
    canvas.fill(ellipse(x - 0.1 * radius, y - 0.12 * radius, 0.7 * radius, 0.7 * radius), colour, COVER)
    canvas.fill(ellipse(x - 0.3 * radius, y - 0.35 * radius, 0.18 * radius, 0.14 * radius), (255, 255, 255), COVER)


def _draw_flower(canvas: Canvas, rng: Generator, centre: tuple[float, float], radius: float) -> None:
    petal = from_hsv(rng.random(), rng.uniform(0.2, 0.8), rng.uniform(0.75, 1.0))
    x, y = centre
    canvas.fill(limb((x, y), (x + 0.1, y + radius), 0.14 * radius, 0.14 * radius), (70, 120, 60), COVER)
    for angle in np.linspace(0.0, 2 * np.pi, 6, endpoint=False):
        middle = (x + 0.4 * radius * np.cos(angle), y - 0.2 * radius + 0.4 * radius * np.sin(angle))
        canvas.fill(ellipse(*middle, 0.34 * radius, 0.22 * radius, angle), petal, COVER)
    canvas.fill(ellipse(x, y - 0.2 * radius, 0.22 * radius, 0.22 * radius), shaded(petal, 0.55), COVER)
