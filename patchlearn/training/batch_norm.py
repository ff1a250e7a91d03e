"""Batch norm in training needs two values per channel. One image gives one where the map has 1×1 cells."""

from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm as BatchNorm

from patchlearn.core.errors import PatchlearnError


def check_one_image(section: str, network: nn.Module, crop: int, advice: str = "") -> None:
    """Raise `PatchlearnError` unless every batch norm that learns can do so from one image.

    Args:
        section: of the settings, for the message.
        network: in the modes in which it is trained.
        crop: side of the image, in pixels.
        advice: the end of the message, besides a larger batch; by default, a larger crop.
    """
    starved = starved_norms(network, crop)
    if starved:
        raise PatchlearnError(
            f"{section}: one image per step on each process, but the batch norm {starved[0]!r} reads a map of 1×1 "
            f"cells of it (crop {crop}): one value per channel, and it needs two. Raise "
            f"{section}.optimisation.batch_size (add images if there are fewer), or "
            f"{advice or f'raise {section}.augment.crop'}."
        )


@torch.no_grad()
def starved_norms(network: nn.Module, crop: int) -> list[str]:
    """The batch norms in training mode that read a map of 1×1 cells if a step has one image of crop×crop pixels.

    The network runs once, in evaluation mode, so that no statistics change; then its modes are as they were.

    Args:
        network: 3 channels in.
        crop: side of the image, in pixels.

    Returns:
        Their names in the network, in the order of the forward pass.

    >>> network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.AdaptiveAvgPool2d(1), nn.BatchNorm2d(4))
    >>> starved_norms(network, crop=8), starved_norms(network, crop=1), starved_norms(network.eval(), crop=8)
    (['3'], ['1', '3'], [])
    """
    modes = {module: module.training for module in network.modules()}
    learning = {name: part for name, part in network.named_modules() if isinstance(part, BatchNorm) and part.training}
    starved: dict[str, None] = {}
    hooks = [part.register_forward_pre_hook(partial(_note, starved, name)) for name, part in learning.items()]
    parameter = next(network.parameters())
    network.eval()
    try:
        network(torch.zeros(1, 3, crop, crop, device=parameter.device))
    finally:
        for hook in hooks:
            hook.remove()
        for module, mode in modes.items():
            module.training = mode
    return list(starved)


def _note(starved: dict[str, None], name: str, norm: nn.Module, inputs: tuple[Any, ...]) -> None:
    maps = inputs[0]
    if maps.numel() == maps.shape[1]:
        starved[name] = None
