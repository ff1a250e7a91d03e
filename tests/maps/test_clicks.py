"""Labelled pixels on cells, and boxes on score maps."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import ScoreMaps, UInt8
from patchlearn.data.clicks.values import Box
from patchlearn.maps.clicks import boxed, labelled_cells
from patchlearn.models.lda import cell_labels


def labels_of(size: tuple[int, int], pixels: dict[tuple[int, int], int]) -> UInt8:
    """(y, x) → label."""
    labels = np.full(size, 255, np.uint8)
    for place, value in pixels.items():
        labels[place] = value
    return labels


# --- cells ---------------------------------------------------------------------------------


@given(
    height=st.integers(1, 40), width=st.integers(1, 40), scale=st.sampled_from([0.2, 0.5, 0.77, 1.0, 1.5, 2.0]),
    stride=st.sampled_from([1, 4, 8]), seed=st.integers(0, 1000),
)  # fmt: skip
def test_every_pixel_labels_the_cell_of_its_centre(
    height: int, width: int, scale: float, stride: int, seed: int
) -> None:
    y, x = (int(np.random.default_rng(seed).integers(side)) for side in (height, width))
    view = max(1, round(height * scale)), max(1, round(width * scale))
    cells = -(-view[0] // stride) + 1, -(-view[1] // stride) + 1  # the last lie in the padding
    found = labelled_cells(labels_of((height, width), {(y, x): 7}), view, cells, stride)
    centre = (y + 0.5) * view[0] / height, (x + 0.5) * view[1] / width
    assert found[int(centre[0] // stride), int(centre[1] // stride)] == 7
    if stride * height >= view[0] and stride * width >= view[1]:  # cells as large as pixels: no other cell
        assert (found == 7).sum() == 1
    assert (found[-1] == 255).all()
    assert (found[:, -1] == 255).all()


def test_a_cell_with_two_labels_has_none() -> None:
    labels = labels_of((8, 8), {(0, 0): 0, (3, 3): 1, (0, 4): 2, (1, 7): 2, (4, 0): 0, (7, 3): 254})
    assert labelled_cells(labels, (8, 8), (2, 2), 4).tolist() == [[255, 2], [255, 255]]


def test_background_and_the_last_class_are_labels() -> None:
    labels = labels_of((4, 8), {(2, 2): 0, (2, 6): 254})
    assert labelled_cells(labels, (4, 8), (1, 2), 4).tolist() == [[0, 254]]


def test_no_label_is_no_label_and_a_pixel_beyond_the_cells_labels_none() -> None:
    assert (labelled_cells(labels_of((8, 8), {}), (8, 8), (2, 2), 4) == 255).all()
    beyond = labels_of((8, 8), {(7, 7): 1, (7, 0): 1, (0, 7): 1})
    assert (labelled_cells(beyond, (8, 8), (1, 1), 4) == 255).all()


@pytest.mark.parametrize("view", [(9, 12), (18, 24), (36, 48), (100, 131)])
@pytest.mark.parametrize("stride", [4, 8])
def test_whole_masks_agree_with_the_labels_at_the_centres(view: tuple[int, int], stride: int) -> None:
    """Where all pixels of a cell are equal, and in a view so large that a pixel covers cells without its centre."""
    labels = np.kron(np.array([[0, 1], [2, 255]], np.uint8), np.ones((9, 12), np.uint8))
    cells = -(-view[0] // stride) + 1, -(-view[1] // stride) + 1
    found = labelled_cells(labels, view, cells, stride)
    centres = cell_labels(torch.from_numpy(labels), view, cells, stride).numpy()
    unclear = (found == 255) & (centres != 255)  # two labels share the cell
    assert (found == centres)[~unclear & (centres != 255)].all()
    assert unclear.sum() <= sum(cells)
    if min(view) >= 36:
        assert (found != 255).any()


# --- boxes ---------------------------------------------------------------------------------


def maps_of(*scores: object, classes: tuple[int, ...] = (4,), size: tuple[int, int] | None = None) -> ScoreMaps:
    array = np.array(scores, np.float32)
    return ScoreMaps(scores=array, classes=classes, size=size or (array.shape[1], array.shape[2]))


def peak(side: int = 20, at: tuple[int, int] = (10, 10)) -> np.ndarray:  # type: ignore[type-arg]
    """A score that falls with the distance from one pixel."""
    rows, columns = np.ogrid[:side, :side]
    return np.exp(-np.hypot(rows - at[0], columns - at[1]) / 2).astype(np.float32)


def test_outside_of_all_boxes_a_boxed_class_has_no_score() -> None:
    maps = maps_of(np.ones((6, 8)), np.full((6, 8), 0.5), classes=(1, 4))
    found = boxed(maps, [Box(1, 2, 3, 4, 4), Box(5, 0, 7, 1, 4), Box(0, 0, 0, 0, 9)], 0.3)
    inside = np.zeros((6, 8), bool)
    inside[2:5, 1:4] = inside[:2, 5:] = True
    assert (found.scores[0] == 1).all()
    assert ((found.scores[1] > 0) == inside).all()
    assert (maps.scores[1] == 0.5).all()  # what was given is not changed
    assert (found.classes, found.size) == (maps.classes, maps.size)


@pytest.mark.parametrize("threshold", [0.0, 0.15, 0.5, 0.9])
@pytest.mark.parametrize("at", [(10, 10), (5, 7), (14, 12)])
def test_the_region_above_the_threshold_reaches_all_four_sides(threshold: float, at: tuple[int, int]) -> None:
    maps, box = maps_of(peak(at=at)), Box(4, 3, 17, 16, 4)
    before, after = (each.scores[0, 3:17, 4:18] for each in (maps, boxed(maps, [box], threshold)))
    above = after > threshold
    assert above[0].any()
    assert above[-1].any()
    assert above[:, 0].any()
    assert above[:, -1].any()
    assert after.max() == 1
    assert (np.diff(after.ravel()[before.ravel().argsort()]) >= 0).all()  # the order of the scores stays


def test_the_region_is_the_smallest_that_a_threshold_gives() -> None:
    maps, box = maps_of(peak()), Box(4, 3, 17, 16, 4)
    inside = maps.scores[0, 3:17, 4:18]
    level = min(inside[0].max(), inside[-1].max(), inside[:, 0].max(), inside[:, -1].max())
    found = boxed(maps, [box], 0.3).scores[0, 3:17, 4:18]
    assert ((found > 0.3 + 0.05 * 0.7 - 1e-5) == (inside >= level)).all()
    assert not (inside >= level).all()


def test_a_region_that_reaches_all_sides_stays() -> None:
    maps = maps_of(peak())
    found = boxed(maps, [Box(9, 9, 11, 11, 4)], 0.3)
    assert (found.scores[0, 9:12, 9:12] == maps.scores[0, 9:12, 9:12]).all()


def test_each_box_holds_an_object_whatever_the_score_of_the_other() -> None:
    scores = np.maximum(peak(), 0)
    scores[2, 2] = 0.02
    scores[1:4, 1:4] = np.minimum(scores[1:4, 1:4], 0.02)
    found = boxed(maps_of(scores), [Box(1, 1, 3, 3, 4), Box(8, 8, 12, 12, 4)], 0.3).scores[0]
    assert found[1:4, 1:4].max() == found[8:13, 8:13].max() == 1


def test_where_boxes_overlap_the_higher_score_counts() -> None:
    maps, boxes = maps_of(peak()), [Box(2, 2, 12, 12, 4), Box(8, 8, 19, 19, 4)]
    for order in (boxes, boxes[::-1]):
        alone = [boxed(maps, [box], 0.3).scores for box in order]
        assert (boxed(maps, order, 0.3).scores == np.maximum(*alone)).all()


def test_sides_without_a_score_do_not_count_and_an_empty_box_stays_empty() -> None:
    scores = np.zeros((5, 5))
    scores[2, :] = (0.1, 0.2, 1.0, 0.2, 0.1)
    found = boxed(maps_of(scores), [Box(0, 0, 4, 4, 4)], 0.3).scores[0]
    assert found[2].min() > 0.3
    assert (found[[0, 1, 3, 4]] == 0).all()
    only_middle = np.zeros((5, 5))
    only_middle[2, 2] = 0.5
    assert boxed(maps_of(only_middle), [Box(0, 0, 4, 4, 4)], 0.3).scores.tolist() == [(only_middle * 2).tolist()]
    assert (boxed(maps_of(scores), [Box(0, 0, 4, 0, 4)], 0.3).scores == 0).all()


def test_a_cell_that_a_box_touches_is_inside() -> None:
    maps = replace(maps_of(np.ones((3, 4))), size=(10, 15))  # cells of 3.3×3.75 pixels
    found = boxed(maps, [Box(4, 3, 7, 3, 4)], 0.3).scores[0]
    assert found.tolist() == [[0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]]
    corner = boxed(maps, [Box(14, 9, 14, 9, 4)], 0.3).scores[0]
    assert np.argwhere(corner).tolist() == [[2, 3]]


@pytest.mark.parametrize("threshold", [-0.1, 1.0, float("nan")])
def test_a_threshold_out_of_range_is_an_error(threshold: float) -> None:
    with pytest.raises(PatchlearnError, match=r"^threshold: .* is out of range\. Choose a number in \[0, 1\)"):
        boxed(maps_of(np.ones((2, 2))), [], threshold)
