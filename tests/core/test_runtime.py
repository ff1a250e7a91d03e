import sys
from types import SimpleNamespace

import pytest
import torch
from rich.console import Console
from torch import nn

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.runtime import MOST_WORKERS, _spare_cores, memory_format, start, to_device
from patchlearn.core.settings import RuntimeSettings


def test_images_of_many_sizes_are_channels_last_on_the_cpu_alone() -> None:
    """On a GPU each size would be planned for, at a second and a half."""
    assert memory_format(torch.device("cpu")) == torch.channels_last
    assert memory_format(torch.device("cuda")) == torch.contiguous_format
    network = to_device(nn.Sequential(nn.Conv2d(3, 8, 3)), torch.device("cpu"))
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


def test_a_tracker_that_is_not_installed_is_one_sentence_before_anything(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("tensorboard", "wandb"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(PatchlearnError, match=r"^runtime\.track: wandb is not installed\. Run: pip install wandb"):
        start(RuntimeSettings(device="cpu", track=("wandb",)), console)
    with pytest.raises(PatchlearnError, match=r"Run: pip install 'patchlearn\[track\]'"):
        start(RuntimeSettings(device="cpu", track=("tensorboard",)), console)
    assert start(RuntimeSettings(device="cpu"), console).track == ()


def test_a_tracker_that_is_named_twice_is_started_once(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("patchlearn.core.runtime.find_spec", lambda name: name)
    assert start(RuntimeSettings(device="cpu", track=("mlflow", "mlflow")), console).track == ("mlflow",)


def test_the_limit_of_memory_reaches_the_runtime(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("patchlearn.core.memory.used_bytes", lambda: 0)
    runtime = start(RuntimeSettings(device="cpu", threads=8, memory=2.0), console)
    assert runtime.at_a_time([(10**9 // 2, "a.jpg")]) == 4
    with pytest.raises(PatchlearnError, match=r"memory: 0 is out of range"):
        RuntimeSettings(memory=0)
