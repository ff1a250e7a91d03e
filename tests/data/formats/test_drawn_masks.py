"""Masks in the folder of the run: drawn once, and again when their sources change."""

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from coco_folder import image

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import Dataset, UInt8
from patchlearn.data.formats.drawn_masks import Drawing, distinct, drawn_dataset
from patchlearn.data.formats.records import Record
from patchlearn.data.images import read_mask


class Painter:
    """Fills the mask with one class, and counts how often."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self, values: Mapping[str, int]) -> UInt8:
        self.times += 1
        return np.full((4, 6), values["cat"], np.uint8)


def opened(root: Path, work: Path | None, painter: Painter, classes: tuple[str, ...] = ("dog", "cat")) -> Dataset:
    path = root / "a.jpg"
    if not path.exists():
        image(path)
    record = Record(image=path, name="a.jpg", labels=("cat",))
    drawings = {path: Drawing(sources=(root / "a.txt", path), draw=painter)}
    return drawn_dataset(root, [record], drawings, work, source="x", classes=classes, notes=["found"])


def test_masks_are_drawn_once_and_again_when_something_changes(tmp_path: Path) -> None:
    root, work, painter = tmp_path / "data", tmp_path / "work", Painter()
    data = opened(root, work, painter)
    (sample,) = data.split("train")
    assert sample.mask == work / "masks" / "a.png"
    assert read_mask(data, sample).tolist() == [[2] * 6] * 4
    assert [(opened(root, work, painter), painter.times)[1] for _ in range(2)] == [1, 1]
    (root / "a.txt").write_text("new")
    assert [(opened(root, work, painter), painter.times)[1] for _ in range(2)] == [2, 2]
    stamp = (root / "a.txt").stat().st_mtime_ns
    os.utime(root / "a.txt", ns=(stamp, stamp + 1))
    assert [(opened(root, work, painter), painter.times)[1] for _ in range(2)] == [3, 3]
    sample.mask.unlink()
    assert [(opened(root, work, painter), painter.times)[1] for _ in range(2)] == [4, 4]
    data = opened(root, work, painter, ("cat", "dog"))
    assert painter.times == 5
    assert read_mask(data, data.split("train")[0]).tolist() == [[1] * 6] * 4


def test_classes_that_classes_txt_leaves_out_are_ignored(tmp_path: Path) -> None:
    (tmp_path / "classes.txt").write_text("dog\n")
    data = opened(tmp_path, tmp_path / "work", Painter())
    (sample,) = data.split("train")
    assert (data.classes, sample.labels) == (("dog",), ())
    assert read_mask(data, sample).tolist() == [[255] * 6] * 4
    assert any("1 label of x not in this list, and not used: cat" in note for note in data.notes)
    (tmp_path / "classes.txt").write_text("cat\ndog\n")
    data = opened(tmp_path, tmp_path / "work", Painter())
    assert (data.classes, read_mask(data, data.split("train")[0]).max()) == (("cat", "dog"), 1)
    (tmp_path / "classes.txt").write_text("cow\n")
    with pytest.raises(PatchlearnError, match=r"classes\.txt: no label 'cow' in x"):
        opened(tmp_path, tmp_path / "work", Painter())


def test_a_moved_run_draws_nothing_again(tmp_path: Path) -> None:
    painter = Painter()
    opened(tmp_path / "data", tmp_path / "work", painter)
    (tmp_path / "work").rename(tmp_path / "moved")
    opened(tmp_path / "data", tmp_path / "moved", painter)
    assert painter.times == 1


def test_without_a_folder_a_note_says_so(tmp_path: Path) -> None:
    painter = Painter()
    data = opened(tmp_path / "data", None, painter)
    assert (data.split("train")[0].mask, painter.times) == (None, 0)
    assert data.notes[0] == "found"
    assert "no masks are drawn" in data.notes[1]


def test_all_problems_are_listed_and_nothing_is_marked_as_drawn(tmp_path: Path) -> None:
    paths = [image(tmp_path / f"{name}.jpg") for name in "ab"]

    def fail(values: Mapping[str, int]) -> UInt8:
        raise PatchlearnError("problem")

    def run(draw: Painter) -> Dataset:
        records = [Record(image=path, name=path.name) for path in paths]
        drawings = {paths[0]: Drawing(sources=(), draw=fail), paths[1]: Drawing(sources=(), draw=draw)}
        work = tmp_path / "work"
        return drawn_dataset(tmp_path, records, drawings, work, source="x", classes=["cat"], notes=[])

    painter = Painter()
    for times in (1, 2):
        with pytest.raises(PatchlearnError, match=r"^problem"):
            run(painter)
        assert painter.times == times


def test_an_error_of_the_data_comes_before_any_mask(tmp_path: Path) -> None:
    painter = Painter()
    with pytest.raises(PatchlearnError, match="unknown class 'cat'"):
        opened(tmp_path, tmp_path / "work", painter, ("dog",))
    assert not (tmp_path / "work").exists()


def test_equal_ids_of_two_folders_are_told_apart(tmp_path: Path) -> None:
    one, two, three = (Record(image=tmp_path / name, name="1.jpg") for name in ("x/1.jpg", "y/1.jpg", "x/1.jpg"))
    assert [record.id for record in distinct([one, two], tmp_path)] == ["x__1", "y__1"]
    assert [record.id for record in distinct([one, three], tmp_path)] == ["1", "1"]  # the same image
