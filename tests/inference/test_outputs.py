"""Tables and probabilities of pictures, and where they may not lie."""

import csv
from pathlib import Path

import numpy as np
import pytest

from patchlearn.core.errors import PatchlearnError
from patchlearn.inference.outputs import Outputs
from patchlearn.inference.score_files import read_probabilities
from patchlearn.inference.segmenter import Segmentation

CLASSES = ("cat",)


def answer() -> Segmentation:
    maps = np.array([[[0.75, 0.5]], [[0.25, 0.5]]], np.float32)
    return Segmentation(mask=np.array([[0, 0, 1, 1]], np.uint8), probabilities=maps)


def test_what_is_wanted_is_written(tmp_path: Path) -> None:
    outputs = Outputs(table=tmp_path / "t.csv", scores=tmp_path / "scores")
    with outputs.writing(CLASSES) as write:
        write("a__b", Path("a/b.jpg"), answer())
    (row,) = csv.DictReader((tmp_path / "t.csv").read_text().splitlines())
    assert (row["image"], row["class"], row["area_pixels"]) == ("a/b.jpg", "cat", "2")
    assert float(row["score"]) == pytest.approx(0.5, abs=1e-3)
    assert read_probabilities(tmp_path / "scores/a__b.npz")[2] == (1, 4)


def test_without_a_wish_nothing_is_written(tmp_path: Path) -> None:
    assert Outputs().is_nothing
    assert not Outputs(table=Path("a.csv")).is_nothing
    assert not Outputs(scores=Path("a")).is_nothing
    with Outputs().writing(CLASSES) as write:
        write("a", Path("a.jpg"), answer())
    assert list(tmp_path.iterdir()) == []


def test_maps_never_lie_among_the_pictures(tmp_path: Path) -> None:
    photos, picture = tmp_path / "photos", tmp_path / "photos" / "a.jpg"
    photos.mkdir()

    def check(scores: Path, format: str = "png", out: Path | None = None, inputs: Path = photos) -> None:
        Outputs(scores=scores, scores_format=format).check(CLASSES, [picture], [str(inputs)], out)

    for format in ("npz", "png"):
        with pytest.raises(PatchlearnError, match="photos: holds the pictures"):
            check(photos, format)
    with pytest.raises(PatchlearnError, match=r"scores: lies among the pictures of .*photos"):
        check(photos / "scores")
    check(photos / "scores", "npz")
    check(photos / "masks" / "scores", out=photos / "masks")
    check(photos / "scores", inputs=picture)
    check(tmp_path / "scores")


def test_wrong_names_are_found_before_the_first_picture(tmp_path: Path) -> None:
    with pytest.raises(PatchlearnError, match="a table ends in"):
        Outputs(table=tmp_path / "t.xls").check(CLASSES, [], [], None)
    with pytest.raises(PatchlearnError, match="scores format"):
        Outputs(scores=tmp_path, scores_format="tif").check(CLASSES, [], [], None)
