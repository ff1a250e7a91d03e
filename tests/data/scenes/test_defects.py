"""Defects: their areas, the width of thin ones, and what they change."""

import numpy as np
import pytest

from patchlearn.data.scenes import defects
from patchlearn.data.scenes.coverage import covered
from patchlearn.data.scenes.defects import DEFECTS, Mark, draw_defect, draw_joint, draw_reflection, mark_ground
from patchlearn.data.scenes.textures import Ground, Look, draw_ground

SIDE = 224


def marks(name: str, count: int = 40, side: int = SIDE) -> list[Mark]:
    return [draw_defect(np.random.default_rng(seed), side, DEFECTS[name]) for seed in range(count)]


def share(mark: Mark) -> float:
    return float((mark.coverage >= 0.5).mean())


@pytest.mark.parametrize("name", DEFECTS)
def test_areas_lie_between_the_limits_around_the_median(name: str) -> None:
    least, median, largest = DEFECTS[name].areas
    shares = [share(mark) for mark in marks(name)]
    assert 0.6 * least < min(shares)
    assert max(shares) < 1.3 * largest
    assert 0.7 * median < np.median(shares) < 1.4 * median
    assert max(shares) > 2 * min(shares)


@pytest.mark.parametrize("side", [64, 112, 448])
def test_shares_do_not_depend_on_the_size_of_the_image(side: int) -> None:
    for name in ("stain", "inclusion", "pit"):
        medians = [np.median([share(mark) for mark in marks(name, 20, each)]) for each in (side, SIDE)]
        assert medians[0] == pytest.approx(medians[1], rel=0.2)


@pytest.mark.parametrize("width", [1.3, 2.0, 3.0])
def test_a_line_is_as_wide_as_asked_in_every_direction(width: float) -> None:
    steps = np.linspace(-60, 60, 25)[:, None]
    for turn in np.linspace(0, np.pi, 9):
        path = 100.3 + steps * (np.cos(turn), np.sin(turn))
        coverage = covered(200, defects._stroke(path, np.full(25, width)))
        assert coverage.sum() / 120 == pytest.approx(width, abs=0.35)
        assert np.abs(coverage - coverage.round()).max() > 0.1  # its edges are smooth


@pytest.mark.parametrize("name", ["scratch", "crack"])
def test_thin_defects_are_one_to_three_pixels_wide(name: str) -> None:
    """A line of up to three pixels keeps little where a pixel is taken off each of its sides."""
    for mark in marks(name, 12):
        mask = mark.coverage >= 0.5
        assert eroded(mask).sum() < 0.4 * mask.sum()
        assert eroded(eroded(mask)).sum() < 0.01 * mask.sum()


def eroded(mask: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    """Without the pixels that have a neighbour outside of the mask, to the left, right, top or bottom."""
    inner = np.pad(mask, 1)
    return mask & inner[:-2, 1:-1] & inner[2:, 1:-1] & inner[1:-1, :-2] & inner[1:-1, 2:]


def test_the_mask_of_a_scratch_has_no_gaps() -> None:
    for seed in range(30):
        shapes = defects._scratch(np.random.default_rng(seed), SIDE, 0.005 * SIDE**2)
        assert pieces(covered(SIDE, shapes) >= 0.5) == 1


def test_a_crack_is_one_branched_line() -> None:
    whole = [pieces(mark.coverage >= 0.5) == 1 for mark in marks("crack")]
    assert np.mean(whole) > 0.8  # others leave the image and come back


def pieces(mask: np.ndarray) -> int:  # type: ignore[type-arg]
    """The number of connected areas; pixels touch at corners, too."""
    return 1 + pieces(mask & ~piece(mask)) if mask.any() else 0


def piece(mask: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    """The connected area of one of the mask's pixels."""
    reached, before = np.zeros_like(mask), -1
    reached.flat[mask.argmax()] = True
    while reached.sum() > before:
        before = reached.sum()
        grown = np.pad(reached, 1)
        around = [grown[row : row + len(mask), column : column + len(mask)] for row in range(3) for column in range(3)]
        reached = np.any(around, axis=0) & mask
    return reached


def test_the_smallest_pit_is_a_spot_of_five_pixels() -> None:
    smallest = defects._draw_pits(np.random.default_rng(0), SIDE, 0.0001)
    mask = smallest.coverage >= 0.5
    assert 18 <= mask.sum() <= 34
    assert max(np.ptp(np.nonzero(mask), axis=1)) < 8


def test_one_or_several_pits_lie_in_an_image() -> None:
    assert {1, 2, 3} < {pieces(mark.coverage >= 0.5) for mark in marks("pit")} <= {1, 2, 3, 4, 5}


@pytest.mark.parametrize("name", DEFECTS)
def test_contrast_goes_from_faint_to_clear(name: str) -> None:
    strengths = [
        abs(np.average(mark.shade * np.ones_like(mark.coverage), weights=mark.coverage)) for mark in marks(name)
    ]
    assert max(strengths) > 1.7 * min(strengths)
    assert min(strengths) > 0.3


def test_cracks_and_pits_are_dark_scratches_and_stains_are_either() -> None:
    signs = {name: {float(np.sign(np.mean(mark.shade))) for mark in marks(name)} for name in DEFECTS}
    assert signs["crack"] == signs["pit"] == {-1.0}
    assert signs["scratch"] == signs["stain"] == {-1.0, 1.0}


def ground() -> Ground:
    return draw_ground(np.random.default_rng(0), SIDE, Look(texture="cast", scales=(1, 1), tones=(0.6, 0.6)))


@pytest.mark.parametrize("name", DEFECTS)
def test_a_defect_changes_the_surface_only_where_it_covers_it(name: str) -> None:
    before, after = ground(), ground()
    mark = marks(name, 1)[0]
    tint = mark_ground(after, mark)
    changed = (before.relief != after.relief) | (np.abs(tint).sum(axis=2) > 0)
    assert not changed[mark.coverage == 0].any()
    assert changed[mark.coverage >= 0.5].mean() > 0.95


def test_the_change_grows_with_the_contrast_of_the_surface() -> None:
    mark = Mark(coverage=np.ones((SIDE, SIDE), np.float32), shade=-1.0)
    plain, rough = ground(), ground()
    plain.contrast, rough.contrast = 2.0, 15.0
    before = plain.relief.copy()
    mark_ground(plain, mark)
    mark_ground(rough, mark)
    assert (before - rough.relief).mean() > 2 * (before - plain.relief).mean() > 0


def test_a_joint_runs_from_edge_to_edge_and_a_scratch_does_not() -> None:
    for seed in range(20):
        covered = draw_joint(np.random.default_rng(seed), SIDE).coverage > 0.3
        assert covered.any(axis=0).all() or covered.any(axis=1).all()
        scratch = draw_defect(np.random.default_rng(seed), SIDE, DEFECTS["scratch"]).coverage > 0.3
        assert max(np.ptp(np.nonzero(scratch), axis=1)) <= SIDE


def test_a_reflection_is_light_large_and_soft() -> None:
    for seed in range(8):
        light = draw_reflection(np.random.default_rng(seed), SIDE)
        assert light.min() >= 0
        assert 2 < light.max() <= 24
        assert np.abs(np.diff(light, axis=0)).max() < 1.5
