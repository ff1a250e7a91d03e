"""The folder layout."""

import json
from pathlib import Path

import numpy as np
import pytest
from conftest import make_folder
from PIL import Image

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.masks_io import write_mask
from patchlearn.core.types import ClassSize
from patchlearn.data.checks.check import check_dataset
from patchlearn.data.open import open_data, open_dataset
from patchlearn.data.settings import DataSettings


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


@pytest.mark.parametrize("labels", ['"red, blue"', '"red,blue"', "red;blue", "red|blue", "\"['red', 'blue']\""])
def test_labels_are_separated_in_many_ways(folder_data: Path, labels: str) -> None:
    (folder_data / "classes.txt").unlink()
    (folder_data / "labels.csv").write_text(f"image,split,labels\nimg00.png,train,{labels}\n")
    data = open_dataset("folder", folder_data)
    assert (data.classes, data.split("train")[0].labels) == (("blue", "red"), (0, 1))


def test_a_name_with_a_space_is_one_class_where_classes_txt_says_so(folder_data: Path) -> None:
    (folder_data / "classes.txt").write_text("adhesive tape\nred\n")
    (folder_data / "labels.csv").write_text("image,labels\nimg00.png,adhesive tape\nimg01.png,red adhesive tape\n")
    data = open_dataset("folder", folder_data)
    assert [sample.labels for sample in data.split("train")] == [(0,), (0, 1)]
    (folder_data / "classes.txt").unlink()
    with pytest.raises(PatchlearnError, match="'adhesive tape' may be one class or 2"):
        open_dataset("folder", folder_data)


@pytest.mark.parametrize(
    "table",
    [
        "image,labels\nimg00.png,red\nimg01.png,\nimg02.png,red;blue\n",
        "file;tags\nimages/img00.png;red\nimg01;\nIMG02.PNG;red,blue\n",
        "img00.png,red\nimg01.png,\nimg02.png,red|blue\n",
        "filename,label\nimg00.png,red\nimg01.png,\nimg02.png,red\nimg02.png,blue\n",
        "image,red,blue\nimg00.png,1,0\nimg01.png,0,0\nimg02.png,1,1\n",
        "Image Name,red,Split,blue\nimg00.png,true,train,false\nimg01.png,no,train,no\nimg02.png,1.0,train,yes\n",
    ],
)
def test_one_data_set_in_many_tables(folder_data: Path, table: str) -> None:
    (folder_data / "labels.csv").write_text(table)
    data = open_dataset("auto", folder_data)
    found = [(sample.id, sample.labels, sample.unknown) for sample in data.split("train")]
    assert found == [("img00", (0,), ()), ("img01", (), ()), ("img02", (0, 1), ())]
    assert "images and the table labels.csv (format folder)" in data.notes[0]
    assert any("9 files are in no line of labels.csv, and not used" in note for note in data.notes)


def test_lines_of_json_are_a_table(folder_data: Path) -> None:
    (folder_data / "labels.csv").unlink()
    rows = ['{"file_name": "img00.png", "tags": ["red"]}', '{"file_name": "img01.png", "tags": []}']
    (folder_data / "metadata.jsonl").write_text("\n".join(rows))
    data = open_dataset("auto", folder_data)
    assert [sample.labels for sample in data.split("train")] == [(0,), ()]


def test_an_empty_cell_beside_0_and_1_is_unknown(folder_data: Path) -> None:
    (folder_data / "labels.csv").write_text("image,red,blue\nimg00.png,1,\nimg01.png,-1,1\n")
    samples = open_dataset("folder", folder_data).split("train")
    assert [(sample.labels, sample.unknown) for sample in samples] == [((0,), (1,)), ((1,), (0,))]
    (folder_data / "labels.csv").write_text("image,labels\nimg00.png,red ?blue\n")
    sample = open_dataset("folder", folder_data).split("train")[0]
    assert (sample.labels, sample.unknown) == ((0,), (1,))


