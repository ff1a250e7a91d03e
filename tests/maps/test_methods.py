"""CAM methods of other packages: found by their names, checked, and used in place of the built-in maps."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import cam_settings, noise_image, tiny_classifier

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import ScoreMaps
from patchlearn.maps.cam import class_activation_maps
from patchlearn.maps.methods import MapMethod, load_method, method_of, require_method

SOURCE = """
import numpy as np
import torch

calls = []

def corner(classifier, image, classes):
    calls.append((classifier.classes, image.shape, classes, torch.is_grad_enabled()))
    maps = np.zeros((len(classes), 2, 3))
    maps[:, 0, 0] = 8.0
    return maps

number = 3
"""
ENTRIES = """
[patchlearn.methods]
corner = corner_maps:corner
lost = corner_maps:lost
number = corner_maps:number
elsewhere = no_such_package:maps
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A package that is installed as long as the test."""
    (tmp_path / "corner_maps.py").write_text(SOURCE)
    info = tmp_path / "corner_maps-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: corner-maps\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRIES)
    monkeypatch.syspath_prepend(str(tmp_path))
    load_method.cache_clear()
    load_method("corner")
    yield sys.modules["corner_maps"]
    load_method.cache_clear()
    del sys.modules["corner_maps"]


def test_a_method_makes_the_maps_of_the_labels_or_of_the_predicted_classes(package: Any) -> None:
    classifier, image = tiny_classifier(), noise_image(20, 30)
    for labels in ((0, 2), None):
        maps = class_activation_maps(classifier, image, cam_settings((1.0,), method="corner"), labels, unknown=(1,))
        assert (maps.scores.shape[1:], maps.size) == ((5, 8), (20, 30))
        assert maps.scores[:, 0, 0] == pytest.approx(1.0, abs=1e-3)
        assert (maps.scores[:, -1, -1] == 0).all()
        assert (maps.labels, maps.unknown) == (("given", (1,)) if labels else ("predicted", ()))
        assert package.calls.pop() == (("a", "b", "c"), (20, 30, 3), maps.classes, True)
    assert maps.classes
    assert class_activation_maps(classifier, image, cam_settings((1.0,), method="corner"), ()).classes == ()
    assert package.calls == []


def test_without_a_method_nothing_changes(package: Any) -> None:
    built_in = class_activation_maps(tiny_classifier(), noise_image(20, 30), cam_settings((1.0,)), (0,))
    assert built_in.scores[0, -1, -1] != 0
    assert package.calls == []
    assert method_of(None, tiny_classifier()) is None


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("cornr", r"no package offers 'cornr'; did you mean 'corner'\? Installed: corner, elsewhere, lost, number\. "
                  r"Install one with pip install PACKAGE; .* group patchlearn\.methods \(docs/extend\.md\)"),
        ("lost", r"'lost' is corner_maps:lost, which cannot be imported"),
        ("elsewhere", r"'elsewhere' is no_such_package:maps, which cannot be imported"),
        ("number", r"'number' is corner_maps:number, which is no function"),
    ],
)  # fmt: skip
def test_a_method_that_cannot_be_had_is_an_error(name: str, said: str, package: Any) -> None:
    with pytest.raises(PatchlearnError, match=said):
        load_method(name)


def test_what_is_offered_by_nobody_is_found_before_it_is_imported() -> None:
    with pytest.raises(
        PatchlearnError, match=r"cams\.method: no package offers 'corner'\. .* Null is the built-in maps"
    ):
        require_method("corner")


def made(function: Callable[..., Any], classes: tuple[int, ...] = (0, 2)) -> ScoreMaps:
    method = MapMethod("mine", function, tiny_classifier())
    return method.maps(noise_image(20, 30), classes, (5, 8), unknown=(2,))


@pytest.mark.parametrize(
    "function",
    [
        lambda *_: np.arange(80).reshape(2, 5, 8),
        lambda *_: torch.arange(80.0, requires_grad=True).reshape(2, 5, 8),
        lambda *_: ScoreMaps(scores=np.arange(80, dtype=np.float32).reshape(2, 5, 8), classes=(0, 2), size=(1, 1)),
    ],
)
def test_arrays_tensors_and_score_maps_are_divided_by_their_maximum(function: Callable[..., Any]) -> None:
    maps = made(function)
    np.testing.assert_allclose(maps.scores[1], np.arange(40, 80).reshape(5, 8) / 79, atol=1e-6)
    assert (maps.classes, maps.size, maps.unknown) == ((0, 2), (20, 30), (2,))


def test_maps_of_tiny_numbers_are_as_good_as_others() -> None:
    assert (made(lambda *_: np.full((2, 5, 8), 1e-9)).scores == 1).all()


def test_a_map_of_zeros_stays_one() -> None:
    assert (made(lambda *_: np.zeros((2, 5, 8))).scores == 0).all()


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.zeros((1, 5, 8)), r"float64 of the shape \(1, 5, 8\)"),
        (np.zeros((5, 8)), r"float64 of the shape \(5, 8\)"),
        (np.zeros((2, 0, 8)), r"the shape \(2, 0, 8\)"),
        (np.full((2, 5, 8), -0.1), "numbers from 0 on are wanted, for P = 2 classes"),
        (np.full((2, 5, 8), np.nan), "numbers from 0 on"),
        (np.full((2, 5, 8), "a"), "numbers from 0 on"),
        (None, r"object of the shape \(\)"),
        (ScoreMaps(scores=np.zeros((2, 1, 1), np.float32), classes=(0, 1), size=(1, 1)), r"\[0, 1\], .* for \[0, 2\]"),
    ],
)
def test_anything_else_is_refused(array: Any, said: str) -> None:
    with pytest.raises(PatchlearnError, match=rf"cams\.method mine: returns .*{said}"):
        made(lambda *_: array)
