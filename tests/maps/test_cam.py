from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import cam_settings, noise_image, pointwise_stages, tiny_classifier
from torch.nn import functional as F

from patchlearn.core.errors import PatchlearnError
from patchlearn.data.transforms import as_tensor, normalise
from patchlearn.maps.cam import class_activation_maps
from patchlearn.maps.reading import Reading
from patchlearn.maps.settings import CamSettings
from patchlearn.models.cell_head import CellHead
from patchlearn.models.cells import cells_of
from patchlearn.models.classifier import Classifier
from patchlearn.models.lda import LinearDiscriminant
from patchlearn.models.patch_network import PatchNetwork


def test_a_single_view_is_the_relu_map_over_its_maximum() -> None:
    classifier, image = tiny_classifier(), noise_image(32, 48)
    maps = class_activation_maps(classifier, image, cam_settings(scales=(1.0,), flip=False), [0, 2])
    with torch.no_grad():
        raw = classifier.network.maps(normalise(as_tensor(image), (0.5,) * 3, (0.5,) * 3)[None])[0, [0, 2]].relu()
    raw = F.interpolate(raw[None], size=(8, 12), mode="bilinear")[0]
    expected = raw / (raw.amax((1, 2), keepdim=True) + 1e-5)
    np.testing.assert_allclose(maps.scores, expected.numpy(), atol=1e-6)
    assert maps.classes == (0, 2)
    assert maps.labels == "given"


