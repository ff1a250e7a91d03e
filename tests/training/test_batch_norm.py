"""Batch norms that cannot learn from one image."""

import pytest
import torch
from torch import nn

from patchlearn.core.errors import PatchlearnError
from patchlearn.training.batch_norm import check_one_image, starved_norms


def network() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(3, 4, 2, stride=2), nn.BatchNorm2d(4), nn.Conv2d(4, 4, 2, stride=2), nn.BatchNorm2d(4)
    )


@pytest.mark.parametrize("crop", [2, 4, 8])
def test_what_is_starved_is_what_torch_refuses(crop: int) -> None:
    learning = network()[: 2 if crop == 2 else 4]
    if not starved_norms(learning, crop):
        learning(torch.rand(1, 3, crop, crop))
        return
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        learning(torch.rand(1, 3, crop, crop))


def test_frozen_norms_are_fed_enough_and_nothing_of_the_network_changes() -> None:
    learning = network()
    learning[3].eval()
    before = {name: tensor.clone() for name, tensor in learning.state_dict().items()}
    assert starved_norms(learning, 4) == []
    assert [part.training for part in learning] == [True, True, True, False]
    assert all(torch.equal(tensor, before[name]) for name, tensor in learning.state_dict().items())
    learning[3].train()
    assert starved_norms(learning, 4) == ["3"]
    assert not learning[3]._forward_pre_hooks


def test_the_sentence_names_the_norm_and_what_helps() -> None:
    with pytest.raises(PatchlearnError, match=r"classifier: one image .* '3' .* or raise classifier\.augment\.crop\.$"):
        check_one_image("classifier", network(), 4)
    with pytest.raises(PatchlearnError, match=r"there are fewer\), or take another\.$"):
        check_one_image("classifier", network(), 4, "take another")
    check_one_image("classifier", network(), 8)
