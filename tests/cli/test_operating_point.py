"""The verb `operating-point`."""

import json
from argparse import Namespace
from pathlib import Path

import pytest
from known_network import known_segmenter
from PIL import Image

from patchlearn.cli.main import main
from patchlearn.cli.operating_point import line_of
from patchlearn.core.files import read_json
from patchlearn.evaluate.operating_point import OperatingPoint, Rate

REDS = [0.05 * index for index in range(20)]  # of the images; from the 15th, they are tagged


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Images whose red is the probability of the class, and the model that says so."""
    folder = tmp_path / "photos"
    (folder / "images").mkdir(parents=True)
    rows = ["image,split,labels"]
    for index, red in enumerate(REDS):
        Image.new("RGB", (32, 32), (round(255 * red), 0, 0)).save(folder / "images" / f"{index}.png")
        rows.append(f"{index}.png,val,{'red' if index >= 15 else ''}")
    (folder / "labels.csv").write_text("\n".join(rows) + "\n")
    (folder / "classes.txt").write_text("red\n")
    monkeypatch.setattr("patchlearn.cli.predict.load", lambda _: known_segmenter())
    return folder


def words(data: Path, *more: str) -> list[str]:
    return ["operating-point", "no/run", "--data", str(data), "--device=cpu", *more]


def test_thresholds_are_said_and_written_and_predict_takes_them(data: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out = data.parent / "thresholds.json"
    assert main(words(data, "--false-alarms", "0.15", "--misses", "0.1", "--out", str(out))) == 0
    shown = capfd.readouterr()
    red, blue = shown.out.splitlines()
    assert red.startswith("red: threshold 0.")
    assert "false alarms 2 of 15, 13.33 % (95 %: 1.66 to 40.46 %)" in red
    assert "misses 0 of 5, 0.00 % (95 %: 0.00 to 52.18 %)" in red
    assert (
        "12 more images with red, without any misses at this threshold, would show that the misses are below 20 %."
        in red
    )
    assert blue.startswith("blue: no threshold; false alarms unknown, for no held-out image is without the class.")
    assert "what the model learned is not known" in shown.err
    thresholds = read_json(out)
    assert thresholds == {"red": pytest.approx((0.6 + 0.65) / 2, abs=0.01), "blue": None}
    masks = data.parent / "masks"
    table = data.parent / "t.csv"
    more = ["--image-threshold", str(out), "-o", str(masks), "--table", str(table), "--device=cpu"]
    assert main(["predict", "model", str(data / "images"), *more]) == 0
    areas = {row.split(",")[0]: int(row.split(",")[3]) for row in table.read_text().splitlines() if ",red," in row}
    assert {int(Path(name).stem) for name, area in areas.items() if area} == set(range(13, 20))


def test_the_figures_are_there_as_json(data: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (data / "images/3.png").write_bytes(b"no image")
    assert main(words(data, "--misses=0.05", "--json")) == 2
    shown = capfd.readouterr()
    facts = json.loads(shown.out)
    assert "3.png: not an image" in shown.err
    assert (facts["false_alarms"], facts["misses"], facts["split"], facts["left_out"]) == (None, 0.05, "val", None)
    assert facts["images"] == 19
    red = facts["classes"]["red"]
    assert red["threshold"] == pytest.approx(0.725, abs=0.01)
    assert red["misses"] == {"count": 0, "of": 5, "share": 0.0, "low": 0.0, "high": pytest.approx(0.5218, abs=1e-4)}
    assert (red["more_without"], red["more_with"]) == (0, 31)
    assert facts["classes"]["blue"]["threshold"] is None


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ([], "no rate is wished"),
        (["--false-alarms=1"], "false alarms: 1.0 is out of range"),
        (["--misses=0.1", "--out=t.csv"], "t.csv: the thresholds are written as JSON. Name it t.json."),
        (["--misses=0.1", "--split=test"], "no split 'test'"),
        (["--misses=0.1", "--seed=3"], "a setting of recipes, which operating-point does not read"),
    ],
)
def test_wrong_words_are_named(more: list[str], complaint: str, data: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(words(data, *more)) == 2
    assert complaint in capfd.readouterr().err


@pytest.mark.parametrize("content", ['[{"miou": 0.5}]', '{"a": "b"}', '{"a": true}', "{"])
def test_only_thresholds_are_replaced(content: str, data: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out = data.parent / "evaluation.json"
    out.write_text(content)
    assert main(words(data, "--misses=0.1", "--out", str(out))) == 2
    assert "is there, and holds no thresholds" in capfd.readouterr().err
    assert out.read_text() == content
    out.write_text('{"cat": 0.5, "dog": null}')
    assert main(words(data, "--misses=0.1", "--out", str(out))) == 0
    assert list(read_json(out)) == ["red", "blue"]


def line(point: OperatingPoint, false_alarms: float | None, misses: float | None) -> str:
    return line_of("cat", point, Namespace(false_alarms=false_alarms, misses=misses))


def test_a_line_says_how_many_images_it_takes() -> None:
    point = OperatingPoint(
        threshold=0.5, false_alarms=Rate(0, 100), misses=Rate(9, 20), more_without=83, more_with=None
    )
    assert line(point, 0.01, 0.1) == (
        "cat: threshold 0.5; false alarms 0 of 100, 0.00 % (95 %: 0.00 to 3.62 %); "
        "misses 9 of 20, 45.00 % (95 %: 23.06 to 68.47 %). "
        "83 more images without cat, without any false alarms at this threshold, would show that the false alarms are "
        "below 2 %. "
        "The misses are above the wished 10 %."
    )


def test_a_line_says_of_which_share_the_images_must_be() -> None:
    point = OperatingPoint(threshold=0.5, false_alarms=Rate(1, 100), misses=Rate(0, 0), more_without=685, more_with=0)
    words = line(point, 0.01, None)
    assert "685 more images without cat, with the same share of false alarms, would show that" in words
    assert "misses unknown, for no held-out image is with the class" in words


def test_a_line_says_why_there_is_no_threshold() -> None:
    full = OperatingPoint(threshold=None, false_alarms=Rate(9, 20), misses=Rate(3, 5), more_without=None, more_with=0)
    assert line(full, 0.01, None).endswith(
        "No threshold keeps the false alarms at 1 %, for so many of these images have the score 1."
    )
    none = OperatingPoint(threshold=None, false_alarms=Rate(0, 9), misses=Rate(0, 0), more_without=0, more_with=1)
    assert line(none, None, 0.3) == (
        "cat: no threshold; misses unknown, for no held-out image is with the class. "
        "It takes at least 1 image with cat to show that the misses are below 60 %."
    )
