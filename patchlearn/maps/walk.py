"""Step 4: score maps → refined pseudo masks with an ignore band: walk → background → dense CRF → local refinement."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.masks_io import read_scores
from patchlearn.core.types import Float32, Sample, ScoreMaps, UInt8, enlarge
from patchlearn.models.affinity_network import AffinityNetwork, affinity_features, boundary_map
from patchlearn.refine import (
    random_walk,
    random_walk_features,
)
from patchlearn.refine.arrays import require_finite

EPSILON = 1e-5  # where no class has a score after the walk
BETA = {"boundary": 10.0, "features": 8.0}  # IRN, PSA


@dataclass(frozen=True, kw_only=True)
class WalkSettings:
    """The random walk along learned affinities; without an affinity network there is none.

    Args:
        radius: in cells; IRN and PSA walk with 5.
        beta: the power of the affinities; null for 8 with features (PSA) and 10 with boundaries (IRN).
        steps: IRN and PSA 2^8, SEAM 2^6.
        long_side: the affinity network sees an image at its own size, but no longer side above this many pixels: what
            bounds the memory: at 1024, 0.4 to 0.5 GB for each thread, up to 4000×3000 pixels (EfficientNet-Lite0); null
            for no bound. VOC's images have 500.
        anchor: the say of the scores before the walk in those after it, from 0 (none, as IRN and PSA have it) to 1:
            walked^(1 - anchor) · before^anchor. Where the affinities lead astray, the maps object.
        balance: by whose maximum a class is measured after the walk, from 0 (the largest of all classes, IRN) to 1 (its
            own), by the power of each in between. What walks thins out, and a small object sooner than a large one
            beside it; yet a class that is hardly seen is not to be blown up (docs/experiments.md, 2026-11-24).
    """

    radius: int = 5
    beta: float | None = None
    steps: int = 256
    long_side: int | None = 1024
    anchor: float = 0.0
    balance: float = 0.5


def _walked(image: UInt8, maps: ScoreMaps, settings: WalkSettings, affinity: AffinityNetwork | None) -> ScoreMaps:
    _check_maps(image, maps)
    return walked_scores(image, maps, settings, affinity) if affinity and maps.classes else maps


def _check_maps(image: UInt8, maps: ScoreMaps) -> None:
    if maps.size != image.shape[:2]:
        raise PatchlearnError(
            f"score maps of an image of {maps.size[1]}×{maps.size[0]} pixels, but this one has "
            f"{image.shape[1]}×{image.shape[0]}. Take the image they were made from."
        )
    require_finite("score maps", maps.scores, "Delete them and make them again.")


def walked_scores(image: UInt8, maps: ScoreMaps, settings: WalkSettings, affinity: AffinityNetwork) -> ScoreMaps:
    """The scores after the walk, in [0, 1]; the largest of all is 1.

    They lie on the network's grid, or on that of the maps if these have a say (`anchor`).

    Raises:
        PatchlearnError: maps whose grid is not a quarter of the image, for a boundary map.
    """
    return _scaled(maps, _walk(image, maps, settings, affinity), settings)


def _walk(image: UInt8, maps: ScoreMaps, settings: WalkSettings, affinity: AffinityNetwork) -> Float32:
    """P×h×w, on the network's grid: where the scores have gone to."""
    beta = BETA[affinity.kind] if settings.beta is None else settings.beta
    long_side = max(maps.size) if settings.long_side is None else min(max(maps.size), settings.long_side)
    if affinity.kind == "boundary":
        edges = boundary_map(affinity, image, long_side)
        return random_walk(maps.scores, edges, settings.radius, beta, settings.steps)
    features = affinity_features(affinity, image, long_side)
    coarse = _resized(maps.scores, features.shape[1:])
    return random_walk_features(coarse, features, settings.radius, beta, settings.steps)


def _scaled(maps: ScoreMaps, walked: Float32, settings: WalkSettings) -> ScoreMaps:
    """What the maps before the walk say to it (`anchor`), each class over its measure (`balance`)."""
    if settings.anchor:
        largest = max(float(walked.max()), EPSILON)
        walked = enlarge(walked / largest, maps.scores.shape[1:]) ** (1 - settings.anchor)
        walked = walked * maps.scores**settings.anchor
    own = walked.max((1, 2), keepdims=True)
    measure = own.max() ** (1 - settings.balance) * own**settings.balance
    # A root times itself may lie below its square by the last digit: hence at most 1.
    return replace(maps, scores=np.minimum(walked / np.where(measure > 0, measure, 1), 1).astype(np.float32))


def read_walked(
    scores: Path, settings: WalkSettings, affinity: AffinityNetwork | None, sample: Sample, image: UInt8
) -> ScoreMaps:
    """The score maps `scores/ID.npz` of an image, after the walk if there are affinities to walk along."""
    return _walked(image, read_scores(scores / f"{sample.id}.npz"), settings, affinity)


def _resized(scores: Float32, cells: tuple[int, ...]) -> Float32:
    """P×h×w on another grid over the same image; unlike the mode "area", exact where one side is odd."""
    resized = F.interpolate(
        torch.tensor(scores)[None], size=cells, mode="bilinear", align_corners=False, antialias=True
    )
    return resized[0].numpy()
