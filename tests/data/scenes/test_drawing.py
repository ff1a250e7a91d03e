"""Shapes, sprites, colours and textures."""

import numpy as np
import pytest

from patchlearn.data.scenes.drawing import (
    COVER,
    STRONG,
    WEAK,
    Canvas,
    draw_clutter,
    ellipse,
    from_hsv,
    limb,
    noise,
    octaves,
    rotation,
    scallops,
    shaded,
    smooth,
)

SQUARE = np.array([(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)])


def test_shapes_are_where_they_should_be() -> None:
    np.testing.assert_allclose(ellipse(2.0, 3.0, 1.0, 0.5).mean(axis=0), (2.0, 3.0), atol=1e-12)
    np.testing.assert_allclose(np.abs(ellipse(0.0, 0.0, 2.0, 1.0, np.pi / 2)).max(axis=0), (1.0, 2.0), atol=0.01)
    corners = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]
    np.testing.assert_allclose(smooth(corners)[::7], corners, atol=1e-12)
    assert np.linalg.norm(scallops(1.0, 5), axis=1).max() == pytest.approx(1.0)
    stroke = limb((0.0, 0.0), (4.0, 0.0), 1.0, 2.0)
    np.testing.assert_allclose((stroke.min(axis=0)[1], stroke.max(axis=0)[1]), (-1.0, 1.0), atol=1e-12)


def test_rotation_turns_clockwise_on_the_screen() -> None:
    np.testing.assert_allclose(rotation(np.pi / 2) @ (1.0, 0.0), (0.0, 1.0), atol=1e-12)


def test_a_filled_shape_is_in_colour_opacity_and_part() -> None:
    canvas = Canvas(reach=2.0, unit=10.0)
    canvas.fill(SQUARE, (10, 20, 30), WEAK)
    canvas.fill(0.5 * SQUARE, (40, 50, 60), STRONG)
    sprite = canvas.sprite()
    assert sprite.part.shape == (40, 40)
    assert (sprite.part[20, 20], sprite.part[20, 12], sprite.part[20, 5]) == (STRONG, WEAK, 0)
    assert sprite.colour[20, 20].tolist() == [40, 50, 60]
    assert (sprite.alpha[20, 20], sprite.alpha[20, 5]) == (1.0, 0.0)
    assert sprite.is_object.sum() == pytest.approx(400, rel=0.15)
    assert canvas.coverage(STRONG).sum() == pytest.approx(100, rel=0.15)


def test_a_cover_is_visible_but_is_no_object() -> None:
    canvas = Canvas(reach=2.0, unit=10.0)
    canvas.fill(SQUARE, (1, 2, 3), COVER)
    assert not canvas.sprite().is_object.any()
    assert canvas.sprite().alpha.max() == 1.0


def test_a_mirrored_canvas_exchanges_left_and_right() -> None:
    sprites = []
    for flipped in (False, True):
        canvas = Canvas(reach=2.0, unit=10.0, flipped=flipped)
        canvas.fill(np.add(SQUARE, (0.8, 0.0)), (9, 9, 9), WEAK)
        sprites.append(canvas.sprite().part)
    assert np.abs(sprites[0].astype(int) - sprites[1][:, ::-1]).mean() < 0.1
    assert sprites[0][:, 20:].sum() > sprites[0][:, :20].sum()


def test_coordinates_are_those_of_the_shapes() -> None:
    canvas = Canvas(reach=2.0, unit=10.0, turn=0.7, flipped=True)
    shape = ellipse(0.5, -0.3, 0.4, 0.2)
    canvas.fill(shape, (1, 1, 1), WEAK)
    x, y = canvas.coordinates()
    inside = canvas.sprite().part == WEAK
    assert (x[inside].mean(), y[inside].mean()) == pytest.approx((0.5, -0.3), abs=0.1)  # to a pixel


def test_a_shadow_is_soft_and_in_its_own_channel() -> None:
    canvas = Canvas(reach=2.0, unit=10.0)
    canvas.cast_shadow(SQUARE)
    sprite = canvas.sprite()
    assert 0 < sprite.shadow[20, 10] < 1
    assert (sprite.shadow[20, 20], sprite.alpha.max()) == (1.0, 0.0)


def test_colours_stay_in_their_range() -> None:
    assert from_hsv(0.0, 1.0, 1.0) == from_hsv(2.0, 7.0, 9.0) == (255, 0, 0)
    assert shaded((100, 200, 250), 1.5) == (150, 255, 255)
    assert shaded((100, 200, 250), 0.5) == (50, 100, 125)


def test_noise_has_mean_zero_and_about_unit_variance() -> None:
    values = noise(np.random.default_rng(0), 200, 300, 4.0)
    assert values.shape == (200, 300)
    assert abs(float(values.mean())) < 0.1
    assert 0.7 < float(values.std()) < 1.3
    layered = octaves(np.random.default_rng(0), 200, 300, (4.0, 2.0))
    assert layered.std() > values.std()


def test_clutter_is_never_an_object() -> None:
    for seed in range(12):
        sprite = draw_clutter(np.random.default_rng(seed), unit=8.0)
        assert (sprite.part == COVER).any()
        assert not sprite.is_object.any()
