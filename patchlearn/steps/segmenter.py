"""Step 5: the segmentation network, trained on masks, and its own masks.

    RUN/VARIANT/segmenter/               model.safetensors, log.csv, epochs.csv, state.safetensors
    RUN/VARIANT/segmenter/round-N/       the same, of earlier rounds
    RUN/VARIANT/segmented/SPLIT/ID.png   its masks; classes.txt beside them

What learned from true masks, as the fully supervised reference, lies in segmenter-masks/ and segmented-masks/.
"""

from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from patchlearn.core.manifest import fingerprint
from patchlearn.core.run_folder import MODEL
from patchlearn.core.settings import NEW_IN_KEY, OUTSIDE_KEY, key_values
from patchlearn.inference.settings import InferenceSettings
from patchlearn.steps.data_splits import DataSplit, TrueMasks
from patchlearn.steps.pseudo_masks import SURE, WritePseudoMasks
from patchlearn.steps.step import Step
from patchlearn.training.settings import NoiseSettings, SegmenterSettings, true_labels_only

if TYPE_CHECKING:
    from patchlearn.core.pace import Estimate
    from patchlearn.core.runtime import Runtime
    from patchlearn.core.types import Sample, Sizes
    from patchlearn.inference.segmenter import Segmenter
    from patchlearn.training.segmenter import ReadLabels


@dataclass(frozen=True, eq=False)
class TrainSegmenter(Step):
    """Train on pseudo masks or, for the reference, on true ones.

    `inference` is stored with the model, and changes nothing that is learned.
    """

    verb: ClassVar[str] = "segment"
    help: ClassVar[str] = "Step 5: train a segmentation network on the masks, and segment new images with it."
    version: ClassVar[int] = 2
    is_training: ClassVar[bool] = True
    promised: ClassVar[tuple[str, ...]] = (MODEL, f"round-*/{MODEL}")

    settings: SegmenterSettings
    masks: WritePseudoMasks | TrueMasks
    seed: int
    inference: InferenceSettings = field(metadata=OUTSIDE_KEY)
    sizes: "Sizes" = field(default=(), metadata=NEW_IN_KEY)

    @property
    def name(self) -> str:  # type: ignore[override]
        """The reference has a folder of its own."""
        return f"segmenter{self.masks.SUFFIX}"

    @property
    def model(self) -> Path:
        """The trained segmenter's file."""
        return self.folder / MODEL

    @property
    def samples(self) -> tuple["Sample", ...]:
        """The images it learns from."""
        return self.masks.samples

    @property
    def comparable_key(self) -> str:
        """Equal for two segmenters that differ in their labels alone: one can then be measured by the other."""
        settings = replace(_without_size_weight(self.settings), noise=NoiseSettings(), inference=self.inference)
        images = [(sample.id, self.masks.data.digest(sample.image)) for sample in self.samples]
        classes = self.masks.data.classes
        return fingerprint("comparable", self.version, key_values(settings), self.seed, classes, images)

    def load(self) -> "Segmenter":
        """The trained segmenter, on the CPU."""
        from patchlearn.inference.segmenter import load_segmenter

        return load_segmenter(self.model)

    def check(self, runtime: "Runtime") -> None:
        """Build the network: wrong weights or batch sizes surface before any training."""
        from patchlearn.training.segmenter import check_batch, create_segmentation_network

        check_batch(self.samples, self.settings, runtime.accelerator)
        create_segmentation_network(self.settings, len(self.masks.data.classes))

    def untrained(self, runtime: "Runtime") -> "Segmenter":
        """The segmenter before its first step."""
        from patchlearn.core.runtime import to_device
        from patchlearn.inference.segmenter import Segmenter
        from patchlearn.training.segmenter import create_segmentation_network

        classes = self.masks.data.classes
        network = to_device(create_segmentation_network(self.settings, len(classes)), runtime.accelerator.device)
        return Segmenter(network=network.eval(), classes=classes, settings=self.inference)

    def estimate(self, runtime: "Runtime") -> "Estimate":
        """A few steps are timed."""
        from patchlearn.core.pace import Estimate
        from patchlearn.training.pace import bytes_of_training, seconds_of_training, share_left

        settings, network = self.settings, self.untrained(runtime).network.train()
        seconds = seconds_of_training(
            lambda images: network(images).mean(), self.samples, settings.augment, settings.optimisation, runtime
        )
        folders = [self.folder, *(self.folder / f"round-{number}" for number in range(1, settings.noise.rounds))]
        left = sum(share_left(each, self.samples, settings.optimisation) if self.is_begun else 1 for each in folders)
        return left * Estimate(seconds, bytes_of_training(network))

    def work(self, runtime: "Runtime") -> None:
        """Train, from where an earlier call stood."""
        from patchlearn.training.segmenter import train_segmenter

        settings = replace(self.settings, inference=self.inference)
        title = f"{self.settings.head} {self.home.name}"
        classes, sizes = self.masks.data.classes, self.sizes
        folder, read = self.folder, self._read_labels()
        train_segmenter(
            self.samples, read, classes, settings, folder, runtime, seed=self.seed, title=title, sizes=sizes
        )

    def _read_labels(self) -> "ReadLabels":
        from patchlearn.inference.masks import read_mask_of

        if isinstance(self.masks, TrueMasks):
            return self.masks.read
        folder = self.masks.folder
        return partial(read_mask_of, folder / SURE if self.settings.noise.labels == SURE else folder)

    def refresh(self, runtime: "Runtime") -> None:
        """Store the present inference settings and bands in the model: whoever loads it uses it as it is judged."""
        from patchlearn.inference.segmenter import save_segmenter

        if runtime.accelerator.is_main_process:
            segmenter = self.load()
            wanted = replace(segmenter, settings=self.inference, bands=self.masks.data.dataset.bands)
            if (segmenter.settings, segmenter.bands) != (wanted.settings, wanted.bands):
                self.outputs.forget(MODEL)
                save_segmenter(self.model, wanted)
            if MODEL not in self.outputs.manifest["files"]:
                self.outputs.enter(MODEL)
        runtime.accelerator.wait_for_everyone()


