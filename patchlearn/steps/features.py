"""Before the maps: the feature maps of a network that no longer changes, computed once.

RUN/VARIANT/features/SPLIT/ID.safetensors   view-0, view-1, …: C×h×w for each scale, fp16; (H, W) of each view;
                                            view-0-lower-0, …: the maps of stages before the last, if a step reads them
RUN/VARIANT/features/SPLIT/features.json    whether they are stored, and how many bytes an image takes

The head of a classifier, the rounds of self-training and the maps read them. They are large. Where all images would
take more than `features.most_gigabytes`, none is stored, and every reader computes what it needs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol

from patchlearn.core.settings import FILE_IN_KEY, NEW_IN_KEY
from patchlearn.maps.settings import CamSettings, FeatureSettings
from patchlearn.models.settings import ViewSettings
from patchlearn.steps.data_splits import DataSplit
from patchlearn.steps.step import Step

if TYPE_CHECKING:
    from torch import Tensor

    from patchlearn.core.pace import Estimate
    from patchlearn.core.runtime import Runtime
    from patchlearn.core.types import Sample
    from patchlearn.models.classifier import Classifier
    from patchlearn.models.views import ViewFeatures


FACTS = "features.json"
BYTES = 2  # of a stored number: fp16


class Source(Protocol):
    """Whose features are stored: a trained classifier, or a `Trunk`."""

    def load(self) -> "Classifier":
        """The network, on the CPU."""

    def untrained(self, runtime: "Runtime") -> "Classifier":
        """One like it, to time it before it is there."""


@dataclass(frozen=True)
class Trunk:
    """A backbone with its pretrained weights, of which nothing is trained."""

    backbone: str
    output_stride: int | None
    weights: str | None = field(metadata=FILE_IN_KEY)

    def load(self) -> "Classifier":
        """A plain network around it, whose classifier nobody reads."""
        from patchlearn.models.backbones.create import create_stages
        from patchlearn.models.classifier import Classifier
        from patchlearn.models.patch_network import PatchNetwork

        stages = create_stages(self.backbone, self.output_stride, self.weights)
        return Classifier(network=PatchNetwork(stages, 1).eval(), classes=("any",))

    def untrained(self, runtime: "Runtime") -> "Classifier":
        """The same."""
        return self.load()


@dataclass(frozen=True, eq=False)
class WriteFeatures(Step):
    """Write the features of one split at every scale, without mirror images."""

    name: ClassVar[str] = "features"
    verb: ClassVar[str] = "train"
    promised: ClassVar[tuple[str, ...]] = (FACTS,)
    is_linked: ClassVar[bool] = True

    settings: FeatureSettings
    views: ViewSettings
    read: str
    data: DataSplit
    source: "Source"
    lower: int = field(default=0, metadata=NEW_IN_KEY)

    @property
    def folder(self) -> Path:
        """One for each split."""
        return self.home / self.name / self.data.name

    @property
    def cams(self) -> CamSettings:
        """How the features are read."""
        return CamSettings(views=replace(self.views, flip=False), read=self.read)

    def stored(self, sample: "Sample") -> "list[ViewFeatures] | None":
        """The features of a sample, on the CPU, in fp32; None where there is no file, and they are to be computed.

        Raises:
            PatchlearnError: the file is damaged.
        """
        path = self._path(sample)
        return read_features(path) if path.exists() else None

    def held(self, classifier: "Classifier", samples: "Sequence[Sample]") -> "dict[str, list[ViewFeatures]]":
        """The features of a few samples, computed now, to time later steps with; none where they will not be stored."""
        if not self.fit(classifier):
            return {}
        return {sample.id: self._computed(classifier, sample) for sample in samples}

    def fit(self, classifier: "Classifier") -> bool:
        """Whether the features take no more than the settings allow."""
        return self._allows(self._bytes_each(classifier))

    def seconds(self, classifier: "Classifier", runtime: "Runtime") -> float:
        """About how long it takes to compute the features of all images."""
        from patchlearn.core.pace import a_few, seconds_each

        read, samples = partial(self._computed, classifier), self.data.samples
        each = seconds_each(read, a_few(samples), runtime.threads)
        return len(samples) * each / runtime.accelerator.num_processes

    def estimate(self, runtime: "Runtime") -> "Estimate":
        """The features of a few images are timed."""
        from patchlearn.core.pace import Estimate

        classifier = self._on_device(self.source.untrained(runtime), runtime)
        each = self._bytes_each(classifier)
        if not self._allows(each):
            return Estimate()
        samples = self.data.samples
        left = self.missing(self._path(sample) for sample in samples) / len(samples)
        return left * Estimate(self.seconds(classifier, runtime), len(samples) * each)

    def work(self, runtime: "Runtime") -> None:
        """Write the features of every image that has none yet, unless they would take too much."""
        from patchlearn.core.files import write_json

        classifier = self._on_device(self.source.load(), runtime)
        each = self._bytes_each(classifier)
        if self._allows(each):
            self._write(classifier, runtime)
        else:
            self._say_too_large(each, runtime)
        if runtime.accelerator.is_main_process:
            write_json(self.folder / FACTS, {"stored": self._allows(each), "bytes_each": each})

    def refresh(self, runtime: "Runtime") -> None:
        """Store what did not fit before, if it does now."""
        from patchlearn.core.files import read_json

        facts = read_json(self.folder / FACTS)
        if not facts["stored"] and self._allows(facts["bytes_each"]):
            is_main = runtime.accelerator.is_main_process
            if is_main:
                self.outputs.forget(FACTS)
            self.work(runtime)
            if is_main:
                self.outputs.enter(FACTS)

    def _path(self, sample: "Sample") -> Path:
        return self.folder / f"{sample.id}.safetensors"

    def _on_device(self, classifier: "Classifier", runtime: "Runtime") -> "Classifier":
        from patchlearn.core.runtime import to_device

        to_device(classifier.network, runtime.accelerator.device)
        return classifier

    def _bytes_each(self, classifier: "Classifier") -> float:
        """Mean of a few images: their features differ in size alone."""
        from patchlearn.core.pace import a_few

        few = a_few(self.data.samples)
        views = (view for sample in few for view in self._computed(classifier, sample))
        numbers = (maps.numel() for view in views for maps in (view.features, *view.lower))
        return BYTES * sum(numbers) / len(few)

    def _computed(self, classifier: "Classifier", sample: "Sample") -> "list[ViewFeatures]":
        return computed(classifier, sample, self.cams, self.lower)

    def _allows(self, each: float) -> bool:
        return each * len(self.data.samples) <= self.settings.most_gigabytes * 1e9

    def _say_too_large(self, each: float, runtime: "Runtime") -> None:
        size = each * len(self.data.samples) / 1e9
        runtime.console.print(
            f"{self.title}: not stored, because they would take {size:.1f} GB, more than features.most_gigabytes "
            f"({self.settings.most_gigabytes:g}). The steps that read them compute them.",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )

    def _write(self, classifier: "Classifier", runtime: "Runtime") -> None:
        from patchlearn.core.parallel import write_missing
        from patchlearn.maps.memory import views_need

        def write(sample: "Sample", path: Path) -> None:
            with runtime.accelerator.autocast():
                write_features(path, self._computed(classifier, sample))

        pairs = [(sample, self._path(sample)) for sample in self.data.samples]
        need = partial(views_need, views=self.cams.views)
        title = f"features {self.home.name} {self.data.name}"
        needs = [need(sample) for sample, path in pairs if not path.exists()]
        write_missing(pairs, write, title=title, runtime=runtime, needs=needs)


def computed(classifier: "Classifier", sample: "Sample", cams: CamSettings, lower: int = 0) -> "list[ViewFeatures]":
    """The features of a sample at every scale, and of as many stages before the last."""
    import torch

    from patchlearn.data.images import read_image
    from patchlearn.maps.features import features_of_views

    with torch.no_grad():
        return list(features_of_views(classifier.network, read_image(sample.image), cams, lower=lower))


def write_features(path: Path, views: "Sequence[ViewFeatures]") -> None:
    """Write fp16, or fp32 where a value is beyond the range of fp16."""
    from patchlearn.core.checkpoints import save_checkpoint

    tensors = {}
    for index, view in enumerate(views):
        tensors[f"view-{index}"] = _narrow(view.features[0])
        tensors |= {f"view-{index}-lower-{place}": _narrow(maps[0]) for place, maps in enumerate(view.lower)}
    save_checkpoint(path, tensors, {"sizes": [view.size for view in views], "lower": len(views[0].lower)})


def read_features(path: Path) -> "list[ViewFeatures]":
    """Read the file that `write_features` wrote, in fp32.

    Raises:
        PatchlearnError: the file is missing or damaged.
    """
    from patchlearn.core.checkpoints import load_checkpoint
    from patchlearn.models.views import ViewFeatures

    tensors, settings = load_checkpoint(path)
    return [
        ViewFeatures(
            tensors[f"view-{index}"].float()[None],
            (height, width),
            tuple(tensors[f"view-{index}-lower-{place}"].float()[None] for place in range(settings.get("lower", 0))),
        )
        for index, (height, width) in enumerate(settings["sizes"])
    ]


def _narrow(exact: "Tensor") -> "Tensor":
    half = exact.half()
    return half if half.isfinite().all() else exact.float()
