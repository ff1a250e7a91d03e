"""Folders of Hugging Face data sets."""

import os
import sys
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow
import pytest
from PIL import Image
from pyarrow import parquet

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import Dataset, UInt8
from patchlearn.data.checks.check import check_dataset
from patchlearn.data.formats.huggingface.reader import recognise
from patchlearn.data.images import read_image, read_mask
from patchlearn.data.open import open_data, open_dataset
from patchlearn.data.settings import DataSettings


def pixels(number: int) -> UInt8:
    return np.random.default_rng(number).integers(0, 255, (5, 7, 3), np.uint8)


def table(labels: list[Any], feature: Any = None, **more: Any) -> datasets.Dataset:
    """A row for each label, with a column of images."""
    feature = feature or datasets.ClassLabel(names=["zebra", "ant"])
    columns = {"image": [Image.fromarray(pixels(number)) for number in range(len(labels))], "label": labels}
    features = {"image": datasets.Image(), "label": feature, **{name: each[0] for name, each in more.items()}}
    values = {**columns, **{name: each[1] for name, each in more.items()}}
    return datasets.Dataset.from_dict(values, features=datasets.Features(features))


def opened(root: Path, work: Path, **settings: Any) -> Dataset:
    return open_data(DataSettings(format="huggingface", root=str(root), **settings), work)


def state(folder: Path) -> dict[str, tuple[int, int]]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path): (path.stat().st_ino, path.stat().st_mtime_ns) for path in files}


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """Parquet files as a repository of the hub has them."""
    root = tmp_path / "data set"
    (root / "data").mkdir(parents=True)
    table([0, 1, None]).to_parquet(root / "data" / "train-00000-of-00002.parquet")
    table([1]).to_parquet(root / "data" / "train-00001-of-00002.parquet")
    table([0, 1]).to_parquet(root / "data" / "validation-00000-of-00001.parquet")
    return root


def test_parquet_files_read(saved: Path, tmp_path: Path) -> None:
    data = opened(saved, tmp_path / "work")
    assert data.classes == ("zebra", "ant")
    assert {name: [sample.labels for sample in samples] for name, samples in data.splits.items()} == {
        "train": [(0,), (1,), (1,)],
        "val": [(0,), (1,)],
    }
    for name, numbers in {"train": [0, 1, 0], "val": [0, 1]}.items():
        for sample, number in zip(data.split(name), numbers):
            assert (read_image(sample.image) == pixels(number)).all()
    check_dataset(data)
    assert any("1 of 4 rows of train without label is not used" in note for note in data.notes)


def test_a_second_opening_writes_and_reads_nothing(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = opened(saved, tmp_path / "work")
    before, of_root = state(tmp_path / "work"), state(saved)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    second = opened(saved, tmp_path / "work")
    assert (second, second.notes) == (first, first.notes)
    assert (state(tmp_path / "work"), state(saved)) == (before, of_root)


def test_a_changed_file_is_read_again_and_old_images_vanish(saved: Path, tmp_path: Path) -> None:
    opened(saved, tmp_path / "work")
    (saved / "data" / "train-00001-of-00002.parquet").unlink()
    data = opened(saved, tmp_path / "work")
    images = {path for path in (tmp_path / "work" / "images").rglob("*") if path.is_file()}
    assert images == {sample.image for samples in data.splits.values() for sample in samples}
    file = saved / "data" / "train-00000-of-00002.parquet"
    facts = file.stat()
    table([1, 1, 1]).to_parquet(file)
    os.utime(file, ns=(facts.st_atime_ns, facts.st_mtime_ns + 1))
    assert [sample.labels for sample in opened(saved, tmp_path / "work").split("train")] == [(1,)] * 3


def test_a_lost_image_is_written_again(saved: Path, tmp_path: Path) -> None:
    first = opened(saved, tmp_path / "work")
    lost = first.split("train")[1].image
    content = lost.read_bytes()
    lost.unlink()
    assert opened(saved, tmp_path / "work") == first
    assert lost.read_bytes() == content


def test_the_bytes_of_a_file_are_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "photo 1.jpg"
    Image.fromarray(pixels(0)).save(path, quality=70)
    cell = [{"bytes": path.read_bytes(), "path": "photo 1.jpg"}]
    parquet.write_table(pyarrow.table({"image": cell, "label": ["cat"]}), tmp_path / "train.parquet")
    (sample,) = opened(tmp_path, tmp_path / "work").split("train")
    assert (sample.id, sample.image.name) == ("train__photo 1", "photo 1.jpg")
    assert sample.image.read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("feature", "labels", "classes", "expected"),
    [
        (datasets.Sequence(datasets.ClassLabel(names=["b", "a"])), [[1, 0], [], None], ("b", "a"), [(0, 1), ()]),
        (datasets.Value("string"), ["b10", "b9", None], ("b9", "b10"), [(1,), (0,)]),
        (datasets.Sequence(datasets.Value("string")), [["b", "a"], ["b"], []], ("a", "b"), [(0, 1), (1,), ()]),
    ],
)
def test_kinds_of_labels(
    tmp_path: Path, feature: Any, labels: list[Any], classes: tuple[str, ...], expected: list[tuple[int, ...]]
) -> None:
    table(labels, feature).to_parquet(tmp_path / "train.parquet")
    data = opened(tmp_path, tmp_path / "work")
    assert (data.classes, [sample.labels for sample in data.split("train")]) == (classes, expected)


