"""Learning rates, groups of parameters, and optimisers."""

from pathlib import Path

import pytest
import torch
from conftest import make_runtime, tiny_stages
from rich.console import Console
from torch import nn
from torch.optim import SGD, AdamW

from patchlearn.training.loop import Task, fit
from patchlearn.training.optimisation import create_optimiser, learning_rate_factor, parameter_groups
from patchlearn.training.settings import Optimisation


def settings(**changes: object) -> Optimisation:
    return Optimisation(**{"epochs": 4, "learning_rate": 0.01, "save_seconds": 0.0, **changes})  # type: ignore[arg-type]


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


@pytest.mark.parametrize(
    ("schedule", "factors"), [("cosine", [1, 0.5, 0]), ("poly", [1, 0.5**0.9, 0]), ("constant", [1, 1, 1])]
)
def test_a_schedule_starts_at_the_whole_rate(schedule: str, factors: list[float]) -> None:
    plan = settings(schedule=schedule)
    assert [learning_rate_factor(plan, step, 10) for step in (0, 5, 10)] == pytest.approx(factors)


@pytest.mark.parametrize(("name", "kind"), [("adamw", AdamW), ("sgd", SGD)])
def test_every_group_of_an_optimiser_has_its_own_decay(name: str, kind: type) -> None:
    plan = settings(optimiser=name, weight_decay=0.1, momentum=0.8)
    optimiser = create_optimiser(parameter_groups(nn.Linear(2, 2), nn.Linear(2, 1), plan), plan)
    assert type(optimiser) is kind
    assert [group["weight_decay"] for group in optimiser.param_groups] == [0.1, 0.0, 0.1, 0.0]
    assert {group["lr"] for group in optimiser.param_groups} == {0.01}
    assert {group.get("momentum") for group in optimiser.param_groups} == {0.8 if name == "sgd" else None}
