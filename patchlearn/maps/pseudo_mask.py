"""The pseudo mask of one image: score maps → walk → background → CRF → local refinement → SAM → mask."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import BACKGROUND, IGNORE, Float32, Integers, ScoreMaps, Sizes, UInt8
from patchlearn.data.clicks.values import Box
from patchlearn.maps.affinity_walk import check_maps, scale_walked, walk_along, walk_scores
from patchlearn.maps.boxes import confident_in_boxes, mask_in_boxes, scores_in_boxes, shares_in_boxes, within_boxes
from patchlearn.maps.label_maps import LabelMaps, of_scores, probabilities_of, refined_parts, unary
from patchlearn.maps.prompted_mask import prompted_mask
from patchlearn.maps.settings import PseudoSettings, WalkSettings
from patchlearn.maps.walk_area import bounded_walk
from patchlearn.models.sam2 import Sam2, SeenImage
from patchlearn.models.walker import Walker
from patchlearn.refine import (
    BackgroundRule,
    background_threshold,
    dense_crf,
    pixel_adaptive_refinement,
    within_sizes,
)
from patchlearn.refine.area import bounded_labels
from patchlearn.refine.background import label_scores
from patchlearn.refine.par import GROWTH
from patchlearn.refine.settings import NO_CRF

NO_WALKS = "pseudo.sure: 'agreed' compares two walks, but there is no affinity network. Set pseudo.sure to confident."


def pseudo_mask(
    image: UInt8,
    maps: ScoreMaps,
    settings: PseudoSettings,
    rule: BackgroundRule,
    sizes: Sizes = (),
    found: ScoreMaps | None = None,
    boxes: Sequence[Box] = (),
    seen: SeenImage | None = None,
) -> UInt8:
    """H×W: 0 background, i + 1 class i, 255 undecided, or an unknown class.

    Args:
        image: H×W×3, RGB.
        maps: scores of the classes in it, after the walk if there is one (`patchlearn.maps.walk_scores`).
        settings: which refinements, and how.
        rule: of the background threshold, and by how much a class may grow.
        sizes: how large each class usually is; () where nothing is known.
        found: the scores of the same classes before the walk, which say how large a class is; None for `maps`.
        boxes: of the image; outside of all its boxes, a class has no pixel.
        seen: the image, as SAM 2 sees it; needed if the settings name a model.

    Raises:
        PatchlearnError: the maps are of an image of another size, a score is not a number, or SAM 2 is not loaded.

    >>> from patchlearn.refine import CrfSettings
    >>> maps = ScoreMaps(scores=np.array([[[0.1, 0.31, 0.9]]], np.float32), classes=(4,), size=(1, 3))
    >>> settings = PseudoSettings(crf=CrfSettings(preset="none"))
    >>> pseudo_mask(np.zeros((1, 3, 3), np.uint8), maps, settings, BackgroundRule(rule="fixed", threshold=0.3)).tolist()
    [[0, 255, 5]]
    """
    check_maps(image, maps)
    if not maps.classes:
        return np.full(maps.size, BACKGROUND, np.uint8)
    if _needs_whole(settings, rule.growth) or boxes:
        return _whole_mask(image, maps, settings, rule, sizes, maps if found is None else found, boxes, seen)
    maps, rule = within_sizes(maps, rule, sizes)
    labels = of_scores(maps, background_threshold(maps, rule))
    probabilities = labels if settings.crf.preset == NO_CRF else unary(labels, settings.crf)
    return _mask_in_parts(image, probabilities, (BACKGROUND, *maps.mask_values), settings)


def _needs_whole(settings: PseudoSettings, growth: float | None = None) -> bool:
    """Whether a step looks at all refined maps of an image at once."""
    return bool(settings.local or growth or settings.sam.model)


def _mask_in_parts(image: UInt8, labels: LabelMaps, values: Sequence[int], settings: PseudoSettings) -> UInt8:
    """H×W; of a large image never all maps are held."""
    mask = np.empty(labels.size, np.uint8)
    for window, refined in refined_parts(image, labels, settings.crf):
        mask[window] = _mask(refined, refined.argmax(0), values, settings.ignore_band)
        del refined  # before the next part takes as much
    return mask


def _whole_mask(
    image: UInt8,
    maps: ScoreMaps,
    settings: PseudoSettings,
    rule: BackgroundRule,
    sizes: Sizes,
    found: ScoreMaps,
    boxes: Sequence[Box],
    seen: SeenImage | None,
) -> UInt8:
    """H×W; with all that needs the whole image at once."""
    values = (BACKGROUND, *maps.mask_values)
    labels = _label_scores(maps, rule, sizes, boxes)
    refined, winners = labels, labels.argmax(0)
    if settings.crf.preset != NO_CRF or settings.local:
        start = labels if settings.crf.preset == NO_CRF else probabilities_of(labels, settings.crf)
        refined = shares_in_boxes(_refined(image, start, settings), values, boxes)
        evidence = labels if found is maps else _label_scores(found, rule, sizes, boxes)
        winners = bounded_labels(labels, refined, evidence.argmax(0), rule.growth)
    mask = _mask(refined, winners, values, settings.ignore_band)
    return mask_in_boxes(prompted_mask(mask, winners, labels, values, settings.sam, rule.growth, seen), mask, boxes)


def pseudo_labels(
    image: UInt8,
    maps: ScoreMaps,
    settings: PseudoSettings,
    rule: BackgroundRule,
    walk: WalkSettings,
    affinity: Walker | None = None,
    second: Walker | None = None,
    sizes: Sizes = (),
    boxes: Sequence[Box] = (),
    sam: Sam2 | None = None,
) -> tuple[UInt8, UInt8]:
    """(the pseudo mask after the walk, the same classes where they are reliable and 255 elsewhere), each H×W.

    Args:
        image: H×W×3, RGB.
        maps: scores of the classes in it, before the walk.
        settings: which refinements, and which pixels are reliable (`sure`).
        rule: of the background threshold.
        walk: how far the scores walk.
        affinity: a trained network; without one there is no walk.
        second: the network of the second of two walks; the same if None.
        sizes: how large each class usually is; () where nothing is known.
        boxes: of the image; outside of all its boxes, a class has no pixel.
        sam: SAM 2; needed if the settings name a model.

    Raises:
        PatchlearnError: as `pseudo_mask`; or two walks are to agree, and there is no network.
    """
    seen = sam.see(image) if sam else None
    if (settings.sure or ("agreed" if affinity else "confident")) == "agreed":
        return _agreed_labels(image, maps, settings, rule, walk, affinity, second, sizes, boxes, seen)
    start, _ = within_boxes(maps, rule, boxes)
    walked = bounded_walk(start, walk_scores(image, start, walk, affinity), rule)
    sure = confident_in_boxes(image, walked, rule, settings.confident, sizes, boxes)
    mask = pseudo_mask(image, walked, settings, rule, sizes, maps, boxes, seen)
    return mask, _uncontradicted(sure, mask) if settings.sam.model else sure


def _agreed_labels(
    image: UInt8,
    maps: ScoreMaps,
    settings: PseudoSettings,
    rule: BackgroundRule,
    walk: WalkSettings,
    affinity: Walker | None,
    second: Walker | None,
    sizes: Sizes,
    boxes: Sequence[Box],
    seen: SeenImage | None,
) -> tuple[UInt8, UInt8]:
    if affinity is None:
        raise PatchlearnError(NO_WALKS)
    check_maps(image, maps)
    start, _ = within_boxes(maps, rule, boxes)
    walks = [start, start]
    if maps.classes:
        walked = walk_along(image, start, walk, affinity)
        again = walk_along(image, start, walk, second) if second else walked
        anchored = replace(walk, anchor=settings.second_anchor)
        walks = [scale_walked(start, walked, walk), scale_walked(start, again, anchored)]
    walks = [bounded_walk(start, each, rule) for each in walks]
    mask, other = (pseudo_mask(image, each, settings, rule, sizes, maps, boxes, seen) for each in walks)
    return mask, np.where(mask == other, mask, IGNORE).astype(np.uint8)


def _uncontradicted(sure: UInt8, mask: UInt8) -> UInt8:
    """255 also where a mask with another label, which SAM may have given, says so."""
    return np.where((mask == sure) | (mask == IGNORE), sure, IGNORE).astype(np.uint8)


def refined_mask(
    image: UInt8,
    labels: LabelMaps,
    values: Sequence[int],
    settings: PseudoSettings,
    seen: SeenImage | None = None,
) -> UInt8:
    """H×W: dense CRF, local refinement, SAM, and at every pixel the value of the likeliest label, or 255.

    Args:
        image: H×W×3, RGB.
        labels: one map for each value: probabilities for a CRF, any scores without one.
        values: what the mask holds where a label wins.
        settings: which refinements, and how.
        seen: the image, as SAM 2 sees it; needed if the settings name a model.
    """
    if not _needs_whole(settings):
        return _mask_in_parts(image, labels, values, settings)
    whole = labels.whole()
    refined = _refined(image, whole, settings)
    mask = _mask(refined, refined.argmax(0), values, settings.ignore_band)
    return prompted_mask(mask, refined.argmax(0), whole, values, settings.sam, seen=seen)


def _refined(image: UInt8, labels: Float32, settings: PseudoSettings) -> Float32:
    if settings.crf.preset != NO_CRF:
        kernels = settings.crf.kernels((image.shape[0], image.shape[1]))
        labels = dense_crf(image, labels, kernels, settings.crf.iterations)
    if settings.local:
        labels = pixel_adaptive_refinement(image, labels, settings.local) / GROWTH**settings.local
    return labels


def _mask(labels: Float32, winners: Integers, values: Sequence[int], band: float) -> UInt8:
    """The value of the winner; 255 where it is the likeliest label and the second one is less than a band behind."""
    mask = np.array(values, np.uint8)[winners]
    if len(values) == 1:
        return mask
    second, best = np.partition(labels, -2, axis=0)[-2:]
    is_doubtful = (best - second < band) & (winners == labels.argmax(0))
    return np.where(is_doubtful, IGNORE, mask).astype(np.uint8)


def _label_scores(maps: ScoreMaps, rule: BackgroundRule, sizes: Sizes, boxes: Sequence[Box]) -> Float32:
    """(L+1)×H×W: the background's threshold and the label maps, of maps that agree with boxes and sizes."""
    maps, rule = within_sizes(*within_boxes(maps, rule, boxes), sizes)
    labels = label_scores(maps, background_threshold(maps, rule))
    return scores_in_boxes(labels, (BACKGROUND, *maps.mask_values), boxes)


def require_two_walks(settings: PseudoSettings, walk: WalkSettings, rounds: int) -> None:
    """Raise `PatchlearnError` unless two walks that are to agree can differ.

    Args:
        settings: of the masks.
        walk: of the first walk.
        rounds: how often affinities are learned; 0 for never.
    """
    if settings.sure == "agreed" and not rounds:
        raise PatchlearnError(NO_WALKS)
    if settings.sure != "confident" and rounds == 1 and walk.anchor == settings.second_anchor:
        raise PatchlearnError(
            f"pseudo.second_anchor: {settings.second_anchor} is also walk.anchor, so that both walks are the same. "
            "Choose another."
        )
