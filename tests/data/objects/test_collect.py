"""Data sets out of Python."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pandas as pd
import polars as pl
import pytest
from PIL import Image
from torch.utils.data import Subset
from torchvision.datasets import FakeData, ImageFolder

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import Dataset, UInt8
from patchlearn.data.checks.check import check_dataset
from patchlearn.data.images import read_image, read_mask
from patchlearn.data.objects.collect import as_dataset, collect, from_frame, from_huggingface, from_torchvision


def pixels(number: int) -> UInt8:
    return np.random.default_rng(number).integers(0, 255, (6, 9, 3), np.uint8)


def labels_of(data: Dataset, split: str = "train") -> list[list[str]]:
    return [[data.classes[index] for index in sample.labels] for sample in data.split(split)]


def state(folder: Path) -> dict[str, tuple[int, int]]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path): (path.stat().st_ino, path.stat().st_mtime_ns) for path in files}


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for number, name in enumerate(("a.png", "b.png", "deep/c.png")):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels(number)).save(path)
    return tmp_path / "photos"


def test_arrays_images_and_paths_are_one_data_set(tmp_path: Path, photos: Path) -> None:
    images = [pixels(0), Image.fromarray(pixels(1)), str(photos / "a.png"), photos / "b.png", pixels(4)]
    data = collect(images, [["dog", "cat"], "cat", [], ["?cat", "dog"], None], tmp_path / "work")
    assert data.classes == ("cat", "dog")
    assert [(sample.id, sample.labels, sample.unknown) for sample in data.split("train")] == [
        ("000000", (0, 1), ()),
        ("000001", (0,), ()),
        ("a", (), ()),
        ("b", (1,), (0,)),
    ]
    for number, sample in enumerate(data.split("train")[:2]):
        assert (read_image(sample.image) == pixels(number)).all()
    assert [sample.image for sample in data.split("train")[2:]] == [photos / "a.png", photos / "b.png"]
    check_dataset(data)


def test_equal_images_are_not_written_again_and_others_are_refused(tmp_path: Path) -> None:
    images = [pixels(0), Image.fromarray(pixels(1))]
    first = collect(images, ["cat", "dog"], tmp_path)
    before = state(tmp_path)
    assert collect([Image.fromarray(pixels(0)), pixels(1)], ["cat", "dog"], tmp_path) == first
    assert labels_of(collect(images, ["dog", "dog"], tmp_path)) == [["dog"], ["dog"]]
    for others in ([pixels(0), pixels(2)], [pixels(0)], [*images, pixels(2)], [pixels(0).reshape(9, 6, 3), pixels(1)]):
        with pytest.raises(PatchlearnError, match="holds the images of other data"):
            collect(others, ["cat"] * len(others), tmp_path)
    assert state(tmp_path) == before
    again = collect(images, ["cat", "dog"], tmp_path / "elsewhere").split("train")
    assert [sample.image.read_bytes() for sample in again] == [
        sample.image.read_bytes() for sample in first.split("train")
    ]


def test_an_array_of_images_is_a_sequence_of_them(tmp_path: Path) -> None:
    data = collect(np.stack([pixels(0), pixels(1)]), np.array(["cat", "dog"]), tmp_path)
    assert labels_of(data) == [["cat"], ["dog"]]
    assert (read_image(data.split("train")[1].image) == pixels(1)).all()


def test_classes_keep_their_order_and_splits_are_named(tmp_path: Path) -> None:
    images = [pixels(number) for number in range(3)]
    data = collect(images, ["a", "b", "a"], tmp_path, classes=["b", "c", "a"], split=["train", "valid", "valid"])
    assert data.classes == ("b", "c", "a")
    assert {name: labels_of(data, name) for name in data.splits} == {"train": [["a"]], "val": [["b"], ["a"]]}
    assert list(collect(images, ["a", "b", "a"], tmp_path, split="test").splits) == ["test"]


@pytest.mark.parametrize(
    ("images", "tags", "options", "complaint"),
    [
        ([1, 2], [["cat"]], {}, r"tags: 1 for 2 images\. Pass one list"),
        ("photos", ["cat"], {}, "images: str is no list"),
        (Path("photos"), ["cat"], {}, "images: .*Path is no list"),
        ([pixels(0)] * 3, "cat", {}, "tags: str is no list"),
        ((pixels(0) for _ in range(2)), ["cat"], {}, "images: generator is no list"),
        ([pixels(0)], {"a": "cat"}, {}, "tags: dict is no list"),
        ([pixels(0)], [[]], {}, "no image has a label"),
        ([pixels(0)], [["kat"]], {"classes": ["cat"]}, r"images\[0\]: the tag 'kat' .*did you mean 'cat'\?"),
        ([pixels(0)], [["?kat"]], {"classes": ["cat"]}, "the tag 'kat' is no class"),
        ([pixels(0)], ["cat"], {"split": ["a", "b"]}, "split: 2 names for 1 images"),
        ([pixels(0)], ["cat"], {"split": ["../a"]}, "'../a' is not a valid name of a split"),
        ([pixels(0)], ["cat"], {"split": [None]}, r"split\[0\]: no name of a split"),
        ([pixels(0)], ["background"], {}, "'background' is not a class"),
    ],
)
def test_what_cannot_be_used_is_explained(
    tmp_path: Path, images: Any, tags: Any, options: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(PatchlearnError, match=complaint):
        collect(images, tags, tmp_path, **options)


@pytest.mark.parametrize("library", [pd, pl])
def test_a_table_of_paths(photos: Path, library: Any) -> None:
    columns = {
        "filename": ["a.png", "b.png", "deep/c.png"],
        "labels": ["cat, traffic light", None, "?cat"],
        "split": ["train", "train", "validation"],
        "note": [1, 2, 3],
    }
    data = from_frame(library.DataFrame(columns), root=photos)
    assert data.classes == ("cat", "traffic light")
    assert labels_of(data) == [["cat", "traffic light"]]
    assert [(sample.id, sample.unknown) for sample in data.split("val")] == [("c", (0,))]
    assert (read_image(data.split("val")[0].image) == pixels(2)).all()
    assert data.notes[0].startswith("tags: 1 image has no tags, and is not used")
    check_dataset(data)


@pytest.mark.parametrize("library", [pd, pl])
def test_a_table_of_lists(photos: Path, library: Any) -> None:
    columns = {"path": [str(photos / "a.png"), str(photos / "b.png")], "tags": [["b10", "b9"], []]}
    data = from_frame(library.DataFrame(columns))
    assert (data.classes, labels_of(data)) == (("b9", "b10"), [["b9", "b10"], []])


def test_one_line_for_each_label_is_one_image(photos: Path) -> None:
    frame = pd.DataFrame({"image": ["a.png", "b.png", "a.png"], "label": ["cat", "cat", "dog"]})
    assert labels_of(from_frame(frame, root=photos)) == [["cat", "dog"], ["cat"]]


def test_a_table_of_pixels_needs_a_folder(tmp_path: Path) -> None:
    frame = pd.DataFrame({"image": [pixels(0), pixels(1)], "label": ["cat", "dog"]})
    with pytest.raises(PatchlearnError, match="Pass work=FOLDER"):
        from_frame(frame)
    data = from_frame(frame, tmp_path)
    assert [(read_image(sample.image) == pixels(n)).all() for n, sample in enumerate(data.split("train"))] == [True] * 2


def test_tables_that_cannot_be_used_are_explained(photos: Path) -> None:
    with pytest.raises(PatchlearnError, match=r"LazyFrame is no table.*frame\.collect\(\)"):
        from_frame(pl.DataFrame({"image": ["a.png"], "label": ["cat"]}).lazy())
    with pytest.raises(PatchlearnError, match="no column of images among a, label"):
        from_frame(pd.DataFrame({"a": ["a.png"], "label": ["cat"]}))
    with pytest.raises(PatchlearnError, match="several columns of labels: label, tags"):
        from_frame(pd.DataFrame({"image": ["a.png"], "label": ["cat"], "tags": ["cat"]}))
    with pytest.raises(PatchlearnError, match=r"row 0: '../a.png' is outside of"):
        from_frame(pd.DataFrame({"image": ["../a.png"], "label": ["cat"]}), root=photos)
    with pytest.raises(PatchlearnError, match="row 0: no name of a split"):
        from_frame(pd.DataFrame({"image": ["a.png"], "label": ["cat"], "split": [np.nan]}), root=photos)
    with pytest.raises(PatchlearnError, match="'coma' is not an option; did you mean 'comma'"):
        from_frame(pd.DataFrame({"image": ["a.png"], "label": ["cat"]}), root=photos, separator="coma")


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    for number, name in enumerate(("cat/1.png", "dog/1.png", "dog/2.png")):
        path = tmp_path / "folders" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels(number)).save(path)
    return tmp_path / "folders"


def test_the_files_of_torchvisions_image_folder_stay(folders: Path) -> None:
    source = ImageFolder(str(folders))
    data = from_torchvision(source)
    assert (data.classes, labels_of(data)) == (("cat", "dog"), [["cat"], ["dog"], ["dog"]])
    assert [sample.id for sample in data.split("train")] == ["cat__1", "dog__1", "2"]
    assert [sample.image for sample in data.split("train")] == [Path(path) for path, _ in source.samples]
    both = from_torchvision({"train": Subset(source, [2, 0]), "val": Subset(source, [1])})
    assert (labels_of(both), labels_of(both, "val")) == ([["dog"], ["cat"]], [["dog"]])


def test_images_of_torchvision_are_written(tmp_path: Path) -> None:
    source = FakeData(size=3, image_size=(3, 8, 6), num_classes=2)
    source.classes = ["zebra", "ant"]
    data = from_torchvision(source, tmp_path, split="val")
    assert data.classes == ("zebra", "ant")
    for sample, (image, label) in zip(data.split("val"), [source[number] for number in range(3)]):
        assert sample.labels == (int(label),)
        assert (read_image(sample.image) == np.asarray(image)).all()


def test_data_of_torchvision_that_cannot_be_used_is_explained(tmp_path: Path, folders: Path) -> None:
    from torchvision.transforms import ToTensor

    source = FakeData(size=2, image_size=(3, 8, 6), num_classes=2)
    with pytest.raises(PatchlearnError, match="FakeData has no list `classes`"):
        from_torchvision(source, tmp_path)
    source.classes = ["a", "b"]
    with pytest.raises(PatchlearnError, match="a: has other classes than train"):
        from_torchvision({"train": ImageFolder(str(folders)), "a": source}, tmp_path)
    source.transform = ToTensor()
    with pytest.raises(PatchlearnError, match=r"train\[0\]: a tensor, no PIL image\. Make .* without its transform"):
        from_torchvision(source, tmp_path)


def table(labels: list[Any], feature: Any, **more: Any) -> datasets.Dataset:
    columns = {"image": [Image.fromarray(pixels(number)) for number in range(len(labels))], "label": labels}
    features = {"image": datasets.Image(), "label": feature, **{name: each[0] for name, each in more.items()}}
    values = {**columns, **{name: each[1] for name, each in more.items()}}
    return datasets.Dataset.from_dict(values, features=datasets.Features(features))


CLASS = datasets.ClassLabel(names=["zebra", "ant"])


@pytest.mark.parametrize(
    ("feature", "labels", "classes", "expected"),
    [
        (CLASS, [1, None, 0, -1], ("zebra", "ant"), [["ant"], ["zebra"]]),
        (datasets.Sequence(CLASS), [[1, 0], [], None], ("zebra", "ant"), [["zebra", "ant"], []]),
        (datasets.Value("string"), ["b; a b", None, "b"], ("a b", "b"), [["a b", "b"], ["b"]]),
        (datasets.Sequence(datasets.Value("string")), [["b", "a"], []], ("a", "b"), [["a", "b"], []]),
    ],
)
def test_data_of_hugging_face(
    tmp_path: Path, feature: Any, labels: list[Any], classes: tuple[str, ...], expected: list[list[str]]
) -> None:
    data = from_huggingface(table(labels, feature), tmp_path)
    assert (data.classes, labels_of(data)) == (classes, expected)
    used = [number for number, label in enumerate(labels) if label not in (None, -1)]
    for number, sample in zip(used, data.split("train")):
        assert (read_image(sample.image) == pixels(number)).all()
    before = state(tmp_path)
    assert from_huggingface(table(labels, feature), tmp_path) == data
    assert state(tmp_path) == before


def test_splits_formats_and_masks_of_hugging_face(tmp_path: Path) -> None:
    mask = np.array([[0, 1, 2, 255]] * 6, np.uint8).repeat([3, 2, 2, 2], axis=1)
    source = table([1, 0], CLASS, mask=(datasets.Image(), [Image.fromarray(mask)] * 2))
    parts = datasets.DatasetDict({"train": source.with_format("numpy"), "validation": source.select([1])})
    data = from_huggingface(parts, tmp_path)
    assert (labels_of(data), labels_of(data, "val")) == ([["ant"], ["zebra"]], [["zebra"]])
    assert (read_mask(data, data.split("val")[0]) == mask).all()
    check_dataset(data)
    assert from_huggingface(parts, tmp_path) == data


def test_iterable_data_of_hugging_face(tmp_path: Path) -> None:
    data = from_huggingface(table([1, 0], CLASS).to_iterable_dataset(), tmp_path)
    assert labels_of(data) == [["ant"], ["zebra"]]
    assert (read_image(data.split("train")[1].image) == pixels(1)).all()


def test_files_of_hugging_face_stay(photos: Path) -> None:
    features = datasets.Features({"image": datasets.Image(), "label": CLASS})
    values = {"image": [str(photos / "a.png"), str(photos / "b.png")], "label": [0, 1]}
    data = from_huggingface(datasets.Dataset.from_dict(values, features=features))
    assert [(sample.id, sample.image) for sample in data.split("train")] == [
        ("train__a", photos / "a.png"),
        ("train__b", photos / "b.png"),
    ]


def test_data_of_hugging_face_that_cannot_be_used_is_explained(tmp_path: Path) -> None:
    two = table([1, 0], CLASS, kind=(CLASS, [0, 1]))
    with pytest.raises(PatchlearnError, match=r"several .*: label, kind\. Choose one: .*labels='label'"):
        from_huggingface(two, tmp_path)
    assert labels_of(from_huggingface(two, tmp_path, labels="kind")) == [["zebra"], ["ant"]]
    with pytest.raises(PatchlearnError, match="holds the images of other data"):
        from_huggingface(table([1], CLASS), tmp_path)
    with pytest.raises(PatchlearnError, match="Pass work=FOLDER"):
        from_huggingface(table([1], CLASS))
    others = datasets.DatasetDict({"train": table([1], CLASS), "test": table(["a"], datasets.Value("string"))})
    with pytest.raises(PatchlearnError, match="train, test: the splits have other columns or classes"):
        from_huggingface(others, tmp_path / "work")
    with pytest.raises(PatchlearnError, match=r"'label' has its own classes. Leave classes out"):
        from_huggingface(table([1], CLASS), tmp_path / "work", classes=["ant"])
    words = table(["red car"], datasets.Value("string"))
    with pytest.raises(PatchlearnError, match=r"may be one class or 2.*Pass separator="):
        from_huggingface(words, tmp_path / "work")
    assert from_huggingface(words, tmp_path / "work", classes=["red car"]).classes == ("red car",)
    with pytest.raises(PatchlearnError, match="the tag 'red' is no class"):
        from_huggingface(words, tmp_path / "work", classes=["car"], separator="space")


@pytest.mark.parametrize(
    "make",
    [
        lambda folders: str(folders),
        lambda folders: ImageFolder(str(folders)),
        lambda folders: {"train": ImageFolder(str(folders))},
        lambda folders: pd.DataFrame({"image": sorted(folders.rglob("*.png")), "label": ["cat", "dog", "dog"]}),
        lambda folders: pl.DataFrame(
            {"image": [str(path) for path in sorted(folders.rglob("*.png"))], "label": ["cat", "dog", "dog"]}
        ),
        lambda folders: datasets.load_dataset(
            "imagefolder", data_dir=str(folders), cache_dir=str(folders.parent / "cache")
        ),
        lambda folders: table([0, 1, 1], datasets.ClassLabel(names=["cat", "dog"])),
    ],
)
def test_one_function_takes_them_all(tmp_path: Path, folders: Path, make: Callable[[Path], Any]) -> None:
    data = as_dataset(make(folders), work=tmp_path / "work")
    assert (data.classes, labels_of(data)) == (("cat", "dog"), [["cat"], ["dog"], ["dog"]])
    assert as_dataset(data) is data
    assert [(read_image(sample.image) == pixels(n)).all() for n, sample in enumerate(data.split("train"))] == [True] * 3


def test_one_function_takes_images_with_tags_and_nothing_else(tmp_path: Path) -> None:
    assert labels_of(as_dataset([pixels(0)], ["cat"], tmp_path)) == [["cat"]]
    for data in ([pixels(0)], 3, {}, {"a": 1}, None):
        with pytest.raises(PatchlearnError, match=r"is no data set\. Pass .* or images with tags="):
            as_dataset(data, work=tmp_path)
