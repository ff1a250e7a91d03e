"""Plain surfaces: what the settings of a look promise."""

import numpy as np
import pytest

from patchlearn.data.scenes.textures import TEXTURES, Ground, Look, any_look, draw_ground

ANY = {"scales": (0.7, 1.5), "tones": (0.4, 0.8)}


def ground(texture: str, seed: int = 0, side: int = 96, **changes: tuple[float, float]) -> Ground:
    return draw_ground(np.random.default_rng(seed), side, Look(texture=texture, **{**ANY, **changes}))


@pytest.mark.parametrize("texture", TEXTURES)
def test_the_relief_has_mean_zero_and_a_contrast_of_its_range(texture: str) -> None:
    low, high = TEXTURES[texture].contrasts
    for seed in range(4):
        drawn = ground(texture, seed)
        assert drawn.relief.shape == drawn.light.shape == (96, 96)
        assert low <= drawn.contrast <= high
        assert abs(drawn.relief.mean()) < 0.2 * drawn.contrast
        assert drawn.relief.std() == pytest.approx(drawn.contrast, rel=0.1)  # less than 1 where peaks are cut off


@pytest.mark.parametrize("texture", TEXTURES)
def test_a_ground_is_a_function_of_the_generator(texture: str) -> None:
    assert np.array_equal(ground(texture, 1).relief, ground(texture, 1).relief)
    assert not np.array_equal(ground(texture, 1).relief, ground(texture, 2).relief)


@pytest.mark.parametrize("texture", ["brushed", "banded"])
def test_strokes_run_along_the_direction(texture: str) -> None:
    lying, upright = (ground(texture, 3, turns=(turn, turn)).relief for turn in (0.0, np.pi / 2))
    assert across(lying) > 1.7 * along(lying)
    assert along(upright) > 1.7 * across(upright)


def along(relief: np.ndarray) -> float:  # type: ignore[type-arg]
    """How much neighbours in a row differ."""
    return float(np.abs(np.diff(relief, axis=1)).mean())


def across(relief: np.ndarray) -> float:  # type: ignore[type-arg]
    return along(relief.T)


def test_a_larger_scale_has_larger_grains() -> None:
    fine, coarse = (ground("speckled", 5, scales=(scale, scale)) for scale in (0.7, 1.5))
    assert along(fine.relief) / fine.contrast > 1.3 * along(coarse.relief) / coarse.contrast


def test_grains_grow_with_the_image() -> None:
    small, large = (ground("cast", 5, side=side, scales=(1.5, 1.5)) for side in (112, 448))
    assert along(small.relief) / small.contrast > 1.3 * along(large.relief) / large.contrast


def test_the_tone_is_the_brightness_of_the_colour() -> None:
    assert ground("cast", tones=(0.5, 0.5)).colour.max() == pytest.approx(0.5 * 255, abs=1)


def test_light_is_uneven_but_never_dark() -> None:
    lights = [ground("cast", seed).light for seed in range(8)]
    assert all(light.min() > 0.5 and light.max() < 1.5 for light in lights)
    assert np.mean([light.std() for light in lights]) > 0.02


def test_any_look_has_every_texture() -> None:
    rng = np.random.default_rng(0)
    assert {any_look(rng).texture for _ in range(60)} == set(TEXTURES)
