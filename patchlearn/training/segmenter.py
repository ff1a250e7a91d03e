"""Step 5: train a segmentation network on pseudo masks, or, as a reference, on true ones."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from rich.console import Console
from torch import Tensor, nn
from torch.nn import functional as F

from patchlearn.core.errors import PatchlearnError, require_one_of
from patchlearn.core.masks_io import write_mask
from patchlearn.core.runtime import Runtime, place, seeded, share, write_missing
from patchlearn.core.types import BACKGROUND, IGNORE, Sample, UInt8
from patchlearn.data.images import read_image, read_indices
from patchlearn.data.transforms import AugmentSettings, MaskedTransform
from patchlearn.evaluate.judge import require_classes
from patchlearn.inference.segmenter import (
    MODEL,
    InferenceSettings,
    Segmenter,
    check_inference,
    load_segmenter,
    save_segmenter,
)
from patchlearn.models.segmentation import OUTPUT_STRIDES, SegmentationNetwork
from patchlearn.training.batches import LabelledPixels, channels_last, check_shares, process_batches
from patchlearn.training.classifier import multi_hot
from patchlearn.training.ema import MovingAverage
from patchlearn.training.loop import Task, fit
from patchlearn.training.noisy_labels import LOSSES, corrected
from patchlearn.training.optimisation import Optimisation, check_optimisation, parameter_groups

VERSION = 2  # of what the same settings learn; part of the key of what is written


LABELS = ("all", "sure")


COLLAPSED = 0.02  # of the labelled object pixels: a network that finds fewer sees background everywhere


FIRST_STEPS = 200  # in which any network may see background everywhere


ReadLabels = Callable[[Sample], UInt8]


@dataclass(frozen=True, kw_only=True)
class NoiseSettings:
    """What is done about labels that are wrong; true masks are learned without any of it.

    The defaults are what was best of what was measured (docs/experiments.md, 2026-11-23).

    Args:
        labels: "sure" (only pixels of which `pseudo.sure` is sure), or "all".
        loss: "cross_entropy", "balanced" (DSRG), "bootstrapped" (Reed et al.) or "generalised" (Zhang & Sabuncu).
        correct_from: share of the epochs after which the average of the weights, as a teacher, corrects labels that
            it is sure are wrong; 1 for never.
        confidence: probability from which the teacher is believed.
        rounds: trainings one after another; each but the first learns from what the one before says about the
            training images, given their tags. A second one gained on labels of all pixels, and nothing on sure ones.
        relabel_crf: the dense CRF after it, see `InferenceSettings`.
        undecided: pixels whose most probable label is less probable than this are left out of the next round.
    """

    labels: str = "sure"
    loss: str = "cross_entropy"
    correct_from: float = 0.25
    confidence: float = 0.8
    rounds: int = 1
    relabel_crf: str = "segmenter"
    undecided: float = 0.8


@dataclass(frozen=True, kw_only=True)
class SegmenterSettings:
    """The segmentation network and how it is trained.

    Args:
        head: "deeplabv3plus", "deeplabv2" (on resnet101, the field's own), "fpn", "segformer", "unet" or "upernet".
        backbone: a timm architecture.
        weights: null, "hub", "demo" or the path of a timm state dict; ImageNet's, as the field starts.
        output_stride: of the encoder; null for the head's own habit.
        freeze_statistics: the encoder's batch norm keeps its pretrained statistics (DeepLab).
        average: share of the moving average of the weights that is kept at each step; what is saved is the average.
        noise: what is done about labels that are wrong.
        train_split: whose masks are learned.
        splits: of which splits the segmenter's masks are written, and judged; null for "val", if the data has it.
        augment: crop, sizes and colours of the images.
        optimisation: of encoder and, faster, head.
        inference: how images are segmented; kept with the model.
    """

    head: str = "deeplabv3plus"
    backbone: str = "resnet50"
    weights: str | None = "hub"
    output_stride: int | None = None
    freeze_statistics: bool = True
    average: float = 0.99
    noise: NoiseSettings = field(default_factory=NoiseSettings)
    train_split: str = "train"
    splits: tuple[str, ...] | None = None
    augment: AugmentSettings = field(default_factory=AugmentSettings)
    optimisation: Optimisation = field(default_factory=Optimisation)
    inference: InferenceSettings = field(default_factory=InferenceSettings)


def train_segmenter(
    samples: Sequence[Sample],
    read_labels: ReadLabels,
    classes: tuple[str, ...],
    settings: SegmenterSettings,
    folder: Path,
    runtime: Runtime,
    *,
    seed: int,
) -> Path:
    """Train on masks, round after round, and write `folder/model.safetensors`; resumes where it was killed.

    Args:
        samples: the images; their tags say which classes a corrected label may have.
        read_labels: sample → H×W mask: 0 background, i + 1 class i, 255 not learned from.
        classes: the K names.
        settings: network and training.
        folder: where the model, its state and its log are written; earlier rounds stand in `round-N/` below.
        runtime: device, precision, processes and threads.
        seed: of new weights, order and augmentation.

    Raises:
        PatchlearnError: a wrong setting; masks that are missing, do not fit, or hold no object; or a network that
            finds nothing but background.
    """
    check_segmenter(settings)
    check_batch(samples, settings, runtime.accelerator)
    check_labels(samples, read_labels, classes, runtime.console)
    for number in range(1, settings.noise.rounds):
        earlier = folder / f"round-{number}"
        if not (earlier / MODEL).exists():
            _train_once(samples, read_labels, classes, settings, earlier, runtime, seed)
        masks = earlier / "labels"
        model = load_segmenter(earlier / MODEL)
        mine = share(samples, runtime.accelerator)
        write_masks(mine, model, masks, runtime, _relabel_settings(settings), tagged=True)
        runtime.accelerator.wait_for_everyone()
        read_labels = partial(read_mask_of, masks)
    _train_once(samples, read_labels, classes, settings, folder, runtime, seed)
    return folder / MODEL


def _relabel_settings(settings: SegmenterSettings) -> InferenceSettings:
    return replace(settings.inference, crf=settings.noise.relabel_crf, undecided=settings.noise.undecided)


def _train_once(
    samples: Sequence[Sample],
    read_labels: ReadLabels,
    classes: tuple[str, ...],
    settings: SegmenterSettings,
    folder: Path,
    runtime: Runtime,
    seed: int,
) -> None:
    accelerator = runtime.accelerator
    with seeded(seed, "segmenter"):
        network = create_network(settings, len(classes), settings.weights)
    model = channels_last(_Learner(network, settings.average))
    transform = MaskedTransform(settings.augment, network.mean, network.std)
    images = _TaggedPixels(samples, read_labels, transform, seed, classes=len(classes))
    trainee = _Trainee(network, model, settings, accelerator, folder)
    task = Task(
        title=f"train {settings.head} {folder.parent.name}",
        model=model,
        groups=parameter_groups(network.encoder, network.decoder, settings.optimisation),
        steps_per_epoch=len(images.batches(0, settings.optimisation.batch_size)),
        batches=partial(process_batches, images, settings.optimisation, runtime),
        loss=trainee.loss,
        begin_epoch=trainee.begin_epoch,
        end_epoch=lambda epoch: trainee.validate(),
    )
    fit(task, settings.optimisation, folder, runtime, seed=seed)
    model.update()  # with the last step
    if accelerator.is_main_process:
        average = model.average
        assert isinstance(average, SegmentationNetwork)
        save_segmenter(folder / MODEL, Segmenter(network=average, classes=classes, settings=settings.inference))
    accelerator.wait_for_everyone()


def create_network(settings: SegmenterSettings, classes: int, weights: str | None) -> SegmentationNetwork:
    """The network that the settings describe.

    Raises:
        PatchlearnError: there is no such network, or no such weights.
    """
    return SegmentationNetwork(settings.backbone, settings.head, classes, settings.output_stride, weights)


class _Learner(MovingAverage):
    """The network in training and its teacher; with how many pixels of objects it found in this epoch, and should."""

    objects: Tensor

    def __init__(self, network: nn.Module, decay: float):
        super().__init__(network, decay)
        self.register_buffer("objects", torch.zeros(2, dtype=torch.long))


class _Trainee:
    """What is done with the network in every step and epoch."""

    def __init__(
        self,
        network: SegmentationNetwork,
        model: _Learner,
        settings: SegmenterSettings,
        accelerator: Accelerator,
        folder: Path,
    ):
        self.network, self.model, self.settings, self.folder = network, model, settings, folder
        self.accelerator = accelerator
        self.epoch = 0

    def begin_epoch(self, epoch: int) -> int:
        """Training mode; the average, and frozen statistics, stay as they are."""
        self.epoch = epoch
        self.network.train()
        if self.settings.freeze_statistics:
            self.network.freeze_statistics()
        return int(self._teaches)

    def loss(self, model: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
        """Of one batch of images, labels and tags."""
        device = self.accelerator.device
        images, labels, present = (tensor.to(device, non_blocking=True) for tensor in batch)
        images = images.contiguous(memory_format=torch.channels_last)
        self.model.update()
        if self._teaches:
            labels = self._corrected(images, labels, present)
        logits = _enlarged(model(images), labels)
        self._count(logits, labels)
        return LOSSES[self.settings.noise.loss](logits, labels, self._share_of_everybody)

    def _share_of_everybody(self, pixels: Tensor) -> Tensor:
        """Gradients are averaged over the processes, so each divides by an equal part of the whole batch's pixels."""
        everybody: Any = self.accelerator.reduce(pixels, "sum")
        shared: Tensor = everybody / self.accelerator.num_processes
        return shared

    def validate(self) -> dict[str, float]:
        """Object pixels found ÷ labelled, in training; none of either is a collapse."""
        found, labelled = self.model.objects.tolist()
        self.model.objects.zero_()  # here, since a training that goes on in the middle of an epoch begins it anew
        share_found = found / max(labelled, 1)
        if share_found < COLLAPSED and labelled and int(self.model.steps) >= FIRST_STEPS:
            raise PatchlearnError(
                f"{self.folder}: the network collapsed to background: in epoch {self.epoch + 1} it marked "
                f"{found} pixels as objects where its labels have {labelled}. Lower "
                "segmenter.optimisation.learning_rate, set segmenter.noise.loss to balanced, or look at the masks."
            )
        return {"objects_found": share_found}

    @property
    def _teaches(self) -> bool:
        return self.epoch >= self.settings.noise.correct_from * self.settings.optimisation.epochs

    @torch.no_grad()
    def _corrected(self, images: Tensor, labels: Tensor, present: Tensor) -> Tensor:
        probabilities = _enlarged(self.model.average(images), labels).softmax(1)
        return corrected(labels, probabilities, present, self.settings.noise.confidence)

    @torch.no_grad()
    def _count(self, logits: Tensor, labels: Tensor) -> None:
        known = labels != IGNORE
        self.model.objects[0] += ((logits.argmax(1) != BACKGROUND) & known).sum()
        self.model.objects[1] += ((labels != BACKGROUND) & known).sum()


class _TaggedPixels(LabelledPixels):
    """Augmented images, their labels and their tags."""

    def __init__(
        self,
        samples: Sequence[Sample],
        read_labels: ReadLabels,
        transform: MaskedTransform,
        seed: int,
        *,
        classes: int,
    ):
        super().__init__(samples, read_labels, transform, seed, purpose="segmenter")
        self.classes = classes

    def __getitem__(self, place: tuple[int, int]) -> tuple[Tensor, ...]:
        """(3×crop×crop image, crop×crop labels, K tags)."""
        return (*super().__getitem__(place), multi_hot(self.samples[place[1]].labels, self.classes))


def read_mask_of(folder: Path, sample: Sample) -> UInt8:
    """H×W: the mask that an earlier step wrote of a sample."""
    return read_indices(folder / f"{sample.id}.png")


def _enlarged(logits: Tensor, labels: Tensor) -> Tensor:
    """B×C×H×W, at the size of the labels."""
    return F.interpolate(logits.float(), labels.shape[-2:], mode="bilinear", align_corners=False)


def write_masks(
    samples: Sequence[Sample],
    segmenter: Segmenter,
    folder: Path,
    runtime: Runtime,
    settings: InferenceSettings | None = None,
    *,
    tagged: bool = False,
) -> None:
    """Write `folder/ID.png`, the segmenter's mask, for every sample that has none yet.

    Args:
        samples: the images.
        segmenter: a trained one; it is moved to the accelerator's device.
        folder: for the masks.
        runtime: device, precision and threads.
        settings: how images are segmented; None for the segmenter's own way.
        tagged: only classes that a sample's tags name may occur.

    Raises:
        PatchlearnError: an image cannot be read, or a setting is out of range.
    """
    accelerator = runtime.accelerator
    place(segmenter.network, accelerator.device)

    def write(sample: Sample, path: Path) -> None:
        present = sample.labels if tagged else None
        with accelerator.autocast():
            mask = segmenter.predict(read_image(sample.image), settings, present)
        write_mask(path, mask)

    title = f"segment {folder.parent.parent.name} {folder.name}"
    write_missing(samples, lambda sample: folder / f"{sample.id}.png", write, title=title, runtime=runtime)


def check_segmenter(settings: SegmenterSettings) -> None:
    """Raise `PatchlearnError`, naming the setting, unless every one is an option or in range."""
    require_one_of("segmenter.head", settings.head, OUTPUT_STRIDES)
    noise = settings.noise
    require_one_of("segmenter.noise.labels", noise.labels, LABELS)
    require_one_of("segmenter.noise.loss", noise.loss, LOSSES)
    shares = {
        "average": settings.average,
        "noise.correct_from": noise.correct_from,
        "noise.confidence": noise.confidence,
    }
    for name, value in shares.items():
        if not 0 <= value <= 1:
            raise PatchlearnError(f"segmenter.{name}: {value} is outside [0, 1].")
    if noise.rounds < 1:
        raise PatchlearnError(f"segmenter.noise.rounds: {noise.rounds}; at least one is needed.")
    for inference in (settings.inference, _relabel_settings(settings)):
        check_inference(inference)
    check_optimisation(settings.optimisation, "segmenter")


def true_labels_only(settings: SegmenterSettings) -> SegmenterSettings:
    """The same network and training for masks that are not noisy: the fully supervised reference."""
    return replace(settings, noise=NoiseSettings(labels="all", correct_from=1.0, rounds=1))


def check_labels(samples: Sequence[Sample], read_labels: ReadLabels, classes: Sequence[str], console: Console) -> None:
    """Read every mask before time is spent on training; a class without a single pixel is said on the console.

    Raises:
        PatchlearnError: a mask that is missing or damaged, a value that is no class, or no object in any.
    """
    counts = np.zeros(256, np.int64)
    for sample in samples:
        labels = read_labels(sample)
        require_classes(labels, len(classes), f"mask of {sample.id!r}")
        counts += np.bincount(labels.ravel(), minlength=256)
    objects = counts[BACKGROUND + 1 : len(classes) + 1]
    if not objects.any():
        raise PatchlearnError(
            f"segmenter: not one of {len(samples)} masks marks an object; the network would learn that all is "
            "background. Look at the masks, and at the background rule that made them."
        )
    unseen = [name for name, count in zip(classes, objects) if not count]
    if unseen:
        console.print(f"no mask has a pixel of {', '.join(unseen)}: the segmenter will not know it", markup=False)


def check_batch(samples: Sequence[Sample], settings: SegmenterSettings, accelerator: Accelerator) -> None:
    """Raise `PatchlearnError` unless every process has a share of every batch that the network can learn from."""
    if not samples:
        raise PatchlearnError(f"split {settings.train_split!r}: no image to train the segmenter on. Add images.")
    batch = min(settings.optimisation.batch_size, len(samples))
    if batch < 2 * accelerator.num_processes:
        raise PatchlearnError(
            f"segmenter: {batch} images per step on {accelerator.num_processes} processes; the head's batch norm needs "
            "two for each. Raise segmenter.optimisation.batch_size, or add images."
        )
    check_shares("segmenter", len(samples), settings.optimisation, accelerator)
