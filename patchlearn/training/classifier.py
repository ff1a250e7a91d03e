"""Train the classifier from image labels, stage by stage."""

import itertools
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm as BatchNorm

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.run_folder import MODEL
from patchlearn.core.runtime import Runtime
from patchlearn.core.seeds import Stream, seed_for, seeded
from patchlearn.core.types import Dataset, Sample
from patchlearn.data.images import read_image
from patchlearn.data.settings import AugmentSettings
from patchlearn.data.subset import held_out_places
from patchlearn.data.transforms import TrainingTransform, square
from patchlearn.models.backbones.create import create_stages
from patchlearn.models.classifier import Classifier, save_classifier
from patchlearn.models.patch_network import PatchNetwork
from patchlearn.training.batch_norm import check_one_image
from patchlearn.training.batches import EpochImages, channels_last, check_shards, process_batches, repeated, tags_of
from patchlearn.training.loop import Task, fit
from patchlearn.training.optimisation import parameter_groups
from patchlearn.training.settings import ClassifierSettings, check_shares

KEPT = "epochs"
HELD_OUT_SHARE = 0.1


def train_classifier(
    dataset: Dataset,
    settings: ClassifierSettings,
    folder: Path,
    runtime: Runtime,
    *,
    seed: int,
    title: str = "",
) -> Path:
    """Train on image labels alone and write `folder/model.safetensors`; resumes where an earlier call was killed.

    Args:
        dataset: images with labels; masks are not read.
        settings: network and training.
        folder: where the model, its state and its logs are written.
        runtime: device, precision and processes.
        seed: of new weights, order and augmentation.
        title: shown beside the progress bar; the fusion by default.

    Raises:
        PatchlearnError: too few images, no label, or a backbone that cannot be had.
    """
    network = check_classifier(dataset, settings, runtime, seed=seed)
    samples, held_out = held_out_samples(dataset, settings, seed)
    accelerator = runtime.accelerator
    classifier = Classifier(network=network, classes=dataset.classes)
    images = _LabelledImages(
        repeated(samples, settings.optimisation), len(dataset.classes), settings.augment, network, seed
    )
    task = Task(
        title=title or f"train {settings.fusion}",
        model=network,
        groups=parameter_groups(network.stages, network.classifier, settings.optimisation),
        steps_per_epoch=len(images.batches(0, settings.optimisation.batch_size)),
        batches=partial(process_batches, images, settings.optimisation, runtime),
        loss=partial(_loss, accelerator.device),
        begin_epoch=partial(_begin_epoch, network, settings),
        end_epoch=partial(_end_epoch, classifier, held_out, settings, folder, accelerator),
    )
    fit(task, settings.optimisation, folder, runtime, seed=seed)
    # A finished training that is resumed begins no epoch, and its network must still be at the last stage.
    _begin_epoch(network, settings, settings.optimisation.epochs - 1)
    if accelerator.is_main_process:
        save_classifier(folder / MODEL, classifier)
    accelerator.wait_for_everyone()
    return folder / MODEL


def check_classifier(dataset: Dataset, settings: ClassifierSettings, runtime: Runtime, *, seed: int) -> PatchNetwork:
    """The network before its first step, if images and settings are as training needs them.

    Raises:
        PatchlearnError: as `train_classifier`.
    """
    samples, held_out = held_out_samples(dataset, settings, seed)
    _check(settings, samples, held_out, runtime.accelerator)
    with seeded(seed, Stream.CLASSIFIER_WEIGHTS):
        network = _create_network(settings, len(dataset.classes))
    if min(settings.optimisation.batch_size, len(samples)) == runtime.accelerator.num_processes:
        _begin_epoch(network, settings, 0)
        check_one_image("classifier", network, settings.augment.crop)
    return network


def mean_average_precision(scores: Tensor, labels: Tensor, judged: Tensor | None = None) -> float:
    """Mean over classes of the area under the precision–recall curve; classes without a positive are skipped.

    Args:
        scores: N×K, higher is more probable.
        labels: N×K of 0 and 1.
        judged: N×K, False where nobody judged the class; each class is ranked over its judged images. None: all are.

    >>> mean_average_precision(torch.tensor([[3.0], [2.0], [1.0]]), torch.tensor([[1], [0], [1]]))  # (1 + 2/3) / 2
    0.8333333...
    """
    order = scores.argsort(dim=0, descending=True, stable=True)
    counted = torch.ones_like(scores, dtype=torch.double) if judged is None else judged.gather(0, order).double()
    hits = labels.gather(0, order).double() * counted
    ranks = counted.cumsum(0).clamp(min=1)
    precision = hits.cumsum(0) / ranks
    present = hits.sum(0) > 0
    average = (precision * hits).sum(0)[present] / hits.sum(0)[present]
    return float(average.mean()) if present.any() else float("nan")


def stage_of_epoch(epoch: int, epochs: int, stages: int) -> int:
    """Which stage of training an epoch belongs to: every stage gets an equal share, in order.

    >>> [stage_of_epoch(epoch, epochs=5, stages=2) for epoch in range(5)]
    [0, 0, 0, 1, 1]
    """
    return epoch * stages // epochs