@pytest.mark.parametrize("fusion", ["plain", "progressive", "explicit"])
@pytest.mark.parametrize("size", [(1, 1), (3, 50), (37, 41), (64, 64)])
def test_any_size_gives_scores_between_0_and_1(fusion: str, size: tuple[int, int]) -> None:
    maps = class_activation_maps(tiny_classifier(fusion), noise_image(*size), cam_settings(scales=(0.5, 1.0, 1.7)), [1])
    assert maps.size == size
    assert maps.scores.shape == (1, -(-size[0] // 4), -(-size[1] // 4))
    assert maps.scores.min() >= 0
    assert maps.scores.max() <= 1


@pytest.mark.parametrize(
    ("fusion", "read", "passes"), [("plain", "unsplit", 2), ("progressive", "whole", 2), ("progressive", "unsplit", 4)]
)
def test_maps_of_predicted_labels_are_those_of_the_same_labels_given(
    fusion: str, read: str, passes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two scales: where the maps are read whole, each view goes through the network once."""
    classifier, image, seen = tiny_classifier(fusion), noise_image(40, 56), []
    features = PatchNetwork.features_and_lower
    monkeypatch.setattr(PatchNetwork, "features_and_lower", lambda *words: [seen.append(1), features(*words)][1])
    settings = cam_settings(scales=(0.5, 1.0), read=read, confidence=0.4)
    predicted = class_activation_maps(classifier, image, settings)
    assert len(seen) == passes
    given = class_activation_maps(classifier, image, settings, predicted.classes)
    np.testing.assert_array_equal(predicted.scores, given.scores)


def test_the_mirrored_image_has_the_mirrored_maps() -> None:
    classifier = Classifier(network=PatchNetwork(pointwise_stages(), 2).eval(), classes=("a", "b"))
    image = noise_image(32, 48)
    maps = class_activation_maps(classifier, image, cam_settings(scales=(1.0, 0.5)), [0, 1])
    mirrored = class_activation_maps(classifier, image[:, ::-1].copy(), cam_settings(scales=(1.0, 0.5)), [0, 1])
    np.testing.assert_allclose(mirrored.scores, maps.scores[..., ::-1], atol=1e-5)


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("width", [41, 44, 47, 48])
def test_maps_lie_where_the_image_is_even_if_its_size_does_not_divide(width: int, flip: bool) -> None:
    """A bright square of a 41-pixel image, 48 after padding, lights up in its own place, mirrored or not."""
    network = PatchNetwork(pointwise_stages(), 1).eval()
    with torch.no_grad():
        for parameter in network.stages.parameters():
            parameter.fill_(0.5 if parameter.ndim > 1 else 0.0)
        network.classifier.weight.fill_(1.0)
    image = np.zeros((41, width, 3), np.uint8)
    image[24:40, 24:40] = 255
    settings = cam_settings(scales=(1.0,), flip=flip)
    maps = class_activation_maps(Classifier(network=network, classes=("a",)), image, settings, [0])
    rows, columns = np.nonzero(maps.full_size()[0] > 0.5)
    assert abs(rows.mean() - 31.5) < 2.5
    assert abs(columns.mean() - 31.5) < 2.5


def test_predicted_labels_are_the_confident_ones_and_at_least_the_best() -> None:
    classifier, image = tiny_classifier(classes=4), noise_image(32, 32)
    with torch.no_grad():
        batch = normalise(as_tensor(image), (0.5,) * 3, (0.5,) * 3)[None]
        scores = torch.cat([classifier.network(batch), classifier.network(batch.flip(3))]).mean(0).sigmoid()
    settings = cam_settings(scales=(1.0,), labels="predicted", confidence=float(scores.median()))
    maps = class_activation_maps(classifier, image, settings)
    assert maps.classes == tuple(torch.nonzero(scores >= scores.median()).flatten().tolist())
    assert maps.labels == "predicted"
    sure = cam_settings(scales=(1.0,), labels="predicted", confidence=1.0)
    assert class_activation_maps(classifier, image, sure).classes == (int(scores.argmax()),)


def test_halves_are_read_on_request() -> None:
    classifier, image = tiny_classifier("progressive"), noise_image(32, 32)
    read = {
        half: class_activation_maps(classifier, image, cam_settings(scales=(1.0,), read=half), [0]).scores
        for half in ("whole", "unsplit", "merged")
    }
    assert not np.allclose(read["whole"], read["unsplit"])
    assert not np.allclose(read["whole"], read["merged"])


def test_merged_maps_of_a_network_without_patches_are_refused() -> None:
    with pytest.raises(PatchlearnError, match=r"read: 'merged' .* Choose one of: unsplit, whole"):
        class_activation_maps(tiny_classifier(), noise_image(8, 8), CamSettings(read="merged"), [0])


def random_lda(classes: int) -> LinearDiscriminant:
    lda, generator = LinearDiscriminant(channels=10, classes=classes), torch.Generator().manual_seed(0)
    lda.weight.copy_(torch.randn(lda.weight.shape, generator=generator) * 9)
    return lda


@pytest.mark.parametrize("by_lda", [False, True])
def test_unknown_classes_have_maps_and_change_no_digit_of_the_given_ones(by_lda: bool) -> None:
    classifier, image, settings = tiny_classifier(classes=4), noise_image(32, 48), cam_settings(scales=(1.0, 0.5))
    lda = random_lda(4) if by_lda else None
    maps = class_activation_maps(classifier, image, settings, [1, 3], lda, unknown=[0])
    assert (maps.classes, maps.unknown, maps.labels) == ((0, 1, 3), (0,), "given")
    alone = class_activation_maps(classifier, image, settings, [1, 3], lda)
    assert (alone.classes, alone.unknown) == ((1, 3), ())
    np.testing.assert_array_equal(maps.judged.scores, alone.scores)
    among_all = class_activation_maps(classifier, image, settings, [0, 1, 3], lda)
    np.testing.assert_array_equal(maps.scores[0], among_all.scores[0])


@pytest.mark.parametrize("by_lda", [False, True])
def test_maps_of_an_image_without_labels_are_those_of_its_unknown_classes(by_lda: bool) -> None:
    classifier, image, settings = tiny_classifier(classes=4), noise_image(32, 48), cam_settings(scales=(1.0,))
    lda = random_lda(4) if by_lda else None
    maps = class_activation_maps(classifier, image, settings, [], lda, unknown=[0, 2])
    assert (maps.classes, maps.unknown) == ((0, 2), (0, 2))
    np.testing.assert_array_equal(maps.scores, class_activation_maps(classifier, image, settings, [0, 2], lda).scores)


def test_a_class_that_is_given_is_not_unknown_and_predictions_ask_no_tag() -> None:
    classifier, image, settings = tiny_classifier(), noise_image(32, 48), cam_settings(scales=(1.0,))
    assert class_activation_maps(classifier, image, settings, [0, 1], unknown=[1]).unknown == ()
    predicted = class_activation_maps(classifier, image, settings, None, unknown=[0, 1, 2])
    assert (predicted.unknown, predicted.labels) == ((), "predicted")


@pytest.mark.parametrize("share", [0.0, 0.2, 1.0])
def test_the_first_maps_have_their_share_in_those_of_lda(share: float) -> None:
    classifier, image, lda = tiny_classifier(), noise_image(40, 56), random_lda(3)
    settings = cam_settings(scales=(0.5, 1.0))
    first, learned = (class_activation_maps(classifier, image, settings, [0, 2], each).scores for each in (None, lda))
    mixed = class_activation_maps(classifier, image, replace(settings, first_share=share), [0, 2], lda).scores
    total = (1 - share) * learned + share * first
    np.testing.assert_allclose(mixed, total / total.max((1, 2), keepdims=True), atol=1e-4)
    alone = class_activation_maps(classifier, image, replace(settings, first_share=share), [0, 2]).scores
    np.testing.assert_array_equal(alone, first)  # without self-training there is nothing to add to


def test_the_first_maps_of_cells_have_their_share_too() -> None:
    classifier, image, lda = tiny_classifier(), noise_image(40, 56), random_lda(3)
    head = CellHead(cells_of(classifier.network.stages, "lower", centred=True), classes=3)
    torch.nn.init.normal_(head.linear.weight, generator=torch.Generator().manual_seed(0))
    settings, reading = cam_settings(scales=(1.0,)), Reading("cells", head)
    first = class_activation_maps(classifier, image, settings, [0, 2], reading=reading).scores
    every = replace(settings, first_share=1.0)
    mixed = class_activation_maps(classifier, image, every, [0, 2], lda, reading=reading).scores
    np.testing.assert_allclose(mixed, first, atol=1e-4)