def test_binary_columns_read(tmp_path: Path) -> None:
    content = (tmp_path / "x.png", tmp_path / "y.png")
    for number, path in enumerate(content):
        Image.fromarray(pixels(number)).save(path)
    columns = {"img": [path.read_bytes() for path in content], "tags": [["cat"], ["ant", "cat"]]}
    parquet.write_table(pyarrow.table(columns), tmp_path / "test.parquet")
    data = opened(tmp_path, tmp_path / "work")
    assert (data.classes, [sample.labels for sample in data.split("test")]) == (("ant", "cat"), [(1,), (0, 1)])
    assert [(read_image(sample.image) == pixels(n)).all() for n, sample in enumerate(data.split("test"))] == [True] * 2


def test_index_masks_are_true_masks(tmp_path: Path) -> None:
    mask = np.random.default_rng(0).choice(np.array([0, 1, 2, 255], np.uint8), (5, 7))
    more = {"annotation": (datasets.Image(), [Image.fromarray(mask)] * 2)}
    table([0, 1], **more).to_parquet(tmp_path / "train.parquet")
    data = opened(tmp_path, tmp_path / "work")
    assert [(read_mask(data, sample) == mask).all() for sample in data.split("train")] == [True, True]
    check_dataset(data)
    (tmp_path / "classes.txt").write_text("ant\n")
    kept = opened(tmp_path, tmp_path / "work")
    expected = np.array([0, 255, 1, *[255] * 253], np.uint8)[mask]  # the first class is left out
    assert (kept.classes, [sample.labels for sample in kept.split("train")]) == (("ant",), [(), (0,)])
    assert (read_mask(kept, kept.split("train")[0]) == expected).all()


@pytest.mark.parametrize("as_dict", [True, False])
def test_what_save_to_disk_wrote_reads(tmp_path: Path, as_dict: bool) -> None:
    data = table([0, 1, None])
    parts = datasets.DatasetDict({"train": data, "test": data.select([1])})
    root = tmp_path / "saved"
    (parts if as_dict else data).save_to_disk(root, **({} if as_dict else {"num_shards": 2}))
    assert "save_to_disk" in str(recognise(root))
    found = opened(root, tmp_path / "work")
    assert found.classes == ("zebra", "ant")
    assert [sample.labels for sample in found.split("train")] == [(0,), (1,)]
    assert (read_image(found.split("train")[1].image) == pixels(1)).all()
    if as_dict:
        assert (read_image(found.split("test")[0].image) == pixels(1)).all()
    (root / "train" / "state.json" if as_dict else root / "state.json").unlink()
    with pytest.raises(PatchlearnError, match=r"state\.json|no Parquet file"):
        opened(root, tmp_path / "work")


def test_a_lost_file_of_save_to_disk_is_explained(tmp_path: Path) -> None:
    table([0]).save_to_disk(tmp_path / "saved")
    next((tmp_path / "saved").glob("*.arrow")).unlink()
    with pytest.raises(PatchlearnError, match=r"\.arrow: no such file. Restore it"):
        opened(tmp_path / "saved", tmp_path / "work")


def test_only_folders_with_images_inside_of_files_are_recognised(saved: Path, tmp_path: Path) -> None:
    assert recognise(saved) == (
        "Parquet files with images: data/train-00000-of-00002.parquet, data/train-00001-of-00002.parquet, "
        "data/validation-00000-of-00001.parquet"
    )
    photos = tmp_path / "photos"
    (photos / "cat").mkdir(parents=True)
    (photos / "metadata.csv").write_text("file_name,label\n")
    Image.fromarray(pixels(0)).save(photos / "cat" / "1.jpg")
    assert recognise(photos) is None
    parquet.write_table(pyarrow.table({"file_name": ["a.jpg"], "label": ["cat"]}), photos / "metadata.parquet")
    assert recognise(photos) is None
    (photos / "metadata.parquet").write_bytes(b"version https://git-lfs")
    assert recognise(photos) is not None


def test_the_format_is_found_out(saved: Path, tmp_path: Path) -> None:
    assert open_dataset("auto", saved, work=tmp_path / "work") == opened(saved, tmp_path / "work")


