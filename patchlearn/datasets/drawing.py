"""What `scenes` is drawn with: smooth shapes, sprites with exact part maps, textures, creatures, clutter.

Shapes are N×2 points in units of their owner (a creature is about 1.5 wide, its head about 2), x right, y down.
"""

from collections.abc import Callable, Sequence
from colorsys import hsv_to_rgb
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from patchlearn.samples import Float32, UInt8

STRONG, WEAK, COVER = 1, 2, 3
# Odd, so that one subpixel lies at the very centre of its pixel and can speak for it in the part map.
SUPERSAMPLING = 3

Points = NDArray[np.float64]
Colour = tuple[int, int, int]
Pattern = Callable[[Float32, Float32, Float32], Float32]


# --- shapes ------------------------------------------------------------------


def ellipse(x: float, y: float, width: float, height: float, turn: float = 0.0) -> Points:
    """An ellipse of half axes `width` and `height`, turned clockwise by `turn` radians."""
    angles = np.linspace(0.0, 2 * np.pi, 36, endpoint=False)
    return np.stack([width * np.cos(angles), height * np.sin(angles)], axis=1) @ rotation(turn).T + (x, y)


def smooth(points: Sequence[tuple[float, float]]) -> Points:
    """A closed curve through all points (Catmull-Rom)."""
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
    """A circle around the origin with a wavy rim, like a mane or a blossom."""
    angles = np.linspace(0.0, 2 * np.pi, 8 * lobes, endpoint=False)
    rim = radius * (0.88 + 0.12 * np.abs(np.cos(lobes * angles / 2)))
    return np.stack([rim * np.sin(angles), -rim * np.cos(angles)], axis=1)


def rotation(turn: float) -> Points:
    """2×2: turns clockwise on the screen, because y runs down."""
    return np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])


# --- sprites -----------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Sprite:
    """Something to paste into a picture.

    Args:
        colour: h×w×3 in 0..255, already multiplied by `alpha`.
        alpha: h×w coverage in [0, 1].
        part: h×w, at the pixels' centres: 0 nothing, STRONG, WEAK, or COVER for what hides without being an object.
        shadow: h×w in [0, 1], what is cast on the ground below.
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
    """A square transparent sheet on which shapes are filled, larger than it ends up.

    Args:
        reach: half its side, in shape units.
        unit: pixels per shape unit.
        turn: clockwise rotation of everything drawn, in radians.
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
        """Paint a shape over what is there."""
        outline = [(x, y) for x, y in (SUPERSAMPLING * self._pixels(points) - 0.5).tolist()]
        self._draw_colour.polygon(outline, fill=colour)
        self._draw_part.polygon(outline, fill=part)

    def cast_shadow(self, points: Points) -> None:
        """Darken the ground below with a soft shape."""
        ImageDraw.Draw(self._shadow).polygon([(x, y) for x, y in self._pixels(points).tolist()], fill=255)
        self._shadow = self._shadow.filter(ImageFilter.GaussianBlur(0.04 * self.unit))

    def coordinates(self) -> tuple[Float32, Float32]:
        """Two h×w arrays: x and y of every pixel's centre in shape units."""
        offset = np.arange(self.side, dtype=np.float32) + np.float32(0.5 - self.side / 2)
        back = np.linalg.inv(self._to_pixels).astype(np.float32)
        columns, rows = offset[None, :], offset[:, None]
        return back[0, 0] * columns + back[0, 1] * rows, back[1, 0] * columns + back[1, 1] * rows

    def sprite(self) -> Sprite:
        """What was drawn, with anti-aliased edges."""
        centre = SUPERSAMPLING // 2
        return Sprite(
            colour=np.asarray(self._colour.reduce(SUPERSAMPLING), dtype=np.float32),
            alpha=self.coverage(STRONG, WEAK, COVER),
            part=np.asarray(self._part)[centre::SUPERSAMPLING, centre::SUPERSAMPLING].copy(),
            shadow=np.asarray(self._shadow, dtype=np.float32) / 255,
        )

    def coverage(self, *parts: int) -> Float32:
        """h×w in [0, 1]: how much of each pixel the given parts cover."""
        chosen = self._part.point([255 * (value in parts) for value in range(256)])
        return np.asarray(chosen.reduce(SUPERSAMPLING), dtype=np.float32) / 255

    def _pixels(self, points: Points) -> Points:
        return points @ self._to_pixels.T + self.side / 2


