"""Step 4: score maps → refined pseudo masks with an ignore band: walk → background → dense CRF → local refinement."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from patchlearn.core.errors import PatchlearnError, require_one_of
from patchlearn.core.types import BACKGROUND, IGNORE, Float32, ScoreMaps, UInt8
from patchlearn.maps.walk import WalkSettings, _check_maps, _scaled, _walk, _walked
from patchlearn.models.affinity_network import AffinityNetwork
from patchlearn.refine import (
    BackgroundRule,
    ConfidentRegions,
    background_threshold,
    check_background,
    check_confident,
    confident_regions,
    dense_crf,
    label_probabilities,
    pixel_adaptive_refinement,
)
from patchlearn.refine.crf.features import PRESETS
from patchlearn.refine.par import GROWTH

OFF = "none"
NO_WALKS = "pseudo.sure: agreed compares two walks, and without affinities nothing walks. Set pseudo.sure to confident."


EPSILON = 1e-5  # where background and every class have no score, none is likelier than another


VERSION = 5  # of the masks that the same settings give; part of the key of what is written


SURE = "sure"  # folder of the masks that teach a segmenter, beside the others


SURE_RULES = ("agreed", "confident")


UNARIES = ("soft", "hard")


@dataclass(frozen=True, kw_only=True)
class CrfSettings:
    """The dense CRF.

    Args:
        preset: "irn", "psa", "segmenter" (see `patchlearn.refine.crf.PRESETS`), or "none".
        iterations: of mean field.
        unary: "hard" (the best label has the confidence, the others share the rest: IRN) or "soft" (scores and
            background threshold, divided by their sum).
        confidence: of hard labels. IRN 0.7; 0.9 was better after a walk (docs/experiments.md, 2026-11-23).
    """

    preset: str = "irn"
    iterations: int = 10
    unary: str = "hard"
    confidence: float = 0.9


@dataclass(frozen=True, kw_only=True)
class PseudoSettings:
    """How score maps become masks.

    Args:
        walk: along the affinities, if there are any.
        background: the label-free rule for the background threshold.
        crf: the dense CRF.
        local: iterations of pixel-adaptive refinement after it; 0 for none.
        ignore_band: pixels whose two likeliest labels, background among them, lie closer than this are undecided
            (255): scores without a CRF, probabilities with one.
        sure: which pixels teach a segmenter: "agreed" (the masks of two walks agree) or "confident" (object at a higher
            threshold, background at a lower one, each after a CRF); null for "agreed" if there is an affinity network
            to walk with, "confident" if there is none.
        second_anchor: the anchor of the second of two walks that are to agree, see `WalkSettings`. If affinities were
            learned more than once, it goes along those of the round before the last.
        confident: the two thresholds.
        splits: of which splits masks are written; their score maps must be there.
    """

    walk: WalkSettings = field(default_factory=WalkSettings)
    background: BackgroundRule = field(default_factory=BackgroundRule)
    crf: CrfSettings = field(default_factory=CrfSettings)
    local: int = 0
    ignore_band: float = 0.05
    sure: str | None = None
    second_anchor: float = 0.5
    confident: ConfidentRegions = field(default_factory=lambda: ConfidentRegions(high=1.15, low=0.5))
    splits: tuple[str, ...] = ("train",)


def pseudo_mask(
    image: UInt8, maps: ScoreMaps, settings: PseudoSettings, affinity: AffinityNetwork | None = None
) -> UInt8:
    """H×W: 0 background, i + 1 class i, 255 undecided.

    Args:
        image: H×W×3, RGB.
        maps: scores of the classes in it.
        settings: which refinements, and how.
        affinity: a trained network to walk with; without one the scores stay where they are.

    Raises:
        PatchlearnError: the maps are of an image of another size, or a score is not a number.

    >>> maps = ScoreMaps(scores=np.array([[[0.1, 0.31, 0.9]]], np.float32), classes=(4,), size=(1, 3))
    >>> fixed = BackgroundRule(rule="fixed", threshold=0.3)
    >>> settings = PseudoSettings(background=fixed, crf=CrfSettings(preset="none"))
    >>> pseudo_mask(np.zeros((1, 3, 3), np.uint8), maps, settings).tolist()
    [[0, 255, 5]]
    """
    return _decided(image, _walked(image, maps, settings.walk, affinity), settings)


def pseudo_labels(
    image: UInt8,
    maps: ScoreMaps,
    settings: PseudoSettings,
    affinity: AffinityNetwork | None = None,
    second: AffinityNetwork | None = None,
) -> tuple[UInt8, UInt8]:
    """(`pseudo_mask`, the same classes where they are sure and 255 elsewhere), each H×W.

    Args:
        image: H×W×3, RGB.
        maps: scores of the classes in it.
        settings: which refinements, and what is sure.
        affinity: a trained network to walk with; without one the scores stay where they are.
        second: the network that the second of two walks goes along; the same if None.

    Raises:
        PatchlearnError: as `pseudo_mask`; or two walks are to agree, and there is no network to walk with.
    """
    if (settings.sure or ("agreed" if affinity else "confident")) == "agreed":
        return _agreed_labels(image, maps, settings, affinity, second)
    walked = _walked(image, maps, settings.walk, affinity)
    return _decided(image, walked, settings), confident_regions(image, walked, settings.background, settings.confident)


def _agreed_labels(
    image: UInt8,
    maps: ScoreMaps,
    settings: PseudoSettings,
    affinity: AffinityNetwork | None,
    second: AffinityNetwork | None,
) -> tuple[UInt8, UInt8]:
    if affinity is None:
        raise PatchlearnError(NO_WALKS)
    _check_maps(image, maps)
    walks = [maps, maps]
    if maps.classes:
        walked = _walk(image, maps, settings.walk, affinity)
        again = _walk(image, maps, settings.walk, second) if second else walked
        anchored = replace(settings.walk, anchor=settings.second_anchor)
        walks = [_scaled(maps, walked, settings.walk), _scaled(maps, again, anchored)]
    mask, other = (_decided(image, walk, settings) for walk in walks)
    return mask, np.where(mask == other, mask, IGNORE).astype(np.uint8)


def _decided(image: UInt8, walked: ScoreMaps, settings: PseudoSettings) -> UInt8:
    if not walked.classes:
        return np.full(walked.size, BACKGROUND, np.uint8)
    labels = label_scores(walked, settings.background)
    unary = labels if settings.crf.preset == OFF else _unary(labels, settings.crf)
    return refined_mask(image, unary, (BACKGROUND, *(index + 1 for index in walked.classes)), settings)


def refined_mask(image: UInt8, labels: Float32, values: Sequence[int], settings: PseudoSettings) -> UInt8:
    """H×W: dense CRF, local refinement, and at every pixel the value of the likeliest label, or 255.

    Args:
        image: H×W×3, RGB.
        labels: one map for each value, H×W: probabilities for a CRF, any scores without one.
        values: what the mask holds where a label wins.
        settings: which refinements, and how.
    """
    if settings.crf.preset != OFF:
        labels = dense_crf(image, labels, settings.crf.preset, settings.crf.iterations)
    if settings.local:
        labels = pixel_adaptive_refinement(image, labels, settings.local) / GROWTH**settings.local
    winners = np.array(values, np.uint8)[labels.argmax(0)]
    if len(values) == 1:
        return winners
    second, best = np.partition(labels, -2, axis=0)[-2:]
    return np.where(best - second < settings.ignore_band, IGNORE, winners).astype(np.uint8)


def label_scores(maps: ScoreMaps, rule: BackgroundRule) -> Float32:
    """(P+1)×H×W: the background's threshold, then the classes' scores, at the size of the image."""
    background = np.full((1, *maps.size), background_threshold(maps, rule), np.float32)
    return np.concatenate([background, maps.full_size()])


def check_pseudo(settings: PseudoSettings) -> None:
    """Raise `PatchlearnError`, naming the setting, unless every one is an option or in range."""
    require_one_of("pseudo.crf.preset", settings.crf.preset, [*PRESETS, OFF])
    require_one_of("pseudo.crf.unary", settings.crf.unary, UNARIES)
    walk = settings.walk
    least = {"walk.radius": 1, "walk.steps": 0, "walk.long_side": 1, "crf.iterations": 0, "local": 0}
    values = (
        walk.radius,
        walk.steps,
        1 if walk.long_side is None else walk.long_side,
        settings.crf.iterations,
        settings.local,
    )
    for (name, lowest), value in zip(least.items(), values, strict=True):
        if value < lowest:
            raise PatchlearnError(f"pseudo.{name}: {value} is below {lowest}.")
    if not 0.5 < settings.crf.confidence <= 1:
        raise PatchlearnError(
            f"pseudo.crf.confidence: {settings.crf.confidence} is outside (0.5, 1]; with less, two "
            "labels would change places."
        )
    if settings.walk.beta is not None and not 0 < settings.walk.beta < np.inf:
        raise PatchlearnError(f"pseudo.walk.beta: {settings.walk.beta} is not above 0.")
    shares = {
        "walk.anchor": settings.walk.anchor,
        "walk.balance": settings.walk.balance,
        "second_anchor": settings.second_anchor,
    }
    for name, portion in shares.items():
        if not 0 <= portion <= 1:
            raise PatchlearnError(f"pseudo.{name}: {portion} is outside [0, 1].")
    if settings.sure is not None:
        require_one_of("pseudo.sure", settings.sure, SURE_RULES)
    if not 0 <= settings.ignore_band < 0.5:
        raise PatchlearnError(f"pseudo.ignore_band: {settings.ignore_band} is outside [0, 0.5).")
    check_background(settings.background)
    check_confident(settings.confident)


def check_walks(settings: PseudoSettings, rounds: int) -> None:
    """Raise `PatchlearnError` unless the two walks that are to agree can differ.

    Args:
        settings: of the masks.
        rounds: how often affinities are learned; 0 for never.
    """
    if settings.sure == "agreed" and not rounds:
        raise PatchlearnError(NO_WALKS)
    if settings.sure != "confident" and rounds == 1 and settings.walk.anchor == settings.second_anchor:
        raise PatchlearnError(
            f"pseudo.second_anchor: {settings.second_anchor} is walk.anchor too, and a walk always agrees with itself. "
            "Choose another."
        )


def _unary(scores: Float32, settings: CrfSettings) -> Float32:
    if settings.unary == "hard":
        return label_probabilities(scores.argmax(0).astype(np.uint8), len(scores), settings.confidence)
    return (scores + EPSILON) / (scores + EPSILON).sum(0)
