"""Exported files beside the segmenter that they came from; the exporters are slow, so each head is exported once."""

import inspect
import json
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest
import torch
from test_public_names import loaded_by
from torch import Tensor, nn

from patchlearn.cli.main import main
from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import enlarge
from patchlearn.export import graph as export
from patchlearn.export.graph import (
    AGREEMENT,
    SIZES,
    ExportedSegmenter,
    Parity,
    check_onnx,
    check_torch,
    export_onnx,
    export_torch,
)
from patchlearn.inference.segmenter import InferenceSettings, Segmenter
from patchlearn.models.segmentation import SegmentationNetwork
from patchlearn.runs.load import load, write_model_folder

CLASSES = ("cat", "dog", "hen", "pig")
ROUNDING = 1e-5
TRIED = (*SIZES, (3, 1, 1), (1, 32, 96), (1, 160, 50))


def made(head: str, backbone: str = "test_resnet", seed: int = 0) -> Segmenter:
    """Random weights, but a last layer that decides: without it all classes are nearly a fifth everywhere."""
    torch.manual_seed(seed)
    network = SegmentationNetwork(backbone, head, classes=len(CLASSES)).eval()
    last = list(network.decoder.parameters())[-2]
    with torch.no_grad():
        last *= 1 / spread(network)
    network.to(memory_format=torch.channels_last)  # as a loaded one
    return Segmenter(network=network, classes=CLASSES, settings=InferenceSettings(long_side=256))


@torch.no_grad()
def spread(network: SegmentationNetwork) -> float:
    return float(network(torch.randn(2, 3, 96, 96)).std(dim=(0, 2, 3)).mean())


@pytest.fixture(scope="module")
def segmenter() -> Segmenter:
    return made("deeplabv3plus")


@pytest.fixture(scope="module")
def graph(segmenter: Segmenter, tmp_path_factory: pytest.TempPathFactory) -> Path:
    for package in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(package)
    path = tmp_path_factory.mktemp("onnx") / "model.onnx"
    parity = export_onnx(segmenter, path)
    assert parity.agreement >= AGREEMENT
    assert [each.name for each in path.parent.iterdir()] == ["model.onnx"]
    return path


def run_here(module: nn.Module, segmenter: Segmenter) -> Parity:
    return export._parity(module, Path("here"), segmenter, TRIED, ())


# --- what is exported --------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "backbone"),
    [
        *((head, "test_resnet") for head in ("deeplabv2", "deeplabv3plus", "fpn", "segformer", "unet", "upernet")),
        ("deeplabv3plus", "mobilenetv3_small_050"),
        ("deeplabv3plus", "tf_efficientnet_lite0"),
    ],
)
def test_the_exported_function_is_the_segmenters_own(head: str, backbone: str) -> None:
    segmenter = made(head, backbone)
    parity = run_here(ExportedSegmenter(segmenter.network), segmenter)
    assert parity.agreement >= AGREEMENT
    assert parity.difference < 10 * ROUNDING


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("(images - self.mean) / self.std", "images"),
        ("/ self.std", "* self.std"),
        ("[..., :height, :width]", "[..., -height:, -width:]"),
        ("(0, right, 0, bottom)", "(right, 0, 0, bottom)"),
        ('mode="replicate"', 'mode="constant"'),
        ("align_corners=False", "align_corners=True"),
        ('mode="bilinear", align_corners=False', 'mode="nearest"'),
    ],
)
def test_a_mistake_in_the_exported_function_is_seen(right: str, wrong: str, segmenter: Segmenter) -> None:
    source = dedent(inspect.getsource(ExportedSegmenter.forward))
    assert source.count(right) == 1
    names: dict[str, Callable[..., Tensor]] = {}
    exec(source.replace(right, wrong), vars(export).copy(), names)
    mutant = type("Mutant", (ExportedSegmenter,), {"forward": names["forward"]})(segmenter.network)
    parity = run_here(mutant, segmenter)
    assert parity.difference > 1000 * ROUNDING
    with pytest.raises(PatchlearnError, match=r"not written, for its classes are the segmenter's in"):
        export._required(parity, Path("here"))


def test_the_check_is_of_what_the_segmenter_itself_does(segmenter: Segmenter) -> None:
    """At one scale, without mirror images, on sides that strides divide; elsewhere `predict` resamples once more."""
    picture = export._pictures((1, 96, 160))
    wanted = export._expected(segmenter, picture)[0].detach().numpy()
    own = segmenter.probabilities(np.asarray(picture[0].permute(1, 2, 0)), InferenceSettings(flip=False))
    np.testing.assert_allclose(enlarge(own, (96, 160)), wanted, atol=1e-4)


def test_the_segmenter_is_left_as_it_was(segmenter: Segmenter) -> None:
    ExportedSegmenter(segmenter.network)
    weights = [each for each in segmenter.network.parameters() if each.dim() == 4 and min(each.shape) > 1]
    assert weights[0].is_contiguous(memory_format=torch.channels_last)


# --- ONNX --------------------------------------------------------------------


def test_an_onnx_file_takes_any_number_of_images_of_any_size(graph: Path, segmenter: Segmenter) -> None:
    parity = check_onnx(graph, segmenter, TRIED)
    assert parity.agreement >= AGREEMENT
    assert parity.difference < ROUNDING


