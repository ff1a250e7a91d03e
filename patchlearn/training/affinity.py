"""Step 3: learn which neighbouring pixels belong together, from labels that only name what is sure.

Two kinds:

- "boundary": IRN's class-boundary branch. Two pixels belong together unless a boundary lies between them. IRN's other
  branch, the displacement field, tells instances of one class apart; it is left out here.
- "features": PSA's AffinityNet. Two pixels belong together if their features are alike.

IRN's trunk is a ResNet-50 trained on ImageNet, frozen. Ours is the trained classifier's own, frozen as well: no other
weights are needed, and only a small head learns.

Sources: Ahn, Cho & Kwak, "Weakly Supervised Learning of Instance Segmentation with Inter-pixel Relations" (IRN), CVPR
2019; Ahn & Kwak, "Learning Pixel-level Semantic Affinity with Image-level Supervision" (PSA), CVPR 2018.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from patchlearn.core.errors import PatchlearnError, require_one_of
from patchlearn.core.masks_io import write_mask
from patchlearn.core.runtime import Runtime, seeded, write_missing
from patchlearn.core.types import Sample, ScoreMaps, UInt8
from patchlearn.data.images import read_image, read_indices
from patchlearn.data.transforms import AugmentSettings, MaskedTransform
from patchlearn.models.affinity_network import HEADS, AffinityNetwork, save_affinity
from patchlearn.models.backbones.stages import Stages
from patchlearn.refine import BackgroundRule, ConfidentRegions, check_confident, confident_regions
from patchlearn.training.affinity_loss import COSTS, affinity_loss, labels_on_grid
from patchlearn.training.batches import LabelledPixels, channels_last, check_shares, process_batches
from patchlearn.training.loop import Task, fit
from patchlearn.training.optimisation import Optimisation, check_optimisation, parameter_groups

MODEL = "model.safetensors"


OFF = "none"


VERSION = 3  # of what the same settings learn; part of the key of what is written


ReadMaps = Callable[[Sample, UInt8], ScoreMaps]


RADIUS = {"boundary": 10, "features": 5}  # in training: IRN, PSA


@dataclass(frozen=True, kw_only=True)
class AffinitySettings:
    """The affinity network and how it is trained.

    IRN trains its boundary branch with SGD at 0.1, on crops of 512, 32 images at a time, for 3 epochs; PSA its features
    with SGD at 0.1 (SEAM 0.01), on crops of 448, 8 images at a time, for 8 epochs. AdamW needs fewer and smaller
    batches; the defaults are what was measured (docs/experiments.md, 2026-11-23).

    Args:
        kind: "features" (PSA; the better on voc-animals), "boundary" (IRN; trains in half the time), or "none": nothing
            is learned, and nothing walks.
        radius: pairs of pixels less than this many cells apart are compared; null for 10 cells of 4 pixels (IRN) or
            5 cells of 8 (PSA).
        confident: which pixels of the score maps give the labels.
        rounds: trainings one after another; each but the first learns from what the score maps are sure of after a walk
            along the affinities of the one before; the last two rounds' walks are compared (`pseudo.sure`).
        train_split: whose images are learned; their score maps must be there.
        augment: crop and sizes of the images.
        optimisation: only the head learns, at learning_rate × head_multiplier.
    """

    kind: str = "features"
    radius: int | None = None
    confident: ConfidentRegions = field(default_factory=ConfidentRegions)
    rounds: int = 2
    train_split: str = "train"
    augment: AugmentSettings = field(default_factory=AugmentSettings)
    optimisation: Optimisation = field(
        default_factory=lambda: Optimisation(
            learning_rate=2e-3, head_multiplier=1.0, weight_decay=1e-4, batch_size=16, epochs=3
        )
    )

    @property
    def cells(self) -> int:
        """The radius, in cells of the kind's own grid."""
        return RADIUS[self.kind] if self.radius is None else self.radius


