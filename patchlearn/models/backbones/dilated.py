"""Dilated depthwise convolutions that train fast on a CPU.

torch's CPU kernels (oneDNN) run a depthwise convolution fast, dilated or not. They use slow general kernels for the
gradients of a dilated one, and also for its output where the kernel is larger than the map, such as that of a patch.

Both can be computed with fast operations. The gradient of the input is the same convolution with the kernel flipped.
The gradient of a weight is a product of two shifted maps. Kernel positions that never overlap the map are left out.
"""

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Pair = tuple[int, int]


class DilatedDepthwise(nn.Conv2d):
    """A dilated depthwise convolution of stride 1 that keeps the map's size. Equals torch's own and is faster.

    >>> convolution = DilatedDepthwise(8, 8, 3, padding=2, dilation=2, groups=8)
    >>> convolution(torch.zeros(1, 8, 5, 7)).shape
    torch.Size([1, 8, 5, 7])
    """

    def forward(self, features: Tensor) -> Tensor:
        """B×C×h×w → B×C×h×w."""
        if features.device.type != "cpu" or not torch.is_grad_enabled():
            return super().forward(features)
        output: Tensor = _Convolution.apply(*_as_autocast(features, self.weight), self.dilation)
        return output if self.bias is None else output + self.bias.to(output.dtype)[:, None, None]


def quicken_dilated(network: nn.Module) -> None:
    """Replace every dilated depthwise convolution by `DilatedDepthwise`; parameters and their names do not change."""
    for name, module in list(network.named_modules()):
        if _is_dilated_depthwise(module):
            network.set_submodule(name, _quick(module))


def _is_dilated_depthwise(module: nn.Module) -> bool:
    # Not a subclass: timm's subclasses pad in other ways.
    if type(module) is not nn.Conv2d or isinstance(module.padding, str) or max(module.dilation) == 1:
        return False
    keeps_size = all(
        side % 2 == 1 and 2 * padding == dilation * (side - 1)
        for padding, dilation, side in zip(module.padding, module.dilation, module.kernel_size, strict=True)
    )
    depthwise = module.groups == module.in_channels == module.out_channels
    return depthwise and keeps_size and max(module.stride) == 1 and module.padding_mode == "zeros"


def _quick(module: nn.Conv2d) -> DilatedDepthwise:
    with torch.device("meta"):
        quick = DilatedDepthwise(
            module.in_channels,
            module.out_channels,
            cast(Pair, module.kernel_size),
            padding=cast(Pair, module.padding),
            dilation=cast(Pair, module.dilation),
            groups=module.groups,
            bias=module.bias is not None,
        )
    quick.weight, quick.bias = module.weight, module.bias
    return quick.train(module.training)


def _as_autocast(*tensors: Tensor) -> tuple[Tensor, ...]:
    """The tensors in the precision in which torch would run its own convolution."""
    if not torch.is_autocast_enabled("cpu"):
        return tensors
    return tuple(tensor.to(torch.get_autocast_dtype("cpu")) for tensor in tensors)


class _Convolution(torch.autograd.Function):
    """(features, weight, dilation) → the convolved features."""

    @staticmethod
    def forward(context: Any, features: Tensor, weight: Tensor, dilation: Pair) -> Tensor:
        context.save_for_backward(features, weight)
        context.dilation = dilation
        return _convolved(features, weight, dilation)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        (gradient,), (features, weight) = gradients, context.saved_tensors
        wanted = context.needs_input_grad
        return (
            _convolved(gradient, weight.flip(2, 3), context.dilation) if wanted[0] else None,
            _weight_gradient(features, gradient, weight, context.dilation) if wanted[1] else None,
            None,
        )


def _convolved(features: Tensor, weight: Tensor, dilation: Pair) -> Tensor:
    reach = _reach(features, weight, dilation)
    rows, columns = (slice(side // 2 - taps, side // 2 + taps + 1) for side, taps in zip(weight.shape[2:], reach))
    padding = reach[0] * dilation[0], reach[1] * dilation[1]
    return F.conv2d(features, weight[:, :, rows, columns], None, 1, padding, dilation, features.shape[1])


def _weight_gradient(features: Tensor, gradient: Tensor, weight: Tensor, dilation: Pair) -> Tensor:
    total = torch.zeros_like(weight)
    vertical, horizontal = _reach(features, weight, dilation)
    for row in range(-vertical, vertical + 1):
        for column in range(-horizontal, horizontal + 1):
            (seen_rows, rows), (seen_columns, columns) = (
                _overlap(row * dilation[0], features.shape[2]),
                _overlap(column * dilation[1], features.shape[3]),
            )
            product = features[..., seen_rows, seen_columns] * gradient[..., rows, columns]
            total[:, 0, weight.shape[2] // 2 + row, weight.shape[3] // 2 + column] = product.sum((0, 2, 3))
    return total


def _reach(features: Tensor, weight: Tensor, dilation: Pair) -> Pair:
    """Number of weights above and left of the kernel's centre that can overlap the map; the same below and right."""
    taps = [
        min(side // 2, (cells - 1) // gap) for side, cells, gap in zip(weight.shape[2:], features.shape[2:], dilation)
    ]
    return taps[0], taps[1]


def _overlap(shift: int, cells: int) -> tuple[slice, slice]:
    """The cells of the input and of the output that a kernel weight `shift` cells off the centre connects."""
    return slice(max(shift, 0), cells + min(shift, 0)), slice(max(-shift, 0), cells + min(-shift, 0))
