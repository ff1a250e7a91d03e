"""Images and tags that are in memory."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import Dataset
from patchlearn.data.images import read_image
from patchlearn.data.objects.collected import Item, dataset_from, parsed_tags

RGB = np.random.default_rng(0).integers(0, 255, (6, 9, 3), np.uint8)


def collected(images: list[Any], work: Path | None, tags: Any = ("cat",)) -> Dataset:
    items = [
        Item(image=image, tags=tags, split="train", place=f"images[{number}]") for number, image in enumerate(images)
    ]
    return dataset_from(items, work, Path("root"), None)


@pytest.mark.parametrize("pixels", [RGB, RGB[..., 0], RGB[::2, ::-1], np.asfortranarray(RGB)])
def test_the_pixels_of_an_array_are_written_without_loss(tmp_path: Path, pixels: np.ndarray[Any, Any]) -> None:
    (sample,) = collected([pixels], tmp_path).split("train")
    assert sample.image == tmp_path / "images" / "000000.png"
    expected = pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, axis=2)
    assert (read_image(sample.image) == expected).all()


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "1", "RGBA", "LA", "CMYK", "I;16", "F"])
def test_a_pil_image_is_what_its_file_is(tmp_path: Path, mode: str) -> None:
    image = Image.fromarray(RGB).convert("L").convert(mode) if mode in ("I;16", "F") else Image.fromarray(RGB)
    image = image if image.mode == mode else image.convert(mode)
    path = tmp_path / ("x.tif" if mode in ("CMYK", "F", "I;16") else "x.png")
    image.save(path)
    (sample,) = collected([image], tmp_path / "work").split("train")
    assert (read_image(sample.image) == read_image(path)).all()


def test_a_pil_image_is_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / "x.jpg"
    Image.fromarray(RGB).save(path, exif=exif)
    with Image.open(path) as image:
        (sample,) = collected([image], tmp_path / "work").split("train")
    assert read_image(sample.image).shape == (9, 6, 3)
    assert (read_image(sample.image) == read_image(path)).all()


def test_paths_stay_and_their_stems_are_the_ids(tmp_path: Path) -> None:
    names = ["a/x.png", "b/x.png", "c/b/x.png", "c/b/x.jpg", "y.1.png", "b__x.png", "z/000008.png"]
    paths = [tmp_path / name for name in names]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(RGB).save(path)
    data = collected([*paths, str(paths[0]), RGB], tmp_path / "work")
    ids = {sample.image: sample.id for sample in data.split("train")}
    stored = tmp_path / "work" / "images" / "000008.png"
    expected = ["a__x", "b__x_2", "b__x_3", "b__x_4", "y.1", "b__x", "z__000008"]
    assert ids == {**dict(zip(paths, expected)), stored: "000008"}
    assert [path.name for path in (tmp_path / "work" / "images").iterdir()] == ["000008.png"]


def test_paths_need_no_folder_and_missing_ones_are_named(tmp_path: Path) -> None:
    with pytest.raises(PatchlearnError, match=r"images\[0\]: .*x\.png does not exist"):
        collected([tmp_path / "x.png"], None)
    Image.fromarray(RGB).save(tmp_path / "x.png")
    assert collected([tmp_path / "x.png"], None).split("train")[0].image == tmp_path / "x.png"
    with pytest.raises(PatchlearnError, match="Pass work=FOLDER"):
        collected([RGB], None)


@pytest.mark.parametrize(
    ("image", "complaint"),
    [
        (RGB / 255.0, r"array of float64 .*\(array \* 255\)\.round\(\)\.astype\('uint8'\)"),
        (RGB.transpose(2, 0, 1), r"shape \(3, 6, 9\).*array\.transpose\(1, 2, 0\)"),
        (RGB[..., :1], r"Here: array\[\.\.\., 0\]"),
        (np.zeros((2, 2, 4), np.uint8), r"Here: array\[\.\.\., :3\]"),
        (RGB.astype(np.int64), "array of int64"),
        (RGB[:0], r"shape \(0, 9, 3\)"),
        (RGB[None], r"shape \(1, 6, 9, 3\)"),
        (torch.zeros(3, 4, 4), r"Tensor is no image.*tensor\.permute\(1, 2, 0\)\.numpy\(\)"),
        (b"x", "bytes is no image. Pass a path, a PIL image, or a NumPy array"),
        (None, "NoneType is no image"),
        (3, "int is no image"),
    ],
)
def test_what_is_no_image_is_explained(tmp_path: Path, image: Any, complaint: str) -> None:
    with pytest.raises(PatchlearnError, match=rf"^images\[0\]: .*{complaint}"):
        collected([image], tmp_path)


def test_a_truncated_image_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    Image.fromarray(RGB).save(path)
    path.write_bytes(path.read_bytes()[:60])
    with Image.open(path) as image, pytest.raises(PatchlearnError, match=r"images\[0\]: damaged image"):
        collected([image], tmp_path / "work")


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (None, None),
        ("traffic light", (("traffic light",), ())),
        ("", ((), ())),
        ([], ((), ())),
        (["cat", " ?dog "], (("cat",), ("dog",))),
        (("? dog",), ((), ("dog",))),
        (np.array(["cat", "dog"]), (("cat", "dog"), ())),
        ({"cat"}, (("cat",), ())),
    ],
)
def test_tags(tags: Any, expected: tuple[tuple[str, ...], tuple[str, ...]] | None) -> None:
    assert parsed_tags(tags, "tags[0]") == expected


@pytest.mark.parametrize(
    ("tags", "complaint"),
    [
        (3, "the tags 3 are no list of names"),
        ({"cat": 1}, "are no list of names"),
        (b"cat", "are no list of names"),
        ([3], r"the tag 3 is no text.*classes\[3\]"),
        ([None], "the tag None is no text"),
        (["?"], "has no name"),
    ],
)
def test_tags_of_another_type_are_explained(tags: Any, complaint: str) -> None:
    with pytest.raises(PatchlearnError, match=rf"^images\[4\]: .*{complaint}"):
        parsed_tags(tags, "images[4]")


def test_images_without_tags_are_neither_used_nor_written(tmp_path: Path) -> None:
    items = [Item(image=RGB, tags=tags, split="train", place="x") for tags in (None, ["cat"], [], None)]
    data = dataset_from(items, tmp_path, tmp_path, None)
    assert [(sample.id, sample.labels) for sample in data.split("train")] == [("000001", (0,)), ("000002", ())]
    assert data.notes == ("tags: 2 images have no tags, and are not used. An empty list says that an image has none of "
                          "the classes",)  # fmt: skip
    with pytest.raises(PatchlearnError, match="no image has tags"):
        dataset_from(items[:1], tmp_path / "other", tmp_path, None)
