"""Run lengths and polygons, compared with pycocotools."""

import sys
from typing import Any

import numpy as np
import pytest

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import UInt8
from patchlearn.data.formats.run_lengths import paint, run_lengths

SIZE = (4, 6)


def painted(segmentation: Any, size: tuple[int, int] = SIZE) -> UInt8:
    mask = np.zeros(size, np.uint8, order="F")
    paint(mask, run_lengths(segmentation, size, "x.json, annotation 4"), 9)
    return mask


def test_lists_of_runs_go_down_the_columns() -> None:
    mask = painted({"size": [4, 6], "counts": [3, 4, 17]})
    assert mask.tolist() == [[0, 9, 0, 0, 0, 0], [0, 9, 0, 0, 0, 0], [0, 9, 0, 0, 0, 0], [9, 0, 0, 0, 0, 0]]
    assert painted({"size": [4, 6], "counts": [0, 24]}).tolist() == [[9] * 6] * 4


@pytest.mark.parametrize("seed", range(4))
def test_compressed_strings_are_those_of_pycocotools(seed: int) -> None:
    coder = pytest.importorskip("pycocotools.mask")
    generator = np.random.default_rng(seed)
    # Large smooth regions and noise: long and short runs, and negative differences.
    size = (97, 131) if seed % 2 else (300, 5)
    inside = generator.random(size) < (0.02 if seed < 2 else 0.5)
    inside[20:60] |= bool(seed % 2)
    encoded = coder.encode(np.asfortranarray(inside, np.uint8))
    mask = painted({"size": list(size), "counts": encoded["counts"].decode()}, size)
    assert ((mask == 9) == inside).all()


def test_a_compressed_string_by_hand() -> None:
    mask = painted({"size": [4, 6], "counts": "5220007"})  # 5 2 2 2 2 2 9, of which all from the fourth are differences
    assert mask.tolist() == [[0] * 6, [0, 9, 9, 9, 0, 0], [0, 9, 9, 9, 0, 0], [0] * 6]


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_polygons_are_painted_as_pycocotools_does() -> None:
    coder = pytest.importorskip("pycocotools.mask")
    polygons = [[1.0, 1.0, 4.0, 1.0, 4.0, 3.0, 1.0, 3.0], [0.2, 0.1, 5.7, 2.2, 3.3, 3.9]]
    expected = coder.decode(coder.merge(coder.frPyObjects(polygons, *SIZE)))
    assert ((painted(polygons) == 9) == expected).all()
    assert painted(polygons[:1]).tolist() == [[0] * 6, [0, 9, 9, 9, 0, 0], [0, 9, 9, 9, 0, 0], [0] * 6]
    assert (painted(polygons[0]) == painted(polygons[:1])).all()  # without the list around it


def test_lines_and_points_have_no_area_and_corners_may_lie_outside() -> None:
    assert not painted([[1, 1], [1, 1, 4, 4], []]).any()
    assert painted([[-5, -5, 40, -5, 40, 2, -5, 2]]).tolist() == [[9] * 6, [9] * 6, [0] * 6, [0] * 6]


@pytest.mark.parametrize(
    ("segmentation", "complaint"),
    [
        ({"size": [6, 4], "counts": [24]}, r"its run lengths is \[6, 4\], but its image has \[4, 6\]"),
        ({"counts": [24]}, "is None"),
        ({"size": [4, 6], "counts": [3, 4]}, r"damaged; they should sum to 4·6 pixels"),
        ({"size": [4, 6], "counts": []}, "damaged"),
        ({"size": [4, 6], "counts": [3, 4, 30]}, "damaged"),
        ({"size": [4, 6], "counts": [-3, 27]}, "damaged"),
        ({"size": [4, 6], "counts": ["a"]}, "damaged"),
        ({"size": [4, 6], "counts": [24.0]}, "damaged"),
        ({"size": [4, 6]}, "damaged"),
        ({"size": [4, 6], "counts": ""}, "damaged"),
        ({"size": [4, 6], "counts": "522000"}, "damaged"),
        ({"size": [4, 6], "counts": "5220007 "}, "damaged"),
        ({"size": [4, 6], "counts": "522000é"}, "damaged"),
        ({"size": [4, 6], "counts": "o"}, "damaged"),
        ({"size": [4, 6], "counts": "p" * 5}, "damaged"),
        ({"size": [4, 6], "counts": "o" * 13 + "0"}, "damaged"),
        ({"size": [4, 6], "counts": [2**63, 24]}, "damaged"),
        ({"size": [4, 6], "counts": [[24]]}, "damaged"),
        ({"size": [4, 6], "counts": 24}, "damaged"),
        ([[1, 1, 4, 1, 4]], "neither polygons"),
        ([[1, 1, 4, 1, "4", 3]], "neither polygons"),
        ([[1, 1, 4, 1, float("nan"), 3]], "neither polygons"),
        ([[1, 1, 4, 1, 1e9, 3]], "neither polygons"),
        ([[1, 1, 4, 1, None, 3]], "neither polygons"),
        ([[[1, 1], [4, 1], [4, 3]]], "neither polygons"),
        ([[1, 1, [4, 1]]], "neither polygons"),
        ([[1, 1, 4, 1, 4, 3], 5], "neither polygons"),
        ([{"x": 1}], "neither polygons"),
        ("polygon", "neither polygons"),
        (5, "neither polygons"),
    ],
)
def test_a_broken_segmentation_is_explained(segmentation: Any, complaint: str) -> None:
    with pytest.raises(PatchlearnError, match=rf"^x\.json, annotation 4: .*{complaint}"):
        painted(segmentation)


def test_without_pycocotools_run_lengths_remain(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("pycocotools", "pycocotools.mask"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(PatchlearnError, match=r"pycocotools is not installed.*pip install 'patchlearn\[export\]'$"):
        painted([[1, 1, 4, 1, 4, 3]])
    assert painted({"size": [4, 6], "counts": "5220007"}).any()
