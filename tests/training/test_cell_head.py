"""A head over single cells learns from tags where the things are."""

from pathlib import Path

import pytest
import torch
from rich.console import Console

from patchlearn.core.runtime import Runtime
from patchlearn.core.types import Sample
from patchlearn.models.cell_head import CellHead
from patchlearn.models.cells import Cells
from patchlearn.models.settings import CellSettings
from patchlearn.models.views import ViewFeatures
from patchlearn.training import cell_head as module
from patchlearn.training.cell_head import cell_scores, read_cells, standardise, train_cell_head

CELLS = Cells("last", (3,), (8,), 8, centred=True)
TOP = CellSettings(stages="last", pooling="top", share=0.05)


def samples(count: int = 60) -> list[Sample]:
    return [Sample(id=str(index), image=Path("none"), labels=((), (0,), (1,))[index % 3]) for index in range(count)]


def view(sample: Sample) -> ViewFeatures:
    """8×8 cells, or 6×8. Of each class one cell, elsewhere every time, lies apart in a channel of its own.

    The third channel gives the class away, all over the image.
    """
    number = int(sample.id)
    rows = 6 if number % 2 else 8
    features = torch.randn(1, 3, rows, 8, generator=torch.Generator().manual_seed(number))
    for label in sample.labels:
        features[0, label, number % rows, number * 5 % 8] += 6
        features[0, 2] += 4 * label - 2
    return ViewFeatures(features, (rows * 8, 64))


def trained(runtime: Runtime, settings: CellSettings = TOP, seed: int = 0) -> tuple[CellHead, float]:
    head = CellHead(CELLS, classes=2)
    standardise(head, samples(), view, runtime)
    images = read_cells(samples(), head, view, runtime)
    train_cell_head(head, images, settings, seed)
    right = (cell_scores(head, images, settings) > 0) == (images.labels > 0)
    return head, float(right.float().mean())


@pytest.fixture
def runtime(console: Console) -> Runtime:
    from conftest import make_runtime

    return make_runtime(console)


def test_the_strongest_cell_is_the_thing(runtime: Runtime) -> None:
    head, right = trained(runtime)
    assert right > 0.95
    places = []
    for sample in samples():
        evidence = head(view(sample))[0]
        rows = evidence.shape[1]
        number = int(sample.id)
        places += [int(evidence[label].argmax()) == number % rows * 8 + number * 5 % 8 for label in sample.labels]
    assert sum(places) / len(places) > 0.95


def test_what_is_all_over_the_image_is_not_read_where_cells_are_centred(runtime: Runtime) -> None:
    head, _ = trained(runtime)
    weight = head.linear.weight.abs()
    assert weight[:, 2].max() < 0.2 * weight[:, :2].max()


def test_the_same_seed_gives_the_same_head(runtime: Runtime) -> None:
    first, again, other = (trained(runtime, seed=seed)[0].linear.weight for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_images_of_different_sizes_stand_side_by_side(runtime: Runtime) -> None:
    head = CellHead(CELLS, classes=2)
    images = read_cells(samples(4), head, view, runtime)
    assert images.inside.sum(1).tolist() == [64, 48, 64, 48]
    assert (images.features[1, :, 48:] == 0).all()
    assert images.labels.tolist() == [[0, 0], [1, 0], [0, 1], [0, 0]]


def test_what_nobody_judged_teaches_nothing(runtime: Runtime) -> None:
    unknown = [Sample(id=each.id, image=each.image, labels=(), unknown=(0, 1)) for each in samples()]
    head = CellHead(CELLS, classes=2)
    train_cell_head(head, read_cells(unknown, head, view, runtime), TOP, seed=0)
    assert (head.linear.weight == 0).all()


def test_more_than_memory_allows_is_thinned_evenly(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 60 * 3 * 64 * 2 // 4)
    images = read_cells(samples(60), CellHead(CELLS, classes=2), view, runtime)
    assert len(images.labels) == 15
