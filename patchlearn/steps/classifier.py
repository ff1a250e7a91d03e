"""Step 1: the classifier, trained from image labels.

RUN/VARIANT/classifier/   model.safetensors, log.csv, epochs.csv, state.safetensors; epochs/ if they are kept
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from patchlearn.core.run_folder import MODEL
from patchlearn.core.settings import NEW_IN_KEY
from patchlearn.steps.data_splits import DataSplit
from patchlearn.steps.features import WriteFeatures
from patchlearn.steps.step import Step
from patchlearn.training.settings import ClassifierSettings

if TYPE_CHECKING:
    from patchlearn.core.pace import Estimate
    from patchlearn.core.runtime import Runtime
    from patchlearn.models.classifier import Classifier


@dataclass(frozen=True, eq=False)
class TrainClassifier(Step):
    """Train on the labels of one split; mAP is measured on another, or on a held-out tenth of the first."""

    name: ClassVar[str] = "classifier"
    verb: ClassVar[str] = "train"
    help: ClassVar[str] = "Step 1: train the classifier from image labels."
    is_training: ClassVar[bool] = True
    promised: ClassVar[tuple[str, ...]] = (MODEL,)

    settings: ClassifierSettings
    data: DataSplit
    held_out: DataSplit | None
    seed: int
    features: WriteFeatures | None = field(default=None, metadata=NEW_IN_KEY)

    @property
    def model(self) -> Path:
        """The trained classifier's file."""
        return self.folder / MODEL

    def load(self) -> "Classifier":
        """The trained classifier, on the CPU."""
        from patchlearn.models.classifier import load_classifier

        return load_classifier(self.model)

    def check(self, runtime: "Runtime") -> None:
        """Build the network: wrong splits, weights or batch sizes surface before any training."""
        from patchlearn.training.classifier import check_classifier

        check_classifier(self.data.dataset, self.settings, runtime, seed=self.seed)

    def untrained(self, runtime: "Runtime") -> "Classifier":
        """The classifier before its first step."""
        from patchlearn.core.runtime import to_device
        from patchlearn.models.classifier import Classifier
        from patchlearn.training.classifier import check_classifier

        network = check_classifier(self.data.dataset, self.settings, runtime, seed=self.seed)
        return Classifier(network=to_device(network, runtime.accelerator.device), classes=self.data.classes)

    def estimate(self, runtime: "Runtime") -> "Estimate":
        """A few steps are timed at the last stage of the training, which takes longest."""
        from patchlearn.core.pace import Estimate
        from patchlearn.training.pace import bytes_of_training, seconds_of_training, share_left

        settings = self.settings
        if settings.head_only:
            return self._estimate_of_head(runtime)
        network = self.untrained(runtime).network.train()
        network.active_split = max(0, len(network.splits) - 1)
        samples = self.data.samples
        seconds = seconds_of_training(
            lambda images: network(images).mean(), samples, settings.augment, settings.optimisation, runtime
        )
        left = share_left(self.folder, samples, settings.optimisation) if self.is_begun else 1
        return left * Estimate(seconds, bytes_of_training(network))

    def _estimate_of_head(self, runtime: "Runtime") -> "Estimate":
        """The features are the work, if none are stored; the steps take seconds."""
        from patchlearn.core.pace import Estimate
        from patchlearn.training.pace import bytes_of_training

        assert self.features is not None
        classifier = self.untrained(runtime)
        seconds = 0.0 if self.features.fit(classifier) else self.features.seconds(classifier, runtime)
        return Estimate(seconds, bytes_of_training(classifier.network.classifier))

    def work(self, runtime: "Runtime") -> None:
        """Train, from where an earlier call stood."""
        title, dataset, settings = f"train {self.home.name}", self.data.dataset, self.settings
        if settings.head_only:
            self._learn_head(runtime, title)
        else:
            from patchlearn.training.classifier import train_classifier

            train_classifier(dataset, settings, self.folder, runtime, seed=self.seed, title=title)

    def _learn_head(self, runtime: "Runtime", title: str) -> None:
        from patchlearn.training.head import train_head

        assert self.features is not None
        train_head(
            self.data.dataset,
            self.settings,
            self.features.cams,
            self.folder,
            runtime,
            seed=self.seed,
            stored=self.features.stored,
            title=title,
        )