@dataclass(frozen=True, eq=False)
class WriteSegmented(Step):
    """Segment the images of one split with the trained segmenter, without their labels."""

    verb: ClassVar[str] = "segment"

    inference: InferenceSettings
    segmenter: TrainSegmenter
    data: DataSplit

    @property
    def name(self) -> str:  # type: ignore[override]
        """The reference has a folder of its own."""
        return f"segmented{self.segmenter.masks.SUFFIX}"

    @property
    def folder(self) -> Path:
        """One for each split."""
        return self.home / self.name / self.data.name

    def estimate(self, runtime: "Runtime") -> "Estimate":
        """The masks of a few images are timed."""
        from patchlearn.core.masks_io import encode_mask
        from patchlearn.core.pace import Estimate, a_few, seconds_each
        from patchlearn.data.images import read_image

        segmenter, samples = self.segmenter.untrained(runtime), self.data.samples
        sizes: list[int] = []

        def segment(sample: "Sample") -> None:
            sizes.append(len(encode_mask(segmenter.predict(read_image(sample.image), self.inference))))

        each = seconds_each(segment, a_few(samples), runtime.threads) / runtime.accelerator.num_processes
        left = self.missing(self.folder / f"{sample.id}.png" for sample in samples)
        return left * Estimate(each, sum(sizes) / len(sizes))

    def work(self, runtime: "Runtime") -> None:
        """Write every mask that is not there yet."""
        from patchlearn.core.masks_io import write_class_names
        from patchlearn.inference.masks import write_masks

        write_class_names(self.folder, self.data.classes)
        title = f"segment {self.home.name} {self.data.name}"
        segmenter = self.segmenter.load()
        write_masks(self.data.samples, segmenter, self.folder, runtime, self.inference, title=title)


def learning_settings(settings: SegmenterSettings, masks: WritePseudoMasks | TrueMasks) -> SegmenterSettings:
    """The settings without those that change nothing in what is learned from these masks."""
    if isinstance(masks, TrueMasks):
        settings = true_labels_only(settings)
    if not learned_sizes(settings, masks):
        settings = _without_size_weight(settings)
    if settings.noise.rounds > 1:
        return settings
    unused: dict[str, Any] = {name: getattr(NoiseSettings(), name) for name in ("relabel_crf", "undecided")}
    return replace(settings, inference=InferenceSettings(), noise=replace(settings.noise, **unused))


def learned_sizes(settings: SegmenterSettings, masks: WritePseudoMasks | TrueMasks) -> "Sizes":
    """The stated sizes of the classes, where they change what is learned from these masks; true masks say it better."""
    sizes = masks.data.dataset.sizes
    is_used = settings.size_weight > 0 and any(each and (each.least or each.most) for each in sizes)
    return sizes if is_used and not isinstance(masks, TrueMasks) else ()


def _without_size_weight(settings: SegmenterSettings) -> SegmenterSettings:
    return replace(settings, size_weight=SegmenterSettings().size_weight)