# --- colours and textures ----------------------------------------------------


def from_hsv(hue: float, saturation: float, value: float) -> Colour:
    """A colour from hue (any real, 1 is once around), saturation and value in [0, 1]."""
    red, green, blue = hsv_to_rgb(hue % 1.0, min(max(saturation, 0.0), 1.0), min(max(value, 0.0), 1.0))
    return round(255 * red), round(255 * green), round(255 * blue)


def shaded(colour: Colour, factor: float) -> Colour:
    """A darker (below 1) or lighter (above 1) colour."""
    red, green, blue = (min(255, round(channel * factor)) for channel in colour)
    return red, green, blue


def noise(rng: Generator, height: int, width: int, cell: float) -> Float32:
    """H×W smooth noise of mean 0 and about unit variance, whose bumps are about `cell` pixels wide."""
    coarse = rng.standard_normal((int(height / cell) + 3, int(width / cell) + 3), dtype=np.float32)
    window = (0.5, 0.5, 0.5 + width / cell, 0.5 + height / cell)
    fine = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC, box=window)
    return np.asarray(fine) * np.float32(1.5)


def octaves(rng: Generator, height: int, width: int, cells: Sequence[float]) -> Float32:
    """H×W sum of noises, each weaker by 0.6 than the one before it."""
    layers = [0.6**power * noise(rng, height, width, cell) for power, cell in enumerate(cells)]
    return np.sum(layers, axis=0, dtype=np.float32)


# --- creatures ---------------------------------------------------------------

# A pattern maps x, y and a noise of unit variance (all h×w) to the coat's lightness in about -1..1.


def _stripes(x: Float32, _y: Float32, wobble: Float32) -> Float32:
    return np.sin(34 * x + 1.3 * wobble)


def _locks(_x: Float32, y: Float32, wobble: Float32) -> Float32:
    return np.sin(40 * y + 1.3 * wobble)


def _blotches(_x: Float32, _y: Float32, wobble: Float32) -> Float32:
    return np.tanh(5 * (wobble - 0.2))


def _speckles(x: Float32, y: Float32, wobble: Float32) -> Float32:
    return np.tanh(6 * (np.sin(42 * x + wobble) * np.sin(42 * y - wobble) - 0.45))


def _light_belly(_x: Float32, y: Float32, wobble: Float32) -> Float32:
    return np.tanh(9 * y + 0.3 * wobble)


def _dark_saddle(x: Float32, _y: Float32, wobble: Float32) -> Float32:
    return 1 - 2 * np.exp(-((7 * x + 0.4 * wobble) ** 2))


Head = tuple[tuple[Points, Colour], ...]


@dataclass(frozen=True, kw_only=True)
class Creature:
    """A class of `scenes`: a head like no other, and a body that resembles everyone's.

    Args:
        head: shapes and colours, in painting order, in units of about the head's radius.
        head_size: body units per head unit.
        hue: mean hue of the coat; the single coat strays far from it.
        girth: mean thickness of the trunk, in body units, as the following.
        leg: mean length of the legs.
        tail: mean length of the tail.
        tail_width: mean width of the tail's end.
        pattern: of the coat, at a contrast that goes from hardly visible to subtle.
    """

    head: Head
    head_size: float
    hue: float
    girth: float
    leg: float
    tail: float
    tail_width: float
    pattern: Pattern


@dataclass(frozen=True, kw_only=True)
class _Body:
    """One creature's own measures, in body units."""

    colour: Colour
    girth: float
    leg: float
    stride: float
    tail: float
    tail_width: float
    tail_lift: float
    neck: tuple[float, float]


