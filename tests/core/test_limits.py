import pytest

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.limits import limit


def test_an_environment_variable_sets_another_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIMIT", "12")
    assert limit("LIMIT", 7) == 12
    monkeypatch.setenv("LIMIT", "")
    assert limit("LIMIT", 7) == 7


@pytest.mark.parametrize("words", ["0", "-1", "many", "1e9", "²"])
def test_a_limit_that_is_none_is_an_error(words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIMIT", words)
    with pytest.raises(PatchlearnError, match=r"^LIMIT: .* is no whole number from 1 on"):
        limit("LIMIT", 7)
