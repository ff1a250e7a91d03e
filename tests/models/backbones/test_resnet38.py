"""ResNet-38: the tensors of the field's file, and its function, stated again from torch's primitives."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from patchlearn.core.errors import PatchlearnError
from patchlearn.models.backbones.create import architecture, channel_means, create_stages
from patchlearn.models.backbones.resnet38 import ResNet38

# Written down from jiwoon-ahn/psa, network/resnet38d.py: block → channels in, between, out, and whether it has a
# shortcut of its own.
PLAIN = {
    "b2": (64, 128, 128, True), "b2_1": (128, 128, 128, False), "b2_2": (128, 128, 128, False),
    "b3": (128, 256, 256, True), "b3_1": (256, 256, 256, False), "b3_2": (256, 256, 256, False),
    "b4": (256, 512, 512, True), "b4_1": (512, 512, 512, False), "b4_2": (512, 512, 512, False),
    "b4_3": (512, 512, 512, False), "b4_4": (512, 512, 512, False), "b4_5": (512, 512, 512, False),
    "b5": (512, 512, 1024, True), "b5_1": (1024, 512, 1024, False), "b5_2": (1024, 512, 1024, False),
}  # fmt: skip
BOTTLENECKS = {"b6": (1024, 512, 1024, 2048), "b7": (2048, 1024, 2048, 4096)}
DILATIONS = {"b5": (1, 2), "b5_1": (2, 2), "b5_2": (2, 2)}
NORM = ("weight", "bias", "running_mean", "running_var")
PARAMETERS = 105_070_912


def norm(name: str, channels: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.{key}": (channels,) for key in NORM}


def expected() -> dict[str, tuple[int, ...]]:
    """Every tensor of the converted file, and its shape."""
    shapes: dict[str, tuple[int, ...]] = {"conv1a.weight": (64, 3, 3, 3)}
    for name, (given, between, made, own) in PLAIN.items():
        shapes |= norm(f"{name}.bn_branch2a", given) | norm(f"{name}.bn_branch2b1", between)
        shapes[f"{name}.conv_branch2a.weight"] = (between, given, 3, 3)
        shapes[f"{name}.conv_branch2b1.weight"] = (made, between, 3, 3)
        if own:
            shapes[f"{name}.conv_branch1.weight"] = (made, given, 1, 1)
    for name, (given, narrow, wider, made) in BOTTLENECKS.items():
        shapes |= norm(f"{name}.bn_branch2a", given) | norm(f"{name}.bn_branch2b1", narrow)
        shapes |= norm(f"{name}.bn_branch2b2", wider)
        shapes[f"{name}.conv_branch2a.weight"] = (narrow, given, 1, 1)
        shapes[f"{name}.conv_branch2b1.weight"] = (wider, narrow, 3, 3)
        shapes[f"{name}.conv_branch2b2.weight"] = (made, wider, 1, 1)
        shapes[f"{name}.conv_branch1.weight"] = (made, given, 1, 1)
    return shapes | norm("bn7", 4096)


@pytest.fixture(scope="module")
def network() -> ResNet38:
    """Random weights, with statistics that are not 0 and 1; the last activation is neither all zero nor all passed."""
    torch.manual_seed(0)
    network = ResNet38().eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.weight.data, module.running_var):
                assert tensor is not None
                tensor.uniform_(0.5, 1.5)
            for tensor in (module.bias.data, module.running_mean):
                assert tensor is not None
                tensor.uniform_(-0.3, 0.3)
    return network


def test_the_tensors_are_those_of_the_fields_file() -> None:
    with torch.device("meta"):
        tensors = ResNet38().state_dict()
    found = {key: tuple(tensor.shape) for key, tensor in tensors.items() if not key.endswith("num_batches_tracked")}
    assert found == expected()


def test_the_parameters_are_counted() -> None:
    with torch.device("meta"):
        assert sum(parameter.numel() for parameter in ResNet38().parameters()) == PARAMETERS


def restated(tensors: dict[str, Tensor], images: Tensor) -> Tensor:
    """The function of the network in evaluation mode: no modules, and numbers written down again."""

    def active(name: str, features: Tensor) -> Tensor:
        weight, bias, mean, variance = (tensors[f"{name}.{key}"] for key in NORM)
        return F.relu(F.batch_norm(features, mean, variance, weight, bias))

    def convolved(name: str, features: Tensor, stride: int = 1, dilation: int = 1) -> Tensor:
        weight = tensors[f"{name}.weight"]
        return F.conv2d(features, weight, None, stride, dilation if weight.shape[2] == 3 else 0, dilation)

    features = convolved("conv1a", images)
    for name, (*_, own) in PLAIN.items():
        stride, (first, second) = 2 if name in ("b2", "b3", "b4") else 1, DILATIONS.get(name, (1, 1))
        seen = active(f"{name}.bn_branch2a", features)
        branch = convolved(f"{name}.conv_branch2a", seen, stride, first)
        branch = convolved(f"{name}.conv_branch2b1", active(f"{name}.bn_branch2b1", branch), 1, second)
        features = branch + (convolved(f"{name}.conv_branch1", seen, stride) if own else features)
    for name in BOTTLENECKS:
        seen = active(f"{name}.bn_branch2a", features)
        branch = active(f"{name}.bn_branch2b1", convolved(f"{name}.conv_branch2a", seen))
        branch = active(f"{name}.bn_branch2b2", convolved(f"{name}.conv_branch2b1", branch, 1, 4))
        features = convolved(f"{name}.conv_branch2b2", branch) + convolved(f"{name}.conv_branch1", seen)
    return active("bn7", features)


@torch.no_grad()
def test_the_function_is_the_restated_one(network: ResNet38) -> None:
    images = torch.randn(2, 3, 72, 89)  # 9×12 cells: larger than the reach of dilation 4
    features = network.forward_features(images)
    assert features.shape == (2, network.num_features, 9, 12)
    assert 0.05 < float((features == 0).float().mean()) < 0.95
    torch.testing.assert_close(features, restated(network.state_dict(), images))


@torch.no_grad()
def test_the_five_stages_are_the_whole_network_exactly(network: ResNet38, tmp_path: Path) -> None:
    torch.save(network.state_dict(), tmp_path / "resnet38.pth")
    stages = create_stages("resnet38", output_stride=8, weights=tmp_path / "resnet38.pth").eval()
    assert (len(stages), stages.channels, stages.strides) == (5, (128, 256, 512, 1024, 4096), (2, 4, 8, 8, 8))
    assert [info["module"] for info in network.feature_info] == ["b2_2", "b3_2", "b4_5", "b5_2", "act7"]
    assert stages.channels == tuple(info["num_chs"] for info in network.feature_info)
    assert stages.strides == tuple(info["reduction"] for info in network.feature_info)
    images = torch.randn(1, 3, 33, 40)
    assert torch.equal(stages(images), network.forward_features(images))
    assert torch.equal(stages(images), network(images))


@torch.no_grad()
def test_dropout_works_in_training_alone(network: ResNet38) -> None:
    shares = {name: module.p for name, module in network.named_modules() if isinstance(module, nn.Dropout2d)}
    assert shares == {"b6.dropout_2b1": 0.3, "b6.dropout_2b2": 0.3, "b7.dropout_2b1": 0.5, "b7.dropout_2b2": 0.5}
    features = torch.rand(1, 1024, 4, 4)
    assert torch.equal(network.b6(features), network.b6(features))
    for module in network.b6.modules():
        if isinstance(module, nn.Dropout2d):
            module.train()
    try:
        assert not torch.equal(network.b6(features), network.b6(features))
    finally:
        network.eval()


@torch.no_grad()
def test_statistics_stay_in_evaluation_mode(network: ResNet38) -> None:
    before = {key: value.clone() for key, value in network.state_dict().items() if "running" in key}
    network(torch.randn(1, 3, 16, 16))
    assert all(torch.equal(network.state_dict()[key], value) for key, value in before.items())


def test_the_normalisation_is_psas() -> None:
    for source in (architecture("resnet38"), create_stages("resnet38", output_stride=8)):
        mean, std = (
            (source.mean, source.std)
            if hasattr(source, "stages")
            else (channel_means(source, "mean"), channel_means(source, "std"))
        )
        assert mean == (0.485, 0.456, 0.406)
        assert std == (0.229, 0.224, 0.225)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"output_stride": 16}, r"^output_stride: resnet38 has 8, and no 16\. Choose 8"),
        ({"output_stride": 8, "weights": "hub"}, "^weights: 'hub' has no resnet38. Name the file"),
        ({"output_stride": 8, "weights": "demo"}, "^weights: 'demo' has no resnet38. Name the file"),
        ({"output_stride": 8, "weights": "none.pth"}, "none.pth: no such weights"),
    ],
)
def test_what_resnet38_does_not_have_is_said(options: dict[str, object], complaint: str) -> None:
    with pytest.raises(PatchlearnError, match=complaint):
        create_stages("resnet38", **options)  # type: ignore[arg-type]


def test_a_name_like_it_is_corrected() -> None:
    with pytest.raises(PatchlearnError, match="did you mean 'resnet38'"):
        create_stages("resnet38x")
