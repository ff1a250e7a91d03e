"""The folder layout."""

from pathlib import Path

import numpy as np
import pytest
from conftest import make_folder
from PIL import Image

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.masks_io import write_mask
from patchlearn.data.check import check_dataset
from patchlearn.data.open import open_dataset


def test_a_folder_reads(folder_data: Path) -> None:
    data = open_dataset("folder", folder_data)
    assert data.classes == ("red", "blue")
    assert {name: len(samples) for name, samples in data.splits.items()} == {"train": 8, "val": 4}
    summary = check_dataset(data)["train"]
    assert (summary.images, summary.masks, summary.labels, summary.unlabelled) == (8, 8, (4, 4), 0)


def test_string_ids_in_unicode_and_subfolders_work(tmp_path: Path) -> None:
    root = make_folder(tmp_path / "data", lambda index: f"été {index} 猫.png")
    (root / "images" / "deep").mkdir()
    Image.new("RGB", (9, 9)).save(root / "images" / "deep" / "x.png")
    with (root / "labels.csv").open("a", encoding="utf-8") as file:
        file.write("deep/x.png,train,red blue\n")
    data = open_dataset("folder", root)
    assert data.split("train")[0].id == "été 0 猫"
    assert data.split("train")[-1].id == "deep__x"
    assert data.split("train")[-1].labels == (0, 1)
    check_dataset(data)
    for name in ("deep/x.png", "deep__x.png"):  # masks lie as the images do, or flat
        (root / "masks" / name).parent.mkdir(exist_ok=True)
        write_mask(root / "masks" / name, np.zeros((9, 9), np.uint8))
        assert open_dataset("folder", root).split("train")[-1].mask == root / "masks" / name


def test_without_classes_txt_the_labels_are_the_classes(folder_data: Path) -> None:
    (folder_data / "classes.txt").unlink()
    assert open_dataset("folder", folder_data).classes == ("blue", "red")


@pytest.mark.parametrize("labels", ['"red, blue"', '"red,blue"', "red;blue"])
def test_without_classes_txt_other_separators_are_refused(folder_data: Path, labels: str) -> None:
    (folder_data / "classes.txt").unlink()
    (folder_data / "labels.csv").write_text(f"image,split,labels\nimg00.png,train,{labels}\n")
    with pytest.raises(PatchlearnError, match=r"line 2: the label 'red.*Separate labels by spaces"):
        open_dataset("folder", folder_data)


def test_an_open_quote_in_the_first_line_is_explained(folder_data: Path) -> None:
    (folder_data / "labels.csv").write_text('"image,split,labels\nimg00.png,train,red\n')
    with pytest.raises(PatchlearnError, match="Close every quote"):
        open_dataset("folder", folder_data)


def test_a_link_to_an_image_elsewhere_is_an_image(folder_data: Path) -> None:
    image = folder_data / "images" / "img00.png"
    image.rename(folder_data / "elsewhere.png")
    image.symlink_to(folder_data / "elsewhere.png")
    check_dataset(open_dataset("folder", folder_data))


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("img00.png,train,red", "line 14: image 'img00.png' is also in line 2"),
        ("new.png,train,rad", r"line 14: unknown class 'rad'; did you mean 'red'"),
        ("new.png,train,red", "does not exist"),
        ("../labels.csv,train,red", "is outside of"),
        ("new.png", "expected image,split,labels"),
        ("img00.jpg,train,red", r"'img00\.jpg' and 'img00\.png' \(line 2\) both have the id 'img00'"),
        ("new.png,../train,red", "'../train' is not a valid name of a split"),
        ("new.png,..,red", "'..' is not a valid name of a split"),
        ("new.png, ,red", "' ' is not a valid name of a split"),
        ("new\0.png,train,red", "zero byte"),
        ("new.png,train,red,blue", "line 14: more cells than columns. Separate the labels by spaces"),
        ('new.png,train,"red', "not valid CSV .*Close every quote"),
    ],
)
def test_a_broken_line_is_explained(folder_data: Path, line: str, complaint: str) -> None:
    if "img00.jpg" in line:
        Image.new("RGB", (9, 9)).save(folder_data / "images" / "img00.jpg")
    with (folder_data / "labels.csv").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(PatchlearnError, match=complaint) as caught:
        open_dataset("folder", folder_data)
    assert "labels.csv" in str(caught.value)


def test_an_absolute_path_is_refused_even_below_images(folder_data: Path) -> None:
    with (folder_data / "labels.csv").open("a") as file:
        file.write(f"{(folder_data / 'images' / 'img00.png').resolve()},train,red\n")
    with pytest.raises(PatchlearnError, match="is outside of"):
        open_dataset("folder", folder_data)


def test_more_classes_than_a_mask_can_hold_are_refused(folder_data: Path) -> None:
    (folder_data / "classes.txt").unlink()
    labels = " ".join(f"c{index}" for index in range(255))
    (folder_data / "labels.csv").write_text(f"image,split,labels\nimg00.png,train,{labels}\n")
    with pytest.raises(PatchlearnError, match="255 classes, but an 8-bit mask holds 1 to 254"):
        open_dataset("folder", folder_data)


def test_background_is_not_a_class(folder_data: Path) -> None:
    (folder_data / "classes.txt").write_text("background\nred\nblue\n")
    with pytest.raises(PatchlearnError, match="'background' is not a class"):
        open_dataset("folder", folder_data)
    (folder_data / "classes.txt").unlink()
    (folder_data / "labels.csv").write_text("image,split,labels\nimg00.png,train,red background\n")
    with pytest.raises(PatchlearnError, match=r"labels\.csv: 'background' is not a class"):
        open_dataset("folder", folder_data)


def test_another_encoding_is_explained(folder_data: Path) -> None:
    (folder_data / "labels.csv").write_bytes("image,split,labels\nété.png,train,red\n".encode("latin-1"))
    with pytest.raises(PatchlearnError, match=r"labels\.csv: not UTF-8"):
        open_dataset("folder", folder_data)


def test_a_data_set_without_any_label_is_refused(folder_data: Path) -> None:
    (folder_data / "classes.txt").unlink()
    (folder_data / "labels.csv").write_text("image,split,labels\nimg00.png,train,\n")
    with pytest.raises(PatchlearnError, match="no image has a label"):
        open_dataset("folder", folder_data)