class _LabelledImages(EpochImages):
    """Augmented images with their labels, and which classes were judged."""

    def __init__(
        self, samples: Sequence[Sample], classes: int, augment: AugmentSettings, network: PatchNetwork, seed: int
    ):
        super().__init__(samples, seed)
        self.classes = classes
        self.transform = TrainingTransform(augment, network.stages.mean, network.stages.std)

    def __getitem__(self, place: tuple[int, int]) -> tuple[Tensor, Tensor, Tensor]:
        epoch, index = place
        sample = self.samples[index]
        image = read_image(sample.image)
        with seeded(self.seed, Stream.CLASSIFIER_AUGMENT, epoch, index):
            return self.transform(image), *tags_of(sample, self.classes)


def tag_loss(logits: Tensor, labels: Tensor, judged: Tensor) -> Tensor:
    """The multi-label loss over the judged classes: their mean in each image, then the mean over all images.

    An image with one judged class counts as much as any other. One in which nothing was judged adds 0 to the sum; it
    still counts as an image, so that processes whose images differ average to the loss of the whole batch.

    Args:
        logits: B×K.
        labels: B×K of 0 and 1; where nobody judged the class, the value does not matter.
        judged: B×K, False where nobody judged the class.

    >>> tag_loss(torch.zeros(2, 2), torch.ones(2, 2), torch.tensor([[True, False], [False, False]])) * 2  # log 2 + 0
    tensor(0.6931)
    """
    costs = -(labels * F.logsigmoid(logits) + (1 - labels) * F.logsigmoid(-logits))
    return (torch.where(judged, costs, 0).sum(1) / judged.sum(1).clamp(min=1)).mean()


def _loss(device: torch.device, model: nn.Module, batch: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    is_complete = bool(batch[2].all())  # asked before the move: a GPU would have to be waited for
    images, labels, judged = (tensor.to(device, non_blocking=True) for tensor in batch)
    logits = model(images.contiguous(memory_format=torch.channels_last)).float()
    return F.multilabel_soft_margin_loss(logits, labels) if is_complete else tag_loss(logits, labels, judged)


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
    """The epoch's mAP on held-out images; its classifier is kept if the settings ask for it."""
    if settings.keep_epochs:
        save_classifier(folder / KEPT / f"{epoch}.safetensors", classifier)
    return {"map": mean_average_precision(*_predict(classifier.network, held_out, settings, accelerator))}


@torch.no_grad()
def _predict(
    network: PatchNetwork, samples: Sequence[Sample], settings: ClassifierSettings, accelerator: Accelerator
) -> tuple[Tensor, Tensor, Tensor]:
    """N×K logits and labels of whole images, and which of the labels were judged."""
    network.eval()
    size, logits = settings.optimisation.batch_size, []
    for start in range(0, len(samples), size):
        images = [_whole(sample, network, settings.augment.crop) for sample in samples[start : start + size]]
        batch = torch.stack(images).to(accelerator.device).contiguous(memory_format=torch.channels_last)
        with accelerator.autocast():
            logits.append(network(batch).float().cpu())
    classes = network.classifier.out_channels
    labels, judged = zip(*(tags_of(sample, classes) for sample in samples), strict=True)
    return torch.cat(logits), torch.stack(labels), torch.stack(judged)


def _whole(sample: Sample, network: PatchNetwork, side: int) -> Tensor:
    return square(read_image(sample.image), side, network.stages.mean, network.stages.std)


def _create_network(settings: ClassifierSettings, classes: int) -> PatchNetwork:
    stages = create_stages(settings.backbone, settings.output_stride, settings.weights)
    if settings.frozen_stages > len(stages):
        raise PatchlearnError(
            f"classifier.frozen_stages: {settings.frozen_stages}, but {settings.backbone} has {len(stages)} stages. "
            f"Choose 0 to {len(stages)}."
        )
    for index in range(len(stages) if settings.head_only else settings.frozen_stages):
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
    if network.fusion == "progressive":
        check_shares(settings.optimisation, len(network.splits))
    return channels_last(network)


def held_out_samples(dataset: Dataset, settings: ClassifierSettings, seed: int) -> tuple[list[Sample], list[Sample]]:
    """(training samples, held-out samples): those of `held_out_split`, or a tenth of the training split.

    No class loses its last image. Where every image is the last one of a class, one is learned from and judged as well:
    training needs a figure to write, and the log of so few images says little in any case.
    """
    samples = list(dataset.split(settings.train_split))
    if len(samples) == 1 and settings.held_out_split not in dataset.splits:
        return [], samples  # which is refused
    if settings.held_out_split in dataset.splits:
        return samples, list(dataset.split(settings.held_out_split))
    generator = torch.Generator().manual_seed(seed_for(seed, Stream.HELD_OUT))
    order = torch.randperm(len(samples), generator=generator).tolist()
    count = max(1, round(HELD_OUT_SHARE * len(samples)))
    places = held_out_places(order, [sample.labels for sample in samples], count)
    kept = [sample for index, sample in enumerate(samples) if index not in set(places)]
    return kept, [samples[index] for index in places or order[:1]]


def _check(
    settings: ClassifierSettings, samples: Sequence[Sample], held_out: Sequence[Sample], accelerator: Accelerator
) -> None:
    if not samples or not held_out:
        raise PatchlearnError(
            f"{len(samples)} images to train on and {len(held_out)} held out for mAP; at least one of each is needed. "
            "Add images, or name other splits with classifier.train_split and classifier.held_out_split."
        )
    if not any(sample.labels for sample in samples):
        raise PatchlearnError(f"split {settings.train_split!r}: no image has a label. Fill the labels and run again.")
    check_shards("classifier", len(repeated(samples, settings.optimisation)), settings.optimisation, accelerator)
