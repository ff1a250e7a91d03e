"""Step 2: class activation maps, written as soft score maps.

RUN/VARIANT/cams/SPLIT/ID.npz   scores, classes, size (see `patchlearn.core.masks_io`)

With given labels, the unknown classes of an image have maps too: later steps give no label where one of them wins.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.settings import NEW_IN_KEY
from patchlearn.maps.settings import CamSettings
from patchlearn.steps.classifier import TrainClassifier
from patchlearn.steps.data_splits import DataSplit
from patchlearn.steps.features import WriteFeatures
from patchlearn.steps.reading import TrainReading
from patchlearn.steps.self_training import SelfTrain
from patchlearn.steps.step import Step

if TYPE_CHECKING:
    from patchlearn.core.pace import Estimate
    from patchlearn.core.runtime import Runtime
    from patchlearn.core.types import Sample, ScoreMaps, UInt8
    from patchlearn.maps.reading import Reading
    from patchlearn.models.classifier import Classifier
    from patchlearn.models.lda import LinearDiscriminant
    from patchlearn.models.views import ViewFeatures

BYTES_PER_CELL = 2  # of a stored score


@dataclass(frozen=True, eq=False)
class WriteCams(Step):
    """Write the score maps of one split; with an LDA classifier, if there was self-training."""

    name: ClassVar[str] = "cams"
    verb: ClassVar[str] = "cams"
    help: ClassVar[str] = "Step 2: class activation maps."
    version: ClassVar[int] = 3

    settings: CamSettings
    data: DataSplit
    classifier: TrainClassifier
    lda: SelfTrain | None
    features: WriteFeatures | None = field(default=None, metadata=NEW_IN_KEY)
    reading: TrainReading | None = field(default=None, metadata=NEW_IN_KEY)

    @property
    def folder(self) -> Path:
        """One for each split."""
        return self.home / self.name / self.data.name

    def check(self, runtime: "Runtime") -> None:
        """Maps of given labels would all be empty where no image has a label, and every mask background."""
        if self.settings.labels == "given" and not any(sample.labels for sample in self.data.samples):
            raise PatchlearnError(
                f"variant {self.home.name}: cams.labels is 'given', but no image of split {self.data.name!r} has a "
                f"label. Label its images, set cams.labels to predicted, or take {self.data.name!r} out of cams.splits."
            )
        if self.settings.method:
            self._check_method(self.settings.method)
        if self.settings.read == "merged" and not self.classifier.settings.splits:
            raise PatchlearnError(
                f"variant {self.home.name}: cams.read is 'merged', but classifier.splits cuts no feature map. "
                "Choose whole."
            )

    def _check_method(self, name: str) -> None:
        from patchlearn.maps.methods import require_method

        require_method(name)
        if self.reading:
            raise PatchlearnError(
                f"variant {self.home.name}: cams.method {name!r} and reading.use both say what the maps are read from. "
                "Set reading.use to classifier, or leave cams.method out."
            )

    def estimate(self, runtime: "Runtime") -> "Estimate":
        """The maps of a few images are timed."""
        from patchlearn.core.pace import Estimate, a_few, seconds_each
        from patchlearn.data.images import read_image
        from patchlearn.maps.cam import class_activation_maps

        classifier, samples = self.classifier.untrained(runtime), self.data.samples
        few, sizes = a_few(samples), list[int]()
        stored = self.features.held(classifier, few) if self.features else {}

        def read(sample: "Sample") -> None:
            image, features = read_image(sample.image), stored.get(sample.id)
            maps = class_activation_maps(classifier, image, self.settings, sample.labels, stored=features)
            sizes.append(maps.scores.size * BYTES_PER_CELL)

        seconds = seconds_each(read, few, runtime.threads) / runtime.accelerator.num_processes
        left = self.missing(self.folder / f"{sample.id}.npz" for sample in samples)
        return left * Estimate(seconds, sum(sizes) / len(sizes))

    def example(self, sample: "Sample") -> "tuple[UInt8, ScoreMaps]":
        """An image, and maps of its size that hold no more than a disc for each class: to time later steps with."""
        from patchlearn.data.images import read_image
        from patchlearn.maps.example import disc_maps

        image = read_image(sample.image)
        return image, disc_maps((image.shape[0], image.shape[1]), sample.labels or (0,))

    def work(self, runtime: "Runtime") -> None:
        """Write every map that is not there yet."""
        lda = self.lda.load() if self.lda else None
        write_cams(
            self.data.samples,
            self.classifier.load(),
            self.settings,
            self.folder,
            runtime,
            lda=lda,
            stored=self.features.stored if self.features else None,
            reading=self.reading.load() if self.reading else None,
            title=f"maps {self.home.name} {self.data.name}",
        )


def write_cams(
    samples: Sequence["Sample"],
    classifier: "Classifier",
    settings: CamSettings,
    folder: Path,
    runtime: "Runtime",
    *,
    lda: "LinearDiscriminant | None" = None,
    stored: "Callable[[Sample], Sequence[ViewFeatures] | None] | None" = None,
    reading: "Reading | None" = None,
    title: str = "maps",
) -> None:
    """Write `folder/ID.npz` for every sample that has none yet; each process does its part.

    Args:
        samples: the images.
        classifier: it is moved to the accelerator's device.
        settings, folder: how to read the maps, and where they go.
        runtime: device, precision, processes and threads.
        lda: see `class_activation_maps`.
        stored: a sample → its features without mirror images, where they were computed before.
        reading: what the maps are read from, without an LDA classifier; None for the classifier.
        title: shown beside the progress bar.

    Raises:
        PatchlearnError: an image cannot be read.
    """
    from patchlearn.core.masks_io import write_scores
    from patchlearn.core.parallel import write_missing
    from patchlearn.core.runtime import to_device
    from patchlearn.data.images import read_image
    from patchlearn.maps.cam import class_activation_maps
    from patchlearn.maps.memory import views_need
    from patchlearn.maps.reading import Reading

    accelerator, source = runtime.accelerator, (reading or Reading()).to(runtime.accelerator.device)
    to_device(classifier.network, accelerator.device)
    if lda is not None:
        lda.to(accelerator.device)

    def write(sample: "Sample", path: Path) -> None:
        given = sample.labels if settings.labels == "given" else None
        features, image = stored(sample) if stored else None, read_image(sample.image)
        with accelerator.autocast():
            maps = class_activation_maps(classifier, image, settings, given, lda, sample.unknown, features, source)
        write_scores(path, maps)

    files = [(sample, folder / f"{sample.id}.npz") for sample in samples]
    needs = [views_need(sample, settings.views) for sample, path in files if not path.exists()]
    write_missing(files, write, title=title, runtime=runtime, needs=needs)
