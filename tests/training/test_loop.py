"""The loop: batches, schedule, groups, and going on after a kill."""

import gc
import math
import weakref
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from conftest import make_runtime, tiny_stages
from rich.console import Console
from torch import Tensor, nn
from torch.nn import functional as F

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import read_rows
from patchlearn.core.types import Sample
from patchlearn.training.batches import EpochImages, epoch_batches, process_batches
from patchlearn.training.loop import EPOCHS, LOG, STATE, Task, fit
from patchlearn.training.optimisation import learning_rate_factor, parameter_groups
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


def test_every_index_comes_once_an_epoch_in_another_order() -> None:
    first, second = (epoch_batches(12, 4, seed=0, epoch=epoch) for epoch in (0, 1))
    assert sorted(index for batch in first for index in batch) == list(range(12))
    assert first != second
    assert first == epoch_batches(12, 4, seed=0, epoch=0)
    assert epoch_batches(3, 16, seed=0, epoch=0)[0] != []


class Places(EpochImages):
    """Images that say what they are: epoch and index."""

    def __getitem__(self, place: tuple[int, int]) -> tuple[Tensor, ...]:
        return (torch.tensor(place),)


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("step", [0, 2, 3])
def test_batches_are_one_stream_over_all_epochs(workers: int, step: int, console: Console) -> None:
    sample = Sample(id="a", image=Path("a.png"), labels=())
    images, plan = Places([sample] * 7, seed=0), settings(epochs=2, batch_size=2)
    runtime = replace(make_runtime(console), workers=workers)
    places = [batch.tolist() for (batch,) in process_batches(images, plan, runtime, step)]
    whole = [[[epoch, index] for index in batch] for epoch in (0, 1) for batch in epoch_batches(7, 2, 0, epoch)]
    assert len(whole) == 6
    assert places == whole[step:]


def test_poly_falls_with_power_0_9_and_warmup_rises() -> None:
    plan = settings(schedule="poly", warmup=0.2)
    factors = [learning_rate_factor(plan, step, 10) for step in range(10)]
    assert factors[0] == pytest.approx(0.5)
    assert factors[5] == pytest.approx(0.5**0.9)
    assert factors[1:] == sorted(factors[1:], reverse=True)


def test_groups_hold_every_trainable_parameter_once_with_its_own_rate_and_decay() -> None:
    body, head = tiny_stages(), nn.Conv2d(10, 3, 1, bias=False)
    body[0].requires_grad_(False)
    groups = parameter_groups(body, head, settings(weight_decay=0.1, head_multiplier=10.0))
    grouped = [id(parameter) for group in groups for parameter in group["params"]]
    wanted = [id(p) for p in [*body.parameters(), *head.parameters()] if p.requires_grad]
    assert sorted(grouped) == sorted(wanted)
    assert [(round(group["learning_rate"], 6), group["weight_decay"]) for group in groups] == [
        (0.01, 0.1),
        (0.01, 0.0),
        (0.1, 0.1),
    ]


def test_sgd_gets_momentum_and_decay_by_their_names(tmp_path: Path, console: Console) -> None:
    """One step by hand: PSA's PolyOptimizer would hand the decay to the momentum."""
    plan = settings(optimiser="sgd", epochs=1, momentum=0.8, weight_decay=0.3, schedule="constant")
    weight = nn.Parameter(torch.tensor([[2.0]]))
    model = nn.Linear(1, 1, bias=False)
    model.weight = weight
    task = Task(
        title="test",
        model=model,
        groups=parameter_groups(model, nn.Identity(), plan),
        steps_per_epoch=2,
        batches=lambda step: [torch.ones(1, 1)] * 2,
        loss=lambda model, batch: model(batch).sum(),
        begin_epoch=lambda epoch: 0,
        end_epoch=lambda epoch: {},
    )
    fit(task, plan, tmp_path, make_runtime(console), seed=0)
    velocity = 1 + 0.3 * 2.0
    after_one = 2.0 - 0.01 * velocity
    velocity = 0.8 * velocity + 1 + 0.3 * after_one
    assert weight.item() == pytest.approx(after_one - 0.01 * velocity)


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
