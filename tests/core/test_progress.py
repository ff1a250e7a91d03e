import io

import pytest
from rich.console import Console

from patchlearn.core import progress as module
from patchlearn.core.progress import duration, progress


def lines(total: int, done: int = 0) -> list[str]:
    console = Console(file=io.StringIO(), force_terminal=False, width=20)
    with progress(console, "read maps", total, done) as advance:
        for index in range(total - done):
            advance(f"image {index}")
    return str(console.file.getvalue()).splitlines()  # type: ignore[attr-defined]


def test_without_a_terminal_a_short_work_is_one_line() -> None:
    assert lines(5) == ["read maps: 5 of 5, 0 s, image 4"]


def test_without_a_terminal_a_long_work_says_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 1000, 20))
    monkeypatch.setattr(module.time, "monotonic", lambda: float(next(clock)))
    assert lines(6, done=1) == [
        "read maps: 3 of 6, 1 min 0 s left, image 1",
        "read maps: 5 of 6, 20 s left, image 3",
        "read maps: 6 of 6, 1 min 40 s, image 4",
    ]


def test_on_a_terminal_there_is_a_bar() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=80)
    with progress(console, "read maps", 2) as advance:
        advance("")
        advance("")
    assert "2/2" in console.file.getvalue()  # type: ignore[attr-defined]


def test_durations_are_rounded() -> None:
    assert [duration(seconds) for seconds in (59.4, 59.6, 3599.6)] == ["59 s", "1 min 0 s", "1 h 0 min"]
