"""How long a training takes on this machine: a few steps are timed."""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from patchlearn.core.checkpoints import checkpoint_settings
from patchlearn.core.files import read_rows
from patchlearn.core.pace import TIMED, a_few, mean_seconds
from patchlearn.core.run_folder import MODEL
from patchlearn.core.runtime import Runtime
from patchlearn.core.types import Sample
from patchlearn.data.images import read_image
from patchlearn.data.settings import AugmentSettings
from patchlearn.data.transforms import TrainingTransform
from patchlearn.training.batches import repeated
from patchlearn.training.loop import EPOCHS, STATE, Position
from patchlearn.training.settings import Optimisation

MOST_IMAGES = 4  # at a time, while steps are timed
COPIES = 4  # of the weights in the folder of a training: the model, and with its state two more of AdamW


def seconds_of_training(
    loss: Callable[[Tensor], Tensor],
    samples: Sequence[Sample],
    augment: AugmentSettings,
    optimisation: Optimisation,
    runtime: Runtime,
) -> float:
    """About how many seconds all steps of a training take: reading and changing images, forward and backward pass.

    Args:
        loss: B×3×crop×crop images → a loss with gradients.
        samples: the images that are learned from.
        augment: their size.
        optimisation: batches and epochs.
        runtime: device, processes, and processes that load images.
    """
    count = len(repeated(samples, optimisation))
    batch = min(optimisation.batch_size, count)
    images = optimisation.epochs * (count // batch) * batch
    loading = mean_seconds(_loader(augment), a_few(samples)) / max(1, runtime.workers)
    computing = _seconds_per_image(loss, augment.crop, min(batch, MOST_IMAGES), runtime.accelerator.device)
    each = max(loading, computing) if runtime.workers else loading + computing
    return images * each / runtime.accelerator.num_processes


def share_left(folder: Path, samples: Sequence[Sample], optimisation: Optimisation) -> float:
    """The share of the steps of a training that its folder still lacks: 1 without any state, 0 with the model.

    Args:
        folder: of the training.
        samples: the images that are learned from.
        optimisation: batches and epochs.
    """
    if (folder / MODEL).exists() or not (folder / STATE).exists():
        return float(not (folder / MODEL).exists())
    position = Position.from_json(checkpoint_settings(folder / STATE))
    ends = [int(row["step"]) for row in read_rows(folder / EPOCHS)]
    count = len(repeated(samples, optimisation))
    of_epoch = ends[-1] / len(ends) if ends else count // min(optimisation.batch_size, count)
    return max(0.0, 1 - position.step / (optimisation.epochs * of_epoch))


def bytes_of_training(network: nn.Module) -> int:
    """The size of a trained model with the state of its training."""
    return COPIES * sum(tensor.numel() * tensor.element_size() for tensor in network.state_dict().values())


def _loader(augment: AugmentSettings) -> Callable[[Sample], Tensor]:
    transform = TrainingTransform(augment, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    return lambda sample: transform(read_image(sample.image))


def _seconds_per_image(loss: Callable[[Tensor], Tensor], side: int, batch: int, device: torch.device) -> float:
    images = torch.rand(batch, 3, side, side, device=device).contiguous(memory_format=torch.channels_last)

    def step(images: Tensor) -> None:
        loss(images).backward()
        if device.type == "cuda":
            torch.cuda.synchronize()

    return mean_seconds(step, [images] * (TIMED + 1)) / batch
