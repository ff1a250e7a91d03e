"""The animals: heads, bodies and bushes in front of heads."""

import numpy as np
import pytest

from patchlearn.data.scenes.creatures import CREATURES, draw_creature
from patchlearn.data.scenes.drawing import COVER, STRONG, WEAK, Sprite


def drawn(name: str, *, headless: bool = False, seed: int = 0) -> Sprite:
    return draw_creature(CREATURES[name], np.random.default_rng(seed), unit=40.0, headless=headless)


@pytest.mark.parametrize("name", sorted(CREATURES))
def test_an_animal_has_a_small_head_and_a_large_body(name: str) -> None:
    sprite = drawn(name)
    head, body = ((sprite.part == kind).sum() for kind in (STRONG, WEAK))
    assert 0 < head < 0.5 * body
    assert not (sprite.part == COVER).any()
    assert sprite.shadow.max() > 0


@pytest.mark.parametrize("name", sorted(CREATURES))
def test_a_bush_takes_the_place_of_a_hidden_head(name: str) -> None:
    sprite = drawn(name, headless=True)
    assert not (sprite.part == STRONG).any()
    assert (sprite.part == COVER).any()


def test_colours_never_exceed_their_opacity() -> None:
    for seed in range(5):
        sprite = drawn("tiger", seed=seed)
        assert (sprite.colour >= 0).all()
        assert (sprite.colour <= 255 * sprite.alpha[..., None] + 1e-3).all()


def test_every_class_has_its_own_head() -> None:
    heads = {name: [colour for _, colour in creature.head] for name, creature in CREATURES.items()}
    assert len({str(colours) for colours in heads.values()}) == len(CREATURES)