def test_a_split_may_lack_the_labels_but_not_have_others(saved: Path, tmp_path: Path) -> None:
    test = saved / "data" / "test-00000-of-00001.parquet"
    table([0, 1]).remove_columns("label").to_parquet(test)
    data = opened(saved, tmp_path / "work")
    assert set(data.splits) == {"train", "val"}
    assert any("2 of 2 rows of test without label are not used" in note for note in data.notes)
    table([0], datasets.ClassLabel(names=["ant", "zebra"])).to_parquet(test)
    with pytest.raises(PatchlearnError, match=r"test-.*: the column 'label' has other classes"):
        opened(saved, tmp_path / "work")
    table([0]).remove_columns("image").to_parquet(test)
    with pytest.raises(PatchlearnError, match=r"test-.*: no column 'image', which other files have"):
        opened(saved, tmp_path / "work")


def test_the_column_of_the_labels_can_be_chosen(tmp_path: Path) -> None:
    more = {"coarse": (datasets.ClassLabel(names=["animal"]), [0, 0])}
    table([0, 1], **more).to_parquet(tmp_path / "train.parquet")
    with pytest.raises(PatchlearnError, match=r"several columns may hold the labels: label, coarse.*--data.labels"):
        opened(tmp_path, tmp_path / "work")
    assert opened(tmp_path, tmp_path / "work", labels="coarse").classes == ("animal",)
    assert opened(tmp_path, tmp_path / "work", labels="label").classes == ("zebra", "ant")


def test_images_need_a_folder(saved: Path) -> None:
    with pytest.raises(PatchlearnError, match=r"Pass work=FOLDER, or use patchlearn run"):
        open_dataset("huggingface", saved)


def test_more_classes_than_a_mask_can_hold_can_be_restricted(tmp_path: Path) -> None:
    names = [f"c{number}" for number in range(1000)]
    table([999, 3], datasets.ClassLabel(names=names)).to_parquet(tmp_path / "train.parquet")
    with pytest.raises(PatchlearnError, match="1000 classes"):
        opened(tmp_path, tmp_path / "work")
    (tmp_path / "classes.txt").write_text("c999\nc3\n")
    data = opened(tmp_path, tmp_path / "work")
    assert (data.classes, [sample.labels for sample in data.split("train")]) == (("c999", "c3"), [(0,), (1,)])


def test_rows_may_name_files_below_the_folder(tmp_path: Path) -> None:
    root = tmp_path / "photos"
    (root / "images" / "b").mkdir(parents=True)
    for name in ("a.png", "b/2.png"):
        Image.fromarray(pixels(len(name))).save(root / "images" / name)
    columns = {"file_name": ["a.png", "b/2.png"], "label": ["cat", "cat; dog"]}
    parquet.write_table(pyarrow.table(columns), root / "train.parquet")
    data = open_dataset("auto", root)
    assert [sample.image for sample in data.split("train")] == [root / "images" / "a.png", root / "images" / "b/2.png"]
    assert [sample.labels for sample in data.split("train")] == [(0,), (0, 1)]
    assert data.notes[0].endswith("Parquet files with the paths of images: train.parquet (format huggingface)")
    (root / "images" / "b" / "2.png").unlink()
    with pytest.raises(PatchlearnError, match=r"row 1 of train: the row names the file 'b/2\.png' .*Put the file into"):
        open_dataset("auto", root)
    (root / "tags.csv").write_text("image,label\na.png,cow\n")
    assert open_dataset("auto", root).classes == ("cow",)  # a table of images is more likely to be meant


def test_a_second_opening_finds_images_of_both_kinds(tmp_path: Path) -> None:
    root, work = tmp_path / "photos", tmp_path / "work"
    root.mkdir()
    Image.fromarray(pixels(1)).save(root / "a.png")
    inside = {"bytes": (root / "a.png").read_bytes(), "path": "b.png"}
    rows = [{"image": {"bytes": None, "path": "a.png"}, "label": "cat"}, {"image": inside, "label": "dog"}]
    parquet.write_table(pyarrow.Table.from_pylist(rows), root / "train.parquet")
    first = opened(root, work)
    assert [sample.image for sample in first.split("train")] == [root / "a.png", work / "images" / "train" / "b.png"]
    assert opened(root, work) == first


def test_objects_of_a_data_set_of_boxes_are_labels(tmp_path: Path) -> None:
    box = {"bbox": datasets.List(datasets.Value("float32")), "category": datasets.ClassLabel(names=["cat", "dog"])}
    objects = [[{"bbox": [0, 0, 1, 1], "category": 1}] * 2, []]
    whole = table([0, 0], datasets.Value("int64"), objects=(datasets.List(box), objects)).remove_columns("label")
    whole.to_parquet(tmp_path / "train.parquet")
    data = opened(tmp_path, tmp_path / "work")
    assert data.classes == ("cat", "dog")
    assert [sample.labels for sample in data.split("train")] == [(1,), ()]
