"""One loop for every training: optimise, log, save, resume.

A run that was killed goes on from its last saved step and takes the same course as an undisturbed one: batches,
augmentation and dropout depend on (seed, epoch, index) alone.
"""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.optim import SGD, AdamW, Optimizer
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from patchlearn.artifacts import append_row, load_checkpoint, read_rows, save_checkpoint, write_rows
from patchlearn.augment import MaskedTransform
from patchlearn.datasets import read_image
from patchlearn.errors import PatchlearnError, require_one_of
from patchlearn.runtime import Runtime, progress, seed_for, seeded, share
from patchlearn.samples import Sample, UInt8

Batch = TypeVar("Batch")
Module = TypeVar("Module", bound=nn.Module)
STATE = "state.safetensors"
LOG = "log.csv"
EPOCHS = "epochs.csv"
STEPS_PER_ROW = 10

OPTIMISERS = ("adamw", "sgd")
SCHEDULES: dict[str, Callable[[float], float]] = {
    "poly": lambda part: (1 - part) ** 0.9,  # power 0.9: PSA, SEAM, IRN
    "cosine": lambda part: (1 + math.cos(math.pi * part)) / 2,
    "constant": lambda part: 1.0,
}


@dataclass(frozen=True, kw_only=True)
class Optimisation:
    """How weights are learned. Momentum and decay are named apart (field-notes: PSA's PolyOptimizer mixed them up).

    Args:
        optimiser: "adamw" or "sgd".
        learning_rate: of pretrained weights, at the start.
        head_multiplier: new weights learn this much faster (PSA and IRN: 10).
        momentum: of SGD; AdamW has its own.
        weight_decay: of weights; biases and normalisation have none.
        schedule: "poly" (power 0.9), "cosine" or "constant", over all epochs together.
        warmup: share of all steps in which the learning rate rises from zero.
        batch_size: images per step, over all processes together.
        epochs: passes over the images, over all stages together.
        clip_norm: longest gradient; 0 for no limit.
        save_seconds: how often the state is saved, besides after every epoch.
    """

    optimiser: str = "adamw"
    learning_rate: float = 3e-4
    head_multiplier: float = 10.0
    momentum: float = 0.9
    weight_decay: float = 5e-4
    schedule: str = "poly"
    warmup: float = 0.0
    batch_size: int = 16
    epochs: int = 8
    clip_norm: float = 0.0
    save_seconds: float = 60.0


