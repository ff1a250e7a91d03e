"""Networks that are a chain of modules, or one single stage: timm's own features, cut where its feature maps end."""

from pathlib import Path

import pytest
import timm
import torch
from torch import nn

from patchlearn.models.backbones.create import create_stages
from patchlearn.models.backbones.sequential import ChannelsFirst, TokensOnly, Whole, cut_sequential, is_chain

# timm's smallest network of each further kind, and how many stages it has.
OTHERS = {
    "resnetv2_18": 5, "densenet121": 5, "vgg11_bn": 5, "ghostnet_050": 5, "dla46_c": 6, "rexnetr_100": 6,
    "inception_v3": 5, "repvgg_a0": 5, "repvit_m0_9": 5, "edgenext_xx_small": 5, "efficientvit_b0": 5,
    "pvt_v2_b0": 5, "tiny_vit_5m_224": 5, "starnet_s050": 5, "mobilevitv2_050": 6, "levit_128s": 4,
    "xcit_nano_12_p16_224": 1, "visformer_tiny": 1, "efficientformerv2_s0": 5,
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_any_other_network_equals_timms_forward_features(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = timm.create_model(name).eval()
    torch.save(network.state_dict(), tmp_path / "weights.pth")
    stages = create_stages(name, None, tmp_path / "weights.pth").eval()
    assert len(stages) == OTHERS[name]
    images = torch.randn(1, 3, *(stages.fixed_size or (160, 128)))
    with torch.no_grad():
        found, expected = stages(images), network.forward_features(images)
    if expected.ndim == 3:
        expected = expected[:, getattr(network, "num_prefix_tokens", 0) :].transpose(1, 2).reshape(found.shape)
    assert torch.equal(found, expected)


def chain() -> nn.Module:
    """A stem, three blocks of which the first and the last end a stage, a norm, and a head."""
    network = nn.Module()
    network.stem = nn.Conv2d(3, 4, 3)
    network.blocks = nn.Sequential(nn.Conv2d(4, 5, 3), nn.Conv2d(5, 6, 3), nn.Sequential(nn.Conv2d(6, 7, 3)))
    network.norm = nn.BatchNorm2d(7)
    network.pool = nn.MaxPool2d(2)
    network.head = nn.Linear(7, 2)
    network.feature_info = [{"module": "blocks.0"}, {"module": "blocks.2.0"}]
    return network


def test_a_stage_ends_with_its_feature_map_and_the_last_with_the_features() -> None:
    network = chain()
    expected = [
        [network.stem],
        [network.blocks[0]],
        [network.blocks[1], network.blocks[2], network.norm, network.pool],
    ]
    assert cut_sequential(network) == expected


def test_a_stage_without_weights_belongs_to_the_one_before() -> None:
    network = chain()
    network.norm = nn.Identity()
    network.feature_info.append({"module": "pool"})
    assert [len(piece) for piece in cut_sequential(network)] == [1, 1, 4]


def test_lists_that_are_called_by_hand_are_no_chain() -> None:
    network = chain()
    assert is_chain(network)
    network.transition = nn.ModuleList()
    assert is_chain(network)  # it is behind the head
    network = nn.Module()
    network.transition = nn.ModuleList([nn.Identity()])
    network.feature_info = []
    assert not is_chain(network)


def test_layouts_are_permuted_and_nothing_else() -> None:
    images = torch.randn(2, 3, 4, 4)
    assert torch.equal(ChannelsFirst([nn.Identity()])(images), images)
    assert torch.equal(TokensOnly([nn.Identity()])(images), images)
    tokens = torch.randn(2, 16, 3)
    embedding = TokensOnly([Constant(tokens)], reads_image=True)
    assert torch.equal(embedding(images)[1, :, 1, 2], tokens[1, 6])
    assert torch.equal(ChannelsFirst([Constant(images)], reads_image=True)(images)[1, 3, 2, 0], images[1, 2, 0, 3])


class Constant(nn.Module):
    def __init__(self, value: torch.Tensor):
        super().__init__()
        self.value = value

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.value


def test_a_whole_network_has_no_head() -> None:
    network = timm.create_model("xcit_nano_12_p16_224")
    whole = Whole(network)
    assert not any("head" in name for name, _ in whole.named_parameters())
    with torch.no_grad():
        assert whole.eval()(torch.randn(1, 3, 64, 128)).shape == (1, 128, 4, 8)
