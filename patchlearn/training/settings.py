"""How the three networks are trained."""

from dataclasses import dataclass, field, replace
from math import inf

from patchlearn.core.errors import PatchlearnError, require_one_of
from patchlearn.core.settings import (
    FILE_IN_KEY,
    NEW_IN_KEY,
    OUTSIDE_KEY,
    require_at_least,
    require_positive,
    require_share,
)
from patchlearn.data.settings import AUTO, AugmentSettings
from patchlearn.inference.settings import InferenceSettings
from patchlearn.models.settings import AFFINITY_STRIDES, BORDERS, FIGURE_2, FUSIONS, HEAD_STRIDES, OUTPUT_STRIDES
from patchlearn.refine.settings import ConfidentRegions

OPTIMISERS = ("adamw", "sgd")
SCHEDULES = ("constant", "cosine", "poly")
LOSSES = ("balanced", "bootstrapped", "cross_entropy", "generalised")
MASK_KINDS = ("all", "sure")
NO_AFFINITY = "none"


@dataclass(frozen=True, kw_only=True)
class Optimisation:
    """How weights are learned. Momentum and weight decay have names of their own: PSA's PolyOptimizer mixed them up.

    Args:
        optimiser: "adamw" or "sgd".
        learning_rate: of pretrained weights, at the start.
        head_multiplier: new weights learn this much faster (PSA and IRN: 10).
        momentum: of SGD; AdamW has its own.
        weight_decay: of weights; biases and normalisation have none.
        schedule: "poly" (power 0.9), "cosine" or "constant", over all epochs together.
        warmup: share of all steps in which the learning rate rises from zero.
        batch_size: images per step, over all processes together.
        epochs: passes over the images, over all stages together.
        min_steps: fewest steps of the whole training; a small data set is passed over several times in each epoch.
            Those of the recipe `standard` were chosen by the training loss on 30 photographs alone.
        clip_norm: longest gradient; 0 for no limit.
        save_seconds: how often the state is saved, besides after every epoch.
    """

    optimiser: str = "adamw"
    learning_rate: float = 3e-4
    head_multiplier: float = 10.0
    momentum: float = 0.9
    weight_decay: float = 5e-4
    schedule: str = "poly"
    warmup: float = 0.0
    batch_size: int = 16
    epochs: int = 8
    min_steps: int = 0
    clip_norm: float = 0.0
    save_seconds: float = field(default=60.0, metadata=OUTSIDE_KEY)

    def __post_init__(self) -> None:
        require_one_of("optimiser", self.optimiser, OPTIMISERS)
        require_one_of("schedule", self.schedule, SCHEDULES)
        for name in ("learning_rate", "head_multiplier", "batch_size", "epochs"):
            require_positive(name, getattr(self, name))
        for name in ("min_steps", "weight_decay", "clip_norm", "save_seconds"):
            require_at_least(name, getattr(self, name), 0)
        for name in ("momentum", "warmup"):
            if not 0 <= getattr(self, name) < 1:
                raise PatchlearnError(f"{name}: {getattr(self, name)} is out of range. Choose a number in [0, 1).")