def draw_creature(creature: Creature, rng: Generator, *, unit: float, headless: bool) -> Sprite:
    """One creature of a random build and coat.

    Args:
        creature: its class.
        rng: where build, coat, turn and flip come from.
        unit: pixels per body unit.
        headless: whether something that is no part of it stands in front of its head.
    """
    canvas = Canvas(reach=1.0, unit=unit, turn=rng.normal(0.0, 0.16), flipped=rng.random() < 0.5)
    body = _vary(creature, rng)
    _draw_body(canvas, body)
    _draw_head(canvas, creature, body, rng)
    if headless:
        _draw_bush(canvas, rng, body.neck, 1.45 * creature.head_size)
    return _textured(canvas, creature.pattern, rng)


def _vary(creature: Creature, rng: Generator) -> _Body:
    """Draw a build whose spread within a class is about as large as the classes' distance."""
    girth = creature.girth * rng.uniform(0.88, 1.12)
    return _Body(
        colour=from_hsv(creature.hue + rng.normal(0.0, 0.09), rng.uniform(0.12, 0.5), rng.uniform(0.5, 0.85)),
        girth=girth,
        leg=creature.leg * rng.uniform(0.82, 1.18),
        stride=rng.uniform(-0.07, 0.07),
        tail=creature.tail * rng.uniform(0.75, 1.25),
        tail_width=creature.tail_width * rng.uniform(0.75, 1.25),
        tail_lift=rng.uniform(-0.6, 0.7),
        neck=(rng.uniform(0.55, 0.63), -girth / 2 - rng.uniform(-0.05, 0.1)),
    )


def _draw_body(canvas: Canvas, body: _Body) -> None:
    canvas.cast_shadow(ellipse(0.0, body.girth / 2 + body.leg, 0.62, 0.09))
    _draw_legs(canvas, body, shift=0.09 + body.stride, colour=shaded(body.colour, 0.72))
    _draw_tail(canvas, body)
    canvas.fill(_trunk(body.girth), body.colour, WEAK)
    canvas.fill(limb((0.36, -0.05), body.neck, 0.72 * body.girth, 0.24), body.colour, WEAK)
    _draw_legs(canvas, body, shift=-body.stride, colour=shaded(body.colour, 0.93))


def _trunk(girth: float) -> Points:
    half = girth / 2
    upper = [(-0.53, -0.1), (-0.42, -0.9 * half), (-0.1, -0.92 * half), (0.25, -half), (0.46, -0.7 * half)]
    lower = [(0.52, 0.02), (0.4, 0.8 * half), (0.05, 1.02 * half), (-0.3, 0.86 * half), (-0.5, 0.5 * half)]
    return smooth(upper + lower)


def _draw_legs(canvas: Canvas, body: _Body, shift: float, colour: Colour) -> None:
    foot = body.girth / 2 + body.leg
    for hip, lean in ((-0.38, -1.0), (0.34, 1.0)):
        x = hip + 0.5 * shift
        toe = x + lean * 0.5 * shift
        canvas.fill(limb((x, 0.3 * body.girth), (toe, foot - 0.05), 0.2, 0.11), colour, WEAK)
        canvas.fill(ellipse(toe + 0.02, foot - 0.03, 0.075, 0.045), shaded(colour, 0.6), WEAK)


def _draw_tail(canvas: Canvas, body: _Body) -> None:
    root, lift = (-0.47, -0.25 * body.girth), body.tail_lift
    bend = (root[0] - 0.6 * body.tail, root[1] - 0.5 * lift * body.tail)
    tip = (bend[0] - 0.35 * body.tail, bend[1] - (lift + 0.25) * body.tail)
    canvas.fill(limb(root, bend, 0.08, body.tail_width), body.colour, WEAK)
    canvas.fill(limb(bend, tip, body.tail_width, 0.7 * body.tail_width), shaded(body.colour, 0.85), WEAK)


def _draw_head(canvas: Canvas, creature: Creature, body: _Body, rng: Generator) -> None:
    tilt, size = rotation(rng.normal(0.0, 0.12)), creature.head_size * rng.uniform(0.93, 1.07)
    light = rng.uniform(0.92, 1.05)
    for points, colour in creature.head:
        canvas.fill(size * points @ tilt.T + body.neck, shaded(colour, light), STRONG)


