"""Programs of torch.export."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from patchlearn.core.errors import PatchlearnError
from patchlearn.export.parity import AGREEMENT, SIZES
from patchlearn.export.torch_program import check_torch, export_torch
from patchlearn.inference.segmenter import Segmenter
from patchlearn.models.segmentation import SegmentationNetwork

ROUNDING = 1e-5
TRIED = (*SIZES, (3, 1, 1), (1, 32, 96), (1, 160, 50))


def test_a_program_of_torch_is_the_segmenter(segmenter: Segmenter, tmp_path: Path) -> None:
    path = tmp_path / "model.pt2"
    export_torch(segmenter, path)
    parity = check_torch(path, segmenter, TRIED)
    assert parity.agreement >= AGREEMENT
    assert parity.difference < ROUNDING
    facts = {"patchlearn.json": ""}
    torch.export.load(path, extra_files=facts)
    assert json.loads(json.loads(facts["patchlearn.json"])["classes"]) == ["background", *segmenter.classes]


@pytest.mark.slow
def test_a_head_that_torch_takes_for_one_size_only_is_refused(
    make_segmenter: Callable[..., Segmenter], tmp_path: Path
) -> None:
    with pytest.raises(PatchlearnError, match=r"/model\.pt2: does not run with B×H×W = 1×64×64 \(Guard failed"):
        export_torch(make_segmenter("upernet"), tmp_path / "model.pt2")
    assert not list(tmp_path.iterdir())


def test_what_the_exporter_cannot_do_is_one_sentence(segmenter: Segmenter, tmp_path: Path) -> None:
    class Branching(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return images if images.sum() > 0 else -images

    network = SegmentationNetwork("resnet10t", "fpn", classes=4)
    network.model = Branching()
    with pytest.raises(PatchlearnError, match=r"export, torch: fpn over resnet10t cannot be written \(.+\)\. Choose"):
        export_torch(Segmenter(network=network, classes=("cat", "dog", "hen", "pig")), tmp_path / "model.pt2")
    assert not list(tmp_path.iterdir())


def test_a_file_that_does_not_run_is_one_sentence(segmenter: Segmenter, tmp_path: Path) -> None:
    (tmp_path / "model.pt2").write_bytes(b"no program")
    with pytest.raises(PatchlearnError, match=r"model\.pt2: does not run \("):
        check_torch(tmp_path / "model.pt2", segmenter)
