"""How score maps are read, improved and turned into masks."""

from dataclasses import dataclass, field

from patchlearn.core.errors import PatchlearnError, require_one_of
from patchlearn.core.settings import NEW_IN_KEY, OUTSIDE_KEY, require_at_least, require_positive, require_share
from patchlearn.models.settings import CELL_STAGES, READS, CellSettings, ViewSettings
from patchlearn.refine.settings import ConfidentRegions, CrfSettings, SamSettings

LABELS = ("given", "predicted")
READINGS = ("classifier", "cells", "sum", "auto")
AGREEMENT_RULES = ("agreed", "confident")


@dataclass(frozen=True, kw_only=True)
class CamSettings:
    """How class activation maps are read.

    Args:
        views: sizes of the image; ReLU maps are summed over them.
        read: "whole", "unsplit" or "merged" (see `PatchNetwork.features`).
        labels: "given" (the image's own labels choose the classes) or "predicted".
        confidence: sigmoid score from which a class counts as predicted; the best class always does.
        splits: of which splits maps are written.
        method: the name of a CAM method of another package that makes the first maps (docs/extend.md); null for the
            built-in maps.
        first_share: after self-training, the share of the maps that it has started from, in the sum with those of LDA,
            each divided by its maximum. The first maps hold more of a class whose things look different each time, such
            as persons (docs/log/self-training.md).
    """

    views: ViewSettings = field(default_factory=ViewSettings)
    read: str = "whole"
    labels: str = "given"
    confidence: float = 0.5
    splits: tuple[str, ...] = field(default=("train",), metadata=OUTSIDE_KEY)
    method: str | None = field(default=None, metadata=NEW_IN_KEY)
    first_share: float = field(default=0.0, metadata=NEW_IN_KEY)

    def __post_init__(self) -> None:
        require_one_of("read", self.read, READS)
        require_share("first_share", self.first_share)
        if self.method and self.first_share:
            raise PatchlearnError(
                "first_share: there is no sum with the maps of a method. Leave cams.method out, or set it to 0."
            )
        require_one_of("labels", self.labels, LABELS)
        require_share("confidence", self.confidence)
        if not self.splits:
            raise PatchlearnError("splits: no split is named, and every later step reads maps. Add train.")


@dataclass(frozen=True, kw_only=True)
class FeatureSettings:
    """Feature maps that are computed once, and read by every round of self-training and by the maps.

    Args:
        most_gigabytes: of disk for one split and variant, judged by a few images. Features that would take more are
            not stored: every reader computes them anew. 0 stores none.
    """

    most_gigabytes: float = field(default=8.0, metadata=OUTSIDE_KEY)

    def __post_init__(self) -> None:
        require_at_least("most_gigabytes", self.most_gigabytes, 0)


@dataclass(frozen=True, kw_only=True)
class ReadingSettings:
    """From what the first maps are read, and which features self-training learns from.

    Args:
        use: "classifier" (its own activations: an ordinary class activation map), "cells" (the evidence of a head over
            single cells), "sum" (both maps, each divided by its maximum), or "auto": the step `reading` chooses one of
            the first two, without masks (docs/method.md).
        cells: the head over single cells.
    """

    use: str = "classifier"
    cells: CellSettings = field(default_factory=CellSettings)

    def __post_init__(self) -> None:
        require_one_of("use", self.use, READINGS)

    @property
    def has_head(self) -> bool:
        """Whether a head over single cells is trained."""
        return self.use != READINGS[0]


@dataclass(frozen=True, kw_only=True)
class SelfTrainingSettings:
    """How often, and from which pixels, an LDA classifier learns to compute new maps.

    Args:
        rounds: how often; 0 keeps the classifier's own maps, as in the paper. The third round added 1.6 points of mIoU,
            a fourth 0.9 (docs/log/self-training.md).
        shrinkage: of the covariance, above 0 and at most 1; see `Moments.solve`.
        confident: which pixels of the maps become labels.
        train_split: whose images are learned from, and whose labels.
        stages: whose features are learned from: "last", "lower" (the two before it, on a finer grid) or "all".
        centred: subtract each image's own mean from its cells.
        images: of these, each round reads at most this many, as many of each class as of the others if there are
            enough; null for all.
    """

    rounds: int = 3
    shrinkage: float = 0.1
    confident: ConfidentRegions = field(default_factory=ConfidentRegions)
    train_split: str = field(default="train", metadata=OUTSIDE_KEY)
    stages: str = field(default="last", metadata=NEW_IN_KEY)
    centred: bool = field(default=False, metadata=NEW_IN_KEY)
    images: int | None = field(default=None, metadata=NEW_IN_KEY)

    @property
    def has_cells(self) -> bool:
        """Whether anything but the last stage, as it is, is learned from."""
        return self.stages != "last" or self.centred

    def __post_init__(self) -> None:
        require_at_least("rounds", self.rounds, 0)
        require_one_of("stages", self.stages, CELL_STAGES)
        if self.images is not None:
            require_at_least("images", self.images, 1)
        if not 0 < self.shrinkage <= 1:
            raise PatchlearnError(f"shrinkage: {self.shrinkage} is out of range. Choose a number in (0, 1].")


