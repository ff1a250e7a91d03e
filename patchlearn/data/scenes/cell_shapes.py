"""The shapes under the microscope: what the five classes look like, and the red cells, which are no class.

Lengths are in pixels of an image of side `REFERENCE`; they grow with the image.
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from patchlearn.core.types import Float32
from patchlearn.data.scenes.coverage import covered
from patchlearn.data.scenes.drawing import Colour, Points, rotation

REFERENCE = 120  # side in pixels for which lengths are stated
POINTS = 96  # of an outline
RED_RADII = (8.75, 13.75)
RED_UNEVEN = 0.03
RED_MIDDLE = 0.45  # of the radius; a red cell is thinner there, so that it is paler


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One class.

    Args:
        counts: least and largest number of them in an image that has the class.
        radii: range of half the width.
        colour: after staining, sRGB; each thing deviates from it.
        ratios: range of the length divided by the width.
        uneven: how far the outline departs from an ellipse, as a share of the radius.
        hollow: share of the radius that is empty.
        grain: standard deviation of the structure inside, in grey levels.
    """

    counts: tuple[int, int]
    radii: tuple[float, float]
    colour: Colour
    ratios: tuple[float, float] = (1.0, 1.0)
    uneven: float = 0.03
    hollow: float = 0.0
    grain: float = 6.0


# In painting order: a small thing upon a large one stays visible, and keeps its pixels in the mask.
KINDS: dict[str, Kind] = {
    "nucleus": Kind(
        counts=(1, 3), radii=(11.25, 18.75), colour=(96, 60, 140), ratios=(1.0, 1.4), uneven=0.06, grain=14.0
    ),
    "debris": Kind(counts=(1, 3), radii=(5.0, 13.75), colour=(150, 130, 90), ratios=(1.0, 2.0), uneven=0.3, grain=14.0),
    "ring": Kind(counts=(1, 2), radii=(10.0, 15.0), colour=(120, 70, 120), hollow=0.6),
    "rod": Kind(counts=(2, 6), radii=(2.0, 3.0), colour=(90, 90, 130), ratios=(4.0, 7.0)),
    "platelet": Kind(counts=(2, 8), radii=(2.25, 3.75), colour=(130, 80, 150), uneven=0.1),
}


def draw_thing(rng: Generator, side: int, kind: Kind) -> Float32:
    """side×side in [0, 1]: the share of each pixel that one thing covers; its centre is not at the image's edge."""
    outline = _outline(rng, rng.uniform(*kind.radii), rng.uniform(*kind.ratios), kind.uneven) * (side / REFERENCE)
    centre = rng.uniform(1 / 12, 11 / 12, 2) * side
    coverage = covered(side, [outline + centre])
    return coverage - covered(side, [kind.hollow * outline + centre]) if kind.hollow else coverage


def draw_red_cell(rng: Generator, side: int) -> tuple[Float32, Float32]:
    """Two side×side arrays in [0, 1]: the coverage of a red cell anywhere in the image, and that of its middle."""
    outline = _outline(rng, rng.uniform(*RED_RADII), 1.0, RED_UNEVEN) * (side / REFERENCE)
    centre = rng.uniform(0.0, 1.0, 2) * side
    return covered(side, [outline + centre]), covered(side, [RED_MIDDLE * outline + centre])


def _outline(rng: Generator, radius: float, ratio: float, uneven: float) -> Points:
    """A closed outline around the origin with three large and five small bulges, `ratio` times as long as wide."""
    angles = np.linspace(0.0, 2 * np.pi, POINTS, endpoint=False)
    large, small = (np.sin(bulges * angles + rng.uniform(0.0, 2 * np.pi)) for bulges in (3, 5))
    reach = radius * (1 + uneven * large + uneven / 2 * small)
    points = np.stack([ratio * reach * np.cos(angles), reach * np.sin(angles)], axis=1)
    return points @ rotation(rng.uniform(0.0, np.pi)).T
