"""What answers for a model; `test_of_run` shows a run."""

from pathlib import Path

import pytest
from rich.console import Console

from patchlearn.core.errors import PatchlearnError
from patchlearn.inference.segmenter import Segmenter
from patchlearn.models.segmentation import SegmentationNetwork
from patchlearn.runs.load import write_model_folder
from patchlearn.web.of_model import ModelReader
from patchlearn.web.readers import read_target


def test_a_model_folder_answers_as_a_model(tmp_path: Path, console: Console) -> None:
    network = SegmentationNetwork("resnet10t", "deeplabv3plus", classes=2).eval()
    write_model_folder(Segmenter(network=network, classes=("cat", "dog"), bands=(3, 2, 1)), tmp_path / "pets")
    reader, bands = read_target(str(tmp_path / "pets"), console)
    assert isinstance(reader, ModelReader)
    assert (reader.facts.title, reader.facts.classes, bands) == ("pets", ("cat", "dog"), (3, 2, 1))


def test_neither_a_run_nor_a_model_is_an_error(tmp_path: Path, console: Console) -> None:
    with pytest.raises(PatchlearnError, match="no segmenter"):
        read_target(str(tmp_path), console)
