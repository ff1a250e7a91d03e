"""One loop for every training: optimise, log, save, resume.

A run that was killed goes on from its last saved step and takes the same course as an undisturbed one: batches,
augmentation and dropout depend on (seed, epoch, index) alone.
"""

import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from patchlearn.core.checkpoints import load_checkpoint, save_checkpoint
from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import append_row, read_rows, write_rows
from patchlearn.core.progress import progress
from patchlearn.core.runtime import Runtime
from patchlearn.core.seeds import Stream, seed_for
from patchlearn.training.optimisation import create_optimiser, learning_rate_factor
from patchlearn.training.settings import Optimisation
from patchlearn.training.tracking import Tell, trackers

Batch = TypeVar("Batch")
STATE = "state.safetensors"
LOG = "log.csv"
EPOCHS = "epochs.csv"
STEPS_PER_ROW = 10


@dataclass(frozen=True, kw_only=True)
class Task(Generic[Batch]):
    """What is trained: everything that differs between trainings.

    Args:
        title: shown beside the progress bar.
        model: its parameters; frozen ones belong to no group.
        groups: parameter groups, each with its own `learning_rate` and `weight_decay`, from `parameter_groups`.
        steps_per_epoch: how many batches `batches` yields from the start of an epoch.
        batches: step → this process's part of every global batch of the training, epoch after epoch, from that step on.
        loss: the mean loss of a batch.
        begin_epoch: readies the model for an epoch; returns the stage of training the epoch belongs to.
        end_epoch: work after an epoch; returns figures to log, in 0–1.
    """

    title: str
    model: nn.Module
    groups: list[dict[str, Any]]
    steps_per_epoch: int
    batches: Callable[[int], Iterable[Batch]]
    loss: Callable[[nn.Module, Batch], Tensor]
    begin_epoch: Callable[[int], int]
    end_epoch: Callable[[int], dict[str, float]]


def fit(task: Task[Any], settings: Optimisation, folder: Path, runtime: Runtime, *, seed: int) -> None:
    """Train `task.model` in place, from the state that an earlier call saved in `folder`.

    Writes `state.safetensors`, `log.csv` (a row every ten steps) and `epochs.csv` into the folder; the runtime's
    trackers are told the figures of the rows.

    Raises:
        PatchlearnError: the loss is no longer a number, or a tracker fails.
    """
    training = _Training(task, settings, folder, runtime.accelerator, seed)
    training.restore()
    total, first = settings.epochs * task.steps_per_epoch, training.position.epoch
    batches = iter(task.batches(training.position.step))
    try:
        with ExitStack() as stack:
            if first < settings.epochs:
                training.tell = stack.enter_context(trackers(runtime, folder))
            advance = stack.enter_context(progress(runtime.console, task.title, total, training.position.step))
            for epoch in range(first, settings.epochs):
                training.run_epoch(epoch, batches, advance)
    finally:
        runtime.accelerator.free_memory()  # which otherwise holds every network it has ever prepared


