"""The maps of one image as other readings see it: the same classes, another source of evidence.

- the classifier's own activations, and the evidence of a head over single cells where there is one;
- the mirror image;
- LDA classifiers that have learned from other images.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch

from patchlearn.core.parallel import results_of
from patchlearn.core.runtime import Runtime
from patchlearn.core.types import Sample, ScoreMaps, Sizes, UInt8, in_shares
from patchlearn.evaluate.agreement import mask_of_scores
from patchlearn.maps.cam import CLASSIFIER, maps_of_features
from patchlearn.maps.features import features_of_views
from patchlearn.maps.methods import MapMethod
from patchlearn.maps.reading import Reading, stages_read
from patchlearn.maps.self_training import RoundSettings, confident_moments_need, confident_moments_of
from patchlearn.maps.settings import CamSettings
from patchlearn.models.lda import LinearDiscriminant, Moments
from patchlearn.models.patch_network import PatchNetwork
from patchlearn.models.views import ViewFeatures
from patchlearn.refine import BackgroundRule, background_threshold, within_sizes


@dataclass(frozen=True, kw_only=True)
class Reader:
    """How maps of an image are read, apart from its views.

    Args:
        network: the classifier's.
        cams: how its features are read; mirror images are left out.
        rule: of the background threshold.
        reading: which maps, without an LDA classifier.
        lda: its probabilities alone are read.
        sizes: how large each class usually is; () where nothing is known.
        method: makes the maps in place of the reading; None for the reading.
    """

    network: PatchNetwork
    cams: CamSettings
    rule: BackgroundRule
    reading: Reading = CLASSIFIER
    lda: LinearDiscriminant | None = None
    sizes: Sizes = ()
    method: MapMethod | None = None

    @property
    def lower(self) -> int:
        """How many stages before the last are read."""
        return stages_read(self.reading, self.lda)

    @torch.no_grad()
    def mask(
        self, views: Sequence[ViewFeatures], image: UInt8, classes: Sequence[int], unknown: Sequence[int] = ()
    ) -> UInt8:
        """h×w on the cells of maps: the class above the background threshold, 0 or 255.

        Args:
            views: of the image.
            image: H×W×3.
            classes: class indices, unknown ones among them.
            unknown: those that nobody judged.
        """
        maps = maps_of_features(
            self.network, views, image, self.cams.read, sorted(classes), self.lda, unknown, self.reading, self.method
        )
        return map_mask(maps, self.rule, self.sizes)

    @torch.no_grad()
    def mirrored_mask(self, image: UInt8, classes: Sequence[int], unknown: Sequence[int] = ()) -> UInt8:
        """h×w: the mask of the mirror image, mirrored back; its views are computed."""
        mirrored = np.ascontiguousarray(image[:, ::-1])
        cams = replace(self.cams, views=replace(self.cams.views, flip=False))
        views = list(features_of_views(self.network, mirrored, cams, lower=self.lower))
        return np.ascontiguousarray(self.mask(views, mirrored, classes, unknown)[:, ::-1])


def half_classifiers(
    one_round: RoundSettings, samples: Sequence[Sample], shrinkage: float, runtime: Runtime
) -> list[LinearDiscriminant]:
    """Two LDA classifiers, from one half of the images each. The images of each tag are shared out in turn.

    Where a half has no confident cell of a tag, both learn from bounded labels, as a round does.

    Args:
        one_round: how they learn.
        samples: at least two.
        shrinkage: see `Moments.solve`.
        runtime: threads.
    """
    by_tags = sorted(range(len(samples)), key=lambda place: samples[place].labels)
    half = {place: turn % 2 for turn, place in enumerate(by_tags)}
    halves = _moments_of_halves(one_round, samples, half, runtime)
    tags = [[sample.labels for place, sample in enumerate(samples) if half[place] == which] for which in (0, 1)]
    if one_round.growth and any(_lacks_a_tag(*pair) for pair in zip(halves, tags, strict=True)):
        halves = _moments_of_halves(one_round.bounded, samples, half, runtime)
    return [_classifier_of(moments, one_round, shrinkage).to(runtime.accelerator.device) for moments in halves]


def _lacks_a_tag(moments: Moments, tags: Sequence[tuple[int, ...]]) -> bool:
    """Whether no cell of a class is confident, though some images are tagged with it."""
    return any(not moments.counts[label + 1] for labels in tags for label in labels)


def _moments_of_halves(
    one_round: RoundSettings, samples: Sequence[Sample], half: dict[int, int], runtime: Runtime
) -> list[Moments]:
    halves = [one_round.moments(), one_round.moments()]
    read = partial(confident_moments_of, one_round)
    threads = runtime.at_a_time(confident_moments_need(one_round, sample) for sample in samples)
    parts = results_of(samples, read, "two halves", threads, runtime.console, ahead=1)  # moments are large
    for place, part in enumerate(parts):
        halves[half[place]] += part
    return halves


def _classifier_of(moments: Moments, one_round: RoundSettings, shrinkage: float) -> LinearDiscriminant:
    """One that holds everything for equally probable, where no cell of the background or of any class is confident."""
    if min(moments.counts[0], moments.counts[1:].sum()) < 1:
        return LinearDiscriminant(len(moments.products), one_round.classes, one_round.cells)
    return moments.solve(shrinkage, one_round.cells)


def map_mask(maps: ScoreMaps, rule: BackgroundRule, sizes: Sizes = ()) -> UInt8:
    """h×w on the cells of the maps: i + 1 where class i is above the background threshold, 255 for an unknown class.

    Args:
        maps: of one image.
        rule: of the background threshold.
        sizes: how large each class usually is, in any unit; () where nothing is known.

    >>> maps = ScoreMaps(scores=np.array([[[0.1, 0.9]]], np.float32), classes=(4,), size=(2, 4))
    >>> map_mask(maps, BackgroundRule(rule="fixed", threshold=0.3)).tolist()
    [[0, 5]]
    """
    cells = (maps.scores.shape[1], maps.scores.shape[2])
    if not maps.classes:
        return np.zeros(cells, np.uint8)
    small = replace(maps, size=cells)
    small, rule = within_sizes(small, rule, in_shares(sizes, maps.size))
    return mask_of_scores(small.label_maps(), background_threshold(small, rule), small.mask_values)
