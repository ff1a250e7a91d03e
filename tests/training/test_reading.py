"""Which reading is chosen, from the tags alone."""

from math import isnan

import pytest
import torch

from patchlearn.models.cell_head import CellHead
from patchlearn.models.cells import Cells
from patchlearn.models.settings import CellSettings
from patchlearn.training import reading
from patchlearn.training.cell_head import CellImages
from patchlearn.training.reading import SEEN, WIDE, _held_out_map, choice, widest_cover


@pytest.mark.parametrize(
    ("local", "whole", "chance", "use"),
    [
        (0.99, 1.0, 0.4, "cells"),
        (0.60, 0.45, 0.1, "cells"),  # single cells tell more than the whole
        (0.66, 0.93, 0.21, "classifier"),
        (0.30, 0.93, 0.21, "classifier"),
        (0.21, 0.21, 0.21, "classifier"),  # nothing tells anything
    ],
)
def test_cells_are_read_where_they_tell_as_much_as_the_whole(
    local: float, whole: float, chance: float, use: str
) -> None:
    facts = choice(local, whole, chance, widest=0.1)
    assert facts["use"] == use
    assert f"{local:.2f}" in facts["why"]


def test_a_set_too_small_to_judge_has_ordinary_maps() -> None:
    facts = choice(float("nan"), float("nan"), 0.5, widest=0.0)
    assert facts["use"] == "classifier"
    assert "too few images with a tag" in facts["why"]


def test_cells_that_cover_much_of_the_images_of_a_class_are_not_read() -> None:
    assert choice(1.0, 1.0, 0.2, widest=WIDE)["use"] == "cells"
    facts = choice(1.0, 1.0, 0.2, widest=0.47)
    assert (facts["use"], facts["widest_cover"]) == ("classifier", 0.47)
    assert "up to 47 % of an image" in facts["why"]


def test_the_widest_cover_is_that_of_the_class_whose_cells_cover_most() -> None:
    head = CellHead(Cells("last", (2,), (16,), 16), classes=2)
    head.linear.weight.data = torch.eye(2)
    features = torch.zeros(3, 2, 10)
    features[:, 0, 0] = 1.0  # one of ten cells shows the first class
    features[:, 1, :6] = 1.0  # six show the second
    features[2, :, 8:] = 9.0  # not in the image
    inside = torch.ones(3, 10, dtype=torch.bool)
    inside[2, 8:] = False
    labels = torch.tensor([[1.0, 0.0], [1.0, 1.0], [1.0, 0.0]])
    images = CellImages(features.half(), inside, labels, torch.ones(3, 2))
    assert widest_cover(head, images) == pytest.approx(0.6)
    assert widest_cover(head, images.some(torch.tensor([0, 2]))) == pytest.approx((0.1 + 0.125) / 2)


def test_a_class_with_few_images_does_not_decide_for_all() -> None:
    head = CellHead(Cells("last", (2,), (16,), 16), classes=2)
    head.linear.weight.data = torch.eye(2)
    features, labels = torch.zeros(SEEN + 1, 2, 10), torch.zeros(SEEN + 1, 2)
    features[:, 0, 0], labels[:SEEN, 0] = 1.0, 1.0
    features[-1, 1, :6], labels[-1, 1] = 1.0, 1.0
    images = CellImages(features.half(), torch.ones(SEEN + 1, 10, dtype=torch.bool), labels, torch.ones(SEEN + 1, 2))
    assert widest_cover(head, images) == pytest.approx(0.1)


def test_the_last_image_of_a_class_judges_no_head(monkeypatch: pytest.MonkeyPatch) -> None:
    head = CellHead(Cells("last", (2,), (16,), 16), classes=2)
    labels = torch.tensor([[1.0, 0.0]] * 6 + [[0.0, 1.0]])
    images = CellImages(torch.ones(7, 2, 3).half(), torch.ones(7, 3, dtype=torch.bool), labels, torch.ones(7, 2))
    learned: list[torch.Tensor] = []
    monkeypatch.setattr(reading, "train_cell_head", lambda other, some, *_: learned.append(some.labels))
    for seed in range(8):
        _held_out_map(head, images, CellSettings(), seed)
    assert all(labels.sum(0).tolist() == [5.0, 1.0] for labels in learned)


def test_one_image_judges_nothing() -> None:
    head = CellHead(Cells("last", (2,), (16,), 16), classes=1)
    images = CellImages(
        torch.ones(1, 2, 3).half(), torch.ones(1, 3, dtype=torch.bool), torch.ones(1, 1), torch.ones(1, 1)
    )
    assert isnan(_held_out_map(head, images, CellSettings(), 0))


@pytest.mark.parametrize(
    ("count", "heads", "judges"), [(2, 2, 2), (30, 5, 30), (33, 6, 33), (200, 3, 120), (600, 1, 120)]
)
def test_of_few_images_all_judge_a_head_that_has_not_learned_them(
    count: int, heads: int, judges: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    learned, judged = [], []

    def scores(head: CellHead, images: CellImages, *_: object) -> torch.Tensor:
        judged.append(images.features[:, 0, 0].tolist())
        return torch.zeros(len(images.labels), 1)

    monkeypatch.setattr(
        reading, "train_cell_head", lambda head, images, *_: learned.append(images.features[:, 0, 0].tolist())
    )
    monkeypatch.setattr(reading, "cell_scores", scores)
    numbers = torch.arange(count).float()[:, None, None]
    one = torch.ones(count, 1)
    images = CellImages(numbers, one.bool(), one, one)
    assert _held_out_map(CellHead(Cells("last", (1,), (16,), 16), classes=1), images, CellSettings(), 0) == 1
    assert (len(learned), sum(map(len, judged))) == (heads, judges)
    assert len({each for some in judged for each in some}) == judges
    for known, asked in zip(learned, judged, strict=True):
        assert sorted(known + asked) == list(range(count))
