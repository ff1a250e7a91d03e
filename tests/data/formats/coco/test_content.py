"""What a COCO JSON says, and what is wrong with it."""

import json
from pathlib import Path
from typing import Any

import pytest
from coco_folder import CATEGORIES, SQUARE, annotation, change, coco

from patchlearn.core.errors import PatchlearnError
from patchlearn.data.formats.coco.content import read_coco_json, read_content


def test_images_have_their_annotations_in_order(tmp_path: Path) -> None:
    path = coco(
        tmp_path / "train.json",
        ["b.jpg", "a.jpg"],
        [annotation(2, 7, SQUARE), annotation(1, 3, [], iscrowd=1), annotation(2, 3, [[]]), annotation(5, 3)],
    )
    content = read_content(path)
    assert [image.file_name for image in content.images] == ["b.jpg", "a.jpg"]
    assert content.images[0].size == (4, 6)
    first, second = content.images
    assert [(each.name, each.is_crowd, each.segmentation) for each in first.shapes] == [("cat", True, None)]
    assert [(each.name, each.is_crowd, each.segmentation) for each in second.shapes] == [
        ("dog", False, SQUARE),
        ("cat", False, None),
    ]
    assert (content.strays, content.is_panoptic) == (1, False)
    assert content.categories[1] == (3, "cat", "")


def test_ids_may_be_words_and_a_byte_order_mark_is_no_harm(tmp_path: Path) -> None:
    path = coco(tmp_path / "train.json", [], [{**annotation(1, 3), "image_id": "x"}])
    change(path, images=[{"id": "x", "file_name": "a.jpg"}])
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    (image,) = read_content(path).images
    assert (image.size, [shape.name for shape in image.shapes]) == (None, ["cat"])


def test_names_of_categories_are_in_normal_form(tmp_path: Path) -> None:
    path = coco(tmp_path / "train.json", [], [], [{"id": 1, "name": " te\u0301te\n bleue "}])
    assert read_content(path).categories == ((1, "t\u00e9te bleue", ""),)


def test_segments_of_panoptic_annotations_are_shapes(tmp_path: Path) -> None:
    segments = [{"id": 5, "category_id": 7}, {"id": 6, "category_id": 3, "iscrowd": 1}]
    path = coco(tmp_path / "p.json", ["a.jpg"], [{"image_id": 1, "file_name": "a.png", "segments_info": segments}])
    content = read_content(path)
    (image,) = content.images
    assert content.is_panoptic
    assert image.segments_file == "a.png"
    assert [(each.segment, each.name, each.is_crowd) for each in image.shapes] == [(5, "dog", False), (6, "cat", True)]


@pytest.mark.parametrize(
    ("lists", "complaint"),
    [
        ({"annotations": [{"id": 4, "image_id": 1, "category_id": 8}]}, r"annotation 4: its category_id 8 is not in"),
        ({"annotations": [{"id": 4, "image_id": 1}]}, r"annotation 4: its category_id None is not in"),
        ({"annotations": [{"id": 4, "category_id": 3}]}, r"'image_id' is missing, or no number, in \{\"id\": 4"),
        (
            {"annotations": [{"image_id": 1, "file_name": "a.png", "segments_info": [3]}]},
            "annotation of image 1: 'segments_info' is no list",
        ),
        (
            {"annotations": [{"image_id": 1, "segments_info": []}]},
            "its file_name None is not the name of a PNG in train/",
        ),
        (
            {"annotations": [{"image_id": 1, "segments_info": [], "file_name": "../a.png"}]},
            r"'\.\./a\.png' is not the name",
        ),
        ({"annotations": [{"image_id": 1, "segments_info": [], "file_name": ".."}]}, r"'\.\.' is not the name"),
        ({"annotations": {}}, "it has no list 'annotations' of objects"),
        ({"annotations": [3]}, "it has no list 'annotations' of objects"),
        ({"images": [{"id": 1, "file_name": "a.jpg"}, {"id": 1, "file_name": "b.jpg"}]}, "two images have the id 1"),
        ({"images": [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "a.jpg"}]}, "'a.jpg': is listed twice"),
        ({"images": [{"id": 1}]}, "image with the id 1 has no 'file_name'"),
        ({"images": [{"file_name": "a.jpg"}]}, "'id' is missing"),
        ({"categories": []}, "list of categories is empty"),
        ({"categories": [CATEGORIES[0], CATEGORIES[0]]}, "two categories have the same id"),
        ({"categories": [{"id": 1, "name": " "}]}, "category 1 has no name"),
        ({"categories": [{"id": [1], "name": "cat"}]}, "'id' is missing, or no number"),
    ],
)
def test_a_broken_entry_is_explained(tmp_path: Path, lists: dict[str, Any], complaint: str) -> None:
    path = change(coco(tmp_path / "train.json", ["a.jpg"], []), **lists)
    with pytest.raises(PatchlearnError, match=complaint) as caught:
        read_content(path)
    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize("content", [b'{"images": [', b"\xff\xfe\x00", b"", b"[" * 100_000])
def test_what_is_no_json_is_explained(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(PatchlearnError, match=r"x\.json: not valid JSON"):
        read_coco_json(tmp_path / "x.json")


def test_json_of_another_kind_is_explained(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(json.dumps([1]))
    with pytest.raises(PatchlearnError, match="not a COCO file of instances or panoptic"):
        read_coco_json(tmp_path / "x.json")
