"""Everything that a run depends on, as one value: the recipe, and the complete settings of each of its variants."""

from dataclasses import dataclass, field, fields
from typing import Any

from patchlearn.core.errors import PatchlearnError, require_one_of
from patchlearn.core.settings import RuntimeSettings
from patchlearn.data.settings import ClickSettings, DataSettings
from patchlearn.maps.settings import (
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
class ExpectedSettings:
    """What was measured with the recipe; words for `patchlearn recipes`.

    Args:
        data: on which images.
        cost: how long, on which machine.
        score: which figure, of what.
    """

    data: str = ""
    cost: str = "not measured"
    score: str = "not measured"


@dataclass(frozen=True, kw_only=True)
class SharedSettings:
    """What all variants of a recipe have in common."""

    title: str = "patchlearn"
    expected: ExpectedSettings = field(default_factory=ExpectedSettings)
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