def _textured(canvas: Canvas, pattern: Pattern, rng: Generator) -> Sprite:
    """Light from above for everything, coat for the weak part only."""
    x, y = canvas.coordinates()
    wobble = noise(rng, canvas.side, canvas.side, 0.13 * canvas.unit)
    fur = noise(rng, canvas.side, canvas.side, max(1.0, 0.02 * canvas.unit))
    phase = rng.uniform(-0.05, 0.05, 2).astype(np.float32)
    zoom = np.float32(rng.uniform(0.8, 1.2))
    coat = rng.uniform(0.04, 0.2) * pattern(zoom * x + phase[0], zoom * y + phase[1], wobble) + 0.04 * fur
    light = 1.04 - 0.28 * y + canvas.coverage(WEAK) * coat
    plain = canvas.sprite()
    limit = 255 * plain.alpha[..., None]
    return Sprite(
        colour=np.clip(plain.colour * light[..., None], 0, limit).astype(np.float32),
        alpha=plain.alpha,
        part=plain.part,
        shadow=plain.shadow,
    )


# --- heads -------------------------------------------------------------------

_BLACK, _WHITE, _PINK = (28, 26, 30), (250, 247, 240), (238, 128, 150)
_ORANGE, _YELLOW, _GOLD, _MANE, _HORN = (236, 98, 22), (250, 176, 28), (246, 196, 84), (126, 44, 18), (226, 206, 150)
_ROSE, _DEEP_ROSE = (255, 158, 182), (226, 92, 134)


def _both_sides(points: Points, colour: Colour) -> Head:
    return (points, colour), (points * (-1, 1), colour)


def _eyes(x: float, y: float, colour: Colour = _BLACK) -> Head:
    return _both_sides(ellipse(x, y, 0.13, 0.15), colour)


_COW: Head = (
    *_both_sides(smooth([(0.35, -0.75), (0.75, -1.0), (0.72, -1.4), (1.0, -0.95), (0.7, -0.6)]), _HORN),
    *_both_sides(ellipse(1.0, -0.38, 0.42, 0.2, -0.25), _BLACK),
    (smooth([(-0.75, -0.6), (0.0, -0.95), (0.75, -0.6), (0.7, 0.2), (0.5, 0.95), (-0.5, 0.95), (-0.7, 0.2)]), _WHITE),
    (smooth([(0.78, -0.6), (0.25, -0.85), (0.15, -0.1), (0.5, 0.25), (0.74, 0.1)]), _BLACK),
    (ellipse(0.0, 0.72, 0.72, 0.42), _PINK),
    *_both_sides(ellipse(0.3, 0.7, 0.11, 0.14), (150, 60, 84)),
    *_eyes(0.42, -0.15, (90, 80, 84)),
)
_FOX: Head = (
    *_both_sides(smooth([(0.15, -0.6), (0.85, -1.5), (1.0, -0.1)]), _ORANGE),
    *_both_sides(smooth([(0.42, -0.7), (0.8, -1.2), (0.86, -0.45)]), _BLACK),
    (smooth([(-1.15, 0.15), (-0.75, -0.6), (0.0, -0.75), (0.75, -0.6), (1.15, 0.15), (0.35, 0.8), (0.0, 1.15), (-0.35, 0.8)]), _ORANGE),
    *_both_sides(smooth([(1.12, 0.18), (0.55, 0.1), (0.15, 0.55), (0.0, 1.1), (0.4, 0.78)]), _WHITE),
    (ellipse(0.0, 1.02, 0.2, 0.16), _BLACK),
    *_eyes(0.42, -0.1),
)  # fmt: skip
_LION: Head = (
    (scallops(1.35, 13), _MANE),
    *_both_sides(ellipse(0.68, -0.68, 0.26, 0.26), _GOLD),
    (ellipse(0.0, 0.05, 0.82, 0.85), _GOLD),
    *_both_sides(ellipse(0.22, 0.5, 0.28, 0.24), _WHITE),
    (smooth([(-0.22, 0.18), (0.22, 0.18), (0.0, 0.45)]), _MANE),
    *_eyes(0.36, -0.12),
)
_PANDA: Head = (
    *_both_sides(ellipse(0.8, -0.75, 0.4, 0.4), _BLACK),
    (ellipse(0.0, 0.05, 1.08, 0.95), _WHITE),
    *_both_sides(ellipse(0.47, -0.02, 0.27, 0.38, 0.5), _BLACK),
    *_eyes(0.42, -0.06, _WHITE),
    (ellipse(0.0, 0.45, 0.2, 0.13), _BLACK),
)
_PIG: Head = (
    (ellipse(0.0, 0.05, 1.0, 0.95), _ROSE),
    *_both_sides(smooth([(0.3, -0.8), (1.0, -1.15), (1.0, -0.2)]), _DEEP_ROSE),
    (ellipse(0.0, 0.38, 0.52, 0.38), _DEEP_ROSE),
    *_both_sides(ellipse(0.2, 0.38, 0.11, 0.18), (130, 32, 70)),
    *_eyes(0.45, -0.2),
)
_TIGER: Head = (
    *_both_sides(ellipse(0.75, -0.75, 0.34, 0.34), _YELLOW),
    *_both_sides(ellipse(0.75, -0.75, 0.17, 0.17), _BLACK),
    (ellipse(0.0, 0.05, 1.08, 0.98), _YELLOW),
    (smooth([(-0.13, -0.98), (0.13, -0.98), (0.0, -0.2)]), _BLACK),
    *_both_sides(smooth([(0.3, -0.95), (0.52, -0.85), (0.26, -0.42)]), _BLACK),
    *_both_sides(smooth([(1.1, -0.15), (1.08, 0.12), (0.6, 0.05)]), _BLACK),
    *_both_sides(smooth([(1.03, 0.35), (0.9, 0.6), (0.56, 0.35)]), _BLACK),
    *_both_sides(ellipse(0.25, 0.55, 0.32, 0.27), _WHITE),
    (smooth([(-0.2, 0.25), (0.2, 0.25), (0.0, 0.5)]), _DEEP_ROSE),
    *_eyes(0.4, -0.1),
)

