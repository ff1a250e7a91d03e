"""A run answers: the maps of each of its variants, and the pseudo mask that they give."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import torch

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.runtime import to_device
from patchlearn.core.types import Float32, ScoreMaps, UInt8
from patchlearn.maps.cam import maps_of_features
from patchlearn.maps.features import features_of_views
from patchlearn.maps.methods import method_of
from patchlearn.maps.pseudo_mask import pseudo_labels
from patchlearn.maps.reading import Reading
from patchlearn.models.affinity_network import FeatureAffinity
from patchlearn.models.settings import LOWER_STAGES
from patchlearn.models.views import ViewFeatures
from patchlearn.models.walker import StoredAffinity, Walker
from patchlearn.refine import background_threshold
from patchlearn.steps.pseudo_masks import WritePseudoMasks
from patchlearn.web.answers import Answer, Facts, Question

if TYPE_CHECKING:
    from patchlearn.runs.run import Run

WHOLE = "whole"


@dataclass(frozen=True)
class SeenByRun:
    """An image, and what each variant that was asked has found in it.

    Args:
        image: H×W×3, RGB.
        found: variant → (its features, the probability of each class).
    """

    image: UInt8
    found: dict[str, tuple[list[ViewFeatures], Float32]] = field(default_factory=dict)


class VariantReader:
    """The maps and masks of one variant, for any image.

    Args:
        step: that has written the pseudo masks; it holds the settings and the steps before it.
        device: of the networks.
    """

    def __init__(self, step: WritePseudoMasks, device: torch.device):
        cams = step.cams
        self.step, self.settings = step, cams.settings
        self.classifier = cams.classifier.load()
        to_device(self.classifier.network, device)
        self.lda = cams.lda.load() if cams.lda else None
        if self.lda:
            self.lda.to(device)
        self.reading = (cams.reading.load() if cams.reading else Reading()).to(device)
        self.affinity = step.affinity.load(device) if step.affinity else None
        self.walks_on_features = step.walk.stored and isinstance(self.affinity, FeatureAffinity)
        self.lower = LOWER_STAGES if self.walks_on_features else (self.lda or self.reading).lower

    @torch.no_grad()
    def look(self, image: UInt8) -> tuple[list[ViewFeatures], Float32]:
        """(the features at every scale, K probabilities)."""
        network = self.classifier.network
        features = list(features_of_views(network, image, self.settings, lower=self.lower))
        whole = features
        if self.settings.read != WHOLE and network.splits:
            whole = list(features_of_views(network, image, replace(self.settings, read=WHOLE)))
        logits = torch.cat([network.logits(view.features) for view in whole])
        return features, logits.float().mean(0).sigmoid().cpu().numpy()

    @torch.no_grad()
    def maps(self, image: UInt8, features: Sequence[ViewFeatures], tags: Sequence[int]) -> ScoreMaps:
        """The class activation maps of the tags."""
        method = None if self.lda else method_of(self.settings.method, self.classifier)
        network, read = self.classifier.network, self.settings.read
        return maps_of_features(network, features, image, read, tags, self.lda, (), self.reading, method)

    def mask(self, image: UInt8, features: Sequence[ViewFeatures], maps: ScoreMaps, threshold: float | None) -> UInt8:
        """The pseudo mask of the maps; a threshold replaces the background rule."""
        step, rule = self.step, self.step.rule
        if threshold is not None:
            rule = replace(rule, rule="fixed", threshold=threshold)
        settings = replace(step.settings, sure="confident")  # the second walk would only tell which pixels are reliable
        return pseudo_labels(image, maps, settings, rule, step.walk, self._along(features), sizes=step.sizes)[0]

    def _along(self, features: Sequence[ViewFeatures]) -> Walker | None:
        """Along what scores walk: with `walk.stored`, the largest view, without its mirror image."""
        if not self.walks_on_features or not isinstance(self.affinity, FeatureAffinity):
            return self.affinity
        view = max(features, key=lambda each: each.size)
        alone = ViewFeatures(view.features[:1], view.size, tuple(maps[:1] for maps in view.lower))
        return StoredAffinity(self.affinity, alone)

    def predicted(self, probabilities: Float32) -> tuple[int, ...]:
        """The classes that the classifier finds, at least one."""
        above = {index for index, value in enumerate(probabilities) if value >= self.settings.confidence}
        return tuple(sorted(above | {int(probabilities.argmax())}))


@dataclass(frozen=True)
class RunReader:
    """Reads images as a run reads its training images.

    Args:
        title: shown on the page.
        classes: K names.
        variants: name → reader.
    """

    title: str
    classes: tuple[str, ...]
    variants: dict[str, VariantReader]

    @property
    def facts(self) -> Facts:
        """The variants of the recipe that have masks."""
        return Facts(
            kind="run",
            title=self.title,
            classes=self.classes,
            variants=tuple(self.variants),
            threshold="background threshold",
            explained="A pixel whose maps are all lower is background. It replaces the rule of the run.",
        )

    def see(self, image: UInt8) -> SeenByRun:
        """The features are computed when a variant is first asked."""
        return SeenByRun(image)

    def answer(self, seen: SeenByRun, question: Question) -> Answer:
        """Maps and pseudo mask of the tags; without tags, of the classes that the classifier finds."""
        reader = self.variants[question.variant]
        if question.variant not in seen.found:
            seen.found[question.variant] = reader.look(seen.image)
        features, probabilities = seen.found[question.variant]
        tags = reader.predicted(probabilities) if question.tags is None else question.tags
        maps = reader.maps(seen.image, features, tags)
        threshold = question.threshold
        used = background_threshold(maps, reader.step.rule) if threshold is None and tags else threshold or 0.0
        return Answer(
            scores=tuple(map(float, probabilities)),
            tags=maps.classes,
            maps=maps.scores,
            mask=reader.mask(seen.image, features, maps, threshold),
            threshold=float(used),
        )


def read_run(run: "Run", title: str) -> RunReader:
    """What answers for a run that is open; the run folder is not read again afterwards.

    Raises:
        PatchlearnError: no variant has finished pseudo masks.
    """
    device, readers = run.runtime.accelerator.device, dict[str, VariantReader]()
    for variant in run.variants:
        steps = [each for each in run.steps(variant, "tags") if isinstance(each, WritePseudoMasks)]
        finished = [each for each in steps if each.is_complete]
        if finished:
            readers[variant.name] = VariantReader(finished[0], device)
    if not readers:
        raise PatchlearnError(f"{run.folder}: has no pseudo masks yet. Run it first: patchlearn run {run.folder}")
    return RunReader(title, run.dataset.classes, readers)