@dataclass(frozen=True, kw_only=True)
class WalkSettings:
    """The random walk along the affinities of an affinity network. Without such a network there is no walk.

    Args:
        radius: in cells; IRN and PSA walk with 5.
        beta: the power of the affinities; null for 8 with features (PSA) and 10 with boundaries (IRN).
        steps: IRN and PSA 2^8, SEAM 2^6.
        long_side: the affinity network reads an image at its own size, but its longer side has at most this many
            pixels. This bounds the memory: at 1024, 0.3 to 0.5 GB for each thread, up to 4000×3000 pixels
            (EfficientNet-Lite0); null for no bound. VOC's images have 500.
        anchor: the weight of the scores before the walk in the result, from 0 (none, as in IRN and PSA) to 1:
            walked^(1 - anchor) · before^anchor.
        balance: which maximum each class is divided by after the walk, from 0 (the largest of all classes, IRN) to 1
            (its own), geometrically in between. The walk lowers scores, most for small objects; dividing by the class's
            own maximum would amplify noise (docs/log/affinity-and-walk.md).
        stored: read the affinities from the stored features of the largest scale of the maps, not from the image. It
            takes less time. It needs classifier.head_only and affinities of kind "features".
    """

    radius: int = 5
    beta: float | None = None
    steps: int = 256
    long_side: int | None = 1024
    anchor: float = 0.0
    balance: float = 0.5
    stored: bool = field(default=False, metadata=NEW_IN_KEY)

    def __post_init__(self) -> None:
        require_at_least("radius", self.radius, 1)
        if self.beta is not None:
            require_positive("beta", self.beta)
        require_at_least("steps", self.steps, 0)
        if self.long_side is not None:
            require_at_least("long_side", self.long_side, 1)
        require_share("anchor", self.anchor)
        require_share("balance", self.balance)


@dataclass(frozen=True, kw_only=True)
class PseudoSettings:
    """How score maps become masks.

    Args:
        crf: the dense CRF.
        local: iterations of pixel-adaptive refinement after it; 0 for none.
        sam: SAM 2 after both (docs/sam.md).
        ignore_band: pixels whose two likeliest labels, background among them, lie closer than this become 255. Scores
            are compared without a CRF, probabilities with one.
        sure: which pixels teach a segmenter: "agreed" (the masks of two walks agree) or "confident" (object at a higher
            threshold, background at a lower one, each after a CRF); null for "agreed" if there is an affinity network,
            else "confident". Where SAM contradicts a confident pixel, it is no longer one.
        second_anchor: the anchor of the second of two walks, see `WalkSettings`. If affinities were learned more than
            once, the second walk uses the affinity network of the round before the last.
        confident: the two thresholds.
        splits: of which splits masks are written; their score maps must be there.
    """

    crf: CrfSettings = field(default_factory=CrfSettings)
    local: int = 0
    ignore_band: float = 0.05
    sure: str | None = None
    second_anchor: float = 0.5
    confident: ConfidentRegions = field(default_factory=lambda: ConfidentRegions(high=1.15, low=0.5))
    splits: tuple[str, ...] = field(default=("train",), metadata=OUTSIDE_KEY)
    sam: SamSettings = field(default=SamSettings(), metadata=NEW_IN_KEY)

    def __post_init__(self) -> None:
        require_at_least("local", self.local, 0)
        if not 0 <= self.ignore_band < 0.5:
            raise PatchlearnError(f"ignore_band: {self.ignore_band} is out of range. Choose a number in [0, 0.5).")
        if self.sure is not None:
            require_one_of("sure", self.sure, AGREEMENT_RULES)
        require_share("second_anchor", self.second_anchor)
