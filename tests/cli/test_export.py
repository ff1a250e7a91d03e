"""The verb `export`."""

from pathlib import Path

import pytest

from patchlearn.cli.main import main
from patchlearn.export.parity import Parity
from patchlearn.runs.load import load


def test_export_writes_a_folder_or_a_file(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "copy"
    assert main(["export", str(model), "--format", "folder", "--out", str(copy)]) == 0
    assert load(copy).classes == ("cat", "dog")
    parity = Parity(agreement=0.99995, difference=2e-6)
    monkeypatch.setattr("patchlearn.cli.export.export_onnx", lambda loaded, out: parity)
    monkeypatch.setattr("patchlearn.cli.export.push_to_hub", lambda loaded, name, folder: f"hub/{name} {folder.name}")
    assert main(["export", str(model), "--format", "onnx", "--out", "a.onnx"]) == 0
    assert main(["export", str(model), "--format", "hub", "--out", "me/pets"]) == 0
    said = capfd.readouterr().err
    assert (
        "a.onnx, run beside the segmenter's network, one view each, on made-up pictures of 64×64, 97×131, 33×200 "
        "pixels: the same class in 99.995% of the pixels, probabilities within 2.0e-06. `predict` is not the same"
    ) in said
    assert "hub: hub/me/pets pets" in said
    assert main(["export", str(model), "--format", "onix", "--out", "x"]) == 2
    assert "format: 'onix' is not an option; did you mean 'onnx'? Choose one of: folder, hub" in capfd.readouterr().err
