"""COCO 2014: what is there, and that the reader takes it."""

import json
from pathlib import Path

import pytest
from PIL import Image

from patchlearn.data.open import open_data
from patchlearn.data.prepare import coco14
from patchlearn.data.prepare.parts import is_complete
from patchlearn.data.settings import DataSettings


@pytest.fixture(autouse=True)
def few_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coco14, "IMAGES", {"train2014": 2, "val2014": 1})


def write(root: Path) -> None:
    for name, count in coco14.IMAGES.items():
        (root / name).mkdir(parents=True)
        (root / "annotations").mkdir(exist_ok=True)
        files = [f"COCO_{name}_{index:012}.jpg" for index in range(count)]
        for file in files:
            Image.new("RGB", (4, 4)).save(root / name / file)
        images = [{"id": index, "file_name": file, "height": 4, "width": 4} for index, file in enumerate(files)]
        shapes = [{"id": 1, "image_id": 0, "category_id": 18, "segmentation": [[0, 0, 2, 0, 2, 2]]}]
        content = {"images": images, "annotations": shapes, "categories": [{"id": 18, "name": "dog"}]}
        (root / f"annotations/instances_{name}.json").write_text(json.dumps(content))


def test_an_empty_folder_lacks_everything_and_the_owners_address_is_named(tmp_path: Path) -> None:
    parts = coco14.look(tmp_path)
    assert not any(part.is_there for part in parts)
    assert [part.found for part in parts] == ["nothing"] * 4
    assert [part.wanted for part in parts[:2]] == ["2 images", "1 images"]
    assert all("images.cocodataset.org" in part.source for part in parts)


def test_archives_are_seen(tmp_path: Path) -> None:
    for name in ("train2014.zip", "annotations_trainval2014.zip"):
        (tmp_path / name).touch()
    found = [part.found for part in coco14.look(tmp_path)]
    assert found == ["train2014.zip, not unpacked", "nothing", *["annotations_trainval2014.zip, not unpacked"] * 2]


def test_a_whole_folder_is_read_as_it_is(tmp_path: Path) -> None:
    write(tmp_path)
    assert is_complete(coco14.look(tmp_path))
    words = coco14.command(tmp_path).split()
    assert words[:3] == ["patchlearn", "run", str(tmp_path)]
    labels = words[words.index("--data.labels") + 1]
    dataset = open_data(DataSettings(format="coco", root=str(tmp_path), labels=labels), tmp_path.parent / "work")
    assert {name: len(samples) for name, samples in dataset.splits.items()} == {"train": 2, "val": 1}


def test_what_was_broken_off_is_missing(tmp_path: Path) -> None:
    write(tmp_path)
    next((tmp_path / "train2014").iterdir()).unlink()
    path = tmp_path / "annotations/instances_val2014.json"
    path.write_text(path.read_text()[:-1])
    parts = coco14.look(tmp_path)
    assert [part.is_there for part in parts] == [False, True, True, False]
    assert parts[0].found == "train2014 with 1 images"
    assert parts[3].found == "annotations/instances_val2014.json, which is cut off"
