from pathlib import Path
from threading import Event
from types import SimpleNamespace

import pytest
import torch
from conftest import make_runtime
from rich.console import Console
from torch import nn

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.runtime import (
    AHEAD,
    MOST_WORKERS,
    RuntimeSettings,
    _spare_cores,
    layout,
    place,
    results_of,
    start,
    write_missing,
)


def test_only_what_is_missing_is_written(tmp_path: Path, console: Console) -> None:
    (tmp_path / "a").write_text("old")

    def write(name: str, path: Path) -> None:
        path.write_text(f"new {name}")

    write_missing("abc", lambda name: tmp_path / name, write, title="write", runtime=make_runtime(console))
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


def test_images_of_many_sizes_are_channels_last_on_the_cpu_alone() -> None:
    """On a GPU each size would be planned for, at a second and a half."""
    assert layout(torch.device("cpu")) == torch.channels_last
    assert layout(torch.device("cuda")) == torch.contiguous_format
    network = place(nn.Sequential(nn.Conv2d(3, 8, 3)), torch.device("cpu"))
    assert network[0].weight.is_contiguous(memory_format=torch.channels_last)


def test_a_cpu_loads_its_own_images_and_a_gpu_is_not_left_waiting(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert start(RuntimeSettings(device="cpu"), console).workers == 0
    assert start(RuntimeSettings(device="cpu", workers=3), console).workers == 3
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    monkeypatch.setattr("os.cpu_count", lambda: 12)
    for processes, workers in ((1, MOST_WORKERS), (2, 6), (16, 6)):  # of sixteen, two are on this machine
        beside_a_gpu = SimpleNamespace(device=torch.device("cuda"), num_processes=processes)
        assert _spare_cores(beside_a_gpu) == workers  # type: ignore[arg-type]


def test_one_process_has_one_precision(console: Console) -> None:
    start(RuntimeSettings(device="cpu"), console)
    with pytest.raises(PatchlearnError, match="Start a new process to change device or precision"):
        start(RuntimeSettings(device="cpu", precision="bf16"), console)


def test_a_negative_number_of_workers_is_refused(console: Console) -> None:
    with pytest.raises(PatchlearnError, match=r"runtime\.workers: -1 is negative"):
        start(RuntimeSettings(device="cpu", workers=-1), console)
