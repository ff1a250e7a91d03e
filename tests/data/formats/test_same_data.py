"""The same images and tags are the same data set, whatever format they are in."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import same_data
from PIL import Image
from same_data import PHOTOS, as_csv
from whole_run import RECIPE, files

from patchlearn.cli.main import main
from patchlearn.core.types import Dataset, Sample
from patchlearn.data.images import read_image
from patchlearn.data.open import open_data
from patchlearn.data.settings import DataSettings

Write = Callable[[Path], None]
WITH_LIBRARIES: dict[Write, tuple[str, ...]] = {
    same_data.as_parquet: ("datasets", "pyarrow"),
    same_data.as_saved: ("datasets", "pyarrow"),
}
IN_FOLDERS = (same_data.as_jsonl, same_data.as_parquet, same_data.as_saved)  # the id says the split, too: train__sea
SHORT = ["--affinity.kind=none", "--runtime.device=cpu", "--variants", "{plain: null}"]


def opened(root: Path, write: Write) -> Dataset:
    root.mkdir()
    write(root)
    return open_data(DataSettings(root=str(root)), root.with_name(f"{root.name} work"))


@pytest.fixture
def expected(tmp_path: Path) -> Dataset:
    return opened(tmp_path / "csv", as_csv)


def require_equal_pixels(samples: tuple[Sample, ...], others: tuple[Sample, ...]) -> None:
    for sample, other in zip(samples, others, strict=True):
        assert np.array_equal(read_image(sample.image), read_image(other.image)), sample.id


def test_the_table_is_read_as_it_is_written(expected: Dataset) -> None:
    assert (expected.classes, expected.mask_values) == (("cat", "dog"), (1, 2))
    assert {split: [sample.id for sample in samples] for split, samples in expected.splits.items()} == {
        "train": ["sea", "garden", "Street", "roof", "10"],
        "val": ["lake", "attic", "barn"],
    }
    assert [sample.labels for sample in expected.split("train")] == [(1,), (0, 1), (), (0,), (0,)]
    assert {read_image(sample.image).shape for sample in expected.split("train")} == {(24, 30, 3), (30, 24, 3)}


@pytest.mark.parametrize(
    "write",
    [
        same_data.as_columns,
        same_data.as_jsonl,
        same_data.as_voc,
        same_data.as_coco,
        same_data.as_yolo,
        same_data.as_cvat,
        same_data.as_open_images,
        same_data.as_parquet,
        same_data.as_saved,
    ],
)
def test_other_formats_are_the_same_data_set(expected: Dataset, tmp_path: Path, write: Write) -> None:
    for library in WITH_LIBRARIES.get(write, ()):
        pytest.importorskip(library, reason=f"needs {library}")
    data = opened(tmp_path / "data", write)
    assert (data.classes, data.mask_values) == (expected.classes, expected.mask_values)
    assert list(data.splits) == ["train", "val"]
    for split, samples in expected.splits.items():
        found = data.split(split)
        prefix = f"{split}__" if write in IN_FOLDERS else ""
        assert [sample.id for sample in found] == [f"{prefix}{sample.id}" for sample in samples]
        assert [(sample.labels, sample.unknown) for sample in found] == [(each.labels, ()) for each in samples]
        require_equal_pixels(found, samples)


@pytest.mark.parametrize(
    "write",
    [
        as_csv,
        same_data.as_columns,
        same_data.as_jsonl,
        same_data.as_voc,
        same_data.as_coco,
        same_data.as_yolo,
        same_data.as_cvat,
        same_data.as_open_images,
        same_data.as_label_studio,
        same_data.as_class_folders,
        same_data.as_parquet,
    ],
)
def test_classes_txt_fixes_their_order_in_every_format(tmp_path: Path, write: Write) -> None:
    for library in WITH_LIBRARIES.get(write, ()):
        pytest.importorskip(library, reason=f"needs {library}")

    def write_both(root: Path) -> None:
        write(root)
        same_data.text(root / "classes.txt", "dog\ncat")

    data = opened(tmp_path / "data", write_both)
    assert data.classes == ("dog", "cat")
    tags = {photo.stem: {data.classes.index(name) for name in photo.labels} for photo in PHOTOS}
    for sample in (sample for samples in data.splits.values() for sample in samples):
        assert set(sample.labels) == tags[sample.id.split("__")[-1]]


def test_label_studio_knows_no_splits(expected: Dataset, tmp_path: Path) -> None:
    data = opened(tmp_path / "data", same_data.as_label_studio)
    every = {sample.id: sample for samples in expected.splits.values() for sample in samples}
    in_order = tuple(every[photo.stem] for photo in PHOTOS)
    assert (data.classes, list(data.splits)) == (expected.classes, ["train"])
    found = data.split("train")
    assert [(sample.id, sample.labels, sample.unknown) for sample in found] == [
        (sample.id, sample.labels, ()) for sample in in_order
    ]
    require_equal_pixels(found, in_order)


def test_class_folders_hold_images_of_one_tag_or_none_sorted_by_path(expected: Dataset, tmp_path: Path) -> None:
    data = opened(tmp_path / "data", same_data.as_class_folders)
    assert (data.classes, list(data.splits)) == (expected.classes, ["train", "val"])
    for split, samples in expected.splits.items():
        folders = {sample.id: "good" for sample in samples}
        folders |= {sample.id: expected.classes[sample.labels[0]] for sample in samples if sample.labels}
        single = {f"{split}__{folders[each.id]}__{each.id}": each for each in samples if len(each.labels) < 2}
        found = data.split(split)
        assert [sample.id for sample in found] == sorted(single)
        assert [sample.labels for sample in found] == [single[sample.id].labels for sample in found]
        require_equal_pixels(found, tuple(single[sample.id] for sample in found))


def test_a_table_of_pandas_is_the_same_data_set(expected: Dataset, tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas", reason="needs pandas")
    from patchlearn.data.objects.collect import from_frame

    rows = [{"image": photo.name, "labels": list(photo.labels), "split": photo.split} for photo in PHOTOS]
    data = from_frame(pandas.DataFrame(rows), root=tmp_path / "csv" / "images")
    assert (data.classes, data.splits, data.mask_values) == (expected.classes, expected.splits, expected.mask_values)


def write_table(root: Path) -> None:
    """Forty images, ten of which have both tags; named as the rows of Parquet files are: train/000000.png."""
    names = [f"train/{number:06}.png" for number in range(40)]
    for number, name in enumerate(names):
        same_data.paint(root / name, number)
    tags = ["cat", "dog", "cat; dog", ""] * 10
    same_data.text(root / "labels.csv", "image,labels\n" + "".join(f"{n},{t}\n" for n, t in zip(names, tags)))


def write_parquet(root: Path, table: Path) -> None:
    import datasets

    lines = (table / "labels.csv").read_text().splitlines()[1:]
    rows = [
        {"image": {"bytes": (table / name).read_bytes(), "path": None}, "labels": tags}
        for name, tags in (line.split(",") for line in lines)
    ]
    features = datasets.Features({"image": datasets.Image(), "labels": datasets.Value("string")})
    root.mkdir()
    datasets.Dataset.from_list(rows, features=features).to_parquet(root / "train.parquet")


def test_a_table_and_parquet_files_give_the_same_pseudo_masks(tmp_path: Path) -> None:
    pytest.importorskip("datasets", reason="needs datasets")
    (tmp_path / "tiny.yaml").write_text(RECIPE)
    write_table(tmp_path / "table")
    write_parquet(tmp_path / "parquet", tmp_path / "table")
    for name in ("table", "parquet"):
        out = ["--out", str(tmp_path / f"run of {name}")]
        where = [str(tmp_path / name), *out, "--recipe", str(tmp_path / "tiny.yaml")]
        assert [main([verb, *where, *SHORT]) for verb in ("train", "cams", "pseudo")] == [0, 0, 0]
    masks, others = (files(tmp_path / f"run of {name}", "*/pseudo/**/*.png") for name in ("table", "parquet"))
    assert len(masks) == 80  # 40 and, in the folder `sure`, as many of what is certain
    assert any(np.asarray(Image.open(BytesIO(content))).any() for content in masks.values())
    assert masks == others
