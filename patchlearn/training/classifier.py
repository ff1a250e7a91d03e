"""Step 1: train the classifier from image labels, stage by stage."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm as BatchNorm

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.runtime import Runtime, seed_for, seeded
from patchlearn.core.types import Dataset, Sample
from patchlearn.data.images import read_image
from patchlearn.data.transforms import AugmentSettings, TrainingTransform, square
from patchlearn.models.backbones.create import create_stages
from patchlearn.models.classifier import MODEL, Classifier, save_classifier
from patchlearn.models.patch_network import PatchNetwork
from patchlearn.training.batches import EpochImages, channels_last, check_shares, process_batches
from patchlearn.training.loop import Task, fit
from patchlearn.training.optimisation import Optimisation, check_optimisation, parameter_groups

KEPT = "epochs"


HELD_OUT_SHARE = 0.1


@dataclass(frozen=True, kw_only=True)
class ClassifierSettings:
    """The classification network and how it is trained.

    Of the paper's own training settings none is public (method.md): the defaults here are the field's habits, or were
    chosen on voc-animals, as docs/experiments.md says.

    Args:
        backbone: a timm architecture.
        output_stride: 8, 16 or 32 pixels per cell.
        weights: null, "hub", "demo" or the path of a timm state dict.
        fusion: "plain", "progressive" or "explicit".
        splits: (stage, (rows, columns)) each: where feature maps are cut. Progressive trains one after another, each
            for an equal share of the epochs.
        border: what a patch sees beyond its edge: "zero", "replicate" or "neighbour".
        pooling_power: of the generalised mean over the map that the classifier learns from; 1 for the mean, as the
            field has it. 3 made better maps of the plain classifier, and worse relearned ones (docs/experiments.md,
            2026-11-26).
        detach: explicit patches do not train the layers that feed them.
        freeze_statistics: batch norm keeps its pretrained statistics (PSA, SEAM, IRN). Without it, patches change them.
        frozen_stages: how many of the lowest stages are not trained.
        train_split: whose labels are learned.
        held_out_split: where mAP is measured after every epoch; if the data has no such split, a tenth of the training
            images is held out instead.
        keep_epochs: keep the classifier of every epoch, as `epochs/EPOCH.safetensors`, counted from 0.
    """

    backbone: str = "resnet50"
    output_stride: int = 16
    weights: str | None = "hub"
    fusion: str = "plain"
    splits: tuple[tuple[int, tuple[int, int]], ...] = ()
    border: str = "zero"
    pooling_power: float = 1.0
    detach: bool = True
    freeze_statistics: bool = True
    frozen_stages: int = 0
    train_split: str = "train"
    held_out_split: str = "val"
    keep_epochs: bool = False
    augment: AugmentSettings = field(default_factory=AugmentSettings)
    optimisation: Optimisation = field(default_factory=Optimisation)


def train_classifier(
    dataset: Dataset,
    settings: ClassifierSettings,
    folder: Path,
    runtime: Runtime,
    *,
    seed: int,
) -> Path:
    """Train on image labels alone and write `folder/model.safetensors`; resumes where an earlier call was killed.

    Raises:
        PatchlearnError: a wrong setting, too few images, labels or epochs.
    """
    network = check_classifier(dataset, settings, runtime, seed=seed)
    samples, held_out = _held_out(dataset, settings, seed)
    accelerator = runtime.accelerator
    classifier = Classifier(network=network, classes=dataset.classes)
    images = _LabelledImages(samples, len(dataset.classes), settings.augment, network, seed)
    task = Task(
        title=f"train {settings.fusion}",
        model=network,
        groups=parameter_groups(network.stages, network.classifier, settings.optimisation),
        steps_per_epoch=len(images.batches(0, settings.optimisation.batch_size)),
        batches=partial(process_batches, images, settings.optimisation, runtime),
        loss=partial(_loss, accelerator.device),
        begin_epoch=partial(_begin_epoch, network, settings),
        end_epoch=partial(_end_epoch, classifier, held_out, settings, folder, accelerator),
    )
    fit(task, settings.optimisation, folder, runtime, seed=seed)
    # A training that had nothing left to do has begun no epoch, but its maps are those of the last stage all the same.
    _begin_epoch(network, settings, settings.optimisation.epochs - 1)
    if accelerator.is_main_process:
        save_classifier(folder / MODEL, classifier)
    accelerator.wait_for_everyone()
    return folder / MODEL


def check_classifier(dataset: Dataset, settings: ClassifierSettings, runtime: Runtime, *, seed: int) -> PatchNetwork:
    """The network before its first step, if everything is as training needs it.

    Raises:
        PatchlearnError: as `train_classifier`.
    """
    samples, held_out = _held_out(dataset, settings, seed)
    check_optimisation(settings.optimisation, "classifier")
    _check(settings, samples, held_out, runtime.accelerator)
    with seeded(seed, "weights"):
        return _create_network(settings, len(dataset.classes))


def mean_average_precision(scores: Tensor, labels: Tensor) -> float:
    """Mean over classes of the area under the precision–recall curve; classes without a positive are skipped.

    Args:
        scores: N×K, higher is surer.
        labels: N×K of 0 and 1.

    >>> mean_average_precision(torch.tensor([[3.0], [2.0], [1.0]]), torch.tensor([[1], [0], [1]]))  # (1 + 2/3) / 2
    0.8333333...
    """
    order = scores.argsort(dim=0, descending=True, stable=True)
    hits = labels.gather(0, order).double()
    ranks = torch.arange(1, len(hits) + 1, dtype=torch.double)[:, None]
    precision = hits.cumsum(0) / ranks
    present = hits.sum(0) > 0
    average = (precision * hits).sum(0)[present] / hits.sum(0)[present]
    return float(average.mean()) if present.any() else float("nan")


def multi_hot(labels: Iterable[int], classes: int) -> Tensor:
    """K floats: 1 for every label.

    >>> multi_hot([0, 2], 3)
    tensor([1., 0., 1.])
    """
    target = torch.zeros(classes)
    target[list(labels)] = 1.0
    return target


def stage_of_epoch(epoch: int, epochs: int, stages: int) -> int:
    """Which stage of training an epoch belongs to: every stage gets an equal share, in order.

    >>> [stage_of_epoch(epoch, epochs=5, stages=2) for epoch in range(5)]
    [0, 0, 0, 1, 1]
    """
    return epoch * stages // epochs


class _LabelledImages(EpochImages):
    """Augmented images with their labels; what is drawn depends on (seed, epoch, index) alone."""

    def __init__(
        self, samples: Sequence[Sample], classes: int, augment: AugmentSettings, network: PatchNetwork, seed: int
    ):
        super().__init__(samples, seed)
        self.classes = classes
        self.transform = TrainingTransform(augment, network.stages.mean, network.stages.std)

    def __getitem__(self, place: tuple[int, int]) -> tuple[Tensor, Tensor]:
        epoch, index = place
        sample = self.samples[index]
        image = read_image(sample.image)
        with seeded(self.seed, "augment", epoch, index):
            return self.transform(image), multi_hot(sample.labels, self.classes)


def _loss(device: torch.device, model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
    images, labels = (tensor.to(device, non_blocking=True) for tensor in batch)
    logits = model(images.contiguous(memory_format=torch.channels_last))
    return F.multilabel_soft_margin_loss(logits.float(), labels)


def _begin_epoch(network: PatchNetwork, settings: ClassifierSettings, epoch: int) -> int:
    """Training mode, with frozen statistics left frozen; the progressive network moves to its next split."""
    network.train()
    kept = [network] if settings.freeze_statistics else list(network.stages)[: settings.frozen_stages]
    for module in itertools.chain.from_iterable(part.modules() for part in kept):
        if isinstance(module, BatchNorm):
            module.eval()
    if network.fusion != "progressive":
        return 0
    network.active_split = stage_of_epoch(epoch, settings.optimisation.epochs, len(network.splits))
    return network.active_split


def _end_epoch(
    classifier: Classifier,
    held_out: Sequence[Sample],
    settings: ClassifierSettings,
    folder: Path,
    accelerator: Accelerator,
    epoch: int,
) -> dict[str, float]:
    """The epoch's mAP on held-out images; its classifier is kept if that was asked for."""
    if settings.keep_epochs:
        save_classifier(folder / KEPT / f"{epoch}.safetensors", classifier)
    return {"map": mean_average_precision(*_predict(classifier.network, held_out, settings, accelerator))}


