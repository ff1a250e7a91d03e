"""The batches of a training: images in an order that depends on (seed, epoch) alone, shared by the processes."""

from collections.abc import Callable, Iterable, Iterator, Sequence

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.parallel import shard
from patchlearn.core.runtime import Module, Runtime
from patchlearn.core.seeds import Stream, seed_for, seeded
from patchlearn.core.types import Sample, UInt8
from patchlearn.data.images import read_image
from patchlearn.training.settings import Optimisation


def epoch_batches(count: int, batch_size: int, seed: int, epoch: int) -> list[list[int]]:
    """The epoch's batches of indices below `count`, shuffled; what does not fill a batch is left for other epochs.

    >>> batches = epoch_batches(10, 4, seed=0, epoch=0)
    >>> [len(batch) for batch in batches], len({index for batch in batches for index in batch})
    ([4, 4], 8)
    """
    generator = torch.Generator().manual_seed(seed_for(seed, Stream.ORDER, epoch))
    order: list[int] = torch.randperm(count, generator=generator).tolist()
    size = min(batch_size, count)
    return [order[start : start + size] for start in range(0, count - size + 1, size)]


class EpochImages(TorchDataset[tuple[Tensor, ...]]):
    """Images by (epoch, index). Order and augmentation depend on (seed, epoch, index) alone.

    A subclass says what one item is.
    """

    def __init__(self, samples: Sequence[Sample], seed: int):
        self.samples, self.seed = samples, seed

    def __len__(self) -> int:
        """How many images."""
        return len(self.samples)

    def batches(self, epoch: int, batch_size: int) -> list[list[int]]:
        """The epoch's batches of indices, over all processes together."""
        return epoch_batches(len(self), batch_size, self.seed, epoch)


class LabelledPixels(EpochImages):
    """Augmented images with labels for their pixels.

    Args:
        samples: the images.
        read_labels: sample → H×W labels, 255 ignored.
        transform: image and labels → one random view of both, and what else the transform tells of it.
        seed: of the run.
        stream: of the augmentation, which differs between trainings of one seed.
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        read_labels: Callable[[Sample], UInt8],
        transform: Callable[[UInt8, UInt8], tuple[Tensor, ...]],
        seed: int,
        *,
        stream: Stream,
    ):
        super().__init__(samples, seed)
        self.read_labels, self.transform, self.stream = read_labels, transform, stream

    def __getitem__(self, place: tuple[int, int]) -> tuple[Tensor, ...]:
        """(3×crop×crop image, crop×crop labels), and what else the transform tells."""
        epoch, index = place
        sample = self.samples[index]
        image, labels = read_image(sample.image), self.read_labels(sample)
        if image.shape[:2] != labels.shape:
            raise PatchlearnError(
                f"{sample.image}: {image.shape[1]}×{image.shape[0]} pixels, but its labels have "
                f"{labels.shape[1]}×{labels.shape[0]}. Delete the labels and make them again."
            )
        with seeded(self.seed, self.stream, epoch, index):
            return self.transform(image, labels)


def repeated(samples: Sequence[Sample], settings: Optimisation) -> Sequence[Sample]:
    """The samples of one epoch: all of them, as often as `min_steps` needs.

    >>> from pathlib import Path
    >>> samples = [Sample(id=str(index), image=Path(f"{index}.png"), labels=()) for index in range(10)]
    >>> len(repeated(samples, Optimisation(batch_size=4, epochs=5, min_steps=20)))
    20
    >>> len(repeated(samples[:3], Optimisation(batch_size=4, epochs=5, min_steps=20)))  # 4 steps of 4 images an epoch
    18
    """
    times = 1
    while samples and settings.epochs * _steps(times * len(samples), settings.batch_size) < settings.min_steps:
        times += 1
    return [*samples] * times


def _steps(images: int, batch_size: int) -> int:
    """Of one epoch."""
    return images // min(batch_size, images)


def process_batches(
    images: EpochImages, settings: Optimisation, runtime: Runtime, step: int
) -> DataLoader[tuple[Tensor, ...]]:
    """This process's part of every batch of a training, from a step on.

    It is one stream, so that the processes that load images start once, and not anew in every epoch.
    """
    places = (shard(batch, runtime.accelerator) for batch in _places(images, settings, step))
    on_gpu = runtime.accelerator.device.type == "cuda"
    return DataLoader(images, batch_sampler=places, num_workers=runtime.workers, pin_memory=on_gpu)


def _places(images: EpochImages, settings: Optimisation, step: int) -> Iterator[list[tuple[int, int]]]:
    """The (epoch, index) of the images of every batch, over all processes together."""
    steps = len(images.batches(0, settings.batch_size))
    for epoch in range(step // steps, settings.epochs):
        first = max(0, step - epoch * steps)
        for batch in images.batches(epoch, settings.batch_size)[first:]:
            yield [(epoch, index) for index in batch]


def check_shards(section: str, images: int, settings: Optimisation, accelerator: Accelerator) -> None:
    """Raise `PatchlearnError`, naming the section, unless the processes can share every batch equally."""
    batch = min(settings.batch_size, images)
    if batch % accelerator.num_processes:
        raise PatchlearnError(
            f"{section}.optimisation.batch_size: {batch} images cannot be shared by "
            f"{accelerator.num_processes} processes. Choose a multiple."
        )


def multi_hot(labels: Iterable[int], classes: int) -> Tensor:
    """K floats: 1 for every label.

    >>> multi_hot([0, 2], 3)
    tensor([1., 0., 1.])
    """
    target = torch.zeros(classes)
    target[list(labels)] = 1.0
    return target


def tags_of(sample: Sample, classes: int) -> tuple[Tensor, Tensor]:
    """(K floats: 1 for every label; K bools: False for every class that nobody judged, whose float says nothing).

    >>> from pathlib import Path
    >>> tags_of(Sample(id="a", image=Path("a.png"), labels=(0,), unknown=(2,)), classes=3)
    (tensor([1., 0., 0.]), tensor([ True,  True, False]))
    """
    return multi_hot(sample.labels, classes), multi_hot(sample.unknown, classes) == 0


def channels_last(module: Module) -> Module:
    """The module, in the memory format in which depthwise convolutions are 1.5 times faster on the CPU."""
    whole: nn.Module = module
    whole.to(memory_format=torch.channels_last)
    return module