CREATURES: dict[str, Creature] = {
    "cow": Creature(
        head=_COW, head_size=0.155, hue=0.05, girth=0.47, leg=0.3, tail=0.26, tail_width=0.05, pattern=_blotches
    ),
    "fox": Creature(
        head=_FOX, head_size=0.155, hue=0.09, girth=0.4, leg=0.28, tail=0.34, tail_width=0.13, pattern=_light_belly
    ),
    "lion": Creature(
        head=_LION, head_size=0.145, hue=0.12, girth=0.42, leg=0.31, tail=0.32, tail_width=0.06, pattern=_locks
    ),
    "panda": Creature(
        head=_PANDA, head_size=0.155, hue=0.58, girth=0.48, leg=0.25, tail=0.14, tail_width=0.1, pattern=_dark_saddle
    ),
    "pig": Creature(
        head=_PIG, head_size=0.16, hue=0.97, girth=0.48, leg=0.24, tail=0.16, tail_width=0.05, pattern=_speckles
    ),
    "tiger": Creature(
        head=_TIGER, head_size=0.155, hue=0.08, girth=0.42, leg=0.29, tail=0.36, tail_width=0.08, pattern=_stripes
    ),
}


# --- clutter -----------------------------------------------------------------


def draw_clutter(rng: Generator, *, unit: float) -> Sprite:
    """A bush, a stone, a ball or a flower of any colour, about `unit` pixels in radius: evidence for no class."""
    canvas = Canvas(reach=1.6, unit=unit, turn=rng.normal(0.0, 0.2))
    canvas.cast_shadow(ellipse(0.0, 0.85, 1.0, 0.22))
    draw = (_draw_bush, _draw_stone, _draw_ball, _draw_flower)[rng.integers(4)]
    draw(canvas, rng, (0.0, 0.0), 1.0)
    return canvas.sprite()


def _draw_bush(canvas: Canvas, rng: Generator, centre: tuple[float, float], radius: float) -> None:
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
