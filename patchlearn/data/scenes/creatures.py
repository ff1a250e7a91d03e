"""The animals of the scenes: each class has its own head; the body is random and similar in all classes.

Lengths are in body units: the trunk is about 1 long, the whole animal about 1.5. Heads are drawn in head units: the
radius of the face is about 1.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator

from patchlearn.core.types import Float32
from patchlearn.data.scenes.drawing import (
    STRONG,
    WEAK,
    Canvas,
    Colour,
    Points,
    Sprite,
    draw_bush,
    ellipse,
    from_hsv,
    limb,
    noise,
    rotation,
    scallops,
    shaded,
    smooth,
)

# (x, y, noise of unit variance), all h×w → lightness of the coat, about -1..1.
Pattern = Callable[[Float32, Float32, Float32], Float32]
Head = tuple[tuple[Points, Colour], ...]


# --- coats -------------------------------------------------------------------


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


# --- bodies ------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Creature:
    """One class: its head, and the means of its body.

    Args:
        head: shapes and colours in painting order, in head units.
        head_size: body units per head unit.
        hue: mean hue of the coat; single animals differ much from it.
        girth: mean thickness of the trunk, in body units; so are the next three.
        leg: mean length of the legs.
        tail: mean length of the tail.
        tail_width: mean width of the tail's end.
        pattern: pattern of the coat; its contrast is low.
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
    """The measures of one animal, in body units."""

    colour: Colour
    girth: float
    leg: float
    stride: float
    tail: float
    tail_width: float
    tail_lift: float
    neck: tuple[float, float]


def draw_creature(creature: Creature, rng: Generator, *, unit: float, headless: bool) -> Sprite:
    """Draw one animal with random build, coat, rotation and mirroring.

    Args:
        creature: its class.
        rng: source of randomness.
        unit: pixels per body unit.
        headless: whether a bush covers the head; the bush is not part of the object.
    """
    canvas = Canvas(reach=1.0, unit=unit, turn=rng.normal(0.0, 0.16), flipped=rng.random() < 0.5)
    body = _vary(creature, rng)
    _draw_body(canvas, body)
    if headless:
        draw_bush(canvas, rng, body.neck, 1.5 * creature.head_size)
    else:
        _draw_head(canvas, creature, body, rng)
    return _textured(canvas, creature.pattern, rng)


def _vary(creature: Creature, rng: Generator) -> _Body:
    """Random measures. Their spread within a class is about as large as the distance between classes."""
    girth = creature.girth * rng.uniform(0.88, 1.12)
    return _Body(
        colour=from_hsv(creature.hue + rng.normal(0.0, 0.15), rng.uniform(0.12, 0.5), rng.uniform(0.5, 0.85)),
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
    """The sprite with light from above, and with the pattern of the coat on the body."""
    x, y = canvas.coordinates()
    wobble = noise(rng, canvas.side, canvas.side, 0.13 * canvas.unit)
    fur = noise(rng, canvas.side, canvas.side, max(1.0, 0.02 * canvas.unit))
    phase = rng.uniform(-0.05, 0.05, 2).astype(np.float32)
    zoom = np.float32(rng.uniform(0.8, 1.2))
    coat = rng.uniform(0.02, 0.13) * pattern(zoom * x + phase[0], zoom * y + phase[1], wobble) + 0.04 * fur
    light = 1.04 - 0.28 * y + canvas.coverage(WEAK) * coat
    plain = canvas.sprite()
    limit = 255 * plain.alpha[..., None]
    return replace(plain, colour=np.clip(plain.colour * light[..., None], 0, limit).astype(np.float32))


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
    (
        smooth([(-1.15, 0.15), (-0.75, -0.6), (0.75, -0.6), (1.15, 0.15), (0.35, 0.8), (0.0, 1.15), (-0.35, 0.8)]),
        _ORANGE,
    ),
    *_both_sides(smooth([(1.12, 0.18), (0.55, 0.1), (0.15, 0.55), (0.0, 1.1), (0.4, 0.78)]), _WHITE),
    (ellipse(0.0, 1.02, 0.2, 0.16), _BLACK),
    *_eyes(0.42, -0.1),
)
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
        head=_PANDA, head_size=0.155, hue=0.72, girth=0.48, leg=0.25, tail=0.14, tail_width=0.1, pattern=_dark_saddle
    ),
    "pig": Creature(
        head=_PIG, head_size=0.16, hue=0.97, girth=0.48, leg=0.24, tail=0.16, tail_width=0.05, pattern=_speckles
    ),
    "tiger": Creature(
        head=_TIGER, head_size=0.155, hue=0.08, girth=0.42, leg=0.29, tail=0.36, tail_width=0.08, pattern=_stripes
    ),
}
