"""Batches: the order of the images, the part of each process, and images with labels for their pixels."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from conftest import make_runtime
from PIL import Image
from rich.console import Console
from torch import Tensor, nn

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.runtime import Runtime
from patchlearn.core.seeds import Stream
from patchlearn.core.types import Sample, UInt8
from patchlearn.data.settings import AugmentSettings
from patchlearn.data.transforms import MaskedTransform
from patchlearn.training.batches import (
    EpochImages,
    LabelledPixels,
    channels_last,
    check_shards,
    epoch_batches,
    multi_hot,
    process_batches,
    tags_of,
)
from patchlearn.training.settings import Optimisation


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


def test_tags_say_which_classes_were_judged() -> None:
    for unknown, expected in (((), [True, True, True]), ((1, 2), [True, False, False])):
        target, judged = tags_of(Sample(id="a", image=Path("a.png"), labels=(0,), unknown=unknown), classes=3)
        assert target.tolist() == [1, 0, 0]
        assert judged.tolist() == expected


def test_a_batch_that_processes_cannot_share_is_named() -> None:
    three: Any = SimpleNamespace(num_processes=3)
    check_shards("affinity", 100, Optimisation(batch_size=6), three)
    with pytest.raises(PatchlearnError, match=r"affinity\.optimisation\.batch_size: 8 images cannot be shared by 3"):
        check_shards("affinity", 100, Optimisation(batch_size=8), three)
    with pytest.raises(PatchlearnError, match="4 images cannot be shared"):
        check_shards("affinity", 4, Optimisation(batch_size=6), three)


def test_two_processes_share_every_batch(console: Console) -> None:
    sample = Sample(id="a", image=Path("a.png"), labels=())
    images, plan, parts = Places([sample] * 9, seed=3), Optimisation(epochs=1, batch_size=4), []
    for index in (0, 1):
        process: Any = SimpleNamespace(num_processes=2, process_index=index, device=torch.device("cpu"))
        runtime = Runtime(accelerator=process, console=console)
        parts.append([batch[:, 1].tolist() for (batch,) in process_batches(images, plan, runtime, 0)])
    for one, other, whole in zip(*parts, images.batches(0, 4), strict=True):
        assert len(one) == len(other) == 2
        assert sorted(one + other) == sorted(whole)


def labelled_pixels(
    folder: Path, labels: UInt8, seed: int = 0, stream: Stream = Stream.AFFINITY_AUGMENT
) -> LabelledPixels:
    """One image of 48×40 random pixels."""
    picture = np.random.default_rng(0).integers(0, 256, (40, 48, 3), np.uint8)
    Image.fromarray(picture).save(folder / "a.png")
    transform = MaskedTransform(AugmentSettings(crop=32, long_side=(40, 80)), (0.5,) * 3, (0.5,) * 3)
    sample = Sample(id="a", image=folder / "a.png", labels=(0,))
    return LabelledPixels([sample], lambda _: labels, transform, seed, stream=stream)


def test_a_view_depends_on_seed_stream_and_epoch_alone(tmp_path: Path) -> None:
    labels = np.random.default_rng(1).integers(0, 3, (40, 48), np.uint8)
    images = labelled_pixels(tmp_path, labels)
    image, pixels = images[0, 0]
    assert (image.shape, pixels.shape) == ((3, 32, 32), (32, 32))
    torch.manual_seed(5)
    assert torch.equal(images[0, 0][0], image)
    other_seed = labelled_pixels(tmp_path, labels, seed=1)
    other_stream = labelled_pixels(tmp_path, labels, stream=Stream.SEGMENTER_AUGMENT)
    for other, _ in (images[1, 0], other_seed[0, 0], other_stream[0, 0]):
        assert not torch.equal(image, other)


def test_labels_of_another_size_than_their_image_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PatchlearnError, match=r"a\.png: 48×40 pixels, but its labels have 40×48\. Delete the labels"):
        labelled_pixels(tmp_path, np.zeros((48, 40), np.uint8))[0, 0]


def test_channels_last_changes_the_memory_format_and_no_weight() -> None:
    convolution = nn.Conv2d(4, 4, 3)
    before = convolution.weight.detach().clone()
    assert channels_last(convolution) is convolution
    assert convolution.weight.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(convolution.weight, before)
