"""Segmentation networks over timm encoders."""

from pathlib import Path

import pytest
import timm
import torch

from patchlearn.core.errors import PatchlearnError
from patchlearn.models.segmentation import DeepLabV2, SegmentationNetwork
from patchlearn.models.settings import HEAD_STRIDES

STRIDES = {"deeplabv2": 8, "deeplabv3plus": 4, "fpn": 4, "segformer": 4, "unet": 1, "upernet": 4}


@pytest.mark.parametrize("head", HEAD_STRIDES)
def test_every_head_takes_images_of_any_size(head: str) -> None:
    network = SegmentationNetwork("resnet10t", head, classes=3).eval()
    assert network.stride == STRIDES[head]
    for height, width in ((64, 64), (33, 70), (1, 1)):
        cells = (-(-height // network.stride), -(-width // network.stride))
        assert network(torch.zeros(1, 3, height, width)).shape == (1, 4, *cells)


@pytest.mark.parametrize("backbone", ["convnext_atto", "mobilenetv3_small_050", "regnetx_002", "resnest14d"])
def test_any_timm_encoder_will_do(backbone: str) -> None:
    network = SegmentationNetwork(backbone, "deeplabv3plus", classes=2).eval()
    assert network(torch.zeros(1, 3, 64, 96)).shape == (1, 3, 16, 24)


def test_body_and_head_together_are_the_whole_network() -> None:
    for head in ("deeplabv2", "deeplabv3plus", "unet"):
        network = SegmentationNetwork("resnet10t", head, classes=3)
        parts = [*network.encoder.parameters(), *network.decoder.parameters()]
        assert {id(each) for each in parts} == {id(each) for each in network.parameters()}
        assert len(parts) == len(list(network.parameters()))


@pytest.mark.parametrize("backbone", ["resnet10t", "convnext_atto", "tf_efficientnet_lite0"])
def test_weights_of_a_file_reach_the_encoder(backbone: str, tmp_path: Path) -> None:
    full = timm.create_model(backbone, num_classes=7).eval()
    torch.save(full.state_dict(), tmp_path / "weights.pth")
    network = SegmentationNetwork(backbone, "fpn", classes=2, weights=str(tmp_path / "weights.pth")).eval()
    image = torch.rand(1, 3, 64, 64)
    features = full.forward_intermediates(image, intermediates_only=True)
    torch.testing.assert_close(network.encoder(image)[-1], features[-1])


def test_frozen_statistics_are_the_encoder_s_alone() -> None:
    network = SegmentationNetwork("resnet10t", "deeplabv3plus", classes=2).train()
    network.freeze_statistics()
    before = {name: value.clone() for name, value in network.state_dict().items() if "running" in name}
    network(torch.rand(2, 3, 64, 64))
    after = network.state_dict()
    changed = {name for name, value in before.items() if not torch.equal(after[name], value)}
    assert changed
    assert not any(name.startswith("model.encoder.") for name in changed)


def test_deeplabv2_takes_the_maximum_over_three_scales() -> None:
    network = SegmentationNetwork("resnet10t", "deeplabv2", classes=2).eval()
    model = network.model
    assert isinstance(model, DeepLabV2)
    image = torch.rand(1, 3, 64, 64)
    halves = [torch.nn.functional.interpolate(image, scale_factor=scale, mode="bilinear") for scale in (0.75, 0.5)]
    at_scales = [model._at_one_scale(view) for view in (image, *halves)]
    enlarged = [torch.nn.functional.interpolate(each, at_scales[0].shape[2:], mode="bilinear") for each in at_scales]
    torch.testing.assert_close(network(image), torch.stack(enlarged).amax(0))


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"head": "deeplabv3"}, "^head: 'deeplabv3' is not an option; did you mean 'deeplabv2'"),
        ({"output_stride": 32}, "^output_stride: deeplabv3plus does not take 32. Choose one of: 16, 8"),
        ({"backbone": "resnet11t"}, "^backbone: timm has no 'resnet11t'; did you mean 'resnet14t'"),
        (
            {"backbone": "vit_tiny_patch16_224"},
            "^backbone: deeplabv3plus on vit_tiny_patch16_224 at output stride 16",
        ),
        ({"weights": "nowhere.pth"}, "nowhere.pth: no such weights"),
    ],
)
def test_what_cannot_be_built_is_refused_in_one_sentence(options: dict[str, object], complaint: str) -> None:
    whole = {"backbone": "resnet10t", "head": "deeplabv3plus", "classes": 2, **options}
    with pytest.raises(PatchlearnError, match=complaint.replace(".", r"\.")):
        SegmentationNetwork(**whole)
