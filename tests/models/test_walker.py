"""Affinities from stored features: the same walk as over a view of that size."""

import numpy as np
import pytest
import torch
from conftest import noise_image, tiny_stages

from patchlearn.core.errors import PatchlearnError
from patchlearn.models.affinity_network import BoundaryAffinity, FeatureAffinity
from patchlearn.models.views import ViewFeatures
from patchlearn.models.walker import StoredAffinity, Walker


@pytest.fixture
def network() -> FeatureAffinity:
    torch.manual_seed(0)
    return FeatureAffinity(tiny_stages()).eval()


def test_every_walker_names_its_usual_power(network: FeatureAffinity) -> None:
    boundary: Walker = BoundaryAffinity(tiny_stages())
    stored: Walker = StoredAffinity(network, network.read(noise_image(8, 8), 8))
    assert (boundary.usual_beta, stored.usual_beta) == (10.0, 8.0)


@pytest.mark.parametrize("size", [(24, 40), (33, 27)])
def test_scores_walk_over_a_stored_view_as_over_one_computed(size: tuple[int, int], network: FeatureAffinity) -> None:
    image, scores = noise_image(*size), np.random.default_rng(1).random((2, 6, 10), np.float32)
    view = network.read(image, long_side=55)
    stored = StoredAffinity(network, view).walk(image, scores, 3, 2.0, 4, long_side=7)
    np.testing.assert_array_equal(stored, network.walk(image, scores, 3, 2.0, 4, long_side=55))
    other = network.walk(image, scores, 3, 2.0, 4, long_side=max(size))
    assert stored.shape == other.shape
    assert not np.allclose(stored, other)


def test_a_view_has_as_many_stages_as_the_network_reads(network: FeatureAffinity) -> None:
    view = network.read(noise_image(24, 40), long_side=40)
    assert view.size == (24, 40)
    assert [tuple(maps.shape[1:]) for maps in (*view.lower, view.features)] == [(6, 6, 10), (8, 3, 5), (10, 3, 5)]


def test_features_of_too_few_stages_are_refused(network: FeatureAffinity) -> None:
    view = ViewFeatures(torch.zeros(1, 10, 3, 5), (24, 40), (torch.zeros(1, 8, 3, 5),))
    walk = StoredAffinity(network, view).walk
    with pytest.raises(PatchlearnError, match=r"walk\.stored: the affinity network reads 3 stages, and 2 are stored"):
        walk(noise_image(24, 40), np.ones((1, 6, 10), np.float32), 3, 2.0, 4, None)
