from dataclasses import replace

import numpy as np
import pytest

from patchlearn.core.types import Float32, ScoreMaps
from patchlearn.maps.walk_area import bounded_walk, mixed_scores
from patchlearn.refine import BackgroundRule, background_threshold
from patchlearn.refine.area import winners

OTSU = BackgroundRule(growth=2.0)


def spot(height: int, width: int, rows: slice, columns: slice, outside: float = 0.0) -> Float32:
    scores = np.full((height, width), outside, np.float32)
    scores[rows, columns] = 1
    return scores


def two(outside: float = 0.0) -> ScoreMaps:
    """Class 1 at the upper left, class 4 a line below; 16×16 cells of an image of 64×64."""
    first = spot(16, 16, slice(2, 5), slice(2, 5), outside)
    line = spot(16, 16, slice(12, 13), slice(2, 14), outside)
    return ScoreMaps(scores=np.stack([first, line]), classes=(1, 4), size=(64, 64))


def areas(maps: ScoreMaps) -> list[int]:
    labels = winners(maps.scores, background_threshold(maps, OTSU))
    return [int((labels == place + 1).sum()) for place in range(len(maps.classes))]


@pytest.mark.parametrize("outside", [0.0, 0.05])
@pytest.mark.parametrize("cells", [8, 16])
def test_a_walk_that_floods_one_class_and_loses_the_other_is_taken_back(outside: float, cells: int) -> None:
    """The walked scores lie on a grid of their own, or on that of the maps."""
    maps = two(outside)
    flooded = np.stack([np.full((cells, cells), 0.9, np.float32), np.full((cells, cells), 0.1, np.float32)])
    flooded[0, 0, 0] = 1
    bounded = bounded_walk(maps, replace(maps, scores=flooded), OTSU)
    for area, evidence in zip(areas(bounded), (9, 12), strict=True):
        assert evidence / 2 <= area <= 2 * evidence
    assert bounded.scores.dtype == np.float32
    assert bounded.scores.max() <= 1


def test_a_walk_within_the_bounds_stays_on_its_own_grid() -> None:
    maps = two()
    walked = replace(maps, scores=maps.scores[:, ::2, ::2] * np.float32(0.8))
    walked.scores[1, 6, 1:7] = 0.8
    assert bounded_walk(maps, walked, OTSU) is walked


def test_without_a_bound_or_a_class_nothing_changes() -> None:
    maps, nothing = two(), ScoreMaps(scores=np.zeros((0, 4, 4), np.float32), classes=(), size=(16, 16))
    flooded = replace(maps, scores=np.ones_like(maps.scores))
    assert bounded_walk(maps, flooded, BackgroundRule(growth=None)) is flooded
    assert bounded_walk(nothing, nothing, OTSU) is nothing


def test_the_weight_is_that_of_the_walked_scores() -> None:
    maps = two(0.25)
    walked = replace(maps, scores=np.full_like(maps.scores, 0.64))
    mixed = mixed_scores(maps, walked, np.array([0, 0.5], np.float32)).scores
    np.testing.assert_array_equal(mixed[0], maps.scores[0])
    np.testing.assert_allclose(mixed[1], np.sqrt(0.64 * maps.scores[1]), rtol=1e-6)
    assert mixed_scores(maps, walked, np.ones(2, np.float32)) is walked


def test_a_wider_bound_believes_more_of_the_walk() -> None:
    ramp = np.exp(-((np.arange(64) / 8) ** 2)).astype(np.float32)[None, None]
    maps = ScoreMaps(scores=ramp, classes=(0,), size=(1, 64))
    walked = replace(maps, scores=ramp ** np.float32(0.01))
    sizes = [areas(bounded_walk(maps, walked, BackgroundRule(growth=growth)))[0] for growth in (1.1, 2.0, None)]
    assert sizes[0] < sizes[1] < sizes[2]


def test_an_unknown_class_that_covers_a_judged_one_leaves_its_walk_alone() -> None:
    maps = replace(two(0.1), unknown=(4,))
    walked = replace(maps, scores=np.stack([maps.scores[0] * np.float32(0.8), np.full((16, 16), 0.9, np.float32)]))
    bounded = bounded_walk(maps, walked, OTSU)
    np.testing.assert_array_equal(bounded.scores[0], walked.scores[0])
    assert areas(bounded) == [9, 12]


@pytest.mark.parametrize("level", [0.0, 0.9])
def test_unknown_classes_change_no_digit_of_the_others_and_flood_nothing(level: float) -> None:
    maps = two(0.1)
    walked = replace(maps, scores=np.stack([np.full((16, 16), 0.8, np.float32), np.full((16, 16), level, np.float32)]))
    both = bounded_walk(replace(maps, unknown=(4,)), replace(walked, unknown=(4,)), OTSU)
    alone = bounded_walk(replace(maps, unknown=(4,)).judged, replace(walked, unknown=(4,)).judged, OTSU)
    np.testing.assert_array_equal(both.scores[0], alone.scores[0])
    assert 6 <= areas(both)[1] <= 24
    nobody = bounded_walk(replace(maps, unknown=(1, 4)), replace(walked, unknown=(1, 4)), OTSU)
    assert all(evidence / 2 <= area <= 2 * evidence for area, evidence in zip(areas(nobody), (9, 12), strict=True))
