from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import tiny_stages

from patchlearn.core.types import ScoreMaps, UInt8, enlarge
from patchlearn.maps.affinity_walk import scale_walked, walk_scores
from patchlearn.maps.settings import WalkSettings
from patchlearn.models.affinity_network import (
    AffinityNetwork,
    _resized,
    create_affinity,
)
from patchlearn.refine import (
    random_walk,
    random_walk_features,
)


def black(height: int, width: int) -> UInt8:
    return np.zeros((height, width, 3), np.uint8)


def affinity(kind: str = "boundary") -> AffinityNetwork:
    torch.manual_seed(0)
    return create_affinity(tiny_stages(), kind).eval()


def test_the_walk_goes_along_the_boundary_map_and_keeps_one_scale() -> None:
    image = np.random.default_rng(0).integers(0, 256, (22, 30, 3), dtype=np.uint8)
    scores = np.random.default_rng(1).random((2, 6, 8), np.float32)
    maps = ScoreMaps(scores=scores, classes=(1, 4), size=(22, 30))
    network, settings = affinity(), WalkSettings(radius=3, beta=4, steps=16, anchor=0.0, balance=0.0)
    walked = walk_scores(image, maps, settings, network)
    expected = random_walk(scores, network.boundary_map(image), radius=3, beta=4, steps=16)
    np.testing.assert_allclose(walked.scores, expected / expected.max(), rtol=1e-6)
    assert (walked.classes, walked.size) == (maps.classes, maps.size)
    assert walked.scores.max() == 1


@pytest.mark.parametrize("kind", ["boundary", "features"])
def test_the_anchor_weighs_the_scores_before_the_walk(kind: str) -> None:
    """With weight 1 the scores stay what they were; with 0.5, what was 0 stays 0."""
    image = np.random.default_rng(0).integers(0, 256, (22, 30, 3), dtype=np.uint8)
    scores = np.random.default_rng(1).random((2, 6, 8), np.float32)
    scores[1, :3] = 0
    maps = ScoreMaps(scores=scores, classes=(1, 4), size=(22, 30))
    plain = WalkSettings(radius=3, beta=4, steps=16, balance=0.0)
    free, half, whole = (
        walk_scores(image, maps, replace(plain, anchor=anchor), affinity(kind)).scores for anchor in (0.0, 0.5, 1.0)
    )
    np.testing.assert_allclose(whole, scores / scores.max(), rtol=1e-5)
    product = np.sqrt(enlarge(free, (6, 8)) * scores)
    np.testing.assert_allclose(half, product / product.max(), rtol=1e-4, atol=1e-6)
    assert free[1, 0].any()
    assert not half[1, :3].any()


def test_a_small_object_is_measured_half_by_its_own_maximum() -> None:
    """The large one's is 1 whatever the balance; of the small one's tenth, a third is left between the two."""
    image, scores = np.zeros((24, 32, 3), np.uint8), np.zeros((3, 6, 8), np.float32)
    scores[0, 2:4, 2:4], scores[1, 5, 7] = 1.0, 0.1
    maps = ScoreMaps(scores=scores, classes=(1, 4, 6), size=(24, 32))
    largest = [
        walk_scores(image, maps, WalkSettings(steps=0, anchor=1.0, balance=balance), affinity()).scores.max((1, 2))
        for balance in (0.0, 0.5, 1.0)
    ]
    np.testing.assert_allclose(largest, [[1, 0.1, 0], [1, np.sqrt(0.1), 0], [1, 1, 0]], rtol=1e-5)


def test_no_score_is_above_one_after_the_walk() -> None:
    """Where many cells have the largest, Otsu's rule would not count them, nor the object that they are."""
    scores = np.random.default_rng(0).random((400, 1, 1), np.float32)
    walked = [
        scale_walked(ScoreMaps(scores=one, classes=(0,), size=(4, 4)), one, WalkSettings()) for one in scores[:, None]
    ]
    assert max(maps.scores.max() for maps in walked) == 1


