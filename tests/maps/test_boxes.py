"""A boxed class stays in its boxes, and reaches their sides, wherever maps become labels."""

import numpy as np
import pytest
import torch
from conftest import noise_image, tiny_stages
from sam_models import answering_sam, whole_box

from patchlearn.core.types import ClassSize, ScoreMaps
from patchlearn.data.clicks.values import Box
from patchlearn.maps.boxes import confident_in_boxes, resized_boxes, scores_in_boxes, within_boxes
from patchlearn.maps.pseudo_mask import pseudo_labels, pseudo_mask
from patchlearn.maps.settings import PseudoSettings, WalkSettings
from patchlearn.models.affinity_network import create_affinity
from patchlearn.refine import (
    BackgroundRule,
    ConfidentRegions,
    CrfSettings,
    SamSettings,
    background_threshold,
    confident_regions,
)

SIZE = (24, 32)
BOX = Box(8, 4, 19, 15, index=4)
RULE = BackgroundRule(rule="otsu")


def maps_of(classes: tuple[int, ...] = (4,)) -> ScoreMaps:
    """Class 4 has its peak in the box, and another, as high, outside of it; further classes are equal everywhere."""
    rows, columns = np.ogrid[:24, :32]
    peaks = [np.exp(-np.hypot(rows - y, columns - x) / 3) for y, x in ((9, 13), (18, 27))]
    scores = [np.maximum(*peaks) if index == 4 else np.full(SIZE, 0.6) for index in classes]
    return ScoreMaps(scores=np.array(scores, np.float32), classes=classes, size=SIZE)


def touches_all_sides(labels: np.ndarray) -> bool:  # type: ignore[type-arg]
    inside = labels[4:16, 8:20] == 5
    return bool(inside[:2].any() and inside[-2:].any() and inside[:, :2].any() and inside[:, -2:].any())


