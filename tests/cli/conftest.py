"""A trained model, as the verbs read it."""

from pathlib import Path

import pytest

from patchlearn.inference.segmenter import Segmenter
from patchlearn.inference.settings import InferenceSettings
from patchlearn.models.segmentation import SegmentationNetwork
from patchlearn.runs.load import write_model_folder


@pytest.fixture(scope="session")
def segmenter() -> Segmenter:
    """Random weights."""
    network = SegmentationNetwork("resnet10t", "deeplabv3plus", classes=2).eval()
    return Segmenter(network=network, classes=("cat", "dog"), settings=InferenceSettings(long_side=64))


@pytest.fixture(scope="session")
def model(segmenter: Segmenter, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained") / "model"
    write_model_folder(segmenter, folder)
    return folder