def test_a_table_for_each_split(folder_data: Path) -> None:
    (folder_data / "labels.csv").unlink()
    (folder_data / "train.csv").write_text("image,labels\nimg00.png,red\n")
    (folder_data / "valid.csv").write_text("image,labels\nimg01.png,blue\n")
    (folder_data / "notes.csv").write_text("who,what\nme,you\n")
    assert {name: len(found) for name, found in open_dataset("auto", folder_data).splits.items()} == {
        "train": 1,
        "val": 1,
    }
    (folder_data / "more.csv").write_text("image,labels\nimg02.png,red\n")
    with pytest.raises(PatchlearnError, match=r"more\.csv, train\.csv, valid\.csv.*--data\.labels train\.csv"):
        open_dataset("auto", folder_data)
    settings = DataSettings(root=str(folder_data), labels="more.csv")
    assert [sample.id for sample in open_data(settings).split("train")] == ["img02"]


def test_a_table_in_the_folder_of_each_split(folder_data: Path, tmp_path: Path) -> None:
    root = tmp_path / "huggingface"
    for split, image in (("train", "img00.png"), ("validation", "img01.png")):
        (root / split).mkdir(parents=True)
        (folder_data / "images" / image).rename(root / split / image)
        (root / split / "metadata.csv").write_text(
            f"file_name,label\n{image},{'red' if split == 'train' else 'blue'}\n"
        )
    data = open_dataset("auto", root)
    assert {name: [sample.id for sample in samples] for name, samples in data.splits.items()} == {
        "train": ["train__img00"],
        "val": ["validation__img01"],
    }


@pytest.mark.parametrize("place", ["images", "annotations"])
def test_the_table_may_lie_beside_the_images_or_in_annotations(folder_data: Path, place: str) -> None:
    (folder_data / place).mkdir(exist_ok=True)
    (folder_data / "labels.csv").rename(folder_data / place / "labels.csv")
    data = open_dataset("auto", folder_data)
    assert f"images and the table {place}/labels.csv" in data.notes[0]
    assert {name: len(samples) for name, samples in data.splits.items()} == {"train": 8, "val": 4}
    assert data.split("train")[0].mask == folder_data / "masks" / "img00.png"


def test_a_table_of_columns_in_the_folder_of_each_split(folder_data: Path, tmp_path: Path) -> None:
    """As Roboflow exports them."""
    root = tmp_path / "roboflow"
    for split, image in (("train", "img00.png"), ("valid", "img01.png")):
        (root / split).mkdir(parents=True)
        (folder_data / "images" / image).rename(root / split / image)
        (root / split / "_classes.csv").write_text(f"filename, red, blue, green\n{image}, 1, 0, 0\n")
    data = open_dataset("auto", root)
    assert {name: [sample.id for sample in samples] for name, samples in data.splits.items()} == {
        "train": ["train__img00"],
        "val": ["valid__img01"],
    }
    assert any("no image has the label of 2 columns: blue, green" in note for note in data.notes)


def test_a_name_may_leave_out_the_folder_of_the_only_image_of_this_name(folder_data: Path) -> None:
    (folder_data / "images").rename(folder_data / "photos 2024")
    (folder_data / "labels.csv").write_text("image,labels\nimg00,red\nIMG01.PNG,blue\n")
    assert [sample.id for sample in open_dataset("auto", folder_data).split("train")] == [
        "photos 2024__img00",
        "photos 2024__img01",
    ]
    (folder_data / "more").mkdir()
    (folder_data / "more" / "img00.png").touch()
    with pytest.raises(PatchlearnError, match=r"'img00' may be more/img00\.png or photos 2024/img00\.png\. Write the"):
        open_dataset("auto", folder_data)


def test_a_table_in_another_folder_can_be_named(folder_data: Path) -> None:
    (folder_data / "lists").mkdir()
    (folder_data / "labels.csv").rename(folder_data / "lists" / "tags.csv")
    settings = DataSettings(root=str(folder_data), format="folder", labels="lists/tags.csv")
    assert {name: len(samples) for name, samples in open_data(settings).splits.items()} == {"train": 8, "val": 4}


