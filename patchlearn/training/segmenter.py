"""Train a segmentation network on masks, pseudo or true ones."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from rich.console import Console
from torch import Tensor, nn
from torch.nn import functional as F

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.run_folder import MODEL
from patchlearn.core.runtime import Runtime
from patchlearn.core.seeds import Stream, seeded
from patchlearn.core.types import BACKGROUND, IGNORE, Sample, Sizes, UInt8
from patchlearn.data.transforms import MaskedTransform
from patchlearn.evaluate.confusions import require_classes
from patchlearn.inference.masks import read_mask_of, write_masks
from patchlearn.inference.segmenter import Segmenter, load_segmenter, save_segmenter
from patchlearn.inference.settings import InferenceSettings
from patchlearn.models.segmentation import SegmentationNetwork
from patchlearn.models.settings import HEAD_STRIDES, POOLING_HEADS
from patchlearn.training.batch_norm import check_one_image
from patchlearn.training.batches import LabelledPixels, channels_last, check_shards, process_batches, repeated, tags_of
from patchlearn.training.ema import MovingAverage
from patchlearn.training.loop import Task, fit
from patchlearn.training.noisy_labels import LOSSES, corrected
from patchlearn.training.optimisation import parameter_groups
from patchlearn.training.settings import SegmenterSettings
from patchlearn.training.size_loss import bounds_in_view, has_bounds, size_loss

COLLAPSED = 0.02  # share of the labelled object pixels; a network that finds fewer has collapsed to background
FIRST_STEPS = 200  # in which any network may predict background everywhere
ReadLabels = Callable[[Sample], UInt8]


def train_segmenter(
    samples: Sequence[Sample],
    read_labels: ReadLabels,
    classes: tuple[str, ...],
    settings: SegmenterSettings,
    folder: Path,
    runtime: Runtime,
    *,
    seed: int,
    title: str = "",
    sizes: Sizes = (),
) -> Path:
    """Train on masks, round after round, and write `folder/model.safetensors`; resumes where it was killed.

    Args:
        samples: the images; a corrected label is one of their tags, and no class that nobody judged.
        read_labels: sample → H×W mask: 0 background, i + 1 class i, 255 not learned from.
        classes: the K names.
        settings: network and training.
        folder: where the model, its state and its log are written; earlier rounds stand in `round-N/` below.
        runtime: device, precision, processes and threads.
        seed: of new weights, order and augmentation.
        title: shown beside the progress bars; the head by default.
        sizes: how large each class usually is; () where nothing is known.

    Raises:
        PatchlearnError: masks that are missing, do not fit, or hold no object; or a network that
            finds nothing but background.
    """
    title = title or settings.head
    check_batch(samples, settings, runtime.accelerator)
    check_labels(samples, read_labels, classes, runtime.console)
    for number in range(1, settings.noise.rounds):
        earlier = folder / f"round-{number}"
        if not (earlier / MODEL).exists():
            words = f"train {title}, round {number}"
            _train_once(samples, read_labels, classes, settings, earlier, runtime, seed, words, sizes)
        masks, model = earlier / "labels", load_segmenter(earlier / MODEL)
        relabel = _relabel_settings(settings)
        write_masks(samples, model, masks, runtime, relabel, tagged=True, title=f"labels {title}, round {number}")
        read_labels = partial(read_mask_of, masks)
    _train_once(samples, read_labels, classes, settings, folder, runtime, seed, f"train {title}", sizes)
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
    title: str,
    sizes: Sizes,
) -> None:
    accelerator = runtime.accelerator
    with seeded(seed, Stream.SEGMENTER_WEIGHTS):
        network = create_segmentation_network(settings, len(classes))
    model = channels_last(_NetworkAndTeacher(network, settings.average))
    transform = MaskedTransform(settings.augment, network.mean, network.std)
    seen = repeated(samples, settings.optimisation)
    sizes = sizes if settings.size_weight and has_bounds(sizes) else ()
    view = transform.with_extent if sizes else transform
    images = _TaggedPixels(seen, read_labels, view, seed, classes=len(classes))
    course = _Course(network, model, settings, accelerator, folder, sizes)
    task = Task(
        title=title,
        model=model,
        groups=parameter_groups(network.encoder, network.decoder, settings.optimisation),
        steps_per_epoch=len(images.batches(0, settings.optimisation.batch_size)),
        batches=partial(process_batches, images, settings.optimisation, runtime),
        loss=course.loss,
        begin_epoch=course.begin_epoch,
        end_epoch=lambda epoch: course.validate(),
    )
    fit(task, settings.optimisation, folder, runtime, seed=seed)
    model.update()  # with the last step
    if accelerator.is_main_process:
        average = model.average
        assert isinstance(average, SegmentationNetwork)
        save_segmenter(folder / MODEL, Segmenter(network=average, classes=classes, settings=settings.inference))
    accelerator.wait_for_everyone()


def create_segmentation_network(settings: SegmenterSettings, classes: int) -> SegmentationNetwork:
    """The network that the settings describe, before its first step.

    Raises:
        PatchlearnError: there is no such network, or no such weights.
    """
    return SegmentationNetwork(settings.backbone, settings.head, classes, settings.output_stride, settings.weights)


class _NetworkAndTeacher(MovingAverage):
    """The network in training and its moving average, with counts of object pixels in this epoch: found, labelled."""

    objects: Tensor

    def __init__(self, network: nn.Module, decay: float):
        super().__init__(network, decay)
        self.register_buffer("objects", torch.zeros(2, dtype=torch.long))


class _Course:
    """What happens in every step and epoch of one training."""

    def __init__(
        self,
        network: SegmentationNetwork,
        model: _NetworkAndTeacher,
        settings: SegmenterSettings,
        accelerator: Accelerator,
        folder: Path,
        sizes: Sizes = (),
    ):
        self.network, self.model, self.settings, self.folder = network, model, settings, folder
        self.accelerator, self.sizes = accelerator, sizes
        self.epoch = 0

    def begin_epoch(self, epoch: int) -> int:
        """Training mode; the average, and frozen statistics, stay as they are."""
        self.epoch = epoch
        self.network.train()
        if self.settings.freeze_statistics:
            self.network.freeze_statistics()
        return int(self._teaches)

    def loss(self, model: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
        """The loss of one batch of `_TaggedPixels`."""
        device = self.accelerator.device
        images, labels, *extent, present, judged = (tensor.to(device, non_blocking=True) for tensor in batch)
        images = images.contiguous(memory_format=torch.channels_last)
        self.model.update()
        if self._teaches:
            labels = self._corrected(images, labels, present, judged)
        logits = _enlarged(model(images), labels)
        self._count(logits, labels)
        loss = LOSSES[self.settings.noise.loss](logits, labels, self._equal_part)
        return loss + self._size_penalty(logits, present, *extent) if self.sizes else loss

    def _size_penalty(self, logits: Tensor, present: Tensor, within: Tensor, pixels: Tensor) -> Tensor:
        bounds = bounds_in_view(self.sizes, within, pixels)
        return self.settings.size_weight * size_loss(logits, present, within, bounds)

    def _equal_part(self, pixels: Tensor) -> Tensor:
        """Gradients are averaged over the processes. Each divides by an equal part of the whole batch's pixels."""
        total: Any = self.accelerator.reduce(pixels, "sum")
        part: Tensor = total / self.accelerator.num_processes
        return part

    def validate(self) -> dict[str, float]:
        """Object pixels found ÷ labelled, in training; a network that finds next to none has collapsed."""
        found, labelled = self.model.objects.tolist()
        self.model.objects.zero_()  # here: a resumed training begins the epoch in which it was killed a second time
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
    def _corrected(self, images: Tensor, labels: Tensor, present: Tensor, judged: Tensor) -> Tensor:
        probabilities = _enlarged(self.model.average(images), labels).softmax(1)
        return corrected(labels, probabilities, present, self.settings.noise.confidence, judged)

    @torch.no_grad()
    def _count(self, logits: Tensor, labels: Tensor) -> None:
        known = labels != IGNORE
        self.model.objects[0] += ((logits.argmax(1) != BACKGROUND) & known).sum()
        self.model.objects[1] += ((labels != BACKGROUND) & known).sum()


