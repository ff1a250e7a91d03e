"""Where the images of a JSON are looked for."""

from pathlib import Path

import pytest
from coco_folder import coco, image

from patchlearn.core.errors import PatchlearnError
from patchlearn.data.formats.coco.files import CocoFile
from patchlearn.data.formats.coco.images import Part, name_below, read_part, split_elsewhere, unused_images


def part(root: Path, *names: str, json: str = "annotations/instances_train2017.json") -> Part:
    return read_part(root, CocoFile.at(coco(root / json, names, []), root))


@pytest.mark.parametrize(
    "folder",
    ["annotations", ".", "images", "train2017", "images/train2017", "train", "images/train", "JPEGImages", "data"],
)
def test_images_are_found_in_all_usual_folders(tmp_path: Path, folder: str) -> None:
    path = image(tmp_path / folder / "a.jpg")
    assert part(tmp_path, "a.jpg").paths == {"a.jpg": path}


def test_the_folder_of_the_json_comes_first(tmp_path: Path) -> None:
    image(tmp_path / "images" / "a.jpg")
    first = image(tmp_path / "train" / "a.jpg")
    assert part(tmp_path, "a.jpg", json="train/_annotations.coco.json").paths == {"a.jpg": first}


def test_a_missing_image_is_expected_beside_the_others(tmp_path: Path) -> None:
    image(tmp_path / "train2017" / "a.jpg")
    found = part(tmp_path, "a.jpg", "b.jpg").paths
    assert found["b.jpg"] == tmp_path / "train2017" / "b.jpg"


def test_paths_of_windows_and_absolute_ones_inside_are_understood(tmp_path: Path) -> None:
    path = image(tmp_path / "images" / "sub" / "a.jpg")
    (windows,) = part(tmp_path, "sub\\a.jpg").content.images
    assert name_below(tmp_path, windows) == "sub/a.jpg"
    assert part(tmp_path, "sub\\a.jpg").paths == {"sub\\a.jpg": path}
    assert part(tmp_path, str(path)).paths == {str(path): path}


@pytest.mark.parametrize("name", ["../a.jpg", "/etc/a.jpg", "sub/../../a.jpg", "..\\a.jpg", "/"])
def test_paths_that_lead_out_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(PatchlearnError, match="file_name is outside of"):
        part(tmp_path, name)


def test_parts_without_any_image_are_told_apart(tmp_path: Path) -> None:
    image(tmp_path / "images" / "a.jpg")
    here, elsewhere = part(tmp_path, "a.jpg", "b.jpg"), part(tmp_path, "c.jpg", json="val.json")
    assert split_elsewhere([here, elsewhere]) == ([here], [elsewhere])
    assert split_elsewhere([elsewhere]) == ([elsewhere], [])


def test_images_that_no_json_names_are_counted(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg", "._b.jpg"):
        image(tmp_path / "images" / name)
    (tmp_path / "images" / "notes.txt").write_text("")
    notes = list(unused_images(tmp_path, [part(tmp_path, "a.jpg")]))
    assert notes == [f"{tmp_path / 'images'}: 1 file is named in no COCO file, and not used: b.jpg"]
    assert list(unused_images(tmp_path, [part(tmp_path, "x/c.jpg")])) == []
