"""Scores of images, and thresholds on them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from patchlearn.core.errors import PatchlearnError
from patchlearn.inference.thresholds import check_thresholds, dropped, image_scores, read_image_threshold

CLASSES = ("cat", "dog")


def test_a_score_is_the_probability_that_a_tenth_of_a_per_cent_of_the_image_reaches() -> None:
    maps = np.zeros((3, 50, 60), np.float32)
    maps[1, 0, :2] = 0.9  # 2 of 3000 cells are too few
    maps[2, 0, :4] = 0.7
    assert image_scores(maps) == pytest.approx([0, 0.7])


def test_a_class_below_its_threshold_is_dropped() -> None:
    scores = np.array([0.5, 0.3])
    assert dropped(scores, None, CLASSES) == []
    assert dropped(scores, 0.5, CLASSES) == [1]
    assert dropped(scores, 0.0, CLASSES) == []
    assert dropped(scores, {"cat": 0.6, "dog": None}, CLASSES) == [0]
    assert dropped(scores, {"dog": 0.3, "cat": 0.51}, CLASSES) == [0]


@pytest.mark.parametrize(
    ("image", "pixel", "complaint"),
    [
        (1.5, None, r"^image threshold: 1\.5 is out of range"),
        (float("nan"), None, "^image threshold: nan"),
        (None, -0.1, r"^pixel threshold: -0\.1 is out of range"),
        (None, float("nan"), "^pixel threshold: nan"),
        ({"cat": 0.5, "dog": 2}, None, r"^image threshold of 'dog': 2\.0 is out of range"),
        ({"cat": True, "dog": 0.5}, None, "^image threshold of 'cat': True is no number"),
        ({"cat": "0.5", "dog": 0.5}, None, "^image threshold of 'cat': '0.5' is no number"),
        (
            {"cat": 0.5, "dig": 0.5},
            None,
            r"'dig' is no class of the model; did you mean 'dog'\? Its classes are cat, d",
        ),
        ({"cat": 0.5}, None, "^image threshold: dog has none"),
    ],
)
def test_wrong_thresholds_are_named(image: Any, pixel: float | None, complaint: str) -> None:
    with pytest.raises(PatchlearnError, match=complaint):
        check_thresholds(image, pixel, CLASSES)


def test_the_ends_of_the_range_are_allowed() -> None:
    check_thresholds(0, 0, CLASSES)
    check_thresholds({"cat": 1, "dog": np.float32(0.5)}, 1, CLASSES)
    check_thresholds(None, None, CLASSES)


def test_a_threshold_is_a_number_or_a_file(tmp_path: Path) -> None:
    path = tmp_path / "thresholds.json"
    path.write_text(json.dumps({"cat": 0.25, "dog": None}))
    assert read_image_threshold("0.5") == 0.5
    assert read_image_threshold(str(path)) == {"cat": 0.25, "dog": None}


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "is no number, and there is no such file"),
        (b"[0.5]", "thresholds.json: no table of thresholds"),
        (b"{'cat': 1}", "thresholds.json: not valid JSON"),
        (b"\xff\xfe", "thresholds.json: not UTF-8"),
    ],
)
def test_what_is_neither_a_number_nor_such_a_file_is_named(
    content: bytes | None, complaint: str, tmp_path: Path
) -> None:
    path = tmp_path / "thresholds.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PatchlearnError, match=complaint):
        read_image_threshold(str(path))
