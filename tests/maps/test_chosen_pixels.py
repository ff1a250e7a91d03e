"""Which doubtful pixels are chosen."""

from dataclasses import replace

import numpy as np
import pytest

from patchlearn.core.types import Float32
from patchlearn.maps.chosen_pixels import Candidates, choose, evenly, of_length_one, typicality


def directions(*degrees: float) -> Float32:
    angles = np.deg2rad(np.array(degrees))
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def candidates(**changes: object) -> Candidates:
    """Six pixels of six images: three of label 0 (two of them alike) and three of label 2."""
    facts: dict[str, object] = {
        "image": np.arange(6),
        "y": np.zeros(6, np.int64),
        "x": np.zeros(6, np.int64),
        "label": np.array([0, 0, 0, 2, 2, 2]),
        "margin": np.zeros(6, np.float32),
        "features": directions(0, 1, 90, 180, 200, 181),
        "apart": np.full(6, 5, np.float32),
    }
    return Candidates(**{**facts, **changes})  # type: ignore[arg-type]


EVEN = np.ones(6, np.float32)


def test_labels_take_turns_and_a_label_without_candidates_loses_its_turn() -> None:
    found = choose(candidates(), EVEN, 6, 2)
    assert candidates().label[found].tolist() == [0, 2, 0, 2, 0, 2]
    few = candidates(label=np.array([0, 2, 2, 2, 2, 2]))
    assert few.label[choose(few, EVEN, 9, 2)].tolist() == [0, 2, 2, 2, 2, 2]


def test_the_second_of_a_label_differs_from_the_first() -> None:
    margin = np.array([0.1, 0.11, 0.2, 0, 0, 0], np.float32)
    found = choose(candidates(margin=margin), EVEN, 4, 2)
    assert [place for place in found if place < 3] == [0, 2]


def test_doubt_and_typicality_decide_where_nothing_else_does() -> None:
    same = candidates(features=directions(*[0] * 6))
    doubt = np.array([0.3, 0.1, 0.2, 0.3, 0.2, 0.1], np.float32)
    assert choose(replace(same, margin=doubt), EVEN, 1, 2) == [1]
    typical = np.array([0.2, 0.5, 0.9, 0.7, 0.8, 0.1], np.float32)
    level = replace(same, margin=np.zeros(6, np.float32), label=np.zeros(6, np.int64))
    assert choose(level, typical, 1, 2) == [2]


def test_what_is_known_is_not_asked_again() -> None:
    assert choose(candidates(), EVEN, 1, 2, known=directions(90)) != [2]
    alone = candidates(label=np.zeros(6, np.int64))
    assert choose(alone, EVEN, 1, 2, known=directions(0, 180)) == [2]


def test_an_image_has_at_most_so_many_and_not_side_by_side() -> None:
    one = candidates(image=np.zeros(6, np.int64), x=np.array([0, 10, 20, 3, 12, 30]))
    assert len(choose(one, EVEN, 6, 2)) == 2
    found = choose(one, EVEN, 6, 9)
    places = np.sort(one.x[found])
    assert np.diff(places).min() >= 5
    assert len(found) == 4


def test_choosing_is_deterministic_and_ends() -> None:
    generator = np.random.default_rng(0)
    many = candidates(
        image=np.arange(600) // 3,
        y=np.zeros(600, np.int64),
        x=np.tile([0, 50, 100], 200),
        label=generator.integers(0, 3, 600),
        margin=generator.random(600).astype(np.float32),
        features=of_length_one(generator.normal(size=(600, 8)).astype(np.float32), np.ones(8, np.float32)),
        apart=np.full(600, 5, np.float32),
    )
    typical = typicality(many.features, many.features[::5])
    found = choose(many, typical, 300, 2)
    assert found == choose(many, typical, 300, 2)
    assert (len(found), len(set(found))) == (300, 300)
    assert np.bincount(many.image[found]).max() == 2
    assert len(choose(many, typical, 1000, 2)) == 400


def test_the_middle_of_a_crowd_is_typical() -> None:
    sample = np.concatenate([directions(*range(0, 20)), directions(170)])
    found = typicality(directions(10, 100, 171), np.repeat(sample, 10, axis=0))
    assert found.argmax() == 0
    assert found[1] < 0.5 < found[0]


def test_channels_of_no_spread_count_for_nothing() -> None:
    found = of_length_one(np.array([[2.0, 9.0], [0.0, 9.0]], np.float32), np.array([1.0, 0.0], np.float32))
    assert found.tolist() == [[1, 0], [0, 0]]


@pytest.mark.parametrize(("count", "wanted"), [(0, 3), (5, 5), (3, 9), (100, 7)])
def test_evenly_spaced_numbers_are_inside_and_differ(count: int, wanted: int) -> None:
    found = list(evenly(count, wanted))
    assert len(set(found)) == min(count, wanted)
    assert all(0 <= each < count for each in found)