@dataclass(frozen=True, kw_only=True)
class ClassifierSettings:
    """The classification network and how it is trained.

    The paper's own training settings are not public (docs/method.md). The defaults here are the field's habits, or were
    chosen on voc-animals (docs/results.md).

    Args:
        backbone: a timm architecture, or "resnet38".
        output_stride: 8, 16 or 32 pixels per cell; null for the backbone's own, such as 14 of a ViT/14.
        weights: null, "hub", "demo" or the path of a state dict: timm's, torchvision's, DINO's.
        fusion: "plain", "progressive" or "explicit".
        splits: (stage, (rows, columns)) each: where feature maps are cut; or "figure 2", every cut that the paper's
            figure draws. "progressive" trains one after another, each for an equal share of the epochs.
        border: what a patch has beyond its edge: "zero", "replicate" or "neighbour".
        pooling_power: of the generalised mean over the map that the classifier learns from; 1 for the mean, as in the
            field. 3 gave better maps of the plain classifier, and worse self-trained ones (docs/log/self-training.md).
        detach: explicit patches do not train the layers below them.
        freeze_statistics: batch norm keeps its pretrained statistics (PSA, SEAM, IRN). Otherwise patches change them.
        frozen_stages: how many of the lowest stages are not trained.
        head_only: freeze the whole backbone, and compute its features once: the classifier learns from whole images at
            the scales of the maps (`cams.views`), without crops and colours. Its steps take seconds.
        train_split: whose labels are learned.
        held_out_split: where mAP is measured after every epoch; if the data has no such split, a tenth of the training
            images is held out instead.
        keep_epochs: keep the classifier of every epoch, as `epochs/EPOCH.safetensors`, counted from 0.
        augment: crop, sizes and colours of the images.
        optimisation: of backbone and, faster, classifier.
    """

    backbone: str = "resnet50"
    output_stride: int | None = 16
    weights: str | None = field(default="hub", metadata=FILE_IN_KEY)
    fusion: str = "plain"
    splits: tuple[tuple[int, tuple[int, int]], ...] | str = ()
    border: str = "zero"
    pooling_power: float = 1.0
    detach: bool = True
    freeze_statistics: bool = True
    frozen_stages: int = 0
    head_only: bool = field(default=False, metadata=NEW_IN_KEY)
    train_split: str = field(default="train", metadata=OUTSIDE_KEY)
    held_out_split: str = field(default="val", metadata=OUTSIDE_KEY)
    keep_epochs: bool = False
    augment: AugmentSettings = field(default_factory=AugmentSettings)
    optimisation: Optimisation = field(default_factory=Optimisation)

    def __post_init__(self) -> None:
        require_one_of("fusion", self.fusion, FUSIONS)
        require_one_of("border", self.border, BORDERS)
        if self.output_stride not in (None, *OUTPUT_STRIDES):
            raise PatchlearnError(
                f"output_stride: {self.output_stride} is not an option. Choose one of: 8, 16, 32, null."
            )
        if not 1 <= self.pooling_power < inf:
            raise PatchlearnError(f"pooling_power: {self.pooling_power}. Choose 1 for the mean, or more, such as 3.")
        require_at_least("frozen_stages", self.frozen_stages, 0)
        if self.head_only and self.weights is None:
            raise PatchlearnError(
                "head_only: a head learns nothing from a backbone with random weights. Name classifier.weights: hub, "
                "demo or a file."
            )
        if self.head_only and (self.fusion != "plain" or self.keep_epochs):
            raise PatchlearnError(
                "head_only: a head learns from features without patches, and only its last epoch is kept. Set fusion "
                "to plain and keep_epochs to false, or head_only to false."
            )
        if isinstance(self.splits, str):
            require_one_of("splits", self.splits, [FIGURE_2])
        elif self.fusion == "progressive":
            check_shares(self.optimisation, len(self.splits))


def of_head(settings: ClassifierSettings) -> ClassifierSettings:
    """The settings of a head, in which those that a head does not read have their defaults."""
    return replace(
        settings,
        splits=(),
        border="zero",
        detach=True,
        freeze_statistics=True,
        frozen_stages=0,
        augment=AugmentSettings(),
    )


def check_shares(optimisation: Optimisation, splits: int) -> None:
    """Raise `PatchlearnError` unless every split gets an epoch of the progressive training."""
    if optimisation.epochs < splits:
        raise PatchlearnError(
            f"optimisation.epochs: {optimisation.epochs} epochs cannot be shared by {splits} splits. Choose {splits} "
            "or more."
        )


@dataclass(frozen=True, kw_only=True)
class AffinitySettings:
    """The affinity network and how it is trained.

    IRN trains with SGD at 0.1, crops of 512, 32 images at a time, 3 epochs; PSA with 0.1 (SEAM 0.01), 448, 8 and 8. The
    defaults, with AdamW, are what was measured (docs/log/affinity-and-walk.md).

    Args:
        kind: "features" (PSA; the better on voc-animals), "boundary" (IRN; trains faster), or "none": no network and no
            walk. "auto" is "none" where `reading.use: auto` finds that small places tell the classes, because a walk
            then floods what is around them, and "features" elsewhere.
        radius: pairs of pixels less than this many cells apart are compared; null for 10 cells of 4 pixels (IRN) or
            5 cells of 8 (PSA).
        confident: which pixels of the score maps become labels.
        rounds: trainings one after another. Each but the first takes its labels from the maps after a walk along the
            affinities of the one before.
        train_split: whose images are learned; their score maps must be there.
        images: how many of them at most, all classes in turn; null for all. `optimisation.min_steps` keeps the steps.
        augment: crop and sizes of the images.
        optimisation: only the head learns, at learning_rate × head_multiplier.
    """

    kind: str = "features"
    radius: int | None = None
    confident: ConfidentRegions = field(default_factory=ConfidentRegions)
    rounds: int = 2
    train_split: str = field(default="train", metadata=OUTSIDE_KEY)
    images: int | None = field(default=None, metadata=NEW_IN_KEY)
    augment: AugmentSettings = field(default_factory=AugmentSettings)
    optimisation: Optimisation = field(
        default_factory=lambda: Optimisation(
            learning_rate=2e-3, head_multiplier=1.0, weight_decay=1e-4, batch_size=16, epochs=3
        )
    )

    def __post_init__(self) -> None:
        require_one_of("kind", self.kind, [*AFFINITY_STRIDES, NO_AFFINITY, AUTO])
        require_at_least("rounds", self.rounds, 1)
        if self.images is not None:
            require_at_least("images", self.images, 1)
        if self.radius is not None:
            require_at_least("radius", self.radius, 2)
        least = 2 * AFFINITY_STRIDES.get(self.network, 1)
        if self.augment.crop < least:
            raise PatchlearnError(
                f"augment.crop: {self.augment.crop} is smaller than two cells of kind {self.kind!r}. Choose {least} or "
                "more."
            )

    @property
    def network(self) -> str:
        """The kind that is trained, if one is."""
        return "features" if self.kind == AUTO else self.kind


