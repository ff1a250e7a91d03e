"""Learning rates: which weights learn how fast, and how that changes over a training."""

import math
from collections.abc import Callable
from typing import Any

from torch import nn
from torch.optim import SGD, AdamW, Optimizer

from patchlearn.training.settings import Optimisation

FACTORS: dict[str, Callable[[float], float]] = {
    "poly": lambda part: (1 - part) ** 0.9,  # power 0.9: PSA, SEAM, IRN
    "cosine": lambda part: (1 + math.cos(math.pi * part)) / 2,
    "constant": lambda part: 1.0,
}


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
    return rising * FACTORS[settings.schedule](step / total)


def create_optimiser(groups: list[dict[str, Any]], settings: Optimisation) -> Optimizer:
    """AdamW or SGD over groups that carry their own weight decay."""
    if settings.optimiser == "sgd":
        return SGD(groups, lr=settings.learning_rate, momentum=settings.momentum)
    return AdamW(groups, lr=settings.learning_rate)
