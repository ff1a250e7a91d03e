"""Other readings of the same image."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import cam_settings, make_runtime, noise_image, tiny_classifier
from rich.console import Console

from patchlearn.core.types import ClassSize, Sample, ScoreMaps
from patchlearn.data.open import open_dataset
from patchlearn.maps import agreement
from patchlearn.maps.agreement import Reader, half_classifiers, map_mask
from patchlearn.maps.cam import class_activation_maps
from patchlearn.maps.features import features_of_views
from patchlearn.maps.methods import MapMethod
from patchlearn.maps.self_training import RoundSettings
from patchlearn.models.lda import Moments
from patchlearn.refine import BackgroundRule, ConfidentRegions

RULE = BackgroundRule(rule="fixed", threshold=0.4)


def maps_of(*rows: list[float], unknown: tuple[int, ...] = ()) -> ScoreMaps:
    scores = np.array([[row] for row in rows], np.float32)
    return ScoreMaps(scores=scores, classes=tuple(range(len(rows))), size=(4, 16), unknown=unknown)


def test_a_map_becomes_a_mask_on_its_own_cells() -> None:
    maps = maps_of([0.1, 0.9, 0.5, 0.0], [0.3, 0.5, 0.8, 0.2])
    assert map_mask(maps, RULE).tolist() == [[0, 1, 2, 0]]
    assert map_mask(replace(maps, unknown=(1,)), RULE).tolist() == [[0, 1, 255, 0]]
    empty = ScoreMaps(scores=np.zeros((0, 1, 4), np.float32), classes=(), size=(4, 16))
    assert map_mask(empty, RULE).tolist() == [[0, 0, 0, 0]]


def test_a_stated_size_counts() -> None:
    maps = maps_of([0.1, 0.9, 0.5, 0.6])
    assert map_mask(maps, RULE).tolist() == [[0, 1, 1, 1]]
    sizes = (ClassSize(most=16, unit="pixels"),)  # a quarter of the image: one cell
    assert map_mask(maps, RULE, sizes).tolist() == [[0, 1, 0, 0]]


def test_a_reader_sees_what_the_maps_show_and_a_mirror_image_mirrored() -> None:
    classifier, image, cams = tiny_classifier(), noise_image(40, 48), cam_settings((1.0,), flip=False)
    reader = Reader(network=classifier.network, cams=cams, rule=RULE)
    with torch.no_grad():
        views = list(features_of_views(classifier.network, image, cams))
    mask = reader.mask(views, image, [2, 0])
    assert (mask == map_mask(class_activation_maps(classifier, image, cams, [0, 2]), RULE)).all()
    symmetric = np.concatenate([image, image[:, ::-1]], axis=1)
    mirrored = reader.mirrored_mask(symmetric, [0, 2])
    with torch.no_grad():
        views = list(features_of_views(classifier.network, symmetric, cams))
    assert (mirrored == reader.mask(views, symmetric, [0, 2])[:, ::-1]).all()


def test_a_reader_sees_what_a_method_shows_of_an_image_and_of_its_mirror_image() -> None:
    classifier, image, cams = tiny_classifier(), np.zeros((40, 48, 3), np.uint8), cam_settings((1.0,), flip=False)
    image[:8, :8] = 200
    method = MapMethod("bright", lambda _, image, classes: image[None, ..., 0] / 200, classifier)
    reader = Reader(network=classifier.network, cams=cams, rule=RULE, method=method)
    mask = reader.mask([], image, [1])
    assert (mask[:2, :2] == 2).all()
    assert mask.astype(bool).sum() == 4
    assert (reader.mirrored_mask(image, [1]) == mask).all()


def test_the_images_of_each_tag_are_shared_by_two_halves(
    folder_data: Path, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In this data, classes take turns. Of each image two cells are labelled; the second one is its number."""
    samples = open_dataset("folder", folder_data).split("train")

    def moments(settings: RoundSettings, sample: Sample) -> Moments:
        made = settings.moments()
        cells = torch.stack([torch.eye(10)[9], torch.eye(10)[samples.index(sample)]], dim=1)[:, None]
        made.add(cells, torch.tensor([[0, sample.labels[0] + 1]]))
        return made

    monkeypatch.setattr(agreement, "confident_moments_of", moments)
    first, second = half_classifiers(one_round(console), samples, 0.1, make_runtime(console))
    learned = [{at for at in range(8) if lda.weight[1:, at].abs().max() > 1e-6} for lda in (first, second)]
    assert learned == [{0, 1, 4, 5}, {2, 3, 6, 7}]


@pytest.mark.parametrize(("erased", "growth", "seen"), [(False, 2.0, 8), (True, None, 8), (True, 2.0, 16)])
def test_halves_that_lack_a_tag_learn_from_bounded_labels_where_there_is_a_bound(
    erased: bool, growth: float | None, seen: int, folder_data: Path, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples, rules = open_dataset("folder", folder_data).split("train"), []

    def moments(settings: RoundSettings, sample: Sample) -> Moments:
        rules.append(settings.rule.growth)
        made, is_lost = settings.moments(), erased and settings.rule.growth is None
        labels = [0, 0 if is_lost else sample.labels[0] + 1]
        made.add(torch.eye(10)[:, [9, samples.index(sample)]][:, None], torch.tensor([labels]))
        return made

    monkeypatch.setattr(agreement, "confident_moments_of", moments)
    halves = half_classifiers(replace(one_round(console), growth=growth), samples, 0.1, make_runtime(console))
    assert len(rules) == seen
    assert all(bool(lda.weight.any()) for lda in halves) == (not erased or growth is not None)


def test_without_a_confident_cell_everything_is_equally_probable(console: Console) -> None:
    settings = one_round(console)
    moments = settings.moments()
    moments.add(torch.ones(10, 1, 2), torch.tensor([[1, 1]]))  # no background
    lda = agreement._classifier_of(moments, settings, 0.1)
    assert lda(torch.ones(1, 10, 1, 1), [0, 1]).flatten().tolist() == pytest.approx([1 / 3, 1 / 3])


def one_round(console: Console) -> RoundSettings:
    runtime, cams = make_runtime(console), cam_settings((1.0,), flip=False)
    network = tiny_classifier(classes=2).network
    return RoundSettings(network, cams, RULE, ConfidentRegions(), 2, runtime.accelerator)