def train_affinity(
    samples: Sequence[Sample],
    labels: Path,
    stages: Stages,
    settings: AffinitySettings,
    folder: Path,
    runtime: Runtime,
    *,
    seed: int,
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

    Raises:
        PatchlearnError: a wrong setting, no image, or labels that are missing or do not fit their image.
    """
    accelerator = runtime.accelerator
    check_affinity(settings)
    _check_data(samples, labels, settings, accelerator)
    with seeded(seed, "affinity"):
        network = AffinityNetwork(stages, settings.kind)
    transform = MaskedTransform(settings.augment, stages.mean, stages.std)
    images = LabelledPixels(samples, partial(_read_labels, labels), transform, seed, purpose="affinity")
    task = Task(
        title=f"train {settings.kind}",
        model=channels_last(network),
        groups=parameter_groups(network.stages, network.head, settings.optimisation),
        steps_per_epoch=len(images.batches(0, settings.optimisation.batch_size)),
        batches=partial(process_batches, images, settings.optimisation, runtime),
        loss=partial(_loss, network.kind, network.stride, settings.cells, accelerator),
        begin_epoch=partial(_begin_epoch, network),
        end_epoch=lambda epoch: {},
    )
    fit(task, settings.optimisation, folder, runtime, seed=seed)
    if accelerator.is_main_process:
        save_affinity(folder / MODEL, network)
    accelerator.wait_for_everyone()
    return folder / MODEL


def write_affinity_labels(
    samples: Sequence[Sample],
    read_maps: ReadMaps,
    rule: BackgroundRule,
    settings: ConfidentRegions,
    folder: Path,
    runtime: Runtime,
    *,
    title: str,
) -> None:
    """Write `folder/ID.png` for every sample: what its score maps are sure of; see `confident_regions`.

    Raises:
        PatchlearnError: score maps or images are missing, or a setting is out of range.
    """
    check_confident(settings)

    def write(sample: Sample, path: Path) -> None:
        image = read_image(sample.image)
        write_mask(path, confident_regions(image, read_maps(sample, image), rule, settings))

    write_missing(samples, partial(_label_path, folder), write, title=f"affinity labels {title}", runtime=runtime)


def check_affinity(settings: AffinitySettings) -> None:
    """Raise `PatchlearnError`, naming the setting, unless every one is an option or in range."""
    require_one_of("affinity.kind", settings.kind, [*HEADS, OFF])
    check_confident(settings.confident)
    if settings.kind == OFF:
        return
    if settings.rounds < 1:
        raise PatchlearnError(f"affinity.rounds: {settings.rounds}; at least one is needed.")
    if settings.cells < 2:
        raise PatchlearnError(f"affinity.radius: {settings.radius} leaves no pair of pixels. Choose 2 or more.")
    least = 2 * HEADS[settings.kind].STRIDE
    if settings.augment.crop < least:
        raise PatchlearnError(
            f"affinity.augment.crop: {settings.augment.crop} holds no two cells; {least} or more does."
        )
    check_optimisation(settings.optimisation, "affinity")


def _loss(
    kind: str, stride: int, radius: int, accelerator: Accelerator, model: nn.Module, batch: tuple[Tensor, Tensor]
) -> Tensor:
    images, labels = (tensor.to(accelerator.device, non_blocking=True) for tensor in batch)
    output = model(images.contiguous(memory_format=torch.channels_last))
    costs, counts = COSTS[kind](output, labels_on_grid(labels, stride), radius)
    # Gradients are averaged over processes, so each divides by an equal part of everybody's pairs: the loss does not
    # depend on how many processes share the batch.
    everybody: Any = accelerator.reduce(counts, "sum")
    return affinity_loss(costs, everybody / accelerator.num_processes)


def _begin_epoch(network: AffinityNetwork, epoch: int) -> int:
    network.train()
    return 0


def _read_labels(labels: Path, sample: Sample) -> UInt8:
    return read_indices(_label_path(labels, sample))


def _label_path(labels: Path, sample: Sample) -> Path:
    return labels / f"{sample.id}.png"


def _check_data(samples: Sequence[Sample], labels: Path, settings: AffinitySettings, accelerator: Accelerator) -> None:
    if not samples:
        raise PatchlearnError(f"split {settings.train_split!r}: no image to learn affinities from. Add images.")
    missing = [sample.id for sample in samples if not _label_path(labels, sample).exists()]
    if missing:
        raise PatchlearnError(
            f"{labels}: no affinity labels of {len(missing)} images, the first is {missing[0]!r}. "
            "Run the step that makes them, for the same split."
        )
    check_shares("affinity", len(samples), settings.optimisation, accelerator)
