"""Along what the scores of one image walk: an affinity network, or features that its trunk has computed before."""

from typing import Protocol

from patchlearn.core.types import Float32, UInt8
from patchlearn.models.affinity_network import FeatureAffinity, walk_over
from patchlearn.models.views import ViewFeatures


class Walker(Protocol):
    """Along what the scores of an image walk: an affinity network, or one with features that were computed before."""

    @property
    def usual_beta(self) -> float:
        """The usual power of the affinities."""

    def walk(
        self, image: UInt8, scores: Float32, radius: int, beta: float, steps: int, long_side: int | None
    ) -> Float32:
        """See `AffinityNetwork.walk`."""


class StoredAffinity:
    """The affinities of one image, from features that were computed before; they set the size, whatever `long_side` is.

    Args:
        network: whose trunk has computed them.
        view: the features, with the two stages before the last.
    """

    def __init__(self, network: FeatureAffinity, view: ViewFeatures):
        self.network, self.view = network, view

    @property
    def usual_beta(self) -> float:
        """That of the network."""
        return self.network.BETA

    def walk(
        self, image: UInt8, scores: Float32, radius: int, beta: float, steps: int, long_side: int | None
    ) -> Float32:
        """PSA's random walk, as `FeatureAffinity.walk`."""
        view = self.view.to(next(self.network.parameters()).device)
        return walk_over(self.network.features_of(view, image), scores, radius, beta, steps)
