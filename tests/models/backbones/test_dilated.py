"""The quick dilated convolutions give torch's own outputs and gradients."""

import pytest
import torch
from torch import Tensor, nn

from patchlearn.models.backbones.create import create_stages
from patchlearn.models.backbones.dilated import DilatedDepthwise, quicken_dilated


def convolution(kernel: tuple[int, int], dilation: tuple[int, int], *, bias: bool) -> nn.Conv2d:
    padding = tuple(gap * (side - 1) // 2 for gap, side in zip(dilation, kernel, strict=True))
    return nn.Conv2d(6, 6, kernel, padding=padding, dilation=dilation, groups=6, bias=bias)


def gradients(network: nn.Module, features: Tensor) -> list[Tensor]:
    """Of the input and the parameters, for an output that is weighted unevenly."""
    leaf = features.clone().requires_grad_()
    output = network(leaf)
    weights = torch.arange(output.numel(), dtype=torch.double).reshape(output.shape).sin().to(output.dtype)
    return [output, *torch.autograd.grad((output * weights).sum(), [leaf, *network.parameters()])]


@pytest.mark.parametrize("size", [(1, 1), (2, 9), (3, 3), (12, 7)])  # smaller than the kernel's reach, and larger
@pytest.mark.parametrize("kernel", [(3, 3), (5, 3), (5, 5)])
@pytest.mark.parametrize("dilation", [(2, 2), (1, 4)])
@pytest.mark.parametrize("bias", [False, True])
def test_outputs_and_gradients_are_torchs_own(
    size: tuple[int, int], kernel: tuple[int, int], dilation: tuple[int, int], bias: bool
) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(convolution(kernel, dilation, bias=bias)).double()
    features = torch.randn(2, 6, *size, dtype=torch.double)
    expected = gradients(network, features)
    quicken_dilated(network)
    assert isinstance(network[0], DilatedDepthwise)
    torch.testing.assert_close(gradients(network, features), expected)


@pytest.mark.parametrize("bias", [False, True])
def test_bf16_gradients_are_near_those_of_fp32(bias: bool) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 6, 1), convolution((5, 5), (2, 2), bias=bias))
    features = torch.randn(2, 3, 6, 6)
    expected = gradients(network, features)
    quicken_dilated(network)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = gradients(network, features)
    assert rounded[0].dtype is torch.bfloat16
    for value, exact in zip(rounded, expected, strict=True):
        assert (value.float() - exact).norm() < 0.02 * exact.norm()


def test_other_convolutions_stay_what_they_are() -> None:
    network = nn.Sequential(
        nn.Conv2d(6, 6, 3, padding=1, groups=6),  # not dilated
        nn.Conv2d(6, 6, 3, padding=2, dilation=2),  # not depthwise
        nn.Conv2d(6, 6, 3, padding=2, dilation=2, groups=6, stride=2),
        nn.Conv2d(6, 6, 3, padding=1, dilation=2, groups=6),  # makes the map smaller
        nn.Conv2d(6, 6, 2, padding=1, dilation=2, groups=6),  # has no middle
        nn.Conv2d(6, 12, 3, padding=2, dilation=2, groups=6),
        nn.Conv2d(6, 6, 3, padding=2, dilation=2, groups=6, padding_mode="reflect"),
        nn.Conv2d(6, 6, 3, padding="same", dilation=2, groups=6),
    )
    quicken_dilated(network)
    assert not any(isinstance(module, DilatedDepthwise) for module in network)


def test_a_dilated_backbone_has_them_and_keeps_its_parameters() -> None:
    stages = create_stages("tf_efficientnet_lite0", output_stride=16)
    quick = [name for name, module in stages.named_modules() if isinstance(module, DilatedDepthwise)]
    assert len(quick) == 4  # of the last stage, but its first block, which was to halve the map
    assert all(parameter.device.type == "cpu" for parameter in stages.parameters())
    assert {f"{name}.weight" for name in quick} <= set(dict(stages.named_parameters()))
