"""Rows of a Hugging Face data set as records."""

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import UInt8
from patchlearn.data.formats.huggingface.columns import Columns
from patchlearn.data.formats.huggingface.rows import Rows
from patchlearn.data.formats.records import Record
from patchlearn.data.images import read_indices
from patchlearn.data.stored_images import StoredImages

NAMES = ("cat", "dog")


def encoded(pixels: UInt8 | None = None, format: str = "PNG", mode: str | None = None) -> bytes:
    file = BytesIO()
    image = Image.fromarray(np.zeros((2, 3, 3), np.uint8) if pixels is None else pixels)
    (image.convert(mode) if mode else image).save(file, format)
    return file.getvalue()


def rows_for(work: Path | None, names: tuple[str, ...] | None = NAMES, key: str | None = None) -> Rows:
    columns = Columns(image="image", labels="label", key=key, names=names, mask="mask", unused=())
    stored = StoredImages(work, {"kind": "test"}, replaces=True)
    return Rows(stored, columns, locate=lambda path, place: Path("photos") / path)


def records(rows: Rows, *given: dict[str, Any], separator: str = "auto") -> list[Record]:
    for row in given:
        rows.add(row, "train", "data")
    return rows.records(None, separator)


def row(image: Any, label: Any = 0, mask: Any = None) -> dict[str, Any]:
    return {"image": image, "label": label, "mask": mask}


def test_bytes_are_written_unchanged_under_their_name(tmp_path: Path) -> None:
    content = encoded(format="JPEG")
    (record,) = records(rows_for(tmp_path), row({"bytes": content, "path": "Ä 1.jpg"}))
    assert (record.name, record.id, record.labels) == ("train/Ä 1.jpg", "train__Ä 1", ("cat",))
    assert record.image == tmp_path / "images" / "train" / "Ä 1.jpg"
    assert record.image.read_bytes() == content