@dataclass(frozen=True, kw_only=True)
class Task(Generic[Batch]):
    """What is trained: everything the loop does not know.

    Args:
        title: shown beside the progress bar.
        model: its parameters; frozen ones belong to no group.
        groups: parameter groups, each with its own `learning_rate` and `weight_decay`, from `parameter_groups`.
        steps_per_epoch: how many batches `batches` yields from the start of an epoch.
        batches: step → this process's part of every global batch of the training, epoch after epoch, from that step on.
        loss: the mean loss of a batch.
        begin_epoch: readies the model for an epoch; returns the stage of training the epoch belongs to.
        end_epoch: what is left to do after an epoch; returns figures to log, in 0–1.
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
    """Train `task.model` in place, from where `folder` says an earlier call stood.

    Writes `state.safetensors`, `log.csv` (a row every ten steps) and `epochs.csv` into the folder.

    Raises:
        PatchlearnError: a setting is out of range, or the loss is no longer a number.
    """
    check_optimisation(settings)
    training = _Training(task, settings, folder, runtime.accelerator, seed)
    training.restore()
    total = settings.epochs * task.steps_per_epoch
    batches = iter(task.batches(training.position.step))
    try:
        with progress(runtime.console, task.title, total, training.position.step) as advance:
            for epoch in range(training.position.epoch, settings.epochs):
                training.run_epoch(epoch, batches, advance)
    finally:
        runtime.accelerator.free_memory()  # which otherwise holds every network it has ever prepared


def parameter_groups(body: nn.Module, head: nn.Module, settings: Optimisation) -> list[dict[str, Any]]:
    """Body and head, weights and the rest: new weights learn faster, biases and normalisation do not decay."""
    groups = []
    for module, multiplier in ((body, 1.0), (head, settings.head_multiplier)):
        parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
        for decays in (True, False):
            members = [parameter for parameter in parameters if (parameter.ndim > 1) == decays]
            decay = settings.weight_decay if decays else 0.0
            rate = settings.learning_rate * multiplier
            groups += [{"params": members, "learning_rate": rate, "weight_decay": decay}] if members else []
    return groups


def epoch_batches(count: int, batch_size: int, seed: int, epoch: int) -> list[list[int]]:
    """The epoch's batches of indices below `count`, shuffled; what does not fill a batch is left for other epochs.

    >>> batches = epoch_batches(10, 4, seed=0, epoch=0)
    >>> [len(batch) for batch in batches], len({index for batch in batches for index in batch})
    ([4, 4], 8)
    """
    generator = torch.Generator().manual_seed(seed_for(seed, "order", epoch))
    order: list[int] = torch.randperm(count, generator=generator).tolist()
    size = min(batch_size, count)
    return [order[start : start + size] for start in range(0, count - size + 1, size)]


class EpochImages(TorchDataset[tuple[Tensor, ...]]):
    """Images by (epoch, index), of which order and augmentation depend on (seed, epoch, index) alone.

    A subclass says what one is.
    """

    def __init__(self, samples: Sequence[Sample], seed: int):
        """Images of these samples."""
        self.samples, self.seed = samples, seed

    def __len__(self) -> int:
        """How many images."""
        return len(self.samples)

    def batches(self, epoch: int, batch_size: int) -> list[list[int]]:
        """The epoch's batches of indices, over all processes together."""
        return epoch_batches(len(self), batch_size, self.seed, epoch)


class LabelledPixels(EpochImages):
    """Augmented images with labels for their pixels."""

    def __init__(
        self,
        samples: Sequence[Sample],
        read_labels: Callable[[Sample], UInt8],
        transform: MaskedTransform,
        seed: int,
        *,
        purpose: str,
    ):
        """`read_labels` gives H×W labels, 255 ignored; the purpose keeps trainings of one seed apart."""
        super().__init__(samples, seed)
        self.read_labels, self.transform, self.purpose = read_labels, transform, purpose

    def __getitem__(self, place: tuple[int, int]) -> tuple[Tensor, ...]:
        """(3×crop×crop image, crop×crop labels)."""
        epoch, index = place
        sample = self.samples[index]
        image, labels = read_image(sample.image), self.read_labels(sample)
        if image.shape[:2] != labels.shape:
            raise PatchlearnError(
                f"{sample.image}: {image.shape[1]}×{image.shape[0]} pixels, but its labels for {self.purpose} have "
                f"{labels.shape[1]}×{labels.shape[0]}. Delete the labels and make them again."
            )
        with seeded(self.seed, f"{self.purpose} augment", epoch, index):
            return self.transform(image, labels)


def process_batches(
    images: EpochImages, settings: Optimisation, runtime: Runtime, step: int
) -> DataLoader[tuple[Tensor, ...]]:
    """This process's part of every batch of a training, from a step on.

    It is one stream, so that the processes that load images start once, and not anew in every epoch.
    """
    places = (share(batch, runtime.accelerator) for batch in _places(images, settings, step))
    on_gpu = runtime.accelerator.device.type == "cuda"
    return DataLoader(images, batch_sampler=places, num_workers=runtime.workers, pin_memory=on_gpu)


