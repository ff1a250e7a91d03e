"""The verb `predict`."""

import csv
import json
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
from known_network import known_segmenter
from PIL import Image

from patchlearn.cli.main import main
from patchlearn.inference.score_files import read_probabilities
from patchlearn.inference.segmenter import Segmenter
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


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Segmenter:
    """The model that every name stands for: red is the probability of the first class, blue that of the second."""
    segmenter = known_segmenter()
    monkeypatch.setattr("patchlearn.cli.predict.load", lambda _: segmenter)
    return segmenter


@pytest.fixture
def squares(tmp_path: Path) -> Path:
    """A red square of 32 pixels at x 64, y 32, on black; and an image that is blue to 60 %."""
    folder = tmp_path / "squares"
    folder.mkdir()
    square = Image.new("RGB", (160, 96))
    square.paste((230, 0, 0), (64, 32, 96, 64))
    square.save(folder / "square.png")
    Image.new("RGB", (64, 64), (0, 0, 153)).save(folder / "flat.png")
    return folder


def predict(*words: object) -> int:
    return main(["predict", "model", *map(str, words), "--device=cpu"])


def test_a_table_holds_the_numbers_of_the_masks(known: Segmenter, squares: Path, tmp_path: Path) -> None:
    (squares / "damaged.png").write_bytes(b"no image")
    assert predict(squares, "--table", tmp_path / "t.csv", "-o", tmp_path / "masks") == 2
    rows = list(csv.DictReader((tmp_path / "t.csv").read_text().splitlines()))
    assert [(Path(row["image"]), row["class"]) for row in rows] == [
        (squares / f"{name}.png", label) for name in ("flat", "square") for label in ("red", "blue")
    ]
    flat_red, flat_blue, red, blue = rows
    assert (flat_blue["area_percent"], flat_blue["components"]) == ("100.0", "1")
    assert float(flat_blue["score"]) == pytest.approx(0.6, abs=0.005)
    assert (flat_red["area_pixels"], flat_red["x"], blue["area_pixels"], blue["height"]) == ("0", "", "0", "")
    assert float(red["score"]) == pytest.approx(230 / 255, abs=0.005)
    box = [int(red[name]) for name in ("x", "y", "width", "height")]
    assert box == pytest.approx([64, 32, 32, 32], abs=2)
    with Image.open(tmp_path / "masks/square.png") as mask:
        inside = np.asarray(mask) == 1
    assert (int(red["area_pixels"]), int(red["components"])) == (inside.sum(), 1)
    assert np.argwhere(inside).min(0).tolist() == [box[1], box[0]]
    network: Any = known.network
    assert network.calls == 2  # one for each image


def test_a_table_alone_writes_no_masks(known: Segmenter, squares: Path, tmp_path: Path) -> None:
    assert predict(squares, "--table", tmp_path / "t.jsonl") == 0
    rows = [json.loads(line) for line in (tmp_path / "t.jsonl").read_text().splitlines()]
    assert len(rows) == 4
    assert {path.name for path in tmp_path.iterdir()} == {"squares", "t.jsonl"}


def test_probabilities_are_written(known: Segmenter, squares: Path, tmp_path: Path) -> None:
    assert predict(squares / "flat.png", "--scores", tmp_path / "maps") == 0
    maps, names, size = read_probabilities(tmp_path / "maps/flat.npz")
    assert (names, size) == (("background", "red", "blue"), (64, 64))
    assert maps[:, 8, 8] == pytest.approx([0.4, 0.005, 0.6], abs=0.005)
    assert predict(squares / "flat.png", "--scores", tmp_path / "grey", "--scores-format=png") == 0
    with Image.open(tmp_path / "grey/flat__blue.png") as image:
        assert np.asarray(image)[8, 8] == pytest.approx(152, abs=1)


def test_thresholds_change_the_masks(known: Segmenter, squares: Path, tmp_path: Path) -> None:
    def values(*words: object) -> set[int]:
        assert predict(squares / "flat.png", "-o", tmp_path / "masks", *words) == 0
        with Image.open(tmp_path / "masks/flat.png") as mask:
            return set(np.unique(np.asarray(mask)).tolist())

    (tmp_path / "t.json").write_text('{"red": null, "blue": 0.7}')
    assert values() == {2}
    assert values("--image-threshold", "0.5") == {2}
    assert values("--image-threshold", "0.7") == {0}
    assert values("--image-threshold", tmp_path / "t.json") == {0}
    assert values("--pixel-threshold", "0.7") == {255}
    assert values("--image-threshold", "0.7", "--pixel-threshold", "0.3") == {0}


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ([], "nothing is to be written. Name -o FOLDER, --table FILE or --scores FOLDER."),
        (["--table=t.xlsx"], "t.xlsx: a table ends in .csv, .tsv, .jsonl"),
        (["-o", "m", "--image-threshold=1.5"], "image threshold: 1.5 is out of range"),
        (["-o", "m", "--image-threshold=t.json"], "'t.json' is no number, and there is no such file"),
        (["-o", "m", "--pixel-threshold=-1"], "pixel threshold: -1.0 is out of range"),
        (["--scores=s", "--scores-format=tif"], "scores format: 'tif' is not an option"),
    ],
)
def test_wrong_words_are_named_before_the_first_picture(
    words: list[str],
    complaint: str,
    known: Segmenter,
    squares: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert predict(squares, *words) == 2
    error = capfd.readouterr().err
    assert complaint in error
    assert error.count("error:") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["squares"]


def test_a_limit_of_memory_is_kept_by_an_error_before_the_first_picture_is_read(
    model: Path, photos: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    words = ["predict", str(model), str(photos), "-o", str(photos / "m"), "--device=cpu", "--memory"]
    assert main([*words, "0.001"]) == 2
    assert "the limit is 0.001 GB. Raise the limit (--memory, runtime.memory)" in capfd.readouterr().err
    assert not list(photos.glob("m/*.png"))
    assert main([*words, "64"]) == 0
