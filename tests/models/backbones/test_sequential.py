"""Networks that are a chain of modules, or one single stage: timm's own features, cut where its feature maps end."""

from pathlib import Path

import pytest
import timm
import torch
from torch import nn

from patchlearn.core.errors import PatchlearnError
from patchlearn.models.backbones.create import create_stages
from patchlearn.models.backbones.sequential import ChannelsFirst, TokensOnly, cut_sequential, is_chain
from patchlearn.models.patch_network import PatchNetwork

# timm's smallest network of each further kind, and how many stages it has.
OTHERS = {
    "resnetv2_18": 5, "densenet121": 5, "vgg11_bn": 5, "ghostnet_050": 5, "dla46_c": 6, "rexnetr_100": 6,
    "inception_v3": 5, "repvgg_a0": 5, "repvit_m0_9": 5, "edgenext_xx_small": 5, "efficientvit_b0": 5,
    "pvt_v2_b0": 4, "tiny_vit_5m_224": 5, "starnet_s050": 5, "mobilevitv2_050": 6, "levit_128s": 4,
    "xcit_nano_12_p16_224": 1, "visformer_tiny": 1, "efficientformerv2_s0": 5, "test_mambaout": 1,
    "selecsls42": 1, "vit_tiny_r_s16_p8_224": 5,
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_any_other_network_equals_timms_forward_features(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = timm.create_model(name).eval()
    torch.save(network.state_dict(), tmp_path / "weights.pth")
    stages = create_stages(name, None, tmp_path / "weights.pth").eval()
    assert len(stages) == OTHERS[name]
    config = network.pretrained_cfg
    size = config["input_size"][1:] if config.get("fixed_input_size") else (160, 128)  # timm's own cannot read another
    images = torch.randn(1, 3, *size)
    with torch.no_grad():
        found, expected = stages(images), network.forward_features(images)
    assert found.shape[1] == stages.channels[-1] == network.num_features
    if expected.ndim == 4 and expected.shape != found.shape:
        expected = expected.permute(0, 3, 1, 2)
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


def test_a_network_in_one_stage_trains_all_that_its_features_depend_on() -> None:
    stages = create_stages("xcit_nano_12_p16_224", None).eval()
    with torch.no_grad():
        assert stages(torch.randn(1, 3, 64, 128)).shape == (1, 128, 4, 8)
    stages(torch.randn(1, 3, 224, 224)).sum().backward()
    assert all((parameter.grad is not None) == parameter.requires_grad for parameter in stages.parameters())
    assert any(parameter.requires_grad for parameter in stages.parameters())
    assert not stages.takes_patches


def test_stages_can_be_created_where_no_gradients_are_kept() -> None:
    with torch.no_grad():
        assert len(create_stages("xcit_nano_12_p16_224", None)) == 1


def test_a_network_that_resizes_its_maps_has_them_over_the_whole_image() -> None:
    """MobileViT resizes maps to whole patches of two cells: 160 pixels have 6 cells, not 5."""
    stages = create_stages("mobilevitv2_050", None).eval()
    assert (stages.strides[-1], stages.is_exact, stages.takes_patches) == (32, False, False)
    with torch.no_grad():
        features = stages(stages.prepared(torch.randn(1, 3, 160, 160)))
    assert features.shape[2:] == (6, 6)
    ramp = ((torch.arange(6) + 0.5) / 6).expand(1, 1, 6, 6)
    placed = stages.placed(ramp, (160, 160))[0, 0, 0]
    torch.testing.assert_close(placed[1:-1], ((torch.arange(5) + 0.5) / 5)[1:-1])


@pytest.mark.parametrize("name", ["pit_ti_224", "volo_d1_224"])
def test_what_gives_no_map_is_refused_with_what_does(name: str) -> None:
    with pytest.raises(PatchlearnError, match=f"^backbone: {name} cannot be cut.*Choose for example convnext_tiny"):
        create_stages(name, None)


def test_patches_pass_the_stages_of_a_pyramid_of_tokens() -> None:
    stages = create_stages("pvt_v2_b0", None).eval()
    assert (stages.strides, stages.channels, stages.takes_patches) == ((4, 8, 16, 32), (32, 64, 160, 256), True)
    network = PatchNetwork(stages, 2, "progressive", "figure 2").eval()
    with torch.no_grad():
        assert network.maps(torch.randn(1, 3, 97, 133)).shape == (1, 2, 4, 5)
