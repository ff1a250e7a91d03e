"""Everything that a run depends on, as one value: the recipe, and the complete settings of each of its variants."""

from dataclasses import dataclass, field, fields
from typing import Any

from patchlearn.core.errors import PatchlearnError, require_one_of
from patchlearn.core.settings import RuntimeSettings, require_at_least
from patchlearn.data.settings import ClickSettings, DataSettings
from patchlearn.maps.settings import (
    LABELS,
    CamSettings,
    FeatureSettings,
    PseudoSettings,
    ReadingSettings,
    SelfTrainingSettings,
    WalkSettings,
)
from patchlearn.refine.settings import BackgroundRule
from patchlearn.training.settings import AffinitySettings, ClassifierSettings, SegmenterSettings

SUPERVISIONS = ("tags", "masks")
MEASURED = {"set": "by measurement"}  # metadata of a section that nobody sets, and that is not listed with settings


@dataclass(frozen=True, kw_only=True)
class VariedSettings:
    """The sections of a recipe that its variants may change."""

    classifier: ClassifierSettings = field(default_factory=ClassifierSettings)
    features: FeatureSettings = field(default_factory=FeatureSettings)
    reading: ReadingSettings = field(default_factory=ReadingSettings)
    cams: CamSettings = field(default_factory=CamSettings)
    self_training: SelfTrainingSettings = field(default_factory=SelfTrainingSettings)
    clicks: ClickSettings = field(default_factory=ClickSettings)
    background: BackgroundRule = field(default_factory=BackgroundRule)
    affinity: AffinitySettings = field(default_factory=AffinitySettings)
    walk: WalkSettings = field(default_factory=WalkSettings)
    pseudo: PseudoSettings = field(default_factory=PseudoSettings)
    segmenter: SegmenterSettings = field(default_factory=SegmenterSettings)


VARIED = tuple(entry.name for entry in fields(VariedSettings))


@dataclass(frozen=True, kw_only=True)
class Variant(VariedSettings):
    """The settings of one variant, complete."""

    name: str = "default"


@dataclass(frozen=True, kw_only=True)
class ExpectedData:
    """The data that the figures of a recipe are of.

    Args:
        name: a short one, such as "voc-animals".
        about: how many images, of what.
        key: of the content of images, labels and masks (`patchlearn.runs.expected.data_key`); empty if not noted.
    """

    name: str = ""
    about: str = ""
    key: str = ""


@dataclass(frozen=True, kw_only=True)
class ExpectedFigure:
    """The measured mIoU of score maps, pseudo masks or a segmenter. By default nothing was measured.

    Score maps are cut at the label-free threshold.

    Args:
        miou: mean over the seeds, in per cent, in [0, 100]; null if nothing was measured.
        spread: half the width of the interval around the mean in which 19 of 20 further seeds are expected, in points;
            null with fewer than three seeds.
        seeds: of the runs.
        split: on which it was judged; a list of images (`evaluate --images`) has a name of its own.
        labels: how the classes of an image were known: "given" or "predicted".
        minutes: from images to this result, mean over the seeds; null if not measured.
        machine: on which.
        commit: of the code.
        older: whether the code or the settings that train have changed since.
        settings: key of the settings (`patchlearn.runs.expected.settings_key`); empty if not noted.
    """

    miou: float | None = None
    spread: float | None = None
    seeds: tuple[int, ...] = ()
    split: str = "train"
    labels: str = "given"
    minutes: float | None = None
    machine: str = ""
    commit: str = ""
    older: bool = False
    settings: str = ""

    def __post_init__(self) -> None:
        require_one_of("labels", self.labels, LABELS)
        if self.miou is not None and not 0 <= self.miou <= 100:
            raise PatchlearnError(f"miou: {self.miou} is out of range. Choose a number in [0, 100].")
        for name in ("spread", "minutes"):
            if (value := getattr(self, name)) is not None:
                require_at_least(name, value, 0)


@dataclass(frozen=True, kw_only=True)
class ExpectedSettings:
    """What was measured with the recipe. No result depends on it.

    Args:
        data: on which images.
        variant: which variant of the recipe.
        seed: of the score maps.
        pseudo: of the pseudo masks.
        segmenter: of the segmenter.
        note: where more figures of the recipe stand.
    """

    data: ExpectedData = field(default_factory=ExpectedData)
    variant: str = "plain"
    seed: ExpectedFigure = field(default_factory=ExpectedFigure)
    pseudo: ExpectedFigure = field(default_factory=ExpectedFigure)
    segmenter: ExpectedFigure = field(default_factory=ExpectedFigure)
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class SharedSettings:
    """What all variants of a recipe have in common."""

    title: str = "patchlearn"
    expected: ExpectedSettings = field(default_factory=ExpectedSettings, metadata=MEASURED)
    seed: int = 0
    data: DataSettings = field(default_factory=DataSettings)
    runtime: RuntimeSettings = field(default_factory=RuntimeSettings)


@dataclass(frozen=True, kw_only=True)
class Recipe(VariedSettings, SharedSettings):  # the fields of the last base come first, in `--help` and in YAML
    """Everything a run depends on.

    Args:
        title: a line that says what this run is.
        expected: what was measured with it.
        seed: all randomness derives from it.
        data: which images.
        runtime: device, precision, workers.
        classifier: training of the classifier.
        features: feature maps that are computed once.
        reading: from what the first maps are read.
        cams: how its class activation maps are read.
        clicks: what a person has labelled beside the tags.
        self_training: how an LDA classifier learns to compute better maps from them.
        background: the label-free rule for the background threshold, wherever maps become labels.
        affinity: training of the affinity network.
        walk: the random walk along its affinities.
        pseudo: how maps become masks.
        segmenter: training of the segmentation network.
        with_segmenter: whether `run` trains the segmenter; the verb `segment` does in any case.
        supervision: what the segmenter learns from: "tags" (the pseudo masks), or "masks" (the true ones): the fully
            supervised reference with the same settings, which stands beside the other and needs no other step.
        variants: name → the settings that differ in it, from classifier to segmenter; variants run side by side.
    """

    with_segmenter: bool = True
    supervision: str = "tags"
    variants: dict[str, dict[str, Any] | None] = field(default_factory=lambda: {"default": {}})

    def __post_init__(self) -> None:
        require_one_of("supervision", self.supervision, SUPERVISIONS)
        if not self.variants:
            raise PatchlearnError("variants: no variant is named. Name at least one, for example 'default: {}'.")
