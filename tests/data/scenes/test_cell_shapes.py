"""Shapes under the microscope: their sizes, their outlines, and where they lie."""

import numpy as np
import pytest

from patchlearn.data.scenes.cell_shapes import KINDS, RED_RADII, REFERENCE, draw_red_cell, draw_thing


def things(name: str, side: int = REFERENCE, count: int = 60) -> list[np.ndarray]:  # type: ignore[type-arg]
    return [draw_thing(np.random.default_rng(seed), side, KINDS[name]) for seed in range(count)]


@pytest.mark.parametrize("name", KINDS)
def test_coverage_is_a_share_with_smooth_edges(name: str) -> None:
    for coverage in things(name):
        assert coverage.shape == (REFERENCE, REFERENCE)
        assert 0 == coverage.min() < coverage.max() <= 1
        assert ((coverage > 0.1) & (coverage < 0.9)).any()


@pytest.mark.parametrize("name", KINDS)
def test_areas_are_those_of_the_radii(name: str) -> None:
    kind = KINDS[name]
    full = [np.pi * radius**2 * ratio * (1 - kind.hollow**2) for radius, ratio in zip(kind.radii, kind.ratios)]
    areas = [coverage.sum() for coverage in things(name)]
    assert max(areas) < 1.25 * full[1]
    assert 0.9 * full[0] < np.median(areas) < full[1]


@pytest.mark.parametrize("name", KINDS)
def test_every_thing_has_ten_pixels(name: str) -> None:
    assert min((coverage >= 0.5).sum() for coverage in things(name)) >= 10


@pytest.mark.parametrize("name", ["nucleus", "debris", "ring"])
def test_shares_do_not_depend_on_the_size_of_the_image(name: str) -> None:
    small, large = (np.mean(things(name, side), axis=(1, 2)) for side in (64, 240))
    np.testing.assert_allclose(small, large, rtol=0.2)


def test_a_ring_alone_is_empty_in_its_middle() -> None:
    for name in KINDS:
        for coverage in things(name, count=20):
            rows, columns = np.nonzero(coverage >= 0.5)
            if min(rows.min(), columns.min()) > 0 and max(rows.max(), columns.max()) < REFERENCE - 1:
                middle = coverage[round(rows.mean()), round(columns.mean())]
                assert middle == (0.0 if name == "ring" else 1.0)


def test_only_rods_are_long() -> None:
    """Square root of the ratio of the two variances of the pixels."""
    lengths = {name: np.median([elongation(each) for each in things(name)]) for name in KINDS}
    assert lengths["rod"] > 3
    assert max(length for name, length in lengths.items() if name != "rod") < 2


def elongation(coverage: np.ndarray) -> float:  # type: ignore[type-arg]
    spread = np.linalg.eigvalsh(np.cov(np.nonzero(coverage >= 0.5)))
    return float(np.sqrt(spread[1] / spread[0]))


def test_a_red_cell_has_a_pale_middle_inside_of_it() -> None:
    areas = []
    for seed in range(60):
        whole, middle = draw_red_cell(np.random.default_rng(seed), REFERENCE)
        assert (whole >= middle).all()
        areas.append(whole.sum())
    assert max(areas) < 1.1 * np.pi * RED_RADII[1] ** 2
    assert np.median(areas) > 0.5 * np.pi * RED_RADII[0] ** 2
