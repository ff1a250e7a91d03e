from dataclasses import replace
from pathlib import Path
from threading import Event, current_thread
from time import sleep
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from conftest import make_runtime
from rich.console import Console

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.memory import GB
from patchlearn.core.parallel import AHEAD, results_of, write_missing


def test_only_what_is_missing_is_written(tmp_path: Path, console: Console) -> None:
    (tmp_path / "a").write_text("old")

    def write(name: str, path: Path) -> None:
        path.write_text(f"new {name}")

    files = [(name, tmp_path / name) for name in "abc"]
    write_missing(files, write, title="write", runtime=make_runtime(console))
    assert [(tmp_path / name).read_text() for name in "abc"] == ["old", "new b", "new c"]


def test_results_keep_the_order_of_their_items(console: Console) -> None:
    assert list(results_of(range(50), lambda item: item**2, "square", 4, console)) == [n**2 for n in range(50)]


def test_behind_a_slow_one_only_a_few_results_wait(console: Console) -> None:
    done: list[int] = []
    slow = Event()

    def work(item: int) -> int:
        if item == 0:
            slow.wait(10)
        done.append(item)
        if len(done) == 2 * AHEAD:
            slow.set()
        return item

    results = results_of(range(200), work, "wait", 2, console)
    assert next(results) == 0
    assert len(done) < 50
    assert list(results) == list(range(1, 200))


def test_torch_has_its_threads_back_after_an_error(console: Console) -> None:
    def fail(item: int) -> None:
        raise PatchlearnError(f"{item}: broken, mend it")

    torch.set_num_threads(2)
    with pytest.raises(PatchlearnError, match="0: broken"):
        list(results_of([0, 1], fail, "fail", 2, console))
    assert torch.get_num_threads() == 2


def test_each_process_writes_its_own_part_whatever_others_have_written(tmp_path: Path, console: Console) -> None:
    second: Any = SimpleNamespace(process_index=1, num_processes=2, wait_for_everyone=lambda: None)
    runtime = replace(make_runtime(console), accelerator=second)
    (tmp_path / "a").write_text("of the first process")
    files = [(name, tmp_path / name) for name in "abcd"]
    write_missing(files, lambda _, path: path.write_text("x"), title="", runtime=runtime)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "d"]


def test_without_a_thread_there_is_no_work(console: Console) -> None:
    with pytest.raises(PatchlearnError, match="threads: 0 is out of range"):
        list(results_of([1], lambda item: item, "", 0, console))


@pytest.mark.parametrize(("limit", "threads"), [(None, 4), (3.5, 2)])
def test_there_are_as_many_threads_as_the_memory_holds(
    limit: float | None, threads: int, tmp_path: Path, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("patchlearn.core.memory.used_bytes", lambda: 0)
    monkeypatch.setattr("patchlearn.core.memory.free_bytes", lambda: 64 * GB)
    names: set[str] = set()

    def write(name: str, path: Path) -> None:
        names.add(current_thread().name)
        sleep(0.01)

    needs = {"a": GB, "b": GB * 3 // 2, "c": 1}
    files = [(name, tmp_path / name) for name in 5 * "abc"]
    runtime = replace(make_runtime(console), threads=4, memory=limit)
    write_missing(
        files,
        write,
        title="",
        runtime=runtime,
        needs=[(needs[name], name) for name, path in files if not path.exists()],
    )
    assert len(names) == threads
