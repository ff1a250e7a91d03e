"""ONNX files; the exporter is slow, so each head is exported once."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from patchlearn.core.errors import PatchlearnError
from patchlearn.export.onnx import check_onnx, export_onnx
from patchlearn.export.parity import AGREEMENT, SIZES, require_parity
from patchlearn.inference.segmenter import Segmenter

ROUNDING = 1e-5
OLD_TORCH = torch.__version__.startswith("2.11.")  # its exporter stops at the positions of a ViT
TRIED = (*SIZES, (3, 1, 1), (1, 32, 96), (1, 160, 50))


@pytest.fixture(scope="module")
def graph(segmenter: Segmenter, tmp_path_factory: pytest.TempPathFactory) -> Path:
    for package in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(package)
    path = tmp_path_factory.mktemp("onnx") / "model.onnx"
    parity = export_onnx(segmenter, path)
    assert parity.agreement >= AGREEMENT
    assert [each.name for each in path.parent.iterdir()] == ["model.onnx"]
    return path


def test_an_onnx_file_takes_any_number_of_images_of_any_size(graph: Path, segmenter: Segmenter) -> None:
    parity = check_onnx(graph, segmenter, TRIED)
    assert parity.agreement >= AGREEMENT
    assert parity.difference < ROUNDING


def test_an_onnx_file_says_what_it_is(graph: Path, segmenter: Segmenter) -> None:
    runtime = pytest.importorskip("onnxruntime")
    session = runtime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    (images,), (probabilities,) = session.get_inputs(), session.get_outputs()
    assert (images.name, images.type, images.shape) == ("images", "tensor(float)", ["batch", 3, "height", "width"])
    assert (probabilities.name, probabilities.shape) == ("probabilities", ["batch", 5, "height", "width"])
    facts = session.get_modelmeta().custom_metadata_map
    assert json.loads(facts["classes"]) == ["background", *segmenter.classes]
    assert "values in [0, 1], not normalised" in facts["input"]
    assert "longer side has 256 pixels" in facts["input"]
    assert facts["network"] == "deeplabv3plus over test_resnet, trained by patchlearn"


def test_a_file_of_another_model_is_found_out(graph: Path, make_segmenter: Callable[..., Segmenter]) -> None:
    parity = check_onnx(graph, make_segmenter("deeplabv3plus", seed=1))
    assert parity.agreement < AGREEMENT
    with pytest.raises(PatchlearnError, match=r"model\.onnx: not written"):
        require_parity(parity, graph)


def test_a_file_that_does_not_run_is_one_sentence(segmenter: Segmenter, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    (tmp_path / "model.onnx").write_bytes(b"no graph")
    with pytest.raises(PatchlearnError, match=r"model\.onnx: does not run \("):
        check_onnx(tmp_path / "model.onnx", segmenter)
    with pytest.raises(PatchlearnError, match=r"none\.onnx: No such file or directory\. Export the model"):
        check_onnx(tmp_path / "none.onnx", segmenter)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("head", "backbone"),
    [
        ("deeplabv2", "test_resnet"),
        ("fpn", "test_resnet"),
        pytest.param("linear", "test_vit", marks=pytest.mark.skipif(OLD_TORCH, reason="torch 2.11 cannot export it")),
        ("segformer", "test_resnet"),
        ("unet", "test_resnet"),
        ("upernet", "test_resnet"),
        ("deeplabv3plus", "tf_efficientnet_lite0"),
    ],
)
def test_every_head_and_family_goes_into_onnx(
    head: str, backbone: str, make_segmenter: Callable[..., Segmenter], tmp_path: Path
) -> None:
    for package in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(package)
    parity = export_onnx(make_segmenter(head, backbone), tmp_path / "model.onnx", TRIED)
    assert parity.agreement >= AGREEMENT
    assert parity.difference < 10 * ROUNDING


@pytest.mark.parametrize("package", ["onnx", "onnxscript", "onnxruntime"])
def test_a_missing_package_is_named(
    package: str, segmenter: Segmenter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("onnx", "onnxscript", "onnxruntime"):
        monkeypatch.setitem(sys.modules, name, None if name == package else sys)
    with pytest.raises(
        PatchlearnError, match=rf"export: {package} is not installed.*pip install 'patchlearn\[export\]'"
    ):
        export_onnx(segmenter, tmp_path / "model.onnx")
