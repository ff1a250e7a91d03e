from pathlib import Path

import pytest

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import Dataset, Sample
from patchlearn.data.formats.records import MaskCoding, Record, class_indices, dataset_of, image_id


def record(root: Path, name: str, *labels: str, **more: object) -> Record:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).touch()
    return Record(image=root / name, name=name, labels=labels, place="table, line 2", **more)  # type: ignore[arg-type]


def opened(root: Path, *records: Record, **more: object) -> Dataset:
    return dataset_of(root, records, source="table", **more)  # type: ignore[arg-type]


def test_records_become_samples_in_their_order(tmp_path: Path) -> None:
    data = opened(tmp_path, record(tmp_path, "b.png", "10", "2"), record(tmp_path, "deep/a.png", "1", unknown=("2",)))
    assert data.classes == ("1", "2", "10")
    assert data.split("train") == (
        Sample(id="b", image=tmp_path / "b.png", labels=(1, 2)),
        Sample(id="deep__a", image=tmp_path / "deep/a.png", labels=(0,), unknown=(1,)),
    )
    assert (data.mask_values, data.masks_are_closed) == ((1, 2, 3), True)


def test_a_given_list_of_classes_and_a_coding_of_masks_are_kept(tmp_path: Path) -> None:
    coding = MaskCoding(values=(7, 9), closed=False, colours={(255, 0, 0): 7})
    data = opened(tmp_path, record(tmp_path, "a.png", "dog"), classes=["dog", "cat"], masks=coding, notes=["a note"])
    assert (data.classes, data.mask_values, data.masks_are_closed) == (("dog", "cat"), (7, 9), False)
    assert (data.mask_colours, data.notes) == ({(255, 0, 0): 7}, ("a note",))


def test_lines_of_one_image_are_united(tmp_path: Path) -> None:
    lines = [record(tmp_path, "a.png", "dog"), record(tmp_path, "b.png", "cat"), record(tmp_path, "a.png", "cat")]
    lines.append(record(tmp_path, "a.png", unknown=("cat", "cow")))
    data = opened(tmp_path, *lines)
    assert [(sample.id, sample.labels, sample.unknown) for sample in data.split("train")] == [
        ("a", (0, 2), (1,)),
        ("b", (0,), ()),
    ]


def test_one_image_in_two_splits_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PatchlearnError, match=r"image 'a\.png' is of the split 'val', but table, line 2 says 'train'"):
        opened(tmp_path, record(tmp_path, "a.png", "dog"), record(tmp_path, "a.png", "dog", split="val"))


@pytest.mark.parametrize(
    ("written", "read"),
    [("valid", "val"), ("Training", "train"), ("TRAIN", "train"), ("Test", "test"), ("Extra", "Extra")],
)
def test_names_of_splits_are_the_usual_ones(tmp_path: Path, written: str, read: str) -> None:
    assert list(opened(tmp_path, record(tmp_path, "a.png", "dog", split=written)).splits) == [read]


def test_valid_beside_val_keeps_its_name(tmp_path: Path) -> None:
    both = [record(tmp_path, f"{name}.png", "dog", split=name) for name in ("val", "valid")]
    assert list(opened(tmp_path, *both).splits) == ["val", "valid"]


def test_splits_have_the_usual_order(tmp_path: Path) -> None:
    names = ("extra", "Testing", "VAL", "train", "Val", "Train")
    data = opened(tmp_path, *(record(tmp_path, f"{name} x.png", "dog", split=name) for name in names))
    assert {split: [sample.id for sample in samples] for split, samples in data.splits.items()} == {
        "train": ["train x", "Train x"],
        "val": ["VAL x", "Val x"],
        "test": ["Testing x"],
        "extra": ["extra x"],
    }
    assert list(data.splits) == ["train", "val", "test", "extra"]


def test_every_missing_image_is_named(tmp_path: Path) -> None:
    missing = [Record(image=tmp_path / f"{n}.png", name=f"{n}.png", labels=("a",), place="table") for n in range(12)]
    with pytest.raises(PatchlearnError, match=r"(?s)0\.png does not exist.*9\.png does not exist.*and 2 more"):
        opened(tmp_path, record(tmp_path, "a.png", "a"), *missing)


def test_where_all_images_are_missing_one_sentence_says_so(tmp_path: Path) -> None:
    missing = [Record(image=tmp_path / f"{n}.png", name=f"{n}.png", labels=("a",), place="table") for n in range(12)]
    with pytest.raises(PatchlearnError, match=r"^table: .*0\.png does not exist, nor does any other of the 12 images"):
        opened(tmp_path, *missing)


def test_equal_ids_unknown_classes_and_no_label_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PatchlearnError, match=r"'a\.jpg' and 'a\.png' .* both have the id 'a'"):
        opened(tmp_path, record(tmp_path, "a.png", "dog"), record(tmp_path, "a.jpg", "dog"))
    with pytest.raises(PatchlearnError, match="'Background' is not a class"):
        opened(tmp_path, record(tmp_path, "a.png", "Background"))
    with pytest.raises(PatchlearnError, match="unknown class 'dgo'; did you mean 'dog'"):
        opened(tmp_path, record(tmp_path, "a.png", "dgo"), classes=["cat", "dog"])
    with pytest.raises(PatchlearnError, match="no image has a label"):
        opened(tmp_path, record(tmp_path, "a.png"))
    with pytest.raises(PatchlearnError, match="255 classes, but an 8-bit mask holds 1 to 254"):
        opened(tmp_path, record(tmp_path, "a.png", *(f"c{n}" for n in range(255))))


def test_accents_have_one_form(tmp_path: Path) -> None:
    data = opened(tmp_path, record(tmp_path, "a.png", "e\u0301"), record(tmp_path, "b.png", "\u00e9"))
    assert data.classes == ("\u00e9",)


def test_ids_are_flat() -> None:
    assert image_id("a/b.c.jpg") == "a__b.c"


def test_a_long_list_of_classes_is_shortened() -> None:
    places = {f"c{index}": index for index in range(31)}
    assert class_indices(["c8", "c1", "c8"], places, "t.csv, line 2") == (1, 8)
    with pytest.raises(
        PatchlearnError, match=r"t\.csv, line 2: unknown class 'x'.* c29, … \(31 in all\)\. Correct the"
    ):
        class_indices(["x"], places, "t.csv, line 2")
