"""data.yaml and classes.txt."""

from pathlib import Path

import pytest
from yolo_folder import write

from patchlearn.core.errors import PatchlearnError
from patchlearn.data.formats.yolo.config import YoloConfig, class_names, find_config, read_config


def config(tmp_path: Path, *lines: str) -> YoloConfig:
    return read_config(write(tmp_path / "data.yaml", *lines))


@pytest.mark.parametrize(
    ("lines", "names"),
    [
        (["names: [cat, dog]"], {0: "cat", 1: "dog"}),
        (["names:", "- cat", "- no", "nc: 2"], {0: "cat", 1: "no"}),
        (["names: {7: sea, 0: cat}", "nc: 8"], {0: "cat", 7: "sea"}),
        (["names: {7: sea, 0: cat}", "nc: 2"], {0: "cat", 7: "sea"}),
        (["names: {'0': traffic  light}"], {0: "traffic light"}),
        (["nc: 3"], None),
        (["names: []"], None),
    ],
)
def test_names_are_a_list_or_a_mapping(tmp_path: Path, lines: list[str], names: dict[int, str] | None) -> None:
    found = config(tmp_path, "train: images", *lines)
    assert found.names == names
    assert names is None or list(found.names or {}) == sorted(names)


def test_splits_are_folders_or_lists_of_folders(tmp_path: Path) -> None:
    found = config(tmp_path, "path: ../data", "train: [a, b]", "valid: v", "test:", "nc: 1", "kpt_shape: [17, 3]")
    assert (found.base, found.splits, found.has_keypoints) == ("../data", {"train": ["a", "b"], "val": ["v"]}, True)


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        (["names: [cat]"], "names no split"),
        (["train:", "names: [cat]"], "names no split"),
        (["- a"], "names no split"),
        (["train: {a: b}"], "'train' is neither a folder nor a list"),
        (["train: a", "names: [cat, [dog]]"], "'names' is wrong"),
        (["train: a", "names: cat"], "'names' is wrong"),
        (["train: a", "names: {cat: 0}"], "'names' is wrong"),
        (["train: a", "names: ['']"], "'names' is wrong"),
        (["train: a", "names: [cat, dog]", "nc: 3"], "nc is 3, but there are 2 names"),
        (["train: [a"], "not valid YAML"),
    ],
)
def test_a_wrong_file_is_explained(tmp_path: Path, lines: list[str], complaint: str) -> None:
    with pytest.raises(PatchlearnError, match=rf"data\.yaml: {complaint}"):
        config(tmp_path, *lines)


def test_the_file_is_found_by_its_keys(tmp_path: Path) -> None:
    assert find_config(tmp_path) is None
    write(tmp_path / "recipe.yaml", "train: {epochs: 3}")
    assert find_config(tmp_path) is None
    first = write(tmp_path / "coco8.yaml", "train: a", "names: [cat]")
    assert find_config(tmp_path) == first
    second = write(tmp_path / "other.yml", "val: a", "nc: 1")
    with pytest.raises(
        PatchlearnError, match=r"coco8\.yaml and other\.yml all name splits\. Choose one: --data\.labels"
    ):
        find_config(tmp_path)
    assert find_config(tmp_path, "other.yml") == second
    usual = write(tmp_path / "data.yaml", "train: [")  # broken, and meant
    assert find_config(tmp_path) == usual


@pytest.mark.parametrize("labels", ["none.yaml", "classes.txt", "."])
def test_a_wrong_choice_is_explained(tmp_path: Path, labels: str) -> None:
    write(tmp_path / "classes.txt", "cat")
    with pytest.raises(PatchlearnError, match=r"no YAML file\. Name the data\.yaml"):
        find_config(tmp_path, labels)
    with pytest.raises(PatchlearnError, match="is outside of"):
        find_config(tmp_path, f"../{labels}")


def test_names_come_from_the_config_or_a_list(tmp_path: Path) -> None:
    with pytest.raises(
        PatchlearnError, match=r"neither a data\.yaml nor a classes\.txt.*List the classes in data\.yaml"
    ):
        class_names(tmp_path, None)
    bare = config(tmp_path, "train: a", "nc: 2")
    with pytest.raises(PatchlearnError, match=r"data\.yaml: no 'names'.*or in classes\.txt"):
        class_names(tmp_path, bare)
    for name in ("obj.names", "labels/classes.txt", "classes.txt"):
        path = write(tmp_path / name, "cat", "", "big  dog")
        assert class_names(tmp_path, bare) == (path, {0: "cat", 2: "big dog"})
    named = config(tmp_path, "train: a", "names: [sea]")
    assert class_names(tmp_path, named) == (tmp_path / "data.yaml", {0: "sea"})
    write(tmp_path / "classes.txt", "")
    with pytest.raises(PatchlearnError, match=r"classes\.txt: no class is listed"):
        class_names(tmp_path, None)