class _Training:
    """The state of one `fit`: model, optimiser and position."""

    def __init__(self, task: Task[Any], settings: Optimisation, folder: Path, accelerator: Accelerator, seed: int):
        self.task, self.settings, self.folder, self.accelerator, self.seed = task, settings, folder, accelerator, seed
        task.model.to(accelerator.device)
        self.model = accelerator.prepare_model(task.model)
        self.optimiser = create_optimiser(task.groups, settings)
        self.total = settings.epochs * task.steps_per_epoch
        self.position = Position()
        self.saved_at = time.monotonic()
        self.tell: Tell = lambda kind, step, figures: None

    def run_epoch(self, epoch: int, batches: Iterator[Any], advance: Callable[[str], None]) -> None:
        """The steps that are left of one epoch, then its validation."""
        stage = self.task.begin_epoch(epoch)
        started, seconds = time.monotonic(), self.position.seconds
        for batch in islice(batches, (epoch + 1) * self.task.steps_per_epoch - self.position.step):
            self._step(batch)
            self.position.seconds = seconds + time.monotonic() - started
            if self.position.step % STEPS_PER_ROW == 0:
                self._log_row(epoch, stage)
            if time.monotonic() - self.saved_at >= self.settings.save_seconds:
                self._save()
            advance(f"epoch {epoch + 1}, stage {stage + 1}, loss {self.position.epoch_loss.mean:.3f}")
        self._end_epoch(epoch, stage)

    def restore(self) -> None:
        """Go on from the saved state, if there is one; rows logged after it are forgotten."""
        path = self.folder / STATE
        if path.exists():
            tensors, saved = load_checkpoint(path)
            self.task.model.load_state_dict(_below(tensors, "model"))
            self._restore_optimiser(_below(tensors, "optimiser"))
            self.position = Position.from_json(saved)
        if self.accelerator.is_main_process:
            _forget_rows(self.folder / LOG, lambda row: int(row["step"]) > self.position.step)
            _forget_rows(self.folder / EPOCHS, lambda row: int(row["epoch"]) >= self.position.epoch)

    def _step(self, batch: Any) -> None:
        step = self.position.step
        torch.manual_seed(seed_for(self.seed, Stream.STEP, step, self.accelerator.process_index))
        factor = learning_rate_factor(self.settings, step, self.total)
        for group in self.optimiser.param_groups:
            group["lr"] = group["learning_rate"] * factor
        with self.accelerator.autocast():
            loss = self.task.loss(self.model, batch)
        self.accelerator.backward(loss)
        if self.settings.clip_norm:
            self.accelerator.clip_grad_norm_(self.model.parameters(), self.settings.clip_norm)
        self.optimiser.step()
        self.optimiser.zero_grad()
        self._count(loss.detach())

    def _count(self, loss: Tensor) -> None:
        value = float(self.accelerator.reduce(loss, "mean"))
        self.position.step += 1
        if not math.isfinite(value):
            raise PatchlearnError(
                f"{self.folder}: the loss is {value} at step {self.position.step}. "
                "Lower the learning rate, set clip_norm, or train in fp32."
            )
        self.position.row_loss.add(value)
        self.position.epoch_loss.add(value)

    def _log_row(self, epoch: int, stage: int) -> None:
        place = {"step": self.position.step, "stage": stage, "epoch": epoch}
        figures = {"loss": self.position.row_loss.mean, "learning_rate": self.optimiser.param_groups[0]["lr"]}
        self.position.row_loss = Mean()
        if self.accelerator.is_main_process:
            append_row(self.folder / LOG, {**place, **figures})
            self.tell("row", self.position.step, figures)

    def _end_epoch(self, epoch: int, stage: int) -> None:
        place = {"epoch": epoch, "stage": stage, "step": self.position.step}
        if self.accelerator.is_main_process:
            figures = {"loss": self.position.epoch_loss.mean, **self.task.end_epoch(epoch)}
            append_row(self.folder / EPOCHS, {**place, **figures, "seconds": round(self.position.seconds, 2)})
            self.tell("epoch", self.position.step, {f"epoch/{name}": figure for name, figure in figures.items()})
        self.accelerator.wait_for_everyone()
        self.position.epoch, self.position.seconds, self.position.epoch_loss = epoch + 1, 0.0, Mean()
        self._save()

    def _save(self) -> None:
        self.saved_at = time.monotonic()
        if not self.accelerator.is_main_process:
            return
        tensors = {f"model/{name}": tensor for name, tensor in self.task.model.state_dict().items()}
        for index, slots in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser/{index}/{slot}": tensor for slot, tensor in slots.items() if tensor is not None}
        save_checkpoint(self.folder / STATE, tensors, asdict(self.position))

    def _restore_optimiser(self, tensors: dict[str, Tensor]) -> None:
        slots: dict[int, dict[str, Tensor]] = {}
        for name, tensor in tensors.items():
            index, slot = name.split("/")
            slots.setdefault(int(index), {})[slot] = tensor
        self.optimiser.load_state_dict({**self.optimiser.state_dict(), "state": slots})


@dataclass
class Mean:
    """A running mean."""

    total: float = 0.0
    count: int = 0

    def add(self, value: float) -> None:
        """One more value."""
        self.total += value
        self.count += 1

    @property
    def mean(self) -> float:
        """Of the values so far; not a number if there were none."""
        return self.total / self.count if self.count else math.nan


@dataclass
class Position:
    """Where a training stands: what is saved beside the tensors."""

    epoch: int = 0
    step: int = 0
    seconds: float = 0.0
    row_loss: Mean = field(default_factory=Mean)
    epoch_loss: Mean = field(default_factory=Mean)

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> "Position":
        """The inverse of `dataclasses.asdict`."""
        return cls(**{**saved, "row_loss": Mean(**saved["row_loss"]), "epoch_loss": Mean(**saved["epoch_loss"])})


def _below(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {
        name.removeprefix(f"{prefix}/"): tensor for name, tensor in tensors.items() if name.startswith(f"{prefix}/")
    }


def _forget_rows(path: Path, is_late: Callable[[dict[str, str]], bool]) -> None:
    rows = read_rows(path)
    kept = [row for row in rows if not is_late(row)]
    if len(kept) < len(rows):
        write_rows(path, kept)
