"""Segmentation networks over timm encoders."""

from pathlib import Path

import pytest
import timm
import torch

from patchlearn.core.errors import PatchlearnError
from patchlearn.models.backbones.resnet38 import ResNet38
from patchlearn.models.segmentation import DeepLabV2, LargeFOV, SegmentationNetwork
from patchlearn.models.settings import HEAD_STRIDES

STRIDES = {
    "deeplabv2": 8,
    "deeplabv3plus": 4,
    "fpn": 4,
    "largefov": 8,
    "linear": 32,
    "segformer": 4,
    "unet": 1,
    "upernet": 4,
}


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
    for head in ("deeplabv2", "deeplabv3plus", "largefov", "unet"):
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


@pytest.mark.parametrize("size", [(96, 160), (32, 32), (224, 352)])
def test_the_scales_of_deeplabv2_lie_over_one_another(size: tuple[int, int]) -> None:
    """A ramp stays a ramp, also where a side is an odd multiple of 32 and 0.75 of it is no multiple of the stride."""
    model = SegmentationNetwork("resnet10t", "deeplabv2", classes=1, output_stride=16).eval().model

    class Means(torch.nn.Module):
        output_stride = 16

        def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
            """The mean colour of each cell."""
            assert images.shape[2] % 16 == 0
            assert images.shape[3] % 16 == 0
            return [torch.nn.functional.avg_pool2d(images, 16)]

    model.encoder, model.classifiers = Means(), torch.nn.ModuleList([torch.nn.Identity()])
    ramp = torch.arange(size[1]).float().expand(1, 1, *size)
    cells = torch.nn.functional.avg_pool2d(ramp, 16)
    found = model(ramp)
    assert found.shape == cells.shape
    inner = slice(2, max(3, cells.shape[3] - 2))  # the outermost centres of a coarser map lie further in
    torch.testing.assert_close(found[..., inner], cells[..., inner], rtol=0, atol=1.0)


def test_a_transformer_has_a_plain_head_at_its_own_stride() -> None:
    network = SegmentationNetwork("vit_tiny_patch16_224", "linear", classes=3).eval()
    assert (network.stride, network.unit, network.output_stride) == (16, 16, None)
    assert network.mean == (0.5, 0.5, 0.5)
    with torch.no_grad():
        for height, width in ((64, 64), (33, 70), (1, 1)):
            cells = (-(-height // 16), -(-width // 16))
            assert network(torch.zeros(1, 3, height, width)).shape == (1, 4, *cells)
    assert {name.split(".")[1] for name, _ in network.named_parameters()} == {"encoder", "classifier"}


def test_weights_of_a_file_reach_a_transformer(tmp_path: Path) -> None:
    full = timm.create_model("vit_tiny_patch16_224", num_classes=7, dynamic_img_size=True).eval()
    torch.save(full.state_dict(), tmp_path / "weights.pth")
    path = str(tmp_path / "weights.pth")
    network = SegmentationNetwork("vit_tiny_patch16_224", "linear", classes=2, weights=path).eval()
    image = torch.rand(1, 3, 64, 96)
    with torch.no_grad():
        expected = full.forward_features(image)[:, 1:].transpose(1, 2).unflatten(2, (4, 6))
        assert torch.equal(network.encoder(image)[-1], expected)


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
        ({"backbone": "resnet38"}, "^head: resnet38 has no deeplabv3plus. Choose one of: deeplabv2, largefov"),
        (
            {"backbone": "resnet38", "head": "largefov", "output_stride": 16},
            "^output_stride: resnet38 has 8, and no 16. Choose 8",
        ),
        ({"backbone": "resnet38", "head": "largefov", "weights": "hub"}, "^weights: 'hub' has no resnet38"),
    ],
)
def test_what_cannot_be_built_is_refused_in_one_sentence(options: dict[str, object], complaint: str) -> None:
    whole = {"backbone": "resnet10t", "head": "deeplabv3plus", "classes": 2, **options}
    with pytest.raises(PatchlearnError, match=complaint.replace(".", r"\.")):
        SegmentationNetwork(**whole)


def test_largefov_is_the_layers_of_seams_authors() -> None:
    network = SegmentationNetwork("resnet10t", "largefov", classes=20)
    model = network.model
    assert isinstance(model, LargeFOV)
    first, second, classifier = model.field_of_view[0], model.field_of_view[3], model.classifier
    assert (first.weight.shape, first.dilation, first.padding) == ((512, 512, 3, 3), (12, 12), (12, 12))
    assert (second.weight.shape, classifier.weight.shape) == ((512, 512, 1, 1), (21, 512, 1, 1))
    assert (first.bias is None, second.bias is None, classifier.bias is None) == (True, True, False)
    assert [type(module).__name__ for module in model.field_of_view] == ["Conv2d", "BatchNorm2d", "ReLU"] * 2
    assert model.dropout.p == 0.5


@torch.no_grad()
def test_largefov_sees_twelve_cells_away_and_drops_out_in_training_alone() -> None:
    torch.manual_seed(0)
    network = SegmentationNetwork("resnet10t", "largefov", classes=2).eval()
    features = torch.zeros(1, 512, 40, 40)
    head = network.model.field_of_view
    still = head(features)
    features[..., 20, 20] = 1
    changed = (head(features) != still).any(1)[0].nonzero()
    assert {tuple(cell) for cell in changed.tolist()} == {
        (row, column) for row in (8, 20, 32) for column in (8, 20, 32)
    }
    image = torch.rand(1, 3, 64, 64)
    assert torch.equal(network(image), network(image))
    network.model.dropout.train()
    assert not torch.equal(network(image), network(image))


def test_resnet38_is_an_encoder_of_the_heads_that_read_the_last_map(tmp_path: Path) -> None:
    trunk = ResNet38().eval()
    torch.save(trunk.state_dict(), tmp_path / "resnet38.pth")
    image = torch.rand(1, 3, 32, 64)
    for head in ("deeplabv2", "largefov"):
        network = SegmentationNetwork("resnet38", head, 20, weights=str(tmp_path / "resnet38.pth")).eval()
        with torch.no_grad():
            assert network(image).shape == (1, 21, 4, 8)
            assert torch.equal(network.encoder(image)[-1], trunk(image))
        assert (network.stride, network.output_stride, network.mean) == (8, 8, (0.485, 0.456, 0.406))
        assert network.model.encoder.out_channels == [each.shape[1] for each in network.encoder(image)]
        parts = [*network.encoder.parameters(), *network.decoder.parameters()]
        assert {id(each) for each in parts} == {id(each) for each in network.parameters()}