@torch.no_grad()
def _predict(
    network: PatchNetwork, samples: Sequence[Sample], settings: ClassifierSettings, accelerator: Accelerator
) -> tuple[Tensor, Tensor]:
    """N×K logits and labels of whole images."""
    network.eval()
    size, logits = settings.optimisation.batch_size, []
    for start in range(0, len(samples), size):
        batch = torch.stack(
            [_whole(sample, network, settings.augment.crop) for sample in samples[start : start + size]]
        )
        with accelerator.autocast():
            logits.append(network(_channels_last(batch, accelerator.device)).float().cpu())
    classes = network.classifier.out_channels
    return torch.cat(logits), torch.stack([multi_hot(sample.labels, classes) for sample in samples])


def _whole(sample: Sample, network: PatchNetwork, side: int) -> Tensor:
    return square(read_image(sample.image), side, network.stages.mean, network.stages.std)


def _channels_last(images: Tensor, device: torch.device) -> Tensor:
    return images.to(device).contiguous(memory_format=torch.channels_last)


def _create_network(settings: ClassifierSettings, classes: int) -> PatchNetwork:
    stages = create_stages(settings.backbone, settings.output_stride, settings.weights)
    if not 0 <= settings.frozen_stages <= len(stages):
        raise PatchlearnError(f"classifier.frozen_stages: {settings.frozen_stages}; choose 0 to {len(stages)}.")
    for index in range(settings.frozen_stages):
        stages[index].requires_grad_(False)
    network = PatchNetwork(
        stages,
        classes,
        settings.fusion,
        settings.splits,
        border=settings.border,
        detach=settings.detach,
        pooling_power=settings.pooling_power,
    )
    return channels_last(network)


