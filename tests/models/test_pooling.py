"""Evidence of an image from that of its cells."""

import math

import pytest
import torch

from patchlearn.core.errors import PatchlearnError
from patchlearn.models.pooling import pooled
from patchlearn.models.settings import CellSettings

VALUES = [5.0, 1.0, 3.0, -2.0]
EVERY = torch.ones(1, 4, dtype=torch.bool)


def pool(values: list[float] = VALUES, **settings: object) -> float:
    return float(pooled(torch.tensor([[values]]), EVERY, CellSettings(**settings)))  # type: ignore[arg-type]


def test_each_pooling_by_hand() -> None:
    assert pool(pooling="mean") == pytest.approx(7 / 4)
    assert pool(pooling="top", share=0.5) == pytest.approx(4)
    assert pool(pooling="wildcat", share=0.5, alpha=0.7) == pytest.approx(4 + 0.7 * (1 - 2) / 2)
    assert pool(pooling="lse", sharpness=2) == pytest.approx(math.log(sum(math.exp(2 * v) for v in VALUES) / 4) / 2)


def test_evidence_everywhere_counts_for_wildcat() -> None:
    """The lowest cells are added: a class with evidence at every cell has a higher score than one with a few."""
    one, all_cells = [4.0, 0.0, 0.0, 0.0], [4.0] * 4
    assert pool(one, pooling="top", share=0.25) == pool(all_cells, pooling="top", share=0.25)
    assert pool(one, pooling="wildcat", share=0.25) < pool(all_cells, pooling="wildcat", share=0.25)


def test_a_share_of_less_than_a_cell_is_one_cell() -> None:
    assert pool(pooling="top", share=0.001) == 5


@pytest.mark.parametrize("pooling", ["mean", "top", "wildcat", "lse"])
def test_cells_beside_a_smaller_image_do_not_count(pooling: str) -> None:
    settings = CellSettings(pooling=pooling, share=0.5)
    evidence = torch.tensor([[VALUES], [[*VALUES[:2], 99.0, -99.0]]])
    inside = torch.tensor([[True] * 4, [True, True, False, False]])
    found = pooled(evidence, inside, settings)
    alone = pooled(evidence[1:, :, :2], inside[1:, :2], settings)
    torch.testing.assert_close(found[1:], alone)
    torch.testing.assert_close(found[:1], pooled(evidence[:1], inside[:1], settings))


def test_every_class_is_pooled_alone_and_gradients_are_numbers() -> None:
    evidence = torch.tensor([[VALUES, VALUES[::-1]]], requires_grad=True)
    inside = torch.tensor([[True, True, True, False]])
    for pooling in ("mean", "top", "wildcat", "lse"):
        pooled(evidence, inside, CellSettings(pooling=pooling, share=0.4)).sum().backward()
        assert evidence.grad is not None
        assert evidence.grad.isfinite().all()
        assert (evidence.grad[..., 3] == 0).all()


def test_wrong_settings_are_named() -> None:
    with pytest.raises(PatchlearnError, match="did you mean 'wildcat'"):
        CellSettings(pooling="wildcats")
    with pytest.raises(PatchlearnError, match="share: 0"):
        CellSettings(share=0)