def test_an_onnx_file_says_what_it_is(graph: Path) -> None:
    runtime = pytest.importorskip("onnxruntime")
    session = runtime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    (images,), (probabilities,) = session.get_inputs(), session.get_outputs()
    assert (images.name, images.type, images.shape) == ("images", "tensor(float)", ["batch", 3, "height", "width"])
    assert (probabilities.name, probabilities.shape) == ("probabilities", ["batch", 5, "height", "width"])
    facts = session.get_modelmeta().custom_metadata_map
    assert json.loads(facts["classes"]) == ["background", *CLASSES]
    assert "values in [0, 1], not normalised" in facts["input"]
    assert "longer side has 256 pixels" in facts["input"]
    assert facts["network"] == "deeplabv3plus over test_resnet, trained by patchlearn"


def test_a_file_of_another_model_is_found_out(graph: Path) -> None:
    parity = check_onnx(graph, made("deeplabv3plus", seed=1))
    assert parity.agreement < AGREEMENT
    with pytest.raises(PatchlearnError, match=r"model\.onnx: not written"):
        export._required(parity, graph)


def test_a_file_that_does_not_run_is_one_sentence(segmenter: Segmenter, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    (tmp_path / "model.onnx").write_bytes(b"no graph")
    with pytest.raises(PatchlearnError, match=r"model\.onnx: does not run \("):
        check_onnx(tmp_path / "model.onnx", segmenter)
    with pytest.raises(PatchlearnError, match=r"none\.onnx: No such file or directory\. Export the model"):
        check_onnx(tmp_path / "none.onnx", segmenter)
    (tmp_path / "model.pt2").write_bytes(b"no program")
    with pytest.raises(PatchlearnError, match=r"model\.pt2: does not run \("):
        check_torch(tmp_path / "model.pt2", segmenter)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("head", "backbone"),
    [
        ("deeplabv2", "test_resnet"),
        ("fpn", "test_resnet"),
        ("segformer", "test_resnet"),
        ("unet", "test_resnet"),
        ("upernet", "test_resnet"),
        ("deeplabv3plus", "tf_efficientnet_lite0"),
    ],
)
def test_every_head_and_family_goes_into_onnx(head: str, backbone: str, tmp_path: Path) -> None:
    for package in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(package)
    parity = export_onnx(made(head, backbone), tmp_path / "model.onnx", TRIED)
    assert parity.agreement >= AGREEMENT
    assert parity.difference < 10 * ROUNDING


# --- torch.export ------------------------------------------------------------


def test_a_program_of_torch_is_the_segmenter(segmenter: Segmenter, tmp_path: Path) -> None:
    path = tmp_path / "model.pt2"
    export_torch(segmenter, path)
    parity = check_torch(path, segmenter, TRIED)
    assert parity.agreement >= AGREEMENT
    assert parity.difference < ROUNDING
    facts = {"patchlearn.json": ""}
    torch.export.load(path, extra_files=facts)
    assert json.loads(json.loads(facts["patchlearn.json"])["classes"]) == ["background", *CLASSES]


@pytest.mark.slow
def test_a_head_that_torch_takes_for_one_size_only_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PatchlearnError, match=r"/model\.pt2: does not run with B×H×W = 1×64×64 \(Guard failed"):
        export_torch(made("upernet"), tmp_path / "model.pt2")
    assert not list(tmp_path.iterdir())


# --- refusals and the command line -------------------------------------------


def test_what_the_exporter_cannot_do_is_one_sentence(segmenter: Segmenter, tmp_path: Path) -> None:
    class Branching(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return images if images.sum() > 0 else -images

    network = SegmentationNetwork("resnet10t", "fpn", classes=4)
    network.model = Branching()
    with pytest.raises(PatchlearnError, match=r"export, torch: fpn over resnet10t cannot be written \(.+\)\. Choose"):
        export_torch(Segmenter(network=network, classes=CLASSES), tmp_path / "model.pt2")
    assert not list(tmp_path.iterdir())


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


def test_the_module_loads_no_optional_package() -> None:
    assert not loaded_by("import patchlearn.export.graph") & {"onnx", "onnxscript", "onnxruntime"}


def test_export_writes_a_folder_or_a_file(
    segmenter: Segmenter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    model, copy = tmp_path / "model", tmp_path / "copy"
    write_model_folder(segmenter, model)
    assert main(["export", str(model), "--format", "folder", "--out", str(copy)]) == 0
    assert load(copy).classes == CLASSES
    parity = Parity(agreement=0.99995, difference=2e-6)
    monkeypatch.setattr("patchlearn.cli.tools.export_onnx", lambda loaded, out: parity)
    monkeypatch.setattr("patchlearn.cli.tools.push_to_hub", lambda loaded, name, folder: f"hub/{name} {folder.name}")
    assert main(["export", str(model), "--format", "onnx", "--out", "a.onnx"]) == 0
    assert main(["export", str(model), "--format", "hub", "--out", "me/pets"]) == 0
    said = capfd.readouterr().err
    assert (
        "a.onnx, run beside the segmenter: the same class in 99.995% of the pixels, probabilities within 2.0e-06"
        in said
    )
    assert "hub: hub/me/pets pets" in said
    assert main(["export", str(model), "--format", "onix", "--out", "x"]) == 2
    assert "format: 'onix' is not an option; did you mean 'onnx'? Choose one of: folder, hub" in capfd.readouterr().err