def _held_out(dataset: Dataset, settings: ClassifierSettings, seed: int) -> tuple[list[Sample], list[Sample]]:
    """(training samples, held-out samples)."""
    samples = list(dataset.split(settings.train_split))
    if settings.held_out_split in dataset.splits:
        return samples, list(dataset.split(settings.held_out_split))
    generator = torch.Generator().manual_seed(seed_for(seed, "held out"))
    order = torch.randperm(len(samples), generator=generator).tolist()
    count = max(1, round(HELD_OUT_SHARE * len(samples)))
    return [samples[index] for index in sorted(order[count:])], [samples[index] for index in order[:count]]


def _check(
    settings: ClassifierSettings, samples: Sequence[Sample], held_out: Sequence[Sample], accelerator: Accelerator
) -> None:
    plan = settings.optimisation
    if not samples or not held_out:
        raise PatchlearnError(
            f"{len(samples)} images to train on and {len(held_out)} held out for mAP; at least one of each is needed. "
            "Add images, or name other splits with classifier.train_split and classifier.held_out_split."
        )
    if not any(sample.labels for sample in samples):
        raise PatchlearnError(f"split {settings.train_split!r}: no image has a label. Fill the labels and run again.")
    if settings.fusion == "progressive" and plan.epochs < len(settings.splits):
        raise PatchlearnError(
            f"classifier: {plan.epochs} epochs cannot be shared by {len(settings.splits)} splits. "
            f"Set classifier.optimisation.epochs to {len(settings.splits)} or more."
        )
    check_shares("classifier", len(samples), plan, accelerator)
