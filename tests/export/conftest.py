"""Segmenters with random weights."""

from collections.abc import Callable

import pytest
import torch

from patchlearn.inference.segmenter import Segmenter
from patchlearn.inference.settings import InferenceSettings
from patchlearn.models.segmentation import SegmentationNetwork


@pytest.fixture(scope="session")
def make_segmenter() -> Callable[..., Segmenter]:
    """A function of head, backbone and seed."""
    return made


@pytest.fixture(scope="session")
def segmenter() -> Segmenter:
    return made("deeplabv3plus")


def made(head: str, backbone: str = "test_resnet", seed: int = 0) -> Segmenter:
    """Random weights, but a last layer that decides: without it all classes are nearly a fifth everywhere."""
    torch.manual_seed(seed)
    network = SegmentationNetwork(backbone, head, classes=4).eval()
    last = list(network.decoder.parameters())[-2]
    with torch.no_grad():
        last *= 1 / spread(network)
    network.to(memory_format=torch.channels_last)  # as a loaded one
    return Segmenter(network=network, classes=("cat", "dog", "hen", "pig"), settings=InferenceSettings(long_side=256))


@torch.no_grad()
def spread(network: SegmentationNetwork) -> float:
    return float(network(torch.randn(2, 3, 96, 96)).std(dim=(0, 2, 3)).mean())