def test_columns_that_say_nothing_about_labels_are_refused(folder_data: Path) -> None:
    (folder_data / "labels.csv").write_text("image,weight\nimg00.png,17\n")
    with pytest.raises(PatchlearnError, match="no column 'labels', and the column 'weight' holds more than 0 and 1"):
        open_dataset("folder", folder_data)
    (folder_data / "labels.csv").write_text("picture,labels\nimg00.png,red\n")
    with pytest.raises(PatchlearnError, match="no column 'image'"):
        open_dataset("folder", folder_data)


def test_colours_and_values_of_classes_csv_are_used(folder_data: Path) -> None:
    (folder_data / "classes.csv").write_text("name,colour,value\nbackground,#000000,\nred,#ff0000,7\nblue,0 0 255,9\n")
    data = open_dataset("folder", folder_data)
    assert (data.classes, data.mask_values) == (("red", "blue"), (7, 9))
    assert data.mask_colours == {(0, 0, 0): 0, (255, 0, 0): 7, (0, 0, 255): 9}


def test_sizes_of_classes_csv_are_those_of_the_data_set(folder_data: Path) -> None:
    assert open_dataset("folder", folder_data).sizes == ()
    (folder_data / "classes.csv").write_text("name,size_min,size_max,unit,count\nred,9,900,pixels,one\nblue\n")
    data = open_dataset("folder", folder_data)
    assert data.sizes == (ClassSize(least=9, most=900, unit="pixels", count="one"), None)


def test_accents_in_the_table_and_on_the_disk_may_have_two_forms(folder_data: Path) -> None:
    (folder_data / "images" / "img00.png").rename(folder_data / "images" / "e\u0301.png")
    (folder_data / "masks" / "img00.png").rename(folder_data / "masks" / "\u00e9.png")
    (folder_data / "labels.csv").write_text("image,labels\n\u00e9.png,red\n")
    sample = open_dataset("folder", folder_data).split("train")[0]
    assert sample.mask == folder_data / "masks" / "\u00e9.png"


def test_what_is_not_used_is_named(folder_data: Path) -> None:
    (folder_data / "images" / "film.gif").touch()
    (folder_data / "masks" / "other.png").touch()
    (folder_data / "masks" / "img00.jpg").touch()
    notes = open_dataset("folder", folder_data).notes
    assert any("1 file is not among the kinds of images that are read: film.gif" in note for note in notes)
    assert any("1 file is masks of no image that has labels: other.png" in note for note in notes)
    assert any("1 file is no PNG, and not used; save masks as PNG: img00.jpg" in note for note in notes)


def test_a_gif_that_a_table_names_is_used(folder_data: Path) -> None:
    Image.new("RGB", (4, 4)).save(folder_data / "images" / "film.gif")
    (folder_data / "labels.csv").write_text("image,labels\nfilm.gif,red\n")
    data = open_dataset("folder", folder_data)
    assert data.split("train")[0].id == "film"
    assert not any("film.gif" in note for note in data.notes)


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
        ("img00.png,val,red", "line 14: image 'img00.png' is of the split 'val'"),
        ("img00.png,train,rad", r"unknown class 'rad'; did you mean 'red'"),
        ("new.png,train,red", "does not exist"),
        ("../labels.csv,train,red", "is outside of"),
        ("new.png", "line 14: '' is not a valid name of a split"),
        (",train,red", "line 14: names no image"),
        ("img00.jpg,train,red", r"'img00\.jpg' and 'img00\.png' \(.*line 2\) both have the id 'img00'"),
        ("new.png,../train,red", "'../train' is not a valid name of a split"),
        ("new.png,..,red", "'..' is not a valid name of a split"),
        ("new.png, ,red", "'' is not a valid name of a split"),
        ("new\0.png,train,red", "zero byte"),
        ("new.png,train,red,blue", "line 14: more cells than columns. Put the labels of an image into quotes"),
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


def test_an_absolute_path_is_taken_below_images_alone(folder_data: Path, tmp_path: Path) -> None:
    (folder_data / "labels.csv").write_text(f"image,labels\n{(folder_data / 'images' / 'img00.png').resolve()},red\n")
    assert open_dataset("folder", folder_data).split("train")[0].id == "img00"
    (folder_data / "labels.csv").write_text(f"image,labels\n{tmp_path / 'img00.png'},red\n")
    with pytest.raises(PatchlearnError, match="is outside of"):
        open_dataset("folder", folder_data)


