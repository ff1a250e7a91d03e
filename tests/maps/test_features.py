"""The features of an image at every scale, computed or read."""

import pytest
import torch
from conftest import cam_settings, noise_image, tiny_classifier

from patchlearn.maps.features import classifier_views, features_of_views
from patchlearn.models.views import ViewFeatures

SCALES = (1.0, 0.5)


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("fusion", ["plain", "explicit"])
@torch.no_grad()
def test_stored_features_are_those_that_are_computed(flip: bool, fusion: str) -> None:
    network, image = tiny_classifier(fusion).network, noise_image(30, 44)
    settings = cam_settings(SCALES, flip)
    views = list(features_of_views(network, image, settings))
    assert [view.size for view in views] == [(30, 44), (15, 22)]
    assert [len(view.features) for view in views] == [1 + flip] * 2
    stored = list(features_of_views(network, image, cam_settings(SCALES, flip=False)))
    again = list(features_of_views(network, image, settings, stored))
    for found, expected in zip(again, views, strict=True):
        assert found.size == expected.size
        torch.testing.assert_close(found.features, expected.features)


@torch.no_grad()
def test_what_is_stored_is_not_computed() -> None:
    network, image = tiny_classifier().network, noise_image(16, 24)
    marked = [ViewFeatures(torch.full((1, 10, 2, 3), 7.0), (16, 24)), ViewFeatures(torch.zeros(1, 10, 1, 2), (8, 12))]
    assert list(features_of_views(network, image, cam_settings(SCALES, flip=False), marked)) == marked
    mirrored = list(features_of_views(network, image, cam_settings(SCALES, flip=True), marked))
    assert (mirrored[0].features[0] == 7.0).all()
    view = classifier_views(network, image, cam_settings(SCALES, flip=True))[0]
    torch.testing.assert_close(mirrored[0].features[1:], network.features(view[1:]))
