import pytest

from patchlearn.runs.values import type_of, what_is_wrong, with_brackets, with_lists


def test_only_settings_that_are_lists_get_brackets() -> None:
    assert with_brackets("--data.negatives=good,ok") == "--data.negatives=[good,ok]"
    assert with_brackets("--data.negatives=[good]") == "--data.negatives=[good]"
    assert with_brackets("--segmenter.splits=null") == "--segmenter.splits=null"
    assert with_brackets("--data.root=a,b") == "--data.root=a,b"


def test_values_that_are_lists_already_and_null_stay() -> None:
    settings = {"data": {"negatives": ["good"], "root": "a,b"}, "segmenter": {"splits": None}}
    assert with_lists(settings) == settings


def test_the_type_of_a_section_is_found_at_any_depth() -> None:
    assert (type_of("seed"), type_of("classifier.augment.flip")) == (int, bool)


@pytest.mark.parametrize("reason", ["argument --seed: expected one argument", "something else"])
def test_a_reason_that_is_not_known_stays_as_it_is(reason: str) -> None:
    assert what_is_wrong(reason) == reason