def _places(images: EpochImages, settings: Optimisation, step: int) -> Iterator[list[tuple[int, int]]]:
    """The (epoch, index) of the images of every batch, over all processes together."""
    steps = len(images.batches(0, settings.batch_size))
    for epoch in range(step // steps, settings.epochs):
        first = max(0, step - epoch * steps)
        for batch in images.batches(epoch, settings.batch_size)[first:]:
            yield [(epoch, index) for index in batch]


def learning_rate_factor(settings: Optimisation, step: int, total: int) -> float:
    """What every group's learning rate is multiplied with at this step.

    >>> [learning_rate_factor(Optimisation(schedule="cosine"), step, 4) for step in (0, 2)]
    [1.0, 0.5]
    """
    warmup = settings.warmup * total
    rising = min(1.0, (step + 1) / warmup) if warmup else 1.0
    return rising * SCHEDULES[settings.schedule](step / total)


class _Training:
    """The state of one `fit`: model, optimiser and position."""

    def __init__(self, task: Task[Any], settings: Optimisation, folder: Path, accelerator: Accelerator, seed: int):
        self.task, self.settings, self.folder, self.accelerator, self.seed = task, settings, folder, accelerator, seed
        task.model.to(accelerator.device)
        self.model = accelerator.prepare_model(task.model)
        self.optimiser = _optimiser(task.groups, settings)
        self.total = settings.epochs * task.steps_per_epoch
        self.position = Position()
        self.saved_at = time.monotonic()

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
        torch.manual_seed(seed_for(self.seed, "step", step, self.accelerator.process_index))
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
        row = {
            "step": self.position.step,
            "stage": stage,
            "epoch": epoch,
            "loss": self.position.row_loss.mean,
            "learning_rate": self.optimiser.param_groups[0]["lr"],
        }
        self.position.row_loss = Mean()
        if self.accelerator.is_main_process:
            append_row(self.folder / LOG, row)

    def _end_epoch(self, epoch: int, stage: int) -> None:
        figures = {"epoch": epoch, "stage": stage, "step": self.position.step, "loss": self.position.epoch_loss.mean}
        if self.accelerator.is_main_process:
            seconds = {"seconds": round(self.position.seconds, 2)}
            append_row(self.folder / EPOCHS, {**figures, **self.task.end_epoch(epoch), **seconds})
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


def _optimiser(groups: list[dict[str, Any]], settings: Optimisation) -> Optimizer:
    if settings.optimiser == "sgd":
        return SGD(groups, lr=settings.learning_rate, momentum=settings.momentum)
    return AdamW(groups, lr=settings.learning_rate)


def _below(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {
        name.removeprefix(f"{prefix}/"): tensor for name, tensor in tensors.items() if name.startswith(f"{prefix}/")
    }


def _forget_rows(path: Path, is_late: Callable[[dict[str, str]], bool]) -> None:
    rows = read_rows(path)
    kept = [row for row in rows if not is_late(row)]
    if len(kept) < len(rows):
        write_rows(path, kept)


def check_shares(section: str, images: int, settings: Optimisation, accelerator: Accelerator) -> None:
    """Raise `PatchlearnError` unless the processes can share every batch equally; the section is named in it."""
    batch = min(settings.batch_size, images)
    if batch % accelerator.num_processes:
        raise PatchlearnError(
            f"{section}.optimisation.batch_size: {batch} images cannot be shared by "
            f"{accelerator.num_processes} processes. Choose a multiple."
        )


def channels_last(module: Module) -> Module:
    """The module, in the memory format in which depthwise convolutions are 1.5 times faster on the CPU."""
    whole: nn.Module = module
    whole.to(memory_format=torch.channels_last)
    return module


def check_optimisation(settings: Optimisation, section: str = "") -> None:
    """Raise `PatchlearnError`, naming the section's setting, unless every one is an option or in range."""
    where = f"{section}.optimisation".lstrip(".")
    require_one_of(f"{where}.optimiser", settings.optimiser, OPTIMISERS)
    require_one_of(f"{where}.schedule", settings.schedule, SCHEDULES)
    for name in ("learning_rate", "head_multiplier", "batch_size", "epochs"):
        if not 0 < vars(settings)[name] < math.inf:
            raise PatchlearnError(f"{where}.{name}: {vars(settings)[name]} is not positive. Choose another.")
    for name in ("weight_decay", "momentum", "clip_norm", "warmup", "save_seconds"):
        most = 1 if name in ("momentum", "warmup") else math.inf
        if not 0 <= vars(settings)[name] < most:
            limit = f"0 or more, below {most}" if most == 1 else "0 or more"
            raise PatchlearnError(f"{where}.{name}: {vars(settings)[name]} is out of range. Choose {limit}.")
