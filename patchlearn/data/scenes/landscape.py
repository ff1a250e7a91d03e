"""The background of a scene: textured ground, and in most pictures hills and a sky."""

import numpy as np
from numpy.random import Generator

from patchlearn.core.types import Float32
from patchlearn.data.scenes.drawing import from_hsv, noise, octaves


def draw_landscape(rng: Generator, size: int) -> Float32:
    """H×W×3 in 0..255.

    Args:
        rng: source of randomness.
        size: the longer side in pixels; the shorter side is 0.75 to 1 times as long.
    """
    height, width = _frame(rng, size)
    ground = _ground(rng, height, width)
    if rng.random() < 0.3:
        return ground
    sky = _sky(rng, height, width)
    ridge = height * (rng.uniform(0.15, 0.4) + 0.04 * octaves(rng, 1, width, (0.3 * width, 0.1 * width)))
    below = np.clip(np.arange(height, dtype=np.float32)[:, None] - ridge, 0, 1)[..., None]
    return (sky + below * (ground - sky)).astype(np.float32)


def _frame(rng: Generator, size: int) -> tuple[int, int]:
    """(H, W); three of four pictures are wider than high."""
    short = round(size * rng.uniform(0.75, 1.0))
    return (short, size) if rng.random() < 0.75 else (size, short)


def _ground(rng: Generator, height: int, width: int) -> Float32:
    """Two shades of one hue, mixed by noise of several octaves; one side is darker."""
    hue, saturation, value = rng.uniform(0.05, 0.5), rng.uniform(0.1, 0.45), rng.uniform(0.5, 0.85)
    light = np.array(from_hsv(hue, saturation, value), dtype=np.float32)
    dark = np.array(from_hsv(hue + rng.normal(0.0, 0.06), saturation + 0.1, 0.75 * value), dtype=np.float32)
    mix = octaves(rng, height, width, (width / 3, width / 8, width / 20, width / 50))
    slope = rng.uniform(-0.6, 0.6) * np.linspace(-1.0, 1.0, height, dtype=np.float32)[:, None]
    share = np.clip(0.5 + 0.3 * mix + slope, 0, 1)[..., None]
    grain = 4 * noise(rng, height, width, 1.0)[..., None]
    return (light + share * (dark - light) + grain).astype(np.float32)


def _sky(rng: Generator, height: int, width: int) -> Float32:
    """A gradient from zenith to horizon, with soft clouds."""
    hue = rng.choice((0.55, 0.6, 0.08, 0.9)) + rng.normal(0.0, 0.03)
    zenith = np.array(from_hsv(hue, rng.uniform(0.25, 0.5), rng.uniform(0.7, 0.95)), dtype=np.float32)
    horizon = np.array(from_hsv(hue + rng.normal(0.0, 0.08), 0.12, 0.97), dtype=np.float32)
    fall = np.linspace(0.0, 2.0, height, dtype=np.float32)[:, None]
    clouds = 0.25 * octaves(rng, height, width, (width / 4, width / 9, width / 20))
    share = np.clip(fall + clouds, 0, 1)[..., None]
    return (zenith + share * (horizon - zenith)).astype(np.float32)
