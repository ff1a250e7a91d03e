"""What the measures of trust read: the files of a run, its networks and its features (`patchlearn.steps.trust`)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from patchlearn.data.subset import balanced_subset
from patchlearn.maps.settings import CamSettings, SelfTrainingSettings
from patchlearn.refine.settings import BackgroundRule
from patchlearn.steps.classifier import TrainClassifier
from patchlearn.steps.features import WriteFeatures
from patchlearn.steps.pseudo_masks import WritePseudoMasks
from patchlearn.steps.reading import TrainReading
from patchlearn.steps.self_training import SelfTrain

if TYPE_CHECKING:
    from patchlearn.core.runtime import Runtime
    from patchlearn.core.types import Sample, Sizes, UInt8
    from patchlearn.maps.agreement import Reader
    from patchlearn.maps.reading import Reading
    from patchlearn.models.classifier import Classifier
    from patchlearn.models.lda import LinearDiscriminant
    from patchlearn.models.views import ViewFeatures

IMAGES = 300  # of more, evenly spaced ones are judged
COMPUTED = 200  # where no features are stored
COMPARED, COMPARED_COMPUTED = 200, 48  # whose maps are read in other ways, which takes longer
THROUGH_NETWORK, LEAST, MOST = 12, 16, 64  # one of so many images passes the network again; at least, at most
GOLDEN = (5**0.5 - 1) / 2  # its multiples, modulo 1, fill the unit interval evenly and never repeat
Item = TypeVar("Item")
Result = TypeVar("Result")


def evenly_spaced(items: Sequence[Item], most: int) -> list[Item]:
    """At most so many of them, one from each of equally long stretches.

    Where in its stretch an item lies varies: data whose classes take turns would otherwise lose some of them.

    >>> evenly_spaced(range(12), 4)
    [0, 4, 6, 11]
    """
    count = min(most, len(items))
    return [items[int((turn + turn * GOLDEN % 1) * len(items) / count)] for turn in range(count)]


@dataclass(frozen=True, eq=False, kw_only=True)
class Measuring:
    """What is judged, with what it takes to read it in other ways.

    Args:
        masks: the pseudo masks, and the maps that they are made of.
        classifier: whose features are read.
        features: where they are stored; None where they never are.
        reading: what the first maps were read from; None for the classifier.
        lda: self-training; None without.
        learn: how an LDA classifier learns.
        rule: of the background threshold.
        sizes: how large each class usually is.
        seed: of the order of the images.
        runtime: device, threads, console.
    """

    masks: WritePseudoMasks
    classifier: TrainClassifier
    features: WriteFeatures | None
    reading: TrainReading | None
    lda: SelfTrain | None
    learn: SelfTrainingSettings
    rule: BackgroundRule
    sizes: "Sizes"
    seed: int
    runtime: "Runtime"

    @cached_property
    def cams(self) -> CamSettings:
        """How features are read, without mirror images."""
        settings = self.masks.cams.settings
        read = self.features.cams if self.features else replace(settings, views=replace(settings.views, flip=False))
        return replace(read, method=settings.method)

    @cached_property
    def samples(self) -> "Sequence[Sample]":
        """The images that are judged: those that are compared, and evenly spaced ones."""
        spaced = evenly_spaced(self.masks.samples, IMAGES if self._has_stored else COMPUTED)
        chosen = {sample.id for sample in (*spaced, *self.compared)}
        return [sample for sample in self.masks.samples if sample.id in chosen]

    @cached_property
    def compared(self) -> "Sequence[Sample]":
        """The images with tags whose maps are read in other ways; rare tags are among them."""
        most = COMPARED if self._has_stored else COMPARED_COMPUTED
        return balanced_subset([sample for sample in self.masks.samples if sample.labels], most)

    @cached_property
    def passes(self) -> int:
        """How many images may pass the network again, for each measure that needs it."""
        return min(MOST, max(LEAST, len(self.masks.samples) // THROUGH_NETWORK))

    @cached_property
    def _has_stored(self) -> bool:
        return self.features is not None and self.features.stored(self.masks.samples[0]) is not None

    @cached_property
    def trained(self) -> "Classifier":
        """On the accelerator's device."""
        from patchlearn.core.runtime import to_device

        classifier = self.classifier.load()
        to_device(classifier.network, self.runtime.accelerator.device)
        return classifier

    @cached_property
    def first_reading(self) -> "Reading":
        """What the first maps were read from."""
        from patchlearn.maps.reading import Reading

        reading = self.reading.load() if self.reading else Reading()
        return reading.to(self.runtime.accelerator.device)

    @cached_property
    def last_lda(self) -> "LinearDiscriminant | None":
        """Of the last round of self-training."""
        lda = self.lda.load() if self.lda else None
        return lda.to(self.runtime.accelerator.device) if lda else None

    def cell(self, image: "UInt8") -> float:
        """The side of a cell of the maps, in pixels of the image, at the largest scale."""
        from patchlearn.models.views import long_sides

        views, head = self.cams.views, self.first_reading.head
        stride = self.trained.network.stages.strides[-1]
        if self.last_lda is not None:
            stride = self.last_lda.stride or stride
        elif head is not None and self.first_reading.use != "classifier":
            stride = head.cells.stride
        longest = max(long_sides(image.shape[:2], views.scales, views.long_side))
        return stride * max(image.shape[:2]) / longest

    def views(self, sample: "Sample", lower: int) -> "list[ViewFeatures]":
        """The features of a sample at every scale: stored ones, or computed."""
        from patchlearn.steps.features import computed

        stored = self.features.stored(sample) if self.features else None
        found = stored or computed(self.trained, sample, self.cams, lower)
        return [view.to(self.runtime.accelerator.device) for view in found]

    def reader(self, reading: "Reading", lda: "LinearDiscriminant | None" = None) -> "Reader":
        """Another reading of the same features."""
        from patchlearn.maps.agreement import Reader
        from patchlearn.maps.methods import method_of

        method = method_of(self.cams.method, self.trained) if reading is self.first_reading else None
        return Reader(
            network=self.trained.network, cams=self.cams, rule=self.rule, reading=reading, lda=lda, sizes=self.sizes,
            method=method,
        )  # fmt: skip

    def written_mask(self, sample: "Sample") -> "UInt8":
        """h×w: what the written score maps show above the background threshold."""
        from patchlearn.core.masks_io import read_scores
        from patchlearn.maps.agreement import map_mask

        maps = read_scores(self.masks.cams.folder / f"{sample.id}.npz")
        return map_mask(maps, self.rule, self.sizes)

    def pseudo_mask(self, sample: "Sample") -> "UInt8":
        """H×W."""
        from patchlearn.data.images import read_indices

        return read_indices(self.masks.folder / f"{sample.id}.png")

    def results(self, items: "Sequence[Item]", work: "Callable[[Item], Result]", title: str) -> list[Result]:
        """Of all items, on several threads."""
        from patchlearn.core.parallel import results_of

        words = f"{title} {self.masks.home.name}"
        return list(results_of(items, work, words, self.runtime.threads, self.runtime.console))

    def base_view(self, sample: "Sample") -> "ViewFeatures":
        """The features of a sample at the scale nearest to 1."""
        return self.views(sample, 0)[self.cams.views.base]

    def base_features(self, image: "UInt8") -> "ViewFeatures":
        """Those of any image, at the same scale."""
        import torch

        from patchlearn.maps.features import features_of_views

        views = replace(self.cams.views, scales=(self.cams.views.scales[self.cams.views.base],))
        with torch.no_grad():
            return next(features_of_views(self.trained.network, image, replace(self.cams, views=views)))