def test_more_classes_than_a_mask_can_hold_are_refused(folder_data: Path) -> None:
    (folder_data / "classes.txt").unlink()
    labels = ";".join(f"c{index}" for index in range(255))
    (folder_data / "labels.csv").write_text(f"image,split,labels\nimg00.png,train,{labels}\n")
    with pytest.raises(PatchlearnError, match="255 classes, but an 8-bit mask holds 1 to 254"):
        open_dataset("folder", folder_data)


def test_background_is_not_a_class(folder_data: Path) -> None:
    (folder_data / "classes.txt").write_text("background\nred\nblue\n")
    with pytest.raises(PatchlearnError, match="'background' is not a class"):
        open_dataset("folder", folder_data)
    (folder_data / "classes.txt").unlink()
    (folder_data / "labels.csv").write_text("image,split,labels\nimg00.png,train,red;background\n")
    with pytest.raises(PatchlearnError, match=r"labels\.csv: 'background' is not a class"):
        open_dataset("folder", folder_data)


def test_another_encoding_is_found_out(folder_data: Path) -> None:
    (folder_data / "images" / "img00.png").rename(folder_data / "images" / "été.png")
    (folder_data / "labels.csv").write_bytes("image,split,labels\nété.png,train,red\n".encode("latin-1"))
    data = open_dataset("folder", folder_data)
    assert data.split("train")[0].id == "été"
    assert any("read as Windows-1252" in note for note in data.notes)


def test_a_data_set_without_any_label_is_refused(folder_data: Path) -> None:
    (folder_data / "classes.txt").unlink()
    (folder_data / "labels.csv").write_text("image,split,labels\nimg00.png,train,\n")
    with pytest.raises(PatchlearnError, match="no image has a label"):
        open_dataset("folder", folder_data)


def test_objects_in_lines_of_json_are_labels(folder_data: Path) -> None:
    (folder_data / "labels.csv").unlink()
    (folder_data / "classes.txt").unlink(missing_ok=True)
    names = sorted(path.name for path in (folder_data / "images").iterdir())[:2]
    rows = [
        {"file_name": names[0], "objects": {"bbox": [[0, 0, 1, 1]], "categories": ["cat"]}},
        {"file_name": names[1], "objects": [{"bbox": [0, 0, 1, 1], "category": "red car"}] * 2},
    ]
    (folder_data / "metadata.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    data = open_dataset("folder", folder_data)
    assert data.classes == ("cat", "red car")
    assert [sample.labels for sample in data.split("train")] == [(0,), (1,)]


def test_numbers_of_objects_are_named_by_the_list_of_classes(folder_data: Path) -> None:
    (folder_data / "labels.csv").unlink()
    (folder_data / "classes.txt").unlink(missing_ok=True)
    names = sorted(path.name for path in (folder_data / "images").iterdir())[:2]
    rows = [{"file_name": name, "objects": {"bbox": [], "category": [1, 0][: 2 - n]}} for n, name in enumerate(names)]
    (folder_data / "metadata.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    with pytest.raises(PatchlearnError, match=r"line 1: the category 1 is a number.* classes in classes\.txt, one a"):
        open_dataset("folder", folder_data)
    (folder_data / "classes.txt").write_text("red car\nblue\n")
    data = open_dataset("folder", folder_data)
    assert data.classes == ("red car", "blue")
    assert [sample.labels for sample in data.split("train")] == [(0, 1), (1,)]


def test_a_class_may_be_called_objects(folder_data: Path) -> None:
    (folder_data / "classes.txt").unlink(missing_ok=True)
    name = sorted(path.name for path in (folder_data / "images").iterdir())[0]
    (folder_data / "labels.csv").write_text(f"image,objects\n{name},1\n")
    assert open_dataset("folder", folder_data).classes == ("objects",)
    (folder_data / "labels.csv").write_text(f"image,split\n{name},train\n")
    with pytest.raises(PatchlearnError, match=r"no column besides the images\. Add the column 'labels'"):
        open_dataset("folder", folder_data)