@dataclass(frozen=True, kw_only=True)
class NoiseSettings:
    """How the training of a segmenter treats labels that are wrong; true masks are learned without any of it.

    The defaults were the best of what was measured (docs/log/noisy-labels.md).

    Args:
        labels: "sure" (only the pixels that `pseudo.sure` selects), or "all".
        loss: "cross_entropy", "balanced" (DSRG), "bootstrapped" (Reed et al.) or "generalised" (Zhang & Sabuncu).
        correct_from: share of the epochs after which the average of the weights, a teacher, replaces labels; 1: never.
        confidence: the teacher's probability from which a label is replaced.
        rounds: trainings one after another; each but the first learns from the predictions of the one before on the
            training images, given their tags. A second one gained on labels of all pixels, and nothing on "sure".
        relabel_crf: the dense CRF after these predictions, see `InferenceSettings`.
        undecided: pixels whose best label is less probable are ignored in the next round.
    """

    labels: str = "sure"
    loss: str = "cross_entropy"
    correct_from: float = 0.25
    confidence: float = 0.8
    rounds: int = 1
    relabel_crf: str = "segmenter"
    undecided: float = 0.8

    def __post_init__(self) -> None:
        require_one_of("labels", self.labels, MASK_KINDS)
        require_one_of("loss", self.loss, LOSSES)
        require_share("correct_from", self.correct_from)
        require_share("confidence", self.confidence)
        require_at_least("rounds", self.rounds, 1)
        InferenceSettings(crf=self.relabel_crf, undecided=self.undecided)


@dataclass(frozen=True, kw_only=True)
class SegmenterSettings:
    """The segmentation network and how it is trained.

    Args:
        head: "deeplabv3plus", "deeplabv2" (on resnet101 in the field), "largefov" (DeepLabv1; on resnet38 in the
            field), "linear" (for transformers), "fpn", "segformer", "unet" or "upernet".
        backbone: a timm architecture, or "resnet38".
        weights: null, "hub", "demo" or the path of a state dict; the field starts from ImageNet's.
        output_stride: of the encoder; null for the head's default.
        freeze_statistics: the encoder's batch norm keeps its pretrained statistics (DeepLab).
        average: share of the moving average of the weights that is kept at each step; the average is what is saved.
        noise: how wrong labels are treated.
        size_weight: of the loss for areas outside of what `classes.csv` states (`size_loss`); 0 for none. True masks
            are learned without it.
        train_split: whose masks are learned.
        splits: of which splits the segmenter's masks are written, and judged; null for "val", if the data has it.
        augment: crop, sizes and colours of the images.
        optimisation: of encoder and, faster, head.
        inference: how images are segmented; kept with the model.
    """

    head: str = "deeplabv3plus"
    backbone: str = "resnet50"
    weights: str | None = field(default="hub", metadata=FILE_IN_KEY)
    output_stride: int | None = None
    freeze_statistics: bool = True
    average: float = 0.99
    noise: NoiseSettings = field(default_factory=NoiseSettings)
    size_weight: float = field(default=1.0, metadata=NEW_IN_KEY)
    train_split: str = field(default="train", metadata=OUTSIDE_KEY)
    splits: tuple[str, ...] | None = field(default=None, metadata=OUTSIDE_KEY)
    augment: AugmentSettings = field(default_factory=AugmentSettings)
    optimisation: Optimisation = field(default_factory=Optimisation)
    inference: InferenceSettings = field(default_factory=InferenceSettings)

    def __post_init__(self) -> None:
        require_one_of("head", self.head, HEAD_STRIDES)
        require_share("average", self.average)
        require_at_least("size_weight", self.size_weight, 0)


def true_labels_only(settings: SegmenterSettings) -> SegmenterSettings:
    """The same network and training, for true masks: the fully supervised reference."""
    return replace(settings, noise=NoiseSettings(labels="all", correct_from=1.0, rounds=1))
