"""The verb `predict`."""

from pathlib import Path
from unittest.mock import Mock

import pytest
from PIL import Image

from patchlearn.cli.main import main
from patchlearn.inference.settings import InferenceSettings


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("a.jpg", "ü b.png"):
        Image.new("RGB", (40, 30)).save(folder / name)
    return folder


def test_a_corrupt_file_is_reported_and_the_rest_are_done(
    model: Path, photos: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (photos / "b.jpg").write_bytes((photos / "a.jpg").read_bytes()[:200])
    out = photos.parent / "masks"
    assert main(["predict", str(model), str(photos), "-o", str(out), "--device", "cpu"]) == 2
    assert {path.stem for path in out.glob("*.png")} == {"a", "ü b"}
    error = capfd.readouterr().err
    assert "b.jpg: damaged image" in error
    assert "Traceback" not in error


def test_options_change_how_the_model_is_used(model: Path, photos: Path, capfd: pytest.CaptureFixture[str]) -> None:
    words = ["predict", str(model), str(photos / "a.jpg"), "--out", str(photos / "m"), "--device=cpu"]
    assert main([*words, "--scales", "0.5", "1", "--no-flip", "--crf", "segmenter", "--window", "32"]) == 0
    assert main([*words, "--crf", "segmentor"]) == 2
    assert "crf: 'segmentor' is not an option; did you mean 'segmenter'" in capfd.readouterr().err
    assert main([*words, "--seed", "3"]) == 2
    assert "--seed=3: a setting of recipes, which predict does not read" in capfd.readouterr().err


def test_options_are_laid_over_the_settings_of_the_model(
    model: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    segment = Mock(return_value=[])
    monkeypatch.setattr("patchlearn.cli.predict.segment_files", segment)
    words = ["predict", str(model), str(photos), "more", "--out", str(photos / "m"), "--device=cpu"]
    assert main(words) == 0
    assert main([*words, "--scales", "0.5", "1", "--no-flip", "--crf", "irn", "--window", "32", "--long-side=99"]) == 0
    (plain, inputs, out, _), (changed, *_) = (call.args for call in segment.call_args_list)
    assert (inputs, out) == ([str(photos), "more"], photos / "m")
    assert plain.settings == InferenceSettings(long_side=64)
    assert changed.settings == InferenceSettings(scales=(0.5, 1.0), flip=False, crf="irn", window=32, long_side=99)
