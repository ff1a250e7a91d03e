"""Which JSON files are read."""

import json
from pathlib import Path

import pytest
from coco_folder import annotation, coco

from patchlearn.core.errors import PatchlearnError
from patchlearn.data.formats.coco.files import CocoFile, candidates, choose_files, looks_like_coco

LISTS = ("images", "annotations", "categories")


@pytest.mark.parametrize(
    ("name", "split", "folder"),
    [
        ("annotations/instances_train2017.json", "train", "train2017"),
        ("annotations/instances_val2014.json", "val", "val2014"),
        ("annotations/instances_minival2014.json", "val", "minival2014"),
        ("train.json", "train", "train"),
        ("valid/_annotations.coco.json", "val", "_annotations.coco"),
        ("test-dev.json", "test", "test-dev"),
        ("annotations/instances_default.json", "train", "instances_default"),
        ("trainer_list.json", "train", "trainer_list"),
    ],
)
def test_the_name_says_the_split(tmp_path: Path, name: str, split: str, folder: str) -> None:
    assert CocoFile.at(tmp_path / name, tmp_path) == CocoFile(path=tmp_path / name, split=split, folder=folder)


@pytest.mark.parametrize(
    ("content", "is_coco"),
    [
        ({name: [] for name in LISTS}, True),
        ({"info": {"images": [1]}, "annotations": [], "categories": []}, False),
        ({"images": [], "annotations": []}, False),
        ([{name: [] for name in LISTS}], False),
        ({"images": {}, "annotations": [], "categories": []}, False),
        ({"note": 'a "quote" and a } brace', **{name: [] for name in LISTS}}, True),
    ],
)
def test_the_lists_at_the_top_make_a_coco_file(tmp_path: Path, content: object, is_coco: bool) -> None:
    path = tmp_path / "x.json"
    path.write_text(json.dumps(content))
    assert looks_like_coco(path) == is_coco


def test_large_files_are_recognised_by_names_inside(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    images = [{"id": id, "file_name": f"{id}.jpg"} for id in range(2000)]
    for order in (LISTS, LISTS[::-1], ("annotations", "categories", "images")):
        content = {name: images if name == "images" else [] for name in order}
        path.write_text(json.dumps(content))
        assert looks_like_coco(path)
        path.write_text(json.dumps({name: value for name, value in content.items() if name != "categories"}))
        assert not looks_like_coco(path)
    whole = json.dumps({"images": images, "annotations": [], "categories": []})
    path.write_text(whole[: len(whole) // 2])
    assert looks_like_coco(path)  # reading it says that it is cut off


def test_other_and_hidden_files_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text('{"name": "x"}')
    (tmp_path / "empty.json").write_text("")
    coco(tmp_path / "._train.json", [], [])
    coco(tmp_path / "train.json", [], [])
    coco(tmp_path / "annotations" / "val.json", [], [])
    coco(tmp_path / "test" / "_annotations.coco.json", [], [])
    coco(tmp_path / "old" / "train.json", [], [])
    found = [str(path.relative_to(tmp_path)) for path in candidates(tmp_path)]
    assert found == ["train.json", "annotations/val.json", "test/_annotations.coco.json"]


def chosen(root: Path, labels: str | None = None) -> tuple[list[str], str]:
    files, notes = choose_files(root, labels)
    return [file.path.name for file in files], "\n".join(notes)


def test_several_splits_are_read_train_first(tmp_path: Path) -> None:
    for name in ("val", "test", "train"):
        coco(tmp_path / f"{name}.json", [], [])
    assert chosen(tmp_path) == (["train.json", "val.json", "test.json"], "")


def test_instances_are_preferred_in_every_split(tmp_path: Path) -> None:
    names = ("instances_train", "panoptic_train", "stuff_train", "panoptic_val", "person_keypoints_train")
    for name in names:
        coco(tmp_path / f"{name}.json", [], [])
    files, notes = chosen(tmp_path)
    assert files == ["instances_train.json"]
    assert "panoptic_train.json, panoptic_val.json and stuff_train.json: not used" in notes
    assert "person_keypoints_train.json: not used" in notes
    assert chosen(tmp_path, "panoptic_val.json")[0] == ["panoptic_train.json", "panoptic_val.json"]
    assert chosen(tmp_path, "person_keypoints_train.json")[0] == ["person_keypoints_train.json"]


def test_two_files_of_one_split_are_refused_until_one_is_chosen(tmp_path: Path) -> None:
    for name in ("instances_train2014", "instances_train2017", "instances_val2017"):
        coco(tmp_path / "annotations" / f"{name}.json", [], [])
    with pytest.raises(
        PatchlearnError, match=r"all of the split 'train'.*--data\.labels annotations/instances_train2014"
    ):
        chosen(tmp_path)
    files, _ = chosen(tmp_path, "annotations/instances_train2017.json")
    assert files == ["instances_train2017.json", "instances_val2017.json"]


def test_a_wrong_choice_is_explained(tmp_path: Path) -> None:
    with pytest.raises(PatchlearnError, match=r"no COCO file, which is a JSON with images, annotations and categories"):
        chosen(tmp_path)
    coco(tmp_path / "person_keypoints_train.json", [], [annotation(1, 3)])
    with pytest.raises(PatchlearnError, match=r"but person_keypoints_train\.json"):
        chosen(tmp_path)
    with pytest.raises(PatchlearnError, match=r"x\.json: no such file\. There are person_keypoints_train\.json"):
        chosen(tmp_path, "x.json")
    for outside in ("../x.json", "/x.json", "a/../../x.json"):
        with pytest.raises(PatchlearnError, match="is outside of"):
            chosen(tmp_path, outside)
