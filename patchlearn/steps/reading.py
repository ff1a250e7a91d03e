"""Step 2, first of all: from what the maps are read.

A head over single cells learns from stored features and the image's tags. With `reading.use: auto` it is compared with
an ordinary head, on images that neither has learned from, and one reading is chosen.

    RUN/VARIANT/reading/cells.safetensors   the head over single cells
    RUN/VARIANT/reading/reading.json        which reading is used, and what the choice rests on
"""

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from patchlearn.maps.settings import ReadingSettings
from patchlearn.steps.classifier import TrainClassifier
from patchlearn.steps.features import WriteFeatures
from patchlearn.steps.step import Step

if TYPE_CHECKING:
    from patchlearn.core.pace import Estimate
    from patchlearn.core.runtime import Runtime
    from patchlearn.core.types import Sample
    from patchlearn.maps.reading import Reading
    from patchlearn.models.classifier import Classifier
    from patchlearn.models.views import ViewFeatures

HEAD = "cells.safetensors"
FACTS = "reading.json"


@dataclass(frozen=True, eq=False)
class TrainReading(Step):
    """Train a head over single cells, and choose what the maps are read from."""

    name: ClassVar[str] = "reading"
    verb: ClassVar[str] = "cams"
    version: ClassVar[int] = 2
    is_training: ClassVar[bool] = True
    promised: ClassVar[tuple[str, ...]] = (HEAD, FACTS)

    settings: ReadingSettings
    classifier: TrainClassifier
    features: WriteFeatures
    seed: int

    @property
    def samples(self) -> "tuple[Sample, ...]":
        """The images that it learns from."""
        return self.features.data.samples

    def check(self, runtime: "Runtime") -> None:
        """A backbone has too few stages for some cells."""
        self.untrained(runtime)

    def load(self) -> "Reading":
        """What was chosen, on the CPU."""
        from patchlearn.core.files import read_json
        from patchlearn.maps.reading import Reading
        from patchlearn.models.cell_head import load_cell_head

        return Reading(read_json(self.folder / FACTS)["use"], load_cell_head(self.folder / HEAD))

    @property
    def is_local(self) -> bool:
        """Whether `use: auto` has found that single cells tell the tags as well as whole images do."""
        from patchlearn.core.files import read_json

        return bool(read_json(self.folder / FACTS).get("local"))

    def untrained(self, runtime: "Runtime") -> "Reading":
        """The reading that takes longest, before its first step: to time later steps with."""
        from patchlearn.maps.reading import Reading
        from patchlearn.models.cell_head import CellHead
        from patchlearn.training.reading import new_cells

        network = self.classifier.untrained(runtime).network
        head = CellHead(new_cells(network, self.settings.cells, self.features.read), len(self.classifier.data.classes))
        use = self.settings.use if self.settings.use != "auto" else "cells"
        return Reading(use, head.to(runtime.accelerator.device))

    def estimate(self, runtime: "Runtime") -> "Estimate":
        """The views of a few images are timed, if they are to be computed; the steps take seconds."""
        from patchlearn.core.pace import Estimate

        classifier = self.classifier.untrained(runtime)
        seconds = 0.0 if self.features.fit(classifier) else self.features.seconds(classifier, runtime)
        return Estimate(seconds)

    def work(self, runtime: "Runtime") -> None:
        """Train the head and write what was chosen; the same in every process, and the main one writes."""
        from patchlearn.core.files import write_json
        from patchlearn.core.runtime import to_device
        from patchlearn.models.cell_head import save_cell_head
        from patchlearn.training.reading import train_reading

        classifier = self.classifier.load()
        to_device(classifier.network, runtime.accelerator.device)
        view = partial(self._base_view, classifier)
        read = self.features.read
        head, facts = train_reading(classifier, self.samples, view, read, self.settings, runtime, seed=self.seed)
        if runtime.accelerator.is_main_process:
            save_cell_head(self.folder / HEAD, head)
            write_json(self.folder / FACTS, facts)
            self._say(facts, runtime)
        runtime.accelerator.wait_for_everyone()

    def _base_view(self, classifier: "Classifier", sample: "Sample") -> "ViewFeatures":
        """The features at the scale nearest to 1."""
        from patchlearn.steps.features import computed

        stored = self.features.stored(sample)
        views = stored or computed(classifier, sample, self.features.cams, self.features.lower)
        return views[self.features.views.base]

    def _say(self, facts: dict[str, Any], runtime: "Runtime") -> None:
        if self.settings.use == "auto":
            runtime.console.print(f"reading {self.home.name}: {facts['why']}", markup=False, soft_wrap=True)
