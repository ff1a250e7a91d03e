"""The loop: batches, schedule, groups, and going on after a kill."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from conftest import make_runtime
from rich.console import Console
from torch import Tensor

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import Sample
from patchlearn.training.batches import EpochImages, check_shards, epoch_batches, multi_hot, process_batches
from patchlearn.training.settings import Optimisation

STEPS = 6


class Places(EpochImages):
    """Images that say what they are: epoch and index."""

    def __getitem__(self, place: tuple[int, int]) -> tuple[Tensor, ...]:
        return (torch.tensor(place),)


def settings(**changes: object) -> Optimisation:
    return Optimisation(**{"epochs": 4, "learning_rate": 0.01, "save_seconds": 0.0, **changes})  # type: ignore[arg-type]


def test_every_index_comes_once_an_epoch_in_another_order() -> None:
    first, second = (epoch_batches(12, 4, seed=0, epoch=epoch) for epoch in (0, 1))
    assert sorted(index for batch in first for index in batch) == list(range(12))
    assert first != second
    assert first == epoch_batches(12, 4, seed=0, epoch=0)
    assert epoch_batches(3, 16, seed=0, epoch=0)[0] != []


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


def test_multi_hot_of_no_label_is_zero() -> None:
    assert multi_hot((), 3).tolist() == [0, 0, 0]


def test_a_batch_that_processes_cannot_share_is_named() -> None:
    three: Any = SimpleNamespace(num_processes=3)
    check_shards("affinity", 100, Optimisation(batch_size=6), three)
    with pytest.raises(PatchlearnError, match=r"affinity\.optimisation\.batch_size: 8 images cannot be shared by 3"):
        check_shards("affinity", 100, Optimisation(batch_size=8), three)
    with pytest.raises(PatchlearnError, match="4 images cannot be shared"):
        check_shards("affinity", 4, Optimisation(batch_size=6), three)