def outside(labels: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    is_outside = np.ones(SIZE, bool)
    is_outside[4:16, 8:20] = False
    return labels[is_outside]


@pytest.mark.parametrize("rule", [RULE, BackgroundRule(rule="fixed", threshold=0.3), BackgroundRule(rule="power")])
def test_the_map_reaches_the_sides_at_the_threshold_of_the_maps_as_they_were(rule: BackgroundRule) -> None:
    maps = maps_of()
    found, fixed = within_boxes(maps, rule, [BOX])
    threshold = background_threshold(maps, rule)
    assert background_threshold(found, fixed) == pytest.approx(threshold)
    labels = np.where(found.scores[0] > threshold, 5, 0)
    assert touches_all_sides(labels)
    assert not outside(labels).any()


def test_without_boxes_nothing_changes() -> None:
    maps, image, rest = maps_of(), noise_image(*SIZE), (RULE, ConfidentRegions())
    assert within_boxes(maps, RULE, ()) == (maps, RULE)
    assert (confident_in_boxes(image, maps, *rest) == confident_regions(image, maps, *rest)).all()
    scores = np.ones((1, 2, 2), np.float32)
    assert scores_in_boxes(scores, (5,), ()) is scores
    other = [Box(0, 0, 1, 1, index=2)]
    mask = pseudo_mask(image, maps, PseudoSettings(), RULE)
    assert (pseudo_mask(image, maps, PseudoSettings(), BackgroundRule(rule="otsu"), boxes=other) == mask).all()


def test_confident_labels_stay_in_the_box() -> None:
    image, rule = np.zeros((*SIZE, 3), np.uint8), BackgroundRule(rule="otsu", growth=2.0)
    assert (outside(confident_regions(image, maps_of(), rule, ConfidentRegions())) == 5).any()
    labels = confident_in_boxes(image, maps_of(), rule, ConfidentRegions(), (), [BOX])
    assert (labels == 5).any()
    assert not (outside(labels) == 5).any()


def test_what_a_crf_adds_outside_of_a_box_is_no_label() -> None:
    image, full = np.zeros((*SIZE, 3), np.uint8), [Box(9, 5, 18, 14, index=4)]
    maps = ScoreMaps(scores=np.ones((1, *SIZE), np.float32), classes=(4,), size=SIZE)
    spread, fixed = within_boxes(maps, BackgroundRule(rule="fixed", threshold=0.2), full)
    plain = confident_regions(image, spread, fixed, ConfidentRegions())
    labels = confident_in_boxes(image, maps, BackgroundRule(rule="fixed", threshold=0.2), ConfidentRegions(), (), full)
    inside = np.zeros(SIZE, bool)
    inside[5:15, 9:19] = True
    assert (labels[inside] == plain[inside]).all()
    assert (labels[~inside & (plain == 5)] == 255).all()


@pytest.mark.parametrize("preset", ["none", "irn", "psa"])
@pytest.mark.parametrize("classes", [(4,), (1, 4)])
def test_a_pseudo_mask_has_no_pixel_of_a_class_outside_of_its_box(preset: str, classes: tuple[int, ...]) -> None:
    image, settings = np.zeros((*SIZE, 3), np.uint8), PseudoSettings(crf=CrfSettings(preset=preset), local=2)
    for growth in (None, 2.0):
        rule = BackgroundRule(rule="fixed", threshold=0.3, growth=growth)
        mask = pseudo_mask(image, maps_of(classes), settings, rule, boxes=[BOX])
        assert not (outside(mask) == 5).any()


def test_a_pseudo_mask_of_soft_maps_reaches_the_sides_of_the_box() -> None:
    image, settings = noise_image(*SIZE), PseudoSettings(crf=CrfSettings(preset="none"), ignore_band=0.0)
    mask, sure = pseudo_labels(image, maps_of(), settings, RULE, WalkSettings(), boxes=[BOX])
    assert touches_all_sides(mask)
    for labels in (mask, sure):
        assert (labels == 5).any()
        assert not (outside(labels) == 5).any()
    plain, _ = pseudo_labels(image, maps_of(), settings, RULE, WalkSettings())
    assert (outside(plain) == 5).any()
    assert not touches_all_sides(plain)


@pytest.mark.parametrize("sure", ["confident", "agreed"])
def test_no_walk_takes_a_class_out_of_its_box(sure: str) -> None:
    torch.manual_seed(0)
    affinity, walk = create_affinity(tiny_stages(), "features").eval(), WalkSettings(radius=3, steps=64)
    settings = PseudoSettings(crf=CrfSettings(preset="none"), sure=sure)
    image, rule = noise_image(*SIZE), BackgroundRule(rule="fixed", threshold=0.2)
    walked = pseudo_labels(image, maps_of(), settings, rule, walk, affinity)
    assert (outside(walked[0]) == 5).any()
    for labels in pseudo_labels(image, maps_of(), settings, rule, walk, affinity, boxes=[BOX]):
        assert (labels == 5).any()
        assert not (outside(labels) == 5).any()


def test_a_stated_size_brings_nothing_back_outside_of_the_box() -> None:
    image, settings = noise_image(*SIZE), PseudoSettings(crf=CrfSettings(preset="none"), ignore_band=0.0)
    sizes = (None, None, None, None, ClassSize(least=0.9))
    mask = pseudo_mask(image, maps_of(), settings, RULE, sizes, boxes=[BOX])
    assert not (outside(mask) == 5).any()
    assert (mask[4:16, 8:20] == 5).mean() > 0.9


def test_an_unknown_class_may_have_a_box() -> None:
    maps = ScoreMaps(scores=np.ones((1, *SIZE), np.float32), classes=(4,), size=SIZE, unknown=(4,))
    mask = pseudo_mask(noise_image(*SIZE), maps, PseudoSettings(crf=CrfSettings(preset="none")), RULE, boxes=[BOX])
    assert (mask[6:14, 10:18] == 255).all()
    assert (mask[:2] == 0).all()


def test_boxes_of_a_smaller_image_hold_every_pixel_that_they_touch() -> None:
    assert resized_boxes([BOX], SIZE, SIZE) == (BOX,)
    assert resized_boxes([BOX], SIZE, (12, 16)) == (Box(4, 2, 9, 7, index=4),)
    assert resized_boxes([Box(31, 23, 31, 23, index=0)], SIZE, (5, 7)) == (Box(6, 4, 6, 4, index=0),)


def test_a_crf_that_floods_the_image_stays_in_the_box() -> None:
    image, box = np.zeros((*SIZE, 3), np.uint8), Box(1, 1, 30, 22, index=4)
    maps = ScoreMaps(scores=np.ones((1, *SIZE), np.float32), classes=(4,), size=SIZE)
    inside = np.zeros(SIZE, bool)
    inside[1:23, 1:31] = True
    for growth in (None, 2.0):
        rule = BackgroundRule(rule="fixed", threshold=0.3, growth=growth)
        mask = pseudo_mask(image, maps, PseudoSettings(), rule, boxes=[box])
        assert (mask[inside] == 5).all()
        assert (mask[~inside] == 0).all()


def test_what_sam_answers_stays_in_the_box() -> None:
    """It answers with more than it was asked about, on all sides."""
    image, box = np.zeros((64, 64, 3), np.uint8), Box(20, 20, 40, 40, index=4)
    maps = ScoreMaps(scores=np.full((1, 64, 64), 0.5, np.float32), classes=(4,), size=(64, 64))
    settings = PseudoSettings(crf=CrfSettings(preset="none"), ignore_band=0.0, sam=SamSettings(model="owner/sam2"))
    sam = answering_sam(lambda points, box: whole_box(points, box + box.new_tensor([-3, -3, 3, 3])))
    rule = BackgroundRule(rule="fixed", threshold=0.3)
    mask = pseudo_mask(image, maps, settings, rule, boxes=[box], seen=sam.see(image))
    assert sam.network.seen == 1
    assert (mask[20:41, 20:41] == 5).all()
    mask[20:41, 20:41] = 0
    assert not mask.any()
