"""The loop: batches, schedule, groups, and going on after a kill."""

import gc
import math
import weakref
from pathlib import Path

import pytest
import torch
from conftest import make_runtime
from rich.console import Console
from torch import Tensor, nn
from torch.nn import functional as F

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import read_rows
from patchlearn.training.loop import EPOCHS, LOG, STATE, Task, fit
from patchlearn.training.optimisation import parameter_groups
from patchlearn.training.settings import Optimisation

STEPS = 6


class KilledError(Exception):
    """Stands for kill -9: nothing of ours catches it."""


def make_task(settings: Optimisation, *, kill_at: int | None = None) -> Task[Tensor]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.5), nn.Linear(8, 1))
    taken = 0

    def loss(model: nn.Module, batch: Tensor) -> Tensor:
        nonlocal taken
        taken += 1
        if taken == kill_at:
            raise KilledError
        return F.mse_loss(model(batch), batch.sum(1, keepdim=True))

    def batches(step: int) -> list[Tensor]:
        generator = torch.Generator().manual_seed(0)
        return [torch.randn(4, 3, generator=generator) for _ in range(STEPS * settings.epochs)][step:]

    def begin_epoch(epoch: int) -> int:
        model.train()
        return epoch // 2

    return Task(
        title="test",
        model=model,
        groups=parameter_groups(model[0], model[2], settings),
        steps_per_epoch=STEPS,
        batches=batches,
        loss=loss,
        begin_epoch=begin_epoch,
        end_epoch=lambda epoch: {"map": 0.5},
    )


def settings(**changes: object) -> Optimisation:
    return Optimisation(**{"epochs": 4, "learning_rate": 0.01, "save_seconds": 0.0, **changes})  # type: ignore[arg-type]


def train(folder: Path, console: Console, kill_at: int | None = None, **changes: object) -> nn.Module:
    plan = settings(**changes)
    task = make_task(plan, kill_at=kill_at)
    fit(task, plan, folder, make_runtime(console), seed=0)
    return task.model


@pytest.mark.parametrize("optimiser", ["adamw", "sgd"])
@pytest.mark.parametrize("kill_at", [1, 3, 6, 7, 15, 24])
def test_a_killed_training_ends_like_an_undisturbed_one(
    optimiser: str, kill_at: int, tmp_path: Path, console: Console
) -> None:
    undisturbed = train(tmp_path / "a", console, optimiser=optimiser)
    with pytest.raises(KilledError):
        train(tmp_path / "b", console, kill_at, optimiser=optimiser)
    resumed = train(tmp_path / "b", console, optimiser=optimiser)
    for mine, theirs in zip(resumed.parameters(), undisturbed.parameters(), strict=True):
        assert torch.equal(mine, theirs)
    assert read_rows(tmp_path / "a" / LOG) == read_rows(tmp_path / "b" / LOG)
    without_clock = [[{**row, "seconds": ""} for row in read_rows(tmp_path / run / EPOCHS)] for run in "ab"]
    assert without_clock[0] == without_clock[1]
    assert [row["stage"] for row in without_clock[0]] == ["0", "0", "1", "1"]


def test_rows_logged_after_the_saved_state_are_forgotten(tmp_path: Path, console: Console) -> None:
    undisturbed = train(tmp_path / "a", console)
    with pytest.raises(KilledError):
        train(tmp_path / "b", console, kill_at=14, save_seconds=1e9)  # saved after epoch 2; a row was logged before
    resumed = train(tmp_path / "b", console, save_seconds=1e9)
    assert all(torch.equal(a, b) for a, b in zip(resumed.parameters(), undisturbed.parameters(), strict=True))
    assert [row["step"] for row in read_rows(tmp_path / "b" / LOG)] == ["10", "20"]


def test_a_finished_training_is_not_repeated(tmp_path: Path, console: Console) -> None:
    model = train(tmp_path, console)
    again = train(tmp_path, console, kill_at=1)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True))


def test_what_was_trained_does_not_stay_in_memory(tmp_path: Path, console: Console) -> None:
    runtime, plan = make_runtime(console), settings(epochs=1)
    task = make_task(plan)
    fit(task, plan, tmp_path, runtime, seed=0)
    model = weakref.ref(task.model)
    del task
    gc.collect()
    assert model() is None


def test_a_loss_that_is_no_number_stops_the_training(tmp_path: Path, console: Console) -> None:
    plan = settings()
    task = make_task(plan)
    broken = Task(**{**vars(task), "loss": lambda model, batch: model(batch).sum() * math.nan})
    with pytest.raises(PatchlearnError, match=r"the loss is nan at step 1\. Lower the learning rate"):
        fit(broken, plan, tmp_path, make_runtime(console), seed=0)
    assert not (tmp_path / STATE).exists()
