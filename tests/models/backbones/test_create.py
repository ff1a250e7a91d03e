"""Stages of timm backbones: their channels and strides, and what is refused."""

import pytest
import torch

from patchlearn.core.errors import PatchlearnError
from patchlearn.models.backbones.create import architecture, channel_means, create_stages

NAMES = [
    "resnet10t", "seresnet18", "convnext_atto", "tf_efficientnet_lite0", "mobilenetv2_050", "mobilenetv3_small_050",
    "regnetx_002",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("output_stride", [8, 16, 32])
def test_channels_and_strides_are_those_of_the_outputs(name: str, output_stride: int) -> None:
    stages = create_stages(name, output_stride).eval()
    assert len(stages) >= 4
    features = torch.zeros(1, 3, 64, 64)
    for stage, channels, stride in zip(stages, stages.channels, stages.strides, strict=True):
        features = stage(features)
        assert features.shape == (1, channels, 64 // stride, 64 // stride)
    assert stages.strides[-1] == output_stride


def test_normalisation_is_timms() -> None:
    assert create_stages("tf_efficientnet_lite0").mean == (0.5, 0.5, 0.5)
    assert create_stages("resnet10t").mean == (0.485, 0.456, 0.406)


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("resnet5", "did you mean 'resnet50'"),
        ("coat_tiny", "coat_tiny cannot be cut: its last features are tokens at three sizes at once. Choose"),
        ("crossvit_tiny_240", "cannot be cut: its last features are tokens of two sizes at once. Choose"),
    ],
)
def test_what_cannot_be_cut_is_refused_with_what_can(name: str, complaint: str) -> None:
    with pytest.raises(PatchlearnError, match=complaint):
        create_stages(name)


def test_an_impossible_stride_is_refused() -> None:
    with pytest.raises(PatchlearnError, match="Choose one of: 8, 16, 32; or null"):
        create_stages("resnet10t", output_stride=4)


@pytest.mark.parametrize("name", ["edgenext_xx_small", "ghostnet_050", "repvgg_a0"])
def test_a_stride_that_timm_cannot_build_is_refused(name: str) -> None:
    stages = create_stages(name, None)
    assert stages.output_stride is None
    assert stages.strides[-1] == 32
    assert create_stages(name, 32).strides == stages.strides
    if name != "repvgg_a0":
        with pytest.raises(PatchlearnError, match=f"{name} has stride 32, and timm cannot build it at 8. Set output"):
            create_stages(name, 8)


def test_a_network_of_one_size_reads_images_of_any() -> None:
    stages = create_stages("levit_128s", None).eval()
    assert (stages.fixed_size, stages.takes_patches) == ((224, 224), False)
    images = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(stages(stages.prepared(images)), stages(images))
        assert stages.prepared(images[..., :100]).shape == images.shape
        square = stages(images)
        assert torch.equal(stages.placed(square, (224, 224)), square)
        wide = stages.placed(square, (112, 224))
    assert wide.shape[2:] == (2, 4)  # 56 pixels a cell


def test_what_a_network_of_one_size_finds_lies_where_it_lies_in_the_image() -> None:
    """A ramp over the square that the network reads is a ramp over the image."""
    stages = create_stages("levit_128s", None)
    ramp = ((torch.arange(4) + 0.5) / 4).expand(1, 1, 4, 4)
    placed = stages.placed(ramp, (112, 448))
    torch.testing.assert_close(placed[0, 0, 0, 1:-1], (torch.arange(8)[1:-1] + 0.5) / 8)


def test_cells_of_a_network_without_padding_lie_around_the_middle() -> None:
    stages = create_stages("inception_v3", None).eval()
    assert (stages.is_exact, stages.takes_patches, stages.strides) == (False, False, (2, 4, 8, 16, 32))
    with torch.no_grad():
        features = stages(stages.prepared(torch.randn(1, 3, 150, 203)))
    assert features.shape[2:] == (3, 5)
    assert stages.placed(features, (150, 203)).shape[2:] == (5, 7)
    ramp = torch.tensor([1.0, 2.0, 3.0]).view(1, 1, 3, 1).expand(1, 1, 3, 5)
    column = stages.placed(ramp, (150, 203))[0, 0, :, 0]
    torch.testing.assert_close(column, 4 - column.flip(0))


def test_an_architecture_takes_no_memory_and_has_its_normalisation() -> None:
    network = architecture("tf_efficientnet_lite0")
    assert all(parameter.device.type == "meta" for parameter in network.parameters())
    assert channel_means(network, "std") == (0.5, 0.5, 0.5)
