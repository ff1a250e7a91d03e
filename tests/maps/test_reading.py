"""What maps are read from."""

from dataclasses import replace

import pytest
import torch
from conftest import cam_settings, noise_image, tiny_classifier

from patchlearn.core.errors import PatchlearnError
from patchlearn.maps.cam import class_activation_maps
from patchlearn.maps.features import features_of_views
from patchlearn.maps.reading import Reading, map_readers
from patchlearn.models.cell_head import CellHead
from patchlearn.models.cells import cells_of
from patchlearn.models.lda import LinearDiscriminant

SETTINGS = cam_settings((1.0, 0.5))
IMAGE = noise_image(40, 56)


def head(stages: str = "lower") -> CellHead:
    torch.manual_seed(3)
    made = CellHead(cells_of(tiny_classifier().network.stages, stages, centred=True), classes=3)
    torch.nn.init.normal_(made.linear.weight)
    return made


def maps(reading: Reading) -> torch.Tensor:
    found = class_activation_maps(tiny_classifier(), IMAGE, SETTINGS, (0, 2), reading=reading)
    return torch.from_numpy(found.scores)


def test_the_sum_adds_both_maps_each_divided_by_its_maximum() -> None:
    total = maps(Reading()) + maps(Reading("cells", head()))
    torch.testing.assert_close(
        maps(Reading("sum", head())), total / (total.amax((1, 2), keepdim=True) + 1e-5), rtol=1e-4, atol=1e-5
    )


def test_evidence_against_a_class_is_no_evidence() -> None:
    against = head()
    against.linear.weight.data[2] = 0
    found = maps(Reading("cells", against))
    assert found.min() >= 0
    assert found[0].max() > 0.99
    assert (found[1] == 0).all()


def test_maps_from_stored_features_are_those_that_are_computed() -> None:
    classifier, reading = tiny_classifier(), Reading("sum", head())
    stored = list(features_of_views(classifier.network, IMAGE, cam_settings((1.0, 0.5), flip=False), lower=2))
    for flip in (False, True):
        settings = cam_settings((1.0, 0.5), flip)
        computed = class_activation_maps(classifier, IMAGE, settings, (0, 2), reading=reading)
        read = class_activation_maps(classifier, IMAGE, settings, (0, 2), stored=stored, reading=reading)
        torch.testing.assert_close(torch.from_numpy(read.scores), torch.from_numpy(computed.scores))


def test_an_lda_classifier_takes_the_place_of_every_reading() -> None:
    network, cells = tiny_classifier().network, head().cells.fine
    lda = LinearDiscriminant(cells.width, 3, cells)
    (reader,) = map_readers(network, "whole", (0, 2), Reading("sum", head()), lda)
    assert reader.stride == cells.stride == min(network.stages.strides[-3:-1])
    view = next(iter(features_of_views(network, IMAGE, SETTINGS, lower=2)))
    assert reader.activate(view).shape[1:] == (2, 40 // cells.stride, 56 // cells.stride)


def test_labels_are_predicted_by_the_classifier_whatever_is_read() -> None:
    settings = replace(SETTINGS, confidence=0.4)
    plain = class_activation_maps(tiny_classifier(), IMAGE, settings)
    assert class_activation_maps(tiny_classifier(), IMAGE, settings, reading=Reading("cells", head())).classes == (
        plain.classes
    )


def test_only_what_is_read_is_computed() -> None:
    assert Reading("classifier", head()).lower == 0
    assert Reading("cells", head("last")).lower == 0
    assert Reading("sum", head()).lower == 2


def test_a_reading_without_its_head_is_refused() -> None:
    with pytest.raises(PatchlearnError, match="'cells' needs a head over single cells"):
        Reading("cells")
