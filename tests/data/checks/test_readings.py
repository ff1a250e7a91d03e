"""Every file is decoded once, and what is wrong with it is noted."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tagged_masks import Tagged, tagged_dataset

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.masks_io import write_mask
from patchlearn.core.types import Dataset
from patchlearn.data.checks import readings
from patchlearn.data.checks.readings import IMAGE, MASK, SIZE, VALUES, read_all, side_by_side


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    images = [Tagged(tags=["cat"], values=(0, 1, 255), size=(7, 5)), Tagged(values=(0,), split="val"), Tagged()]
    return tagged_dataset(tmp_path, ["cat", "dog"], images)


def test_what_is_read_of_an_image_and_its_mask(dataset: Dataset) -> None:
    first, second, third = read_all(dataset, threads=2)
    assert (first.sample.id, first.size, first.frames) == ("img000", (7, 5), 1)
    assert (first.values, second.values, third.values) == (frozenset([0, 1, 255]), None, frozenset([0]))
    assert not any(each.problems for each in (first, second, third))


def test_masks_hold_their_own_values_where_classes_are_left_out(tmp_path: Path) -> None:
    changes = {"mask_values": (8,), "masks_are_closed": False}
    dataset = tagged_dataset(tmp_path, ["cat"], [Tagged(values=(0, 3, 8))], **changes)
    assert read_all(dataset)[0].values == {0, 3, 8}


def problems(dataset: Dataset) -> dict[str, str]:
    """Kind → text, of the first sample."""
    return {problem.kind: problem.text for problem in read_all(dataset)[0].problems}


def test_a_truncated_image_is_a_problem(dataset: Dataset) -> None:
    path = dataset.split("train")[0].image
    path.write_bytes(path.read_bytes()[:40])
    assert list(problems(dataset)) == [IMAGE]
    path.unlink()
    assert "img000.png: no such file" in problems(dataset)[IMAGE]
    assert read_all(dataset)[0].size is None


def test_a_damaged_mask_is_a_problem(dataset: Dataset) -> None:
    (dataset.root / "masks" / "img000.png").write_bytes(b"no image")
    assert "masks/img000.png: not an image" in problems(dataset)[MASK]
    assert read_all(dataset)[0].values is None


def test_another_size_and_foreign_values_are_two_problems(dataset: Dataset) -> None:
    write_mask(dataset.root / "masks" / "img000.png", np.full((3, 2), 7, np.uint8))
    found = problems(dataset)
    assert list(found) == [SIZE, VALUES]
    assert "the mask has 3×2 pixels, but its image img000.png has 5×7 (height × width)" in found[SIZE]
    assert "holds the value 7, but the data set has 2 classes" in found[VALUES]


def test_frames_are_counted(dataset: Dataset) -> None:
    path = dataset.split("train")[0].image.with_suffix(".tif")
    pages = [Image.new("L", (7, 5), shade) for shade in (0, 1, 2)]
    pages[0].save(path, save_all=True, append_images=pages[1:])
    path.rename(path.with_suffix(".png"))
    assert read_all(dataset)[0].frames == 3


def test_a_sample_of_two_splits_is_read_once(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    everything = tuple(sample for samples in dataset.splits.values() for sample in samples)
    dataset.splits["trainval"] = everything
    seen: Counter[Path] = Counter()
    decode = readings.read_image
    monkeypatch.setattr(readings, "read_image", lambda path: (seen.update([path]), decode(path))[1])
    assert len(read_all(dataset)) == 3
    assert set(seen.values()) == {1}


def test_results_come_in_order_whatever_the_threads() -> None:
    assert list(side_by_side(range(50), lambda number: number**2, 4)) == [number**2 for number in range(50)]
    with pytest.raises(PatchlearnError, match="threads"):
        list(side_by_side([1], str, 0))


def test_an_error_of_the_program_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        list(side_by_side([1, 0], lambda number: 1 // number, 2))
