"""Cut networks equal the uncut ones of timm."""

from pathlib import Path

import pytest
import timm
import torch
from timm.models.beit import Beit
from timm.models.eva import Eva
from timm.models.levit import Levit
from timm.models.mlp_mixer import MlpMixer
from timm.models.pvt_v2 import PyramidVisionTransformerV2
from timm.models.swin_transformer import SwinTransformer
from timm.models.swin_transformer_v2 import SwinTransformerV2
from timm.models.vision_transformer import VisionTransformer

from patchlearn.models.backbones.create import create_stages
from patchlearn.models.backbones.families import FAMILIES

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


def test_every_family_with_an_entry_is_tested() -> None:
    tested = {type(timm.create_model(name)) for name in NAMES}
    tested.add(type(timm.create_model("mobilenetv3_small_050", features_only=True)))
    # test_transformers.py, test_sequential.py
    elsewhere = {Beit, Eva, VisionTransformer, SwinTransformer, Levit, PyramidVisionTransformerV2}
    by_the_table = {SwinTransformerV2, MlpMixer}  # timm has no small ones; benchmarks/backbones.py compares them
    assert set(FAMILIES) == tested | elsewhere | by_the_table
