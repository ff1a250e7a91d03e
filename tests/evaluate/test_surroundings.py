"""Whether the surroundings tell a class, from scores that are made up."""

import numpy as np
import pytest

from patchlearn.evaluate.surroundings import (
    Surroundings,
    after_erasing,
    average_precisions,
    missed_share,
    surroundings,
    told_share,
)

LABELS = np.array([[True], [True], [False], [False], [False], [False]])
JUDGED = np.ones_like(LABELS)
TELLING = np.array([[6.0], [5.0], [4.0], [3.0], [2.0], [1.0]])
SILENT = np.array([[2.0], [1.0], [6.0], [5.0], [4.0], [3.0]])


def test_weakest_places_that_tell_the_tag_are_suspicious_and_silent_ones_are_not() -> None:
    (told,) = surroundings(TELLING, TELLING, LABELS, JUDGED)
    assert told == Surroundings(weakest=1.0, mean=1.0, chance=pytest.approx(1 / 3), of_all=1.0)
    assert told.is_suspicious
    (silent,) = surroundings(SILENT, TELLING, LABELS, JUDGED)
    assert silent is not None
    assert silent.weakest == pytest.approx((1 / 5 + 2 / 6) / 2)
    assert silent.share == 0.0


@pytest.mark.parametrize(
    ("weakest", "mean", "chance", "suspicious"),
    [(0.96, 0.99, 0.40, True), (0.63, 0.79, 0.21, False), (0.66, 0.96, 0.08, False), (0.21, 0.22, 0.21, False)],
)
def test_what_was_found_by_hand(weakest: float, mean: float, chance: float, suspicious: bool) -> None:
    assert Surroundings(weakest=weakest, mean=mean, chance=chance).is_suspicious == suspicious


def test_half_of_the_verdict_is_that_of_all_classes() -> None:
    both = np.hstack([TELLING, TELLING])
    first, second = surroundings(np.hstack([TELLING, SILENT]), both, np.hstack([LABELS] * 2), np.hstack([JUDGED] * 2))
    assert first is not None
    assert second is not None
    assert (first.of_all, second.of_all) == (0.5, 0.5)
    assert not first.is_suspicious
    assert not second.is_suspicious


def test_a_class_in_all_images_or_in_none_says_nothing_and_unjudged_images_are_left_out() -> None:
    assert surroundings(TELLING, TELLING, JUDGED, JUDGED) == [None]
    assert average_precisions(TELLING, ~JUDGED, JUDGED) == [None]
    judged = JUDGED.copy()
    judged[1] = False
    assert average_precisions(SILENT, LABELS, judged) == [1 / 5]


def erased(first: tuple[float, float], second: tuple[float, float]) -> Surroundings:
    (found,) = surroundings(TELLING, TELLING, LABELS, JUDGED)
    assert found is not None
    return after_erasing(found, TELLING[:, 0], LABELS[:, 0], JUDGED[:, 0], {0: first, 1: second})


def test_surroundings_tell_where_erasing_the_thing_changes_nothing() -> None:
    same = erased((5.9, 5.8), (5.0, 5.1))
    assert (same.kept, same.tell) == (pytest.approx(1.0), True)
    gone = erased((0.5, 5.8), (0.4, 5.1))
    assert (gone.kept, gone.tell) == (0.0, False)


def test_without_an_erased_image_the_suspicion_stands() -> None:
    (found,) = surroundings(TELLING, TELLING, LABELS, JUDGED)
    assert found is not None
    assert after_erasing(found, TELLING[:, 0], LABELS[:, 0], JUDGED[:, 0], {}) == found
    assert (found.kept, found.tell) == (None, True)


def test_of_the_images_with_the_class_only_erased_ones_are_ranked_and_chance_is_kept() -> None:
    (found,) = surroundings(TELLING, TELLING, LABELS, JUDGED)
    assert found is not None
    one = after_erasing(found, TELLING[:, 0], LABELS[:, 0], JUDGED[:, 0], {1: (0.0, 9.0)})
    assert one.elsewhere == pytest.approx(1.0)
    assert one.erased == pytest.approx(found.chance)  # the last of five: 1/5 is chance


def test_classes_that_their_surroundings_tell_do_not_count_as_missed() -> None:
    told = Surroundings(weakest=1.0, mean=1.0, chance=0.2, erased=1.0, elsewhere=1.0)
    missed = Surroundings(weakest=0.3, mean=1.0, chance=0.2, erased=0.6, elsewhere=1.0)
    assert missed_share([told, missed, None]) == pytest.approx(0.5)
    assert missed_share([told]) == 0.0
    assert told_share([told, missed, None]) == 0.5
