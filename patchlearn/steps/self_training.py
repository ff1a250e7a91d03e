"""Step 2, before the maps are written: self-training of the maps by LDA.

Round after round: read the maps, sharpen them with a dense CRF, take their confident pixels as labels, compute an LDA
classifier over the classifier's features from them, and read the maps anew with it.

    RUN/VARIANT/relearn/round-N.safetensors   the LDA classifier of each round
    RUN/VARIANT/relearn/own-maps.json         which classes had no confident cell in the last round, and their images
    RUN/VARIANT/relearn/stopped.json          the same, where that has ended the rounds
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from patchlearn.core.settings import NEW_IN_KEY
from patchlearn.data.settings import ClickSettings
from patchlearn.maps.settings import CamSettings, SelfTrainingSettings
from patchlearn.models.settings import ViewSettings
from patchlearn.refine.settings import BackgroundRule
from patchlearn.steps.classifier import TrainClassifier
from patchlearn.steps.data_splits import DataSplit
from patchlearn.steps.features import WriteFeatures
from patchlearn.steps.missing_cells import note_missing
from patchlearn.steps.reading import TrainReading
from patchlearn.steps.step import Step

if TYPE_CHECKING:
    from patchlearn.core.pace import Estimate
    from patchlearn.core.runtime import Runtime
    from patchlearn.core.types import Sample, Sizes
    from patchlearn.data.clicks.values import Clicks
    from patchlearn.maps.reading import Reading
    from patchlearn.maps.self_training import RoundSettings
    from patchlearn.models.classifier import Classifier
    from patchlearn.models.lda import LinearDiscriminant, Moments
    from patchlearn.models.views import ViewFeatures


@dataclass(frozen=True, eq=False)
class SelfTrain(Step):
    """Compute LDA classifiers from the confident pixels of the maps of one split."""

    name: ClassVar[str] = "relearn"
    verb: ClassVar[str] = "cams"
    version: ClassVar[int] = 3
    is_training: ClassVar[bool] = True
    promised: ClassVar[tuple[str, ...]] = ("round-*.safetensors",)

    settings: SelfTrainingSettings
    views: ViewSettings
    read: str
    rule: BackgroundRule
    classifier: TrainClassifier
    data: DataSplit
    features: WriteFeatures | None = field(default=None, metadata=NEW_IN_KEY)
    sizes: "Sizes" = field(default=(), metadata=NEW_IN_KEY)
    reading: TrainReading | None = field(default=None, metadata=NEW_IN_KEY)
    clicks: ClickSettings = field(default=ClickSettings(), metadata=NEW_IN_KEY)
    boxes: ClickSettings = field(default=ClickSettings(), metadata=NEW_IN_KEY)  # the same table, if it has boxes
    method: str | None = field(default=None, metadata=NEW_IN_KEY)

    def check(self, runtime: "Runtime") -> None:
        """Clicks must fit the data; rows that nobody has labelled yet are counted."""
        from patchlearn.data.names import counted

        clicks = self.clicked()
        if clicks and clicks.empty:
            rows = counted(clicks.empty, "row")
            words = f"{self.clicks.points}: {rows} without a label, passed over; {counted(clicks.points, 'click')} read"
            runtime.console.print(words, style="dim", markup=False, highlight=False, soft_wrap=True)

    @property
    def _cams(self) -> CamSettings:
        return CamSettings(views=self.views, read=self.read, method=self.method)

    def clicked(self) -> "Clicks | None":
        """The clicks in the images of the split; None where there is no file of clicks."""
        return self.data.clicked(self.clicks)

    def load(self) -> "LinearDiscriminant | None":
        """The LDA classifier of the last round, on the CPU; None where the first one had too few cells."""
        from patchlearn.models.lda import load_lda

        paths = [round_path(self.folder, number) for number in range(self.settings.rounds, 0, -1)]
        return next((load_lda(path) for path in paths if path.exists()), None)

    def estimate(self, runtime: "Runtime") -> "Estimate":
        """One round over a few images is timed."""
        from patchlearn.core.pace import Estimate, a_few, seconds_each
        from patchlearn.maps.self_training import confident_moments_of

        classifier, samples = self.classifier.untrained(runtime), self.data.samples
        few, cams = a_few(samples), self._cams
        held = self.features.held(classifier, few) if self.features else None
        reading = self.reading.untrained(runtime) if self.reading else None
        one = first_round(classifier, cams, self.rule, self.settings, runtime, reading)
        one = replace(one, stored=(lambda sample: held[sample.id]) if held else None)
        each = seconds_each(partial(confident_moments_of, one), few, runtime.threads)
        images = min(len(samples), self.settings.images or len(samples))
        left = self.missing(round_path(self.folder, number + 1) for number in range(self.settings.rounds))
        return left * images * Estimate(each / runtime.accelerator.num_processes)

    def work(self, runtime: "Runtime") -> None:
        """Compute every round that is not there yet."""
        cams = self._cams
        title = f"self-training {self.home.name}"
        classifier = self.classifier.load()
        stored = self.features.stored if self.features else None
        samples, rule, reading = self.data.samples, self.rule, self.reading.load() if self.reading else None
        self_train(
            samples, classifier, cams, rule, self.settings, self.folder, runtime,
            stored=stored, sizes=self.sizes, reading=reading, clicks=self.clicked(),
            title=title,
        )  # fmt: skip


def self_train(
    samples: Sequence["Sample"],
    classifier: "Classifier",
    cams: CamSettings,
    rule: BackgroundRule,
    settings: SelfTrainingSettings,
    folder: Path,
    runtime: "Runtime",
    *,
    stored: "Callable[[Sample], Sequence[ViewFeatures] | None] | None" = None,
    sizes: "Sizes" = (),
    reading: "Reading | None" = None,
    clicks: "Clicks | None" = None,
    title: str = "self-training",
) -> Path | None:
    """Write `folder/round-1.safetensors` and so on; rounds that are there are not computed again.

    What has no labelled cell keeps the maps of the first round, or ends the rounds (`patchlearn.steps.missing_cells`).

    Args:
        samples: images whose given labels name the classes in them.
        classifier: whose features are used; it is moved to the accelerator's device.
        cams: at which scales, and how, maps are read; mirror images are left out.
        rule: of the background threshold.
        settings: how many rounds, and from which pixels.
        folder: where the LDA classifiers go.
        runtime: device, precision, processes and threads.
        stored: a sample → its features, where they were computed before.
        sizes: how large each class usually is; () where nothing is known.
        reading: what the maps of the first round are read from; None for the classifier.
        clicks: what a person has labelled in these images.
        title: shown beside the progress bars.

    Returns:
        The last round's file, or None.
    """
    from patchlearn.models.lda import load_lda

    first = first_round(classifier, cams, rule, settings, runtime, reading)
    one_round = _with_clicks(replace(first, stored=stored, sizes=sizes), samples, clicks, runtime)
    last = None
    for number in range(1, settings.rounds + 1):
        path = round_path(folder, number)
        if not path.exists():
            _write_round(path, samples, classifier, one_round, settings, runtime, f"{title}, round {number}")
        runtime.accelerator.wait_for_everyone()
        if not path.exists():
            return last
        one_round, last = replace(one_round, growth=None, lda=load_lda(path).to(runtime.accelerator.device)), path
    return last


def round_path(folder: Path, number: int) -> Path:
    """The file of one round, counted from 1."""
    return folder / f"round-{number}.safetensors"


def first_round(
    classifier: "Classifier",
    cams: CamSettings,
    rule: BackgroundRule,
    settings: SelfTrainingSettings,
    runtime: "Runtime",
    reading: "Reading | None",
) -> "RoundSettings":
    """A round of the maps of a reading, by default the classifier's own, without mirror images.

    `growth` bounds labels only where a class has none: what the CRF erases is rarely right (docs/log/readings.md).
    """
    from patchlearn.core.runtime import to_device
    from patchlearn.maps.methods import method_of
    from patchlearn.maps.reading import Reading
    from patchlearn.maps.self_training import RoundSettings, lda_cells

    network, classes = to_device(classifier.network, runtime.accelerator.device), len(classifier.classes)
    cams = replace(cams, views=replace(cams.views, flip=False))
    cells = lda_cells(network, settings, cams.read)
    read, free = (reading or Reading()).to(runtime.accelerator.device), replace(rule, growth=None)
    return RoundSettings(
        network, cams, free, settings.confident, classes, runtime.accelerator, reading=read, cells=cells,
        growth=rule.growth, method=method_of(cams.method, classifier),
    )  # fmt: skip


def _write_round(
    path: Path,
    samples: Sequence["Sample"],
    classifier: "Classifier",
    one_round: "RoundSettings",
    settings: SelfTrainingSettings,
    runtime: "Runtime",
    title: str,
) -> None:
    from patchlearn.data.subset import balanced_subset
    from patchlearn.maps.self_training import is_mapped
    from patchlearn.models.lda import save_lda

    samples = balanced_subset(samples, settings.images)
    missing, moments = _confident(samples, one_round, runtime, title)
    if not runtime.accelerator.is_main_process:
        return
    ends = bool(missing) and (0 in missing or len(missing) == len(_values(samples)) - 1)  # 0: the background
    look = partial(is_mapped, one_round)
    note_missing(path.parent, missing, samples, classifier.classes, look, runtime.console, title, ends=ends)
    if not ends:
        save_lda(path, moments.solve(settings.shrinkage, one_round.cells, one_round.clicked, one_round.weight))


def _confident(
    samples: Sequence["Sample"], one_round: "RoundSettings", runtime: "Runtime", title: str
) -> "tuple[list[int], Moments]":
    """(what has no labelled cell, the moments of the others); with bounded labels where fewer lack cells then."""
    from patchlearn.core.parallel import results_of, shard
    from patchlearn.maps.self_training import confident_moments_need, confident_moments_of

    mine = shard(samples, runtime.accelerator)
    threads = runtime.at_a_time(confident_moments_need(one_round, sample) for sample in mine)
    found: list[tuple[list[int], Moments]] = []
    for labels in (one_round, one_round.bounded) if one_round.growth else (one_round,):
        read = partial(confident_moments_of, labels)
        parts = results_of(mine, read, title, threads, runtime.console, ahead=1)  # moments are large
        moments = _total(one_round, parts)
        labelled = moments.counts + (one_round.clicked.counts if one_round.clicked else 0)
        missing = [value for value in _values(samples) if not labelled[value]]
        if not missing:
            return missing, moments
        found.append((missing, moments))
    return min(found, key=lambda each: len(each[0]))


def _with_clicks(
    one_round: "RoundSettings", samples: Sequence["Sample"], clicks: "Clicks | None", runtime: "Runtime"
) -> "RoundSettings":
    """The same, with the moments of the clicked cells."""
    from patchlearn.core.parallel import results_of, shard
    from patchlearn.maps.self_training import clicked_moments_of, confident_moments_need

    if not clicks:
        return one_round
    mine = shard([sample for sample in samples if sample.id in clicks.images], runtime.accelerator)
    read = partial(clicked_moments_of, one_round, clicks)
    threads = runtime.at_a_time(confident_moments_need(one_round, sample) for sample in mine)
    moments = _total(one_round, results_of(mine, read, "clicks", threads, runtime.console, ahead=1))
    return replace(one_round, clicked=moments, weight=clicks.weight, clicks=clicks)


def _total(one_round: "RoundSettings", parts: Iterable["Moments"]) -> "Moments":
    """The sum, in the order of the images, over all processes."""
    total, accelerator = one_round.moments(), one_round.accelerator
    for part in parts:
        total += part
    if accelerator.num_processes > 1:
        total.counts, total.sums, total.products = (
            accelerator.reduce(mine.to(accelerator.device), "sum").cpu()
            for mine in (total.counts, total.sums, total.products)
        )
    return total


def _values(samples: Sequence["Sample"]) -> list[int]:
    """The background and the classes of these images, as in a mask."""
    return sorted({0, *(label + 1 for sample in samples for label in sample.labels)})
