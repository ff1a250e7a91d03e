"""Pixels of which the maps of one image are least sure."""

from dataclasses import replace

import numpy as np

from patchlearn.core.types import ScoreMaps
from patchlearn.maps.doubtful import centre_of_cells, doubtful_pixels
from patchlearn.refine import BackgroundRule

RULE = BackgroundRule(rule="fixed", threshold=0.4)


def maps() -> ScoreMaps:
    """20×30 cells of 4 pixels: class 1 is sure on the left, in doubt in a region on the right, and absent between."""
    scores = np.full((2, 20, 30), 0.05, np.float32)
    scores[0, :, :10] = 0.95
    scores[0, :, 10] = 0.41  # the border: nearer to the threshold than the region
    scores[0, 5:15, 18:26] = 0.42
    scores[1, 14:, 12:14] = 0.7
    return ScoreMaps(scores=scores, classes=(1, 3), size=(80, 120))


def test_a_region_in_doubt_comes_before_the_border_of_a_sure_one() -> None:
    found = doubtful_pixels(maps(), RULE, most=2)
    rows, columns = found.y // 4, found.x // 4
    of_class = found.guess == 2
    assert of_class.sum() == 2
    assert ((rows >= 5) & (rows < 15) & (columns >= 18) & (columns < 26))[of_class].all()
    assert found.other[of_class].tolist() == [0, 0]
    np.testing.assert_allclose(found.scores[of_class], [[0.42, 0.4]] * 2, rtol=1e-6)
    assert found.margin[of_class].max() < 0.05


def test_every_label_has_its_pixels_and_no_two_lie_side_by_side() -> None:
    found = doubtful_pixels(maps(), RULE, most=5)
    assert np.unique(found.guess, return_counts=True)[0].tolist() == [0, 2, 4]
    assert (np.unique(found.guess, return_counts=True)[1] <= 5).all()
    for label in (0, 2, 4):
        own = np.stack([found.y, found.x])[:, found.guess == label]
        apart = np.abs(own[:, :, None] - own[:, None]).max(0) + 99 * np.eye(own.shape[1])
        assert apart.min() > 8


def test_no_pixel_is_near_one_that_is_labelled_or_at_the_border() -> None:
    free = doubtful_pixels(maps(), RULE, most=1)
    first = np.array([[free.y[1], free.x[1]]])
    found = doubtful_pixels(maps(), RULE, most=8, taken=first, apart=20)
    assert (np.hypot(found.y - first[0, 0], found.x - first[0, 1]) >= 20).all()
    assert (found.y.min() >= 8) & (found.y.max() < 72) & (found.x.min() >= 8) & (found.x.max() < 112)


def test_where_an_unknown_class_wins_nothing_is_suggested() -> None:
    found = doubtful_pixels(replace(maps(), unknown=(3,)), RULE, most=5)
    assert set(found.guess.tolist()) == {0, 2}
    assert set(found.other.tolist()) <= {0, 2, 255}


def test_an_image_without_classes_has_no_doubt() -> None:
    none = ScoreMaps(scores=np.zeros((0, 20, 30), np.float32), classes=(), size=(80, 120))
    found = doubtful_pixels(none, RULE, most=5)
    assert (len(found.y), found.scores.shape, len(found.margin)) == (0, (0, 2), 0)


def test_tiny_maps_have_pixels_too() -> None:
    tiny = ScoreMaps(scores=np.full((1, 2, 1), 0.5, np.float32), classes=(0,), size=(7, 3))
    found = doubtful_pixels(tiny, RULE, most=1)
    assert (found.y.tolist(), found.x.tolist()) == ([1], [1])
    assert centre_of_cells(np.arange(2), 2, 7).tolist() == [1, 5]
