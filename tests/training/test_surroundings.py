"""Heads that judge images from which they have not learned: made-up features with known answers."""

from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import make_runtime, tiny_classifier
from rich.console import Console

from patchlearn.core.types import Sample
from patchlearn.evaluate.surroundings import Surroundings, surroundings
from patchlearn.models.cell_head import CellHead
from patchlearn.models.views import ViewFeatures
from patchlearn.training.reading import ORDINARY, new_cells
from patchlearn.training.surroundings import HeldOutEvidence, held_out_evidence, scores_after_erasing

CELLS = 6  # on a side


def samples(count: int = 40) -> list[Sample]:
    return [Sample(id=str(n), image=Path(), labels=(n % 2,) if n % 4 < 2 else ()) for n in range(count)]


def evidence(console: Console, everywhere: bool) -> HeldOutEvidence:
    """The class shows in all cells of an image, or in a quarter of them."""
    classifier = tiny_classifier(classes=2)
    channels = classifier.network.stages.channels[-1]

    def view(sample: Sample) -> ViewFeatures:
        generator = torch.Generator().manual_seed(int(sample.id))
        features = 0.1 * torch.randn(1, channels, CELLS, CELLS, generator=generator)
        side = CELLS if everywhere else CELLS // 2
        for label in sample.labels:
            features[:, label, :side, :side] += 1
        return ViewFeatures(features, (48, 48))

    return held_out_evidence(classifier, samples(), view, "whole", make_runtime(console), seed=0)


def told_by(found: HeldOutEvidence) -> list[Surroundings | None]:
    return surroundings(found.weakest, found.mean, found.labels, found.judged)


def test_what_lies_all_over_the_image_is_told_by_its_weakest_places(console: Console) -> None:
    for each in told_by(evidence(console, everywhere=True)):
        assert each is not None
        assert each.mean > 0.95
        assert each.is_suspicious


def test_what_lies_at_one_place_is_not(console: Console) -> None:
    for each in told_by(evidence(console, everywhere=False)):
        assert each is not None
        assert each.mean > 0.95
        assert not each.is_suspicious


def test_no_head_judges_an_image_from_which_it_has_learned(console: Console) -> None:
    found = evidence(console, everywhere=True)
    assert len(found.heads) == 5
    assert [found.places.count(place) for place in range(5)] == [8] * 5
    assert found.labels.sum(0).tolist() == [10, 10]
    assert found.judged.all()


def test_a_thing_that_is_erased_no_longer_counts() -> None:
    """Evidence is brightness: without the bright square there is less of it, and none less without something else."""
    head = CellHead(new_cells(tiny_classifier().network, ORDINARY, "whole"), 3)
    with torch.no_grad():
        head.linear.weight[1] = 1 / head.cells.width

    def features(image: np.ndarray) -> ViewFeatures:
        bright = torch.from_numpy(image[..., 0].astype(np.float32))[None, None]
        return ViewFeatures(bright.expand(1, head.cells.width, -1, -1), (8 * image.shape[0], 8 * image.shape[1]))

    image, thing = np.zeros((20, 20, 3), np.uint8), np.zeros((20, 20), bool)
    thing[4:8, 4:8] = True
    image[thing] = 250
    scores = scores_after_erasing(head, image, thing, 1, features)
    assert scores is not None
    assert scores == (pytest.approx(0.0), pytest.approx(10.0))  # 16 of 400 pixels
    assert scores_after_erasing(head, image, np.ones_like(thing), 1, features) is None
    assert scores_after_erasing(head, image, np.zeros_like(thing), 1, features) is None
