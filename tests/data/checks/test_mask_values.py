"""What the values of other programs' masks mean."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from patchlearn.core.errors import PatchlearnError
from patchlearn.data.checks.mask_values import (
    are_binary,
    claim_classes,
    counted_from_zero,
    read_values,
    refuse_binary_masks,
    values_in,
)


def mask(path: Path, *values: int) -> Path:
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(np.array([values], np.uint8)).save(path)
    return path


def test_255_is_a_class_if_somebody_says_so(tmp_path: Path) -> None:
    path = mask(tmp_path / "a.png", 0, 255, 255)
    assert read_values(path).tolist() == [[0, 255, 255]]
    assert read_values(path, binary=True).tolist() == [[0, 1, 1]]
    assert read_values(mask(tmp_path / "b.png", 1, 0), binary=True).tolist() == [[1, 0]]


@pytest.mark.parametrize("values", [(0, 1, 255), (0, 254, 255), (2,)])
def test_a_binary_mask_has_no_third_value(values: tuple[int, ...], tmp_path: Path) -> None:
    with pytest.raises(PatchlearnError, match=r"a\.png: holds the values .* but a binary mask holds 0 and 255"):
        read_values(mask(tmp_path / "a.png", *values), binary=True)


def test_masks_of_0_and_255_alone_are_refused(tmp_path: Path) -> None:
    files = [mask(tmp_path / "a.png", 0, 0), mask(tmp_path / "b.png", 0, 255), tmp_path / "none.png"]
    with pytest.raises(PatchlearnError, match=r"255 means undecided, .* add --binary .* class 1"):
        refuse_binary_masks(tmp_path, files)
    refuse_binary_masks(tmp_path, files[:1])
    refuse_binary_masks(tmp_path, [*files, mask(tmp_path / "c.png", 0, 1)])


def test_reading_ends_with_the_first_class(tmp_path: Path) -> None:
    def files() -> object:
        yield mask(tmp_path / "a.png", 3)
        raise AssertionError("the second file is read")

    refuse_binary_masks(tmp_path, files())  # type: ignore[arg-type]


def test_classes_that_may_count_from_zero_are_pointed_out() -> None:
    folder, names = Path("masks"), ["cat", "dog", "hen"]
    (line,) = counted_from_zero(folder, {0, 1, 2, 255}, names)
    assert line.startswith("masks: the values 0 to 2 occur, and 3 ('hen') does not.")
    assert "if it stands for 'cat'" in line
    for seen in ({0, 1, 2, 3}, {0, 2}, {1, 2}, {0}, set()):
        assert counted_from_zero(folder, seen, names) == []
    assert counted_from_zero(folder, {0}, ["cat"]) == []


def test_classes_are_written_once_and_other_ones_are_not_replaced(tmp_path: Path) -> None:
    for _ in range(2):
        claim_classes(tmp_path, ("traffic light", "cat"), "the model has")
    with pytest.raises(PatchlearnError, match=r"classes\.txt: names other classes than the model has"):
        claim_classes(tmp_path, ("cat",), "the model has")
    assert (tmp_path / "classes.txt").read_text() == "traffic light\ncat\n"


def test_masks_are_binary_if_none_holds_a_class(tmp_path: Path) -> None:
    both, empty = mask(tmp_path / "a.png", 0, 255), mask(tmp_path / "b.png", 0, 0)
    (tmp_path / "c.png").write_bytes(b"broken")
    assert are_binary([empty, both, tmp_path / "c.png"])
    assert not are_binary([empty])
    assert not are_binary([both, mask(tmp_path / "d.png", 0, 3)])


def test_the_values_of_a_mask_are_none_if_it_holds_no_indices(tmp_path: Path) -> None:
    assert values_in(mask(tmp_path / "a.png", 0, 7, 255)) == {0, 7, 255}
    Image.new("RGB", (2, 2)).save(tmp_path / "b.png")
    assert values_in(tmp_path / "b.png") == set()
