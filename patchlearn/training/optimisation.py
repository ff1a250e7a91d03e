"""One loop for every training: optimise, log, save, resume.

A run that was killed goes on from its last saved step and takes the same course as an undisturbed one: batches,
augmentation and dropout depend on (seed, epoch, index) alone.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn
from torch.optim import SGD, AdamW, Optimizer

from patchlearn.core.errors import PatchlearnError, require_one_of

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


def learning_rate_factor(settings: Optimisation, step: int, total: int) -> float:
    """What every group's learning rate is multiplied with at this step.

    >>> [learning_rate_factor(Optimisation(schedule="cosine"), step, 4) for step in (0, 2)]
    [1.0, 0.5]
    """
    warmup = settings.warmup * total
    rising = min(1.0, (step + 1) / warmup) if warmup else 1.0
    return rising * SCHEDULES[settings.schedule](step / total)


def _optimiser(groups: list[dict[str, Any]], settings: Optimisation) -> Optimizer:
    if settings.optimiser == "sgd":
        return SGD(groups, lr=settings.learning_rate, momentum=settings.momentum)
    return AdamW(groups, lr=settings.learning_rate)


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
