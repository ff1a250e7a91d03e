"""Train a classifier's head alone: the backbone is frozen, and its features are computed once.

A plain classifier scores the mean of the features over an image. So training reads one vector of every view, and
thousands of steps take seconds. Views are whole images at the scales of the maps, without augmentation.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

import torch
from accelerate.utils import gather_object
from torch import Tensor, nn

from patchlearn.core.parallel import results_of, shard
from patchlearn.core.run_folder import MODEL
from patchlearn.core.runtime import Runtime, to_device
from patchlearn.core.types import Dataset, Sample
from patchlearn.data.images import read_image
from patchlearn.maps.features import features_of_views
from patchlearn.maps.settings import CamSettings
from patchlearn.models.classifier import Classifier, save_classifier
from patchlearn.models.patch_network import PatchNetwork
from patchlearn.models.views import ViewFeatures
from patchlearn.training.batches import EpochImages, process_batches, repeated, tags_of
from patchlearn.training.classifier import check_classifier, held_out_samples, mean_average_precision, tag_loss
from patchlearn.training.loop import Task, fit
from patchlearn.training.optimisation import parameter_groups
from patchlearn.training.settings import ClassifierSettings

Stored = Callable[[Sample], Sequence[ViewFeatures] | None]


def train_head(
    dataset: Dataset,
    settings: ClassifierSettings,
    cams: CamSettings,
    folder: Path,
    runtime: Runtime,
    *,
    seed: int,
    stored: Stored | None = None,
    title: str = "",
) -> Path:
    """Train the 1×1 classifier of a frozen backbone and write `folder/model.safetensors`, as `train_classifier` does.

    Args:
        dataset: images with labels; masks are not read.
        settings: network and training; `augment` is not used.
        cams: the scales at which every image is read.
        folder: where the model, its state and its logs are written.
        runtime: device, precision and processes.
        seed: of new weights and of the order.
        stored: a sample → its features at these scales, where they were computed before.
        title: shown beside the progress bars.

    Raises:
        PatchlearnError: as `train_classifier`.
    """
    network = check_classifier(dataset, settings, runtime, seed=seed)
    samples, held_out = held_out_samples(dataset, settings, seed)
    classifier = Classifier(network=to_device(network.eval(), runtime.accelerator.device), classes=dataset.classes)
    read = partial(_pooled_views, network, cams, runtime)
    vectors = _of_all(samples, partial(read, stored), f"{title}, features", runtime)
    known = stored if settings.held_out_split not in dataset.splits else None  # they are a part of the same images
    judges = _Judges(_of_all(held_out, partial(read, known), f"{title}, held-out images", runtime), held_out, network)
    images = _PooledImages(repeated(samples, settings.optimisation), vectors, len(dataset.classes), seed)
    head = _Head(network.classifier)
    task = Task(
        title=title or "train head",
        model=head,
        groups=parameter_groups(nn.Identity(), head, settings.optimisation),
        steps_per_epoch=len(images.batches(0, settings.optimisation.batch_size)),
        batches=partial(process_batches, images, settings.optimisation, runtime),
        loss=partial(_loss, runtime.accelerator.device),
        begin_epoch=lambda epoch: 0,
        end_epoch=lambda epoch: {"map": judges.mean_average_precision(network.classifier)},
    )
    fit(task, settings.optimisation, folder, runtime, seed=seed)
    if runtime.accelerator.is_main_process:
        save_classifier(folder / MODEL, classifier)
    runtime.accelerator.wait_for_everyone()
    return folder / MODEL


class _Head(nn.Module):
    """B×V×C vectors of V views → B×V×K logits."""

    def __init__(self, classifier: nn.Module):
        super().__init__()
        self.classifier = classifier

    def forward(self, vectors: Tensor) -> Tensor:
        logits: Tensor = self.classifier(vectors.flatten(0, 1)[..., None, None])
        return logits.flatten(1).unflatten(0, vectors.shape[:2])


class _PooledImages(EpochImages):
    """The vectors of an image's views, its labels, and which classes were judged."""

    def __init__(self, samples: Sequence[Sample], vectors: Tensor, classes: int, seed: int):
        super().__init__(samples, seed)
        self.vectors, self.classes = vectors, classes

    def __getitem__(self, place: tuple[int, int]) -> tuple[Tensor, Tensor, Tensor]:
        _, index = place  # small data sets are passed over several times in each epoch
        return self.vectors[index % len(self.vectors)], *tags_of(self.samples[index], self.classes)


class _Judges:
    """The held-out images: their vectors, labels, and which classes were judged."""

    def __init__(self, vectors: Tensor, samples: Sequence[Sample], network: PatchNetwork):
        classes = network.classifier.out_channels
        labels, judged = zip(*(tags_of(sample, classes) for sample in samples), strict=True)
        self.vectors, self.labels, self.judged = vectors, torch.stack(labels), torch.stack(judged)

    @torch.no_grad()
    def mean_average_precision(self, classifier: nn.Module) -> float:
        """Of the mean logit over the views."""
        device = next(classifier.parameters()).device
        logits = _Head(classifier)(self.vectors.to(device)).mean(1).float().cpu()
        return mean_average_precision(logits, self.labels, self.judged)


def _of_all(samples: Sequence[Sample], read: Callable[[Sample], Tensor], title: str, runtime: Runtime) -> Tensor:
    """N×V×C, in the order of the samples; each process reads its part."""
    places = range(len(samples))
    mine = shard(places, runtime.accelerator)
    vectors = results_of([samples[place] for place in mine], read, title, runtime.threads, runtime.console)
    pairs: Iterable[tuple[int, Tensor]] = zip(mine, vectors, strict=True)
    if runtime.accelerator.num_processes > 1:
        pairs = gather_object(list(pairs))
    return torch.stack([vector for _, vector in sorted(pairs, key=lambda pair: pair[0])])


@torch.no_grad()
def _pooled_views(
    network: PatchNetwork, cams: CamSettings, runtime: Runtime, stored: Stored | None, sample: Sample
) -> Tensor:
    """V×C: the pooled features of every view of a sample, on the CPU."""
    views = stored(sample) if stored else None
    with runtime.accelerator.autocast():
        features = features_of_views(network, read_image(sample.image), cams, views)
        vectors = [network.pooled(view.features).flatten(1) for view in features]
    return torch.cat(vectors).float().cpu()


def _loss(device: torch.device, model: nn.Module, batch: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    vectors, labels, judged = (tensor.to(device, non_blocking=True) for tensor in batch)
    logits = model(vectors).float()
    views = logits.shape[1]
    return tag_loss(logits.flatten(0, 1), labels.repeat_interleave(views, 0), judged.repeat_interleave(views, 0))
