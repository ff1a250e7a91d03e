"""Label Studio's tasks come back, pixel for pixel, from its own reader."""

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from annotated_masks import CLASSES, MASKS, both_ways, convert, known, of_readers


@pytest.fixture
def brush() -> ModuleType:
    return pytest.importorskip("label_studio_sdk.converter.brush")


@pytest.fixture
def label_interface() -> Callable[..., Any]:
    return pytest.importorskip("label_studio_sdk.label_interface").LabelInterface


@of_readers
@both_ways
def test_brushes_are_read_back_by_label_studio(root: Path, brush: ModuleType, per: str) -> None:
    assert convert(root, "label-studio", "tasks.json", "--per", per) == 0
    tasks = json.loads((root / "tasks.json").read_text(encoding="utf-8"))
    assert len(tasks) == len(MASKS)
    for task, stem in zip(tasks, sorted(MASKS)):
        [prediction] = task["predictions"]
        again = np.zeros_like(MASKS[stem])
        for result in prediction["result"]:
            flat = {**result, **result["value"], "brushlabels": result["value"]["brushlabels"]}
            [(name, opacity)] = brush.decode_from_annotation("image", [flat]).items()
            assert set(np.unique(opacity)) <= {0, 255}
            again[opacity == 255] += 1 + CLASSES.index(name.removeprefix("image-").removesuffix("-0"))
        np.testing.assert_array_equal(again, known(MASKS[stem]))


@of_readers
def test_label_studio_accepts_predictions_and_configuration(root: Path, label_interface: Callable[..., Any]) -> None:
    assert convert(root, "label-studio", "tasks.json") == 0
    interface = label_interface((root / "tasks.xml").read_text(encoding="utf-8"))
    interface.validate()
    assert list(interface.get_tag("masks").labels) == list(CLASSES)
    for task in json.loads((root / "tasks.json").read_text(encoding="utf-8")):
        assert interface.validate_task({"data": task["data"]})
        assert interface.validate_prediction(task["predictions"][0], return_errors=True) == []


def test_addresses_are_quoted_behind_the_prefix_that_was_given(root: Path) -> None:
    assert convert(root, "label-studio", "tasks.json", "--images-at", "https://example.org/photos/") == 0
    last = json.loads((root / "tasks.json").read_text(encoding="utf-8"))[-2]
    assert last["data"]["image"] == "https://example.org/photos/wide.JPG"
    assert convert(root, "label-studio", "tasks.json") == 0
    last = json.loads((root / "tasks.json").read_text(encoding="utf-8"))[-1]
    assert last["data"]["image"] == "/data/local-files/?d=images/%C3%BC%20%26%20%3C%E7%8C%AB%3E%20%27q%27%20%22.png"


def test_an_xml_of_something_else_is_left_alone(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert convert(root, "cvat", "all.xml") == 0
    before = (root / "all.xml").read_bytes()
    assert convert(root, "label-studio", "all.json") == 2
    assert "all.xml: exists and is not a labelling configuration" in capfd.readouterr().err.replace("\n", "")
    assert (root / "all.xml").read_bytes() == before
