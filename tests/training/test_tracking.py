"""Trackers are told what the CSV logs hold, once."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from accelerate.tracking import LOGGER_TYPE_TO_CLASS, GeneralTracker
from conftest import make_runtime
from rich.console import Console
from torch import Tensor, nn

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import read_rows
from patchlearn.training.loop import EPOCHS, LOG, Task, fit
from patchlearn.training.optimisation import parameter_groups
from patchlearn.training.settings import Optimisation
from patchlearn.training.tracking import TRACKED, _names, trackers

STEPS, EPOCHS_OF_ALL = 6, 4
Told = list[tuple[int | None, dict[str, float]]]


class FakeTracker(GeneralTracker):  # type: ignore[misc]
    """Writes down what it is told, as the tracker of the name would get it."""

    name, requires_logging_directory = "fake", False
    made: list[dict[str, Any]]
    told: Told
    finished: int

    def __init__(self, **arguments: Any):
        type(self).made.append(arguments)

    @property
    def tracker(self) -> Any:
        return SimpleNamespace(info=SimpleNamespace(run_id="run-of-mlflow"))

    def log(self, values: dict[str, float], step: int | None = None, **_: Any) -> None:
        self.told.append((step, values))

    def finish(self) -> None:
        type(self).finished += 1


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> type[FakeTracker]:
    fresh = type("Fresh", (FakeTracker,), {"made": [], "told": [], "finished": 0})
    for name in ("tensorboard", "wandb", "mlflow"):
        monkeypatch.setitem(LOGGER_TYPE_TO_CLASS, name, fresh)
    return fresh


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "run.json").write_text("{}")
    return tmp_path / "photos" / "plain" / "classifier"


def train(folder: Path, console: Console, *track: str, kill_at: int | None = None, save_seconds: float = 1e9) -> Any:
    torch.manual_seed(0)
    plan = Optimisation(epochs=EPOCHS_OF_ALL, learning_rate=0.01, save_seconds=save_seconds)
    model, taken = nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.5), nn.Linear(8, 1)), 0

    def loss(model: nn.Module, batch: Tensor) -> Tensor:
        nonlocal taken
        taken += 1
        if taken == kill_at:
            raise KeyboardInterrupt
        return (model(batch) ** 2).mean()

    task = Task(
        title="test",
        model=model,
        groups=parameter_groups(model[0], model[2], plan),
        steps_per_epoch=STEPS,
        batches=lambda step: torch.ones(STEPS * EPOCHS_OF_ALL, 4, 3).unbind()[step:],
        loss=loss,
        begin_epoch=lambda epoch: 0,
        end_epoch=lambda epoch: {"map": 0.5},
    )
    fit(task, plan, folder, replace(make_runtime(console), track=track), seed=0)
    return model.state_dict()


def as_logged(folder: Path) -> Told:
    rows: Told = [
        (int(row["step"]), {name: float(row[name]) for name in ("loss", "learning_rate")})
        for row in read_rows(folder / LOG)
    ]
    epochs: Told = [
        (int(row["step"]), {f"epoch/{name}": float(row[name]) for name in ("loss", "map")})
        for row in read_rows(folder / EPOCHS)
    ]
    return sorted(rows + epochs, key=lambda told: (told[0], *told[1]))


def test_a_tracker_is_told_what_the_logs_hold(folder: Path, console: Console, fake: type[FakeTracker]) -> None:
    train(folder, console, "wandb")
    assert len(fake.told) == 2 + EPOCHS_OF_ALL
    assert fake.told == as_logged(folder)
    assert fake.finished == 1


@pytest.mark.parametrize("kill_at", [1, 8, 14, 24])
@pytest.mark.parametrize("save_seconds", [0.0, 1e9])
def test_a_resumed_training_tells_nothing_twice(
    kill_at: int, save_seconds: float, folder: Path, console: Console, fake: type[FakeTracker]
) -> None:
    """Killed twice: the second time where the logs no longer know what was told before the first."""
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            train(folder, console, "wandb", kill_at=kill_at, save_seconds=save_seconds)
        kill_at = 1
    train(folder, console, "wandb", save_seconds=save_seconds)
    assert fake.told == as_logged(folder)
    assert len({made["id"] for made in fake.made}) == 1
    assert fake.finished == len(fake.made) == 3


def test_trackers_change_no_bit_of_a_training(tmp_path: Path, console: Console, fake: type[FakeTracker]) -> None:
    without, tracked = train(tmp_path / "a", console), train(tmp_path / "b", console, "wandb", "mlflow")
    assert all(torch.equal(without[name], tracked[name]) for name in without)
    assert read_rows(tmp_path / "a" / LOG) == read_rows(tmp_path / "b" / LOG)
    assert not (tmp_path / "a" / TRACKED).exists()


def test_a_finished_training_starts_no_tracker(folder: Path, console: Console, fake: type[FakeTracker]) -> None:
    train(folder, console, "wandb")
    train(folder, console, "wandb", "mlflow")
    assert len(fake.made) == 1


def test_projects_and_runs_have_the_names_of_folders(folder: Path, console: Console, fake: type[FakeTracker]) -> None:
    runtime = replace(make_runtime(console), track=("tensorboard", "wandb", "mlflow"))
    for _ in range(2):
        with trackers(runtime, folder):
            pass
    board, bias, flow, _, _, flow_again = fake.made
    assert Path(board["logging_dir"]) / board["run_name"] == folder
    assert (bias["run_name"], bias["name"], bias["dir"]) == ("photos", "plain/classifier", str(folder))
    assert (flow["experiment_name"], flow["run_name"], flow["run_id"]) == ("photos", "plain/classifier", None)
    assert flow_again["run_id"] == "run-of-mlflow"


def test_a_training_outside_of_a_run_has_names_too(tmp_path: Path) -> None:
    assert _names(tmp_path / "mine") == ("patchlearn", "mine")


def test_only_the_first_process_tells(folder: Path, fake: type[FakeTracker]) -> None:
    second = SimpleNamespace(track=("wandb",), accelerator=SimpleNamespace(is_main_process=False))
    with trackers(second, folder) as tell:  # type: ignore[arg-type]
        tell("row", 10, {"loss": 1.0})
    assert fake.made == fake.told == []


@pytest.mark.parametrize("method", ["__init__", "start", "log", "finish"])
def test_a_tracker_that_fails_is_one_sentence(
    method: str, folder: Path, console: Console, fake: type[FakeTracker], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("no API key\nconfigured")

    monkeypatch.setattr(fake, method, fail)
    with pytest.raises(PatchlearnError, match=r"track: wandb has failed \(no API key configured\)\. Set it up, or"):
        train(folder, console, "wandb")


def test_tensorboard_reads_the_figures_of_a_resumed_training(folder: Path, console: Console) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    with pytest.raises(KeyboardInterrupt):
        train(folder, console, "tensorboard", kill_at=14)
    train(folder, console, "tensorboard")
    events = accumulator.EventAccumulator(str(folder)).Reload()
    assert set(events.Tags()["scalars"]) == {"loss", "learning_rate", "epoch/loss", "epoch/map"}
    assert [(event.step, event.value) for event in events.Scalars("loss")] == [
        (step, pytest.approx(figures["loss"])) for step, figures in as_logged(folder) if "loss" in figures
    ]
    assert [event.step for event in events.Scalars("epoch/map")] == [6, 12, 18, 24]
    assert json.loads((folder / TRACKED).read_text())["tensorboard"]["row"] == 20
