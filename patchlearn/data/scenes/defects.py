"""The defects of the surfaces, small, thin and faint, and what looks like a defect and is none.

Lengths are in pixels of an image of side `REFERENCE`; they grow with the image. Areas are shares of the image.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from PIL import Image

from patchlearn.core.types import Float32
from patchlearn.data.scenes.coverage import EDGE, covered
from patchlearn.data.scenes.drawing import Points, limb, noise, rotation, smooth
from patchlearn.data.scenes.textures import REFERENCE, Ground

PIT_PIXELS = 25.0  # of the smallest pit, as of a spot of 5×5
THINNEST = 1.3  # pixels; the mask of a thinner line has gaps where the line runs between two rows


@dataclass(frozen=True, kw_only=True)
class Mark:
    """The defects of one kind in one image.

    Args:
        coverage: H×W in [0, 1], the share of each pixel that a defect covers.
        shade: H×W or one number, how much lighter (above 0) or darker (below 0) it is, in `strength` of the surface.
        hides: share of the surface's structure that is lost below it.
        tint: 3 factors of the change, for red, green and blue.
    """

    coverage: Float32
    shade: Float32 | float
    hides: float = 0.0
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)


# (rng, side, area) → the marks; `area` is the share of the image that they are to cover.
Draw = Callable[[Generator, int, float], Mark]


@dataclass(frozen=True, kw_only=True)
class Defect:
    """One class.

    Args:
        draw: draws all defects of this kind in an image.
        areas: least, median and largest share of the image that they cover.
    """

    draw: Draw
    areas: tuple[float, float, float]


def draw_defect(rng: Generator, side: int, defect: Defect) -> Mark:
    """Draw the defects of one kind in an image; their common area is log-normal between the limits."""
    least, median, largest = defect.areas
    return defect.draw(rng, side, float(np.clip(median * np.exp(rng.normal(0.0, 0.5)), least, largest)))


def mark_ground(ground: Ground, mark: Mark) -> Float32:
    """Change the relief of the surface, and give the further change of its colour, H×W×3.

    A defect's contrast grows with that of the surface, so that it can be seen on all of them.
    """
    strength = 6 + 0.9 * ground.contrast
    change = mark.coverage * np.float32(strength) * mark.shade
    ground.relief *= 1 - mark.coverage * np.float32(mark.hides)
    ground.relief += change
    return change[..., None] * (np.array(mark.tint, dtype=np.float32) - 1)


# --- shapes ------------------------------------------------------------------


def _stroke(path: Points, widths: Points) -> list[Points]:
    """A line through the points of the path, with a width at each of them."""
    narrow = widths - EDGE
    pairs = zip(path[:-1].tolist(), path[1:].tolist(), narrow[:-1].tolist(), narrow[1:].tolist(), strict=True)
    return [limb((a[0], a[1]), (b[0], b[1]), first, second) for a, b, first, second in pairs]


def _placed(rng: Generator, side: int, points: Points) -> Points:
    """The points, moved to anywhere in the image where all of them lie inside, or into its middle."""
    low, high = points.min(axis=0), points.max(axis=0)
    room = np.maximum(side - (high - low), 0.0)
    return points - low + np.where(room > 0, rng.uniform(0.0, 1.0, 2) * room, (side - (high - low)) / 2)


def _shares(rng: Generator, count: int) -> list[float]:
    """`count` random shares of about equal size, of sum 1."""
    raw = rng.uniform(0.6, 1.4, count)
    return [float(each) for each in raw / raw.sum()]


def _count(rng: Generator, *probabilities: float) -> int:
    """1 with the first probability, 2 with the second, and so on."""
    return 1 + int(rng.choice(len(probabilities), p=probabilities))


def _visibility(rng: Generator, faint: float, clear: float) -> float:
    """Log-uniform, so that faint ones are as frequent as clear ones."""
    return float(np.exp(rng.uniform(np.log(faint), np.log(clear))))


def _blob(rng: Generator, pixels: float, points: int, spread: float, ratio: float = 1.0) -> Points:
    """A closed uneven outline of `pixels` square pixels around the origin, `ratio` times as long as wide."""
    angles = np.linspace(0.0, 2 * np.pi, points, endpoint=False)
    radius = np.exp(rng.normal(0.0, spread, points))
    x, y = ratio * radius * np.cos(angles), radius * np.sin(angles)
    outline = smooth(list(zip(x.tolist(), y.tolist(), strict=True))) @ rotation(rng.uniform(0, np.pi)).T
    return outline * np.sqrt(pixels / _area(outline))


def _area(outline: Points) -> float:
    """Of a closed outline, by the shoelace formula."""
    x, y = outline.T
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2


# --- kinds -------------------------------------------------------------------


def _draw_scratches(rng: Generator, side: int, area: float) -> Mark:
    """Thin lines, straight or bent, that get thinner towards their ends; light, or dark."""
    shares = _shares(rng, _count(rng, 0.65, 0.25, 0.1))
    shapes = [shape for share in shares for shape in _scratch(rng, side, share * area * side**2)]
    shade = rng.choice((1.0, 1.0, -1.0)) * _visibility(rng, 1.3, 3.2)
    uneven = 1 + 0.18 * noise(rng, side, side, 14 * side / REFERENCE)
    return Mark(coverage=covered(side, shapes), shade=(shade * uneven).astype(np.float32), hides=0.6)


def _scratch(rng: Generator, side: int, pixels: float) -> list[Points]:
    unit = side / REFERENCE
    width = max(THINNEST, rng.uniform(1.0, 3.0) * unit)
    length = np.clip(pixels / (0.85 * width), 12 * unit, 0.85 * side)  # 0.85: the mean of the taper below
    t = np.linspace(-0.5, 0.5, 25)
    bow = rng.choice((0.0, 1.0)) * rng.normal(0.0, 0.35)
    path = length * np.stack([t, bow * (t**2 - 0.25)], axis=1) @ rotation(rng.uniform(0, 2 * np.pi)).T
    return _stroke(_placed(rng, side, path), np.maximum(THINNEST, width * (1 - 0.6 * np.abs(2 * t) ** 3)))


def _draw_cracks(rng: Generator, side: int, area: float) -> Mark:
    """A dark jagged line with branches."""
    width = max(THINNEST, rng.uniform(1.2, 2.4) * side / REFERENCE)
    stride = 5 * side / REFERENCE
    paths = _branches(rng, stride, max(6, round(area * side**2 / (0.8 * width * stride))))
    ends = np.cumsum([len(path) for path in paths])[:-1]
    trunk, *branches = np.split(_placed(rng, side, np.concatenate(paths)), ends)
    shapes = _tapered(trunk, width) + [shape for path in branches for shape in _tapered(path, 0.75 * width)]
    return Mark(coverage=covered(side, shapes), shade=-_visibility(rng, 1.5, 3.6), hides=0.5)


def _branches(rng: Generator, stride: float, steps: int) -> list[Points]:
    """A jagged line, and 1 to 4 that leave it at a random place to one side; `steps` in all."""
    main = max(4, round(steps * rng.uniform(0.5, 0.7)))
    paths = [_jagged(rng, np.zeros(2), rng.uniform(0, 2 * np.pi), main, stride)]
    for share in _shares(rng, _count(rng, 0.3, 0.3, 0.25, 0.15)):
        at = int(rng.integers(1, main))
        x, y = paths[0][at] - paths[0][at - 1]
        heading = np.arctan2(y, x) + rng.choice((-1, 1)) * rng.uniform(0.5, 1.1)
        paths.append(_jagged(rng, paths[0][at], heading, max(2, round(share * (steps - main))), stride))
    return paths


def _jagged(rng: Generator, start: Points, heading: float, steps: int, stride: float) -> Points:
    """(steps + 1)×2: a walk that keeps its heading roughly."""
    drift = heading + np.cumsum(rng.normal(0.0, 0.16, steps)) + rng.normal(0.0, 0.42, steps)
    moves = stride * rng.uniform(0.6, 1.4, steps)[:, None] * np.stack([np.cos(drift), np.sin(drift)], axis=1)
    return np.concatenate([start[None], start + np.cumsum(moves, axis=0)])


def _tapered(path: Points, width: float) -> list[Points]:
    return _stroke(path, np.maximum(THINNEST, width * np.linspace(1.2, 0.6, len(path))))


def _draw_pits(rng: Generator, side: int, area: float) -> Mark:
    """Small dark spots, alone or near each other."""
    least = PIT_PIXELS * (side / REFERENCE) ** 2
    count = min(max(1, int(area * side**2 / least)), _count(rng, 0.4, 0.2, 0.2, 0.1, 0.1))
    middle, spread = rng.uniform(0.0, 1.0, 2), rng.uniform(0.15, 0.8)
    shapes = []
    for share in _shares(rng, count):
        outline = _blob(rng, max(least, share * area * side**2), 7, 0.12, rng.uniform(1.0, 1.4))
        place = (middle + spread * rng.uniform(-0.5, 0.5, 2)) % 1.0
        reach = np.abs(outline).max(axis=0)
        shapes.append(outline + reach + place * (side - 2 * reach))
    return Mark(coverage=covered(side, shapes), shade=-_visibility(rng, 2.0, 4.0), hides=0.7)


def _draw_stains(rng: Generator, side: int, area: float) -> Mark:
    """Soft blobs of low contrast, below which the structure stays visible."""
    shares = _shares(rng, _count(rng, 0.75, 0.25))
    blobs = [_blob(rng, share * area * side**2, 7, 0.16, rng.uniform(1.0, 1.6)) for share in shares]
    coverage = covered(side, [_placed(rng, side, blob) for blob in blobs])
    shade = rng.choice((-1.0, -1.0, 1.0)) * _visibility(rng, 0.6, 1.5)
    cloudy = 1 + 0.15 * noise(rng, side, side, 12 * side / REFERENCE)
    warm = rng.uniform(0.0, 0.6)  # a dark stain is neutral, as of water, to brown, as of oil and rust
    tint = (1 - rng.uniform(0.2, 0.8) * warm, 1.0, 1 + warm) if shade < 0 else (1.0, 1.0, 1.0)
    soft = _softened(coverage, rng.uniform(1.5, 4.0) * side / REFERENCE)
    return Mark(coverage=soft, shade=(shade * cloudy).astype(np.float32), tint=tint)


def _draw_inclusions(rng: Generator, side: int, area: float) -> Mark:
    """Elongated patches of another, rough texture."""
    shares = _shares(rng, _count(rng, 0.7, 0.3))
    blobs = [_blob(rng, share * area * side**2, 18, 0.14, rng.uniform(1.8, 5.0)) for share in shares]
    coverage = covered(side, [_placed(rng, side, blob) for blob in blobs])
    shade = rng.choice((-1.0, -1.0, 1.0)) * _visibility(rng, 1.0, 1.9)
    grain = rng.uniform(0.5, 0.9) * noise(rng, side, side, rng.uniform(1.3, 3.0) * side / REFERENCE)
    return Mark(coverage=coverage, shade=(shade + grain).astype(np.float32), hides=0.85)


def _softened(values: Float32, radius: float) -> Float32:
    """Smoothed by shrinking and enlarging; `radius` in pixels."""
    side = values.shape[0]
    small = max(2, round(side / radius))
    shrunk = Image.fromarray(values).resize((small, small), Image.Resampling.BOX)
    return np.clip(np.asarray(shrunk.resize((side, side), Image.Resampling.BICUBIC)), 0, 1)


# In painting order: a pit on a stain stays visible, and keeps its pixels in the mask.
DEFECTS: dict[str, Defect] = {
    "stain": Defect(draw=_draw_stains, areas=(0.015, 0.05, 0.085)),
    "inclusion": Defect(draw=_draw_inclusions, areas=(0.006, 0.02, 0.05)),
    "scratch": Defect(draw=_draw_scratches, areas=(0.002, 0.007, 0.02)),
    "crack": Defect(draw=_draw_cracks, areas=(0.004, 0.01, 0.03)),
    "pit": Defect(draw=_draw_pits, areas=(0.0005, 0.0015, 0.006)),
}


# --- no defects --------------------------------------------------------------


def draw_reflection(rng: Generator, side: int) -> Float32:
    """side×side, grey levels: a large soft light spot."""
    offset = (np.arange(side, dtype=np.float32) + 0.5) / side
    x, y = offset[None, :] - rng.uniform(0.0, 1.0), offset[:, None] - rng.uniform(0.0, 1.0)
    turn, wide, narrow = rng.uniform(0, np.pi), rng.uniform(0.3, 0.8), rng.uniform(0.12, 0.22)
    u, v = np.cos(turn) * x + np.sin(turn) * y, np.cos(turn) * y - np.sin(turn) * x
    return (rng.uniform(8, 24) * np.exp(-((u / wide) ** 2) - (v / narrow) ** 2)).astype(np.float32)


def draw_joint(rng: Generator, side: int) -> Mark:
    """A faint straight line from edge to edge."""
    turn = rng.choice((0.0, np.pi / 2)) + rng.normal(0.0, 0.06)
    middle = rng.uniform(0.15, 0.85, 2) * side
    reach = 1.5 * side * np.array([np.cos(turn), np.sin(turn)])
    width = rng.uniform(1.2, 2.2) * side / REFERENCE
    shape = limb(tuple(middle - reach), tuple(middle + reach), width, width)
    return Mark(coverage=covered(side, [shape]), shade=-_visibility(rng, 0.7, 1.6), hides=0.3)