class _TaggedPixels(LabelledPixels):
    """Augmented images, their labels, their tags, and which classes were judged."""

    def __init__(
        self,
        samples: Sequence[Sample],
        read_labels: ReadLabels,
        transform: Callable[[UInt8, UInt8], tuple[Tensor, ...]],
        seed: int,
        *,
        classes: int,
    ):
        super().__init__(samples, read_labels, transform, seed, stream=Stream.SEGMENTER_AUGMENT)
        self.classes = classes

    def __getitem__(self, place: tuple[int, int]) -> tuple[Tensor, ...]:
        """(what the transform gives: image, labels, …; K tags, K bools: False where nobody judged the class)."""
        return (*super().__getitem__(place), *tags_of(self.samples[place[1]], self.classes))


def _enlarged(logits: Tensor, labels: Tensor) -> Tensor:
    """B×C×H×W, at the size of the labels."""
    return F.interpolate(logits.float(), labels.shape[-2:], mode="bilinear", align_corners=False)


def check_labels(samples: Sequence[Sample], read_labels: ReadLabels, classes: Sequence[str], console: Console) -> None:
    """Read every mask before the training; a class without a single pixel is named on the console.

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
            f"segmenter: none of the {len(samples)} masks has an object pixel, and the network would learn background "
            "alone. Look at the masks, and at the background rule that made them."
        )
    unseen = [name for name, count in zip(classes, objects) if not count]
    if unseen:
        console.print(f"no mask has a pixel of {', '.join(unseen)}: the segmenter cannot learn it", markup=False)


def check_batch(samples: Sequence[Sample], settings: SegmenterSettings, accelerator: Accelerator) -> None:
    """Raise `PatchlearnError` unless the processes can share every batch, and the network can learn from their parts.

    Batch norm cannot learn from one image where it reads a map of 1×1 cells.
    """
    if not samples:
        raise PatchlearnError(f"split {settings.train_split!r}: no image to train the segmenter on. Add images.")
    images = len(repeated(samples, settings.optimisation))
    check_shards("segmenter", images, settings.optimisation, accelerator)
    if min(settings.optimisation.batch_size, images) == accelerator.num_processes:
        network = create_segmentation_network(replace(settings, weights=None), classes=1).train()
        if settings.freeze_statistics:
            network.freeze_statistics()
        check_one_image("segmenter", network, settings.augment.crop, _other_heads(settings.head))


def _other_heads(head: str) -> str:
    """Advice for a head that does not learn from one image; nothing for one that does."""
    others = [name for name in HEAD_STRIDES if name not in POOLING_HEADS]
    return f"set segmenter.head to one of: {', '.join(others)}" if head in POOLING_HEADS else ""