@pytest.mark.parametrize("kind", ["boundary", "features"])
def test_the_affinity_network_sees_no_longer_side_than_the_settings_allow(kind: str) -> None:
    image = np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8)
    maps = ScoreMaps(scores=np.random.default_rng(1).random((2, 16, 24), np.float32), classes=(1, 4), size=(64, 96))
    network, walk = affinity(kind), WalkSettings(radius=3, steps=4)
    free, roomy, bounded = (
        walk_scores(image, maps, replace(walk, long_side=side), network).scores for side in (None, 96, 48)
    )
    np.testing.assert_array_equal(free, roomy)
    assert bounded.shape == free.shape
    assert (bounded != free).any()


def test_maps_come_to_the_grid_of_the_features_where_they_stood() -> None:
    """125 cells of a 500-pixel image and 63 cells of the same image: a ramp stays a ramp."""
    ramp = ((np.arange(125) + 0.5) / 125 * np.ones((1, 94, 1))).astype(np.float32)
    resized = _resized(ramp, (47, 63))
    np.testing.assert_allclose(resized[0, 20, 2:-2], (np.arange(63) + 0.5)[2:-2] / 63, atol=1e-3)


def test_the_features_are_not_mirrored_against_the_maps() -> None:
    image = np.random.default_rng(0).integers(0, 256, (24, 40, 3), dtype=np.uint8)
    scores = np.random.default_rng(1).random((1, 6, 10), np.float32)
    network = affinity("features")
    maps = ScoreMaps(scores=scores, classes=(1,), size=(24, 40))
    settings = WalkSettings(radius=3, beta=2, steps=4, anchor=0.0)
    features, coarse = network.feature_map(image), _resized(scores, (3, 5))
    walked = walk_scores(image, maps, settings, network).scores
    expected = random_walk_features(coarse, features, radius=3, beta=2, steps=4)
    np.testing.assert_allclose(walked, expected / expected.max(), rtol=1e-5)


def test_a_walk_over_nothing_stays_nothing() -> None:
    maps = ScoreMaps(scores=np.zeros((1, 6, 8), np.float32), classes=(1,), size=(22, 30))
    assert not walk_scores(black(22, 30), maps, WalkSettings(), affinity()).scores.any()


@pytest.mark.parametrize("anchor", [0.0, 0.5])
@pytest.mark.parametrize("balance", [0.0, 0.5, 1.0])
def test_an_unknown_class_changes_no_digit_of_the_others(balance: float, anchor: float) -> None:
    image = np.random.default_rng(0).integers(0, 256, (22, 30, 3), dtype=np.uint8)
    scores = np.random.default_rng(1).random((3, 6, 8), np.float32) * np.float32([[[0.3]], [[1.0]], [[0.5]]])
    maps = ScoreMaps(scores=scores, classes=(1, 4, 6), size=(22, 30), unknown=(4,))
    settings = WalkSettings(radius=3, steps=4, anchor=anchor, balance=balance)
    walked = walk_scores(image, maps, settings, affinity())
    alone = walk_scores(image, maps.judged, settings, affinity())
    np.testing.assert_array_equal(walked.scores[[0, 2]], alone.scores)
    assert walked.unknown == (4,)
    assert 0 < walked.scores[1].max() <= 1


def test_unknown_classes_are_measured_by_themselves_where_no_other_has_a_score() -> None:
    scores = np.zeros((3, 4, 4), np.float32)
    scores[1, 0, 0], scores[2, 3, 3] = 0.4, 0.1
    for classes, unknown in (((0, 1, 2), (1, 2)), ((0, 1, 2), (0, 1, 2))):
        maps = ScoreMaps(scores=scores, classes=classes, size=(16, 16), unknown=unknown)
        scaled = scale_walked(maps, scores, WalkSettings(balance=0.5)).scores
        np.testing.assert_allclose(scaled.max((1, 2)), [0, 1, 0.5], rtol=1e-6)
