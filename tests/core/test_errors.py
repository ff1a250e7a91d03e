import pytest

from patchlearn.core.errors import PatchlearnError, did_you_mean, listed, require_one_of


def test_a_wrong_option_names_the_right_ones() -> None:
    require_one_of("rule", "otsu", ["otsu", "fixed"])
    with pytest.raises(PatchlearnError, match=r"rule: 'otzu' is .* mean 'otsu'\? Choose one of: fixed, otsu"):
        require_one_of("rule", "otzu", ["otsu", "fixed"])


def test_only_a_close_word_is_suggested() -> None:
    assert did_you_mean("plane", ["plain", "explicit"]) == "; did you mean 'plain'?"
    assert did_you_mean("xyz", ["plain"]) == "."


def test_ten_problems_are_shown_and_the_rest_is_counted() -> None:
    assert listed(["a", "b"]) == "a\nb"
    assert len(listed([str(number) for number in range(30)]).splitlines()) == 11
