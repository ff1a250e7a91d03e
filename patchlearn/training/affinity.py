"""Train an affinity network on the confident pixels of the maps: which neighbouring pixels belong together.

`patchlearn.models.affinity_network` has the two kinds and their sources.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.run_folder import MODEL
from patchlearn.core.runtime import Runtime
from patchlearn.core.seeds import Stream, seeded
from patchlearn.core.types import Sample, UInt8
from patchlearn.data.images import read_indices
from patchlearn.data.transforms import MaskedTransform
from patchlearn.models.affinity_network import AffinityNetwork, create_affinity, save_affinity
from patchlearn.models.backbones.stages import Stages
from patchlearn.training.affinity_loss import COSTS, affinity_loss, labels_on_grid
from patchlearn.training.batches import LabelledPixels, channels_last, check_shards, process_batches, repeated
from patchlearn.training.loop import Task, fit
from patchlearn.training.optimisation import parameter_groups
from patchlearn.training.settings import AffinitySettings


def train_affinity(
    samples: Sequence[Sample],
    labels: Path,
    stages: Stages,
    settings: AffinitySettings,
    folder: Path,
    runtime: Runtime,
    *,
    seed: int,
    title: str = "",
) -> Path:
    """Train on affinity labels and write `folder/model.safetensors`; resumes where an earlier call was killed.

    Args:
        samples: the images.
        labels: the folder with `ID.png` for every sample, as large as its image: 0 background, i + 1 class i,
            255 undecided.
        stages: the trunk, for example a trained classifier's `network.stages`; it is frozen where it stands.
        settings: the head and its training.
        folder: where the model, its state and its log are written.
        runtime: device, precision and processes.
        seed: of new weights, order and augmentation.
        title: shown beside the progress bar; the kind by default.

    Raises:
        PatchlearnError: no image, or labels that are missing or do not fit their image.
    """
    accelerator = runtime.accelerator
    _check_data(samples, labels, settings, accelerator)
    with seeded(seed, Stream.AFFINITY_WEIGHTS):
        network = create_affinity(stages, settings.network)
    transform = MaskedTransform(settings.augment, stages.mean, stages.std)
    seen = repeated(samples, settings.optimisation)
    images = LabelledPixels(seen, partial(_read_labels, labels), transform, seed, stream=Stream.AFFINITY_AUGMENT)
    task = Task(
        title=title or f"train {settings.network}",
        model=channels_last(network),
        groups=parameter_groups(network.stages, network.head, settings.optimisation),
        steps_per_epoch=len(images.batches(0, settings.optimisation.batch_size)),
        batches=partial(process_batches, images, settings.optimisation, runtime),
        loss=partial(_loss, network, settings.radius or network.RADIUS, accelerator),
        begin_epoch=partial(_begin_epoch, network),
        end_epoch=lambda epoch: {},
    )
    fit(task, settings.optimisation, folder, runtime, seed=seed)
    if accelerator.is_main_process:
        save_affinity(folder / MODEL, network)
    accelerator.wait_for_everyone()
    return folder / MODEL


def _loss(
    network: AffinityNetwork, radius: int, accelerator: Accelerator, model: nn.Module, batch: tuple[Tensor, Tensor]
) -> Tensor:
    images, labels = (tensor.to(accelerator.device, non_blocking=True) for tensor in batch)
    output = model(images.contiguous(memory_format=torch.channels_last))
    costs, counts = COSTS[network.KIND](output, labels_on_grid(labels, network.STRIDE), radius)
    # Gradients are averaged over processes. Each process therefore divides by an equal part of all pairs, and the loss
    # does not depend on the number of processes.
    all_pairs: Any = accelerator.reduce(counts, "sum")
    return affinity_loss(costs, all_pairs / accelerator.num_processes)


def loss_of_noise(
    network: AffinityNetwork, settings: AffinitySettings, accelerator: Accelerator
) -> Callable[[Tensor], Tensor]:
    """Images → the loss with labels at random, to time steps with."""

    def loss(images: Tensor) -> Tensor:
        labels = torch.randint(0, 2, (len(images), *images.shape[2:]), dtype=torch.uint8)
        return _loss(network, settings.radius or network.RADIUS, accelerator, network.train(), (images, labels))

    return loss


def _begin_epoch(network: AffinityNetwork, epoch: int) -> int:
    network.train()
    return 0


def _read_labels(labels: Path, sample: Sample) -> UInt8:
    return read_indices(_label_path(labels, sample))


def _label_path(labels: Path, sample: Sample) -> Path:
    return labels / f"{sample.id}.png"


def _check_data(samples: Sequence[Sample], labels: Path, settings: AffinitySettings, accelerator: Accelerator) -> None:
    if not samples:
        raise PatchlearnError(f"split {settings.train_split!r}: no image to train the affinity network on. Add images.")
    missing = [sample.id for sample in samples if not _label_path(labels, sample).exists()]
    if missing:
        raise PatchlearnError(
            f"{labels}: no affinity labels of {len(missing)} images, the first is {missing[0]!r}. "
            "Run the step that writes them, for the same split."
        )
    check_shards("affinity", len(repeated(samples, settings.optimisation)), settings.optimisation, accelerator)
