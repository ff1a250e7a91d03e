"""A smaller part of a data set: rare classes are kept, and the choice does not depend on other images."""

from collections import Counter
from pathlib import Path

import pytest

from patchlearn.core.types import Sample
from patchlearn.data.subset import balanced_subset


def sample_of(name: str, labels: tuple[int, ...]) -> Sample:
    return Sample(id=name, image=Path(), labels=labels)


def samples_of(**counts: int) -> list[Sample]:
    """So many samples of each class; `none` has no class, `both` has the first two."""
    labels = {"a": (0,), "b": (1,), "c": (2,), "both": (0, 1), "none": ()}
    return [sample_of(f"{name}{at}", labels[name]) for name, count in counts.items() for at in range(count)]


def counts_of(samples: tuple[Sample, ...]) -> dict[tuple[int, ...], int]:
    return dict(Counter(sample.labels for sample in samples))


@pytest.mark.parametrize("count", [None, 7, 8])
def test_all_stay_where_no_fewer_are_wanted(count: int | None) -> None:
    samples = samples_of(a=4, none=3)
    assert balanced_subset(samples, count) == tuple(samples)


def test_every_class_is_as_frequent_as_the_others_and_a_rare_one_is_whole() -> None:
    chosen = balanced_subset(samples_of(a=100, b=50, c=4, none=80), 40)
    assert counts_of(chosen) == {(0,): 12, (1,): 12, (2,): 4, (): 12}


def test_an_image_of_two_classes_counts_for_both() -> None:
    assert counts_of(balanced_subset(samples_of(both=10, c=10), 6)) == {(0, 1): 3, (2,): 3}


def test_samples_keep_their_order() -> None:
    samples = samples_of(a=30, b=30)
    chosen = balanced_subset(samples, 20)
    assert list(chosen) == sorted(chosen, key=samples.index)


def test_the_choice_is_the_same_in_any_order_and_hardly_changes_with_one_more_image() -> None:
    samples = samples_of(a=50, b=50)
    first = {sample.id for sample in balanced_subset(samples, 20)}
    assert {sample.id for sample in balanced_subset(samples[::-1], 20)} == first
    more = {sample.id for sample in balanced_subset([*samples, sample_of("new", (0,))], 20)}
    assert len(first - more) <= 1