@pytest.mark.parametrize(
    "path",
    [
        None, "", "a/b.jpg", "../b.jpg", "..\\b.jpg", "/b.jpg", ".b.jpg", "b.txt", "b", "..", "b\0.jpg", "c:b.jpg",
        "b" * 300 + ".jpg",
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    ("format", "suffix"), [("JPEG", "jpg"), ("PNG", "png"), ("WEBP", "webp"), ("BMP", "bmp"), ("TIFF", "tif")]
)
def test_other_images_are_named_by_their_number_and_format(
    tmp_path: Path, path: str | None, format: str, suffix: str
) -> None:
    (record,) = records(rows_for(tmp_path), row({"bytes": encoded(format=format), "path": path}))
    assert record.image == tmp_path / "images" / "train" / f"000000.{suffix}"


def test_equal_names_are_not_used_twice(tmp_path: Path) -> None:
    names = ["a.png", "A.png", "a.jpg", "000004.png", None, "000000.png", "a.png"]
    images = [encoded(np.full((1, 1, 3), number, np.uint8)) for number in range(len(names))]
    given = [row({"bytes": content, "path": name}) for content, name in zip(images, names)]
    found = records(rows_for(tmp_path), *given)
    assert [record.image.name for record in found] == [
        "a.png", "000001.png", "000002.png", "000004.png", "_000004.png", "000000.png", "000006.png",
    ]  # fmt: skip
    assert [record.image.read_bytes() for record in found] == images


def test_the_same_name_in_two_splits_is_two_images(tmp_path: Path) -> None:
    rows = rows_for(tmp_path)
    for split in ("train", "val"):
        rows.add(row({"bytes": encoded(), "path": "a.png"}), split, "data")
    assert [record.id for record in rows.records(None, "auto")] == ["train__a", "val__a"]


@pytest.mark.parametrize(
    ("label", "expected"), [(1, ("dog",)), ([0, 1], ("cat", "dog")), ([], ()), (None, None), (-1, None)]
)
def test_labels_of_a_class_label(tmp_path: Path, label: Any, expected: tuple[str, ...] | None) -> None:
    found = records(rows_for(tmp_path), row(encoded(), 0), row(encoded(), label))
    assert [record.labels for record in found[1:]] == ([] if expected is None else [expected])


@pytest.mark.parametrize("label", [2, [0, -1], [0, 2], "cat", [None]])
def test_a_label_that_is_no_class_is_explained(tmp_path: Path, label: Any) -> None:
    with pytest.raises(
        PatchlearnError, match=r"data, row 1 of train: the label .* is none of the 2 classes \(0 to 1\)"
    ):
        records(rows_for(tmp_path), row(encoded()), row(encoded(), label))


def test_labels_that_are_strings(tmp_path: Path) -> None:
    labels = ["cat, red car", "", ["a,b", "cat"], [], "dog", None]
    found = records(rows_for(tmp_path, None), *(row(encoded(), label) for label in labels))
    assert [record.labels for record in found] == [("cat", "red car"), (), ("a,b", "cat"), (), ("dog",)]
    spaced = records(rows_for(tmp_path, None), row(encoded(), "cat dog"), separator="space")
    assert spaced[0].labels == ("cat", "dog")
    with pytest.raises(PatchlearnError, match="the label 3 is no text"):
        records(rows_for(tmp_path, None), row(encoded(), [3]))


def test_background_is_a_label_of_images_without_a_class(tmp_path: Path) -> None:
    rows = rows_for(tmp_path, ("background", "cat"))
    assert [record.labels for record in records(rows, row(encoded(), 0), row(encoded(), [0, 1]))] == [(), ("cat",)]
    assert any("'background' is no class" in note for note in rows.notes("data"))


def test_rows_that_are_not_used_are_counted(tmp_path: Path) -> None:
    rows = rows_for(tmp_path)
    found = records(rows, row(encoded(), None), row(None), row({"bytes": None, "path": None}), row(encoded()))
    assert [record.image.name for record in found] == ["000003.png"]
    assert [path.name for path in (tmp_path / "images" / "train").iterdir()] == ["000003.png"]
    notes = list(rows.notes("data"))
    assert "data: 1 of 4 rows of train without label is not used" in notes
    assert "data: 2 of 4 rows of train without image are not used" in notes
    with pytest.raises(PatchlearnError, match="label: no row has a label and an image"):
        records(rows_for(tmp_path), row(encoded(), None))


def test_an_image_that_is_none_is_explained(tmp_path: Path) -> None:
    with pytest.raises(PatchlearnError, match="row 0 of train: not an image that can be read"):
        records(rows_for(tmp_path), row(b"text"))
    with pytest.raises(PatchlearnError, match="row 0 of train: int is no image"):
        records(rows_for(tmp_path), row(3))


def test_a_row_may_name_a_file_which_stays_where_it_is() -> None:
    found = records(rows_for(None), row({"bytes": None, "path": "x.png"}), row("other/x.png"))
    assert [(record.image, record.name) for record in found] == [
        (Path("photos/x.png"), "train/x.png"),
        (Path("photos/other/x.png"), "train/000001.png"),
    ]


def test_objects_have_their_label_in_a_field() -> None:
    one, two = {"kind": [1, 0, 1], "bbox": []}, [{"kind": 1}, {"kind": 1}]
    found = records(rows_for(None, key="kind"), row("a.png", one), row("b.png", two), row("c.png", []))
    assert [record.labels for record in found] == [(NAMES[1], NAMES[0]), (NAMES[1],), ()]


def test_masks_of_indices_are_true_masks(tmp_path: Path) -> None:
    values = np.array([[0, 1, 2], [255, 0, 1]], np.uint8)
    given = [row({"bytes": encoded(), "path": "a.png"}, 0, {"bytes": encoded(values), "path": None}), row(encoded())]
    rows = rows_for(tmp_path)
    first, second = records(rows, *given)
    assert first.mask == tmp_path / "masks" / "train" / "a.png"
    assert read_indices(first.mask).tolist() == values.tolist()
    assert second.mask is None
    assert "data: the true masks are in the column 'mask'" in rows.notes("data")


@pytest.mark.parametrize(
    ("mask", "reason"),
    [
        (encoded(np.full((2, 3), 3, np.uint8)), "row 1 of train: the value 3 is none of the 2 classes"),
        (encoded(), "row 1 of train: the mode is RGB"),
        (b"text", "row 1 of train: damaged"),
    ],
)
def test_one_mask_of_other_values_rules_out_all(tmp_path: Path, mask: bytes, reason: str) -> None:
    good = encoded(np.ones((2, 3), np.uint8))
    rows = rows_for(tmp_path)
    found = records(rows, *(row(encoded(), 0, each) for each in (good, mask, good)))
    assert [record.mask for record in found] == [None] * 3
    assert any("no masks of class indices" in note and reason in note for note in rows.notes("data"))


def test_masks_of_0_and_255_are_no_class_indices(tmp_path: Path) -> None:
    rows = rows_for(tmp_path, ("cat",))
    found = records(rows, row(encoded(), 0, encoded(np.array([[0, 255]], np.uint8))))
    assert found[0].mask is None
    assert any("no value stands for a class" in note for note in rows.notes("data"))


def test_masks_without_a_class_label_are_not_used(tmp_path: Path) -> None:
    rows = rows_for(tmp_path, None)
    found = records(rows, row(encoded(), "cat", encoded(np.ones((2, 3), np.uint8))))
    assert found[0].mask is None
    assert any("the labels have no numbers" in note for note in rows.notes("data"))
