from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from conftest import make_runtime
from rich.console import Console
from torch import nn

from patchlearn.core.checkpoints import save_checkpoint
from patchlearn.core.files import append_row
from patchlearn.core.run_folder import MODEL
from patchlearn.data.open import open_dataset
from patchlearn.data.settings import AugmentSettings
from patchlearn.training import pace
from patchlearn.training.loop import EPOCHS, STATE, Position
from patchlearn.training.pace import bytes_of_training, seconds_of_training, share_left
from patchlearn.training.settings import Optimisation


def test_the_time_of_an_image_is_multiplied_by_the_images_of_all_steps(
    folder_data: Path, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "mean_seconds", lambda work, items: (work(items[0]), 0.5)[1])
    samples = open_dataset("folder", folder_data).split("train")  # 8
    network, sizes = nn.Conv2d(3, 1, 1), []

    def loss(images: torch.Tensor) -> torch.Tensor:
        sizes.append(tuple(images.shape))
        return network(images).mean()

    settings = Optimisation(batch_size=2, epochs=3)
    augment = AugmentSettings(crop=16, long_side=(16, 24))
    seconds = seconds_of_training(loss, samples, augment, settings, make_runtime(console))
    assert sizes == [(2, 3, 16, 16)]
    assert seconds == 24 * (0.5 + 0.5 / 2)
    longer = Optimisation(batch_size=2, epochs=3, min_steps=24)
    assert seconds_of_training(loss, samples, augment, longer, make_runtime(console)) == 2 * seconds


def test_the_share_that_is_left_follows_from_the_saved_state(folder_data: Path, tmp_path: Path) -> None:
    """Two of its eight images may be held out, so that an epoch has three batches, as its rows say."""
    samples, settings = open_dataset("folder", folder_data).split("train"), Optimisation(batch_size=2, epochs=4)
    assert share_left(tmp_path, samples, settings) == 1
    save_checkpoint(tmp_path / STATE, {}, asdict(Position(epoch=0, step=2)))
    assert share_left(tmp_path, samples, settings) == 1 - 2 / 16
    save_checkpoint(tmp_path / STATE, {}, asdict(Position(epoch=2, step=7)))
    for epoch in range(3):  # the last is of an epoch whose state was not saved
        append_row(tmp_path / EPOCHS, {"epoch": epoch, "step": 3 * (epoch + 1)})
    assert share_left(tmp_path, samples, settings) == pytest.approx(1 - 7 / 12)
    (tmp_path / MODEL).touch()
    assert share_left(tmp_path, samples, settings) == 0


def test_a_training_keeps_its_weights_four_times() -> None:
    assert bytes_of_training(nn.Linear(10, 10, bias=False)) == 4 * 4 * 100
