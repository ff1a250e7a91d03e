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
    [("resnet5", "did you mean 'resnet50'"), ("vit_tiny_patch16_224", "VisionTransformer, which cannot be cut")],
)
def test_what_cannot_be_cut_is_refused_with_what_can(name: str, complaint: str) -> None:
    with pytest.raises(PatchlearnError, match=complaint):
        create_stages(name)


def test_an_impossible_stride_is_refused() -> None:
    with pytest.raises(PatchlearnError, match="Choose one of: 8, 16, 32"):
        create_stages("resnet10t", output_stride=4)


def test_an_architecture_takes_no_memory_and_has_its_normalisation() -> None:
    network = architecture("tf_efficientnet_lite0")
    assert all(parameter.device.type == "meta" for parameter in network.parameters())
    assert channel_means(network, "std") == (0.5, 0.5, 0.5)
