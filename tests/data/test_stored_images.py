"""Images that are written into a folder of the run, and the list of them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from patchlearn.core.errors import PatchlearnError
from patchlearn.data.stored_images import LISTING, StoredImages, below, digest_of


def store(
    work: Path | None, content: dict[str, bytes], *, kind: str = "a", state: int = 0, replaces: bool = False
) -> StoredImages:
    stored = StoredImages(work, {"kind": kind, "state": state}, replaces=replaces)
    for name, data in content.items():
        stored.write(f"images/{name}", digest_of(data), lambda data=data: data)  # type: ignore[misc]
    stored.finish(sorted(content))
    return stored


def times(work: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in work.rglob("*") if path.is_file()}


def test_bytes_are_written_once(tmp_path: Path) -> None:
    store(tmp_path, {"x.png": b"one", "y.png": b"two"})
    assert (tmp_path / "images" / "x.png").read_bytes() == b"one"
    before = times(tmp_path)
    store(tmp_path, {"x.png": b"one", "y.png": b"two"})
    assert times(tmp_path) == before


@pytest.mark.parametrize(
    "other", [{"x.png": b"other"}, {"x.png": b"one"}, {"x.png": b"one", "y.png": b"two", "z.png": b"three"}]
)
def test_other_images_are_refused_and_nothing_changes(tmp_path: Path, other: dict[str, bytes]) -> None:
    store(tmp_path, {"x.png": b"one", "y.png": b"two"})
    before = times(tmp_path)
    with pytest.raises(PatchlearnError, match=r"holds the images of other data .*Choose another folder as work"):
        store(tmp_path, other)
    assert times(tmp_path) == before


def test_another_state_of_the_same_kind_replaces(tmp_path: Path) -> None:
    store(tmp_path, {"x.png": b"one", "y.png": b"two"}, replaces=True)
    assert StoredImages(tmp_path, {"kind": "a", "state": 1}, replaces=True).contents is None
    store(tmp_path, {"x.png": b"new", "z.png": b"three"}, state=1, replaces=True)
    found = {path.name: path.read_bytes() for path in (tmp_path / "images").iterdir()}
    assert found == {"x.png": b"new", "z.png": b"three"}
    with pytest.raises(PatchlearnError, match="holds the images of other data"):
        store(tmp_path, {"x.png": b"new"}, kind="b", replaces=True)


def test_contents_are_given_back_while_all_files_are_there(tmp_path: Path) -> None:
    store(tmp_path, {"x.png": b"one"})
    source = {"kind": "a", "state": 0}
    assert StoredImages(tmp_path, source, replaces=True).contents == ["x.png"]
    (tmp_path / "images" / "x.png").unlink()
    assert StoredImages(tmp_path, source, replaces=True).contents is None
    store(tmp_path, {"x.png": b"one"})
    assert (tmp_path / "images" / "x.png").read_bytes() == b"one"
    assert StoredImages(tmp_path, source, replaces=True).contents == ["x.png"]


def test_a_killed_process_leaves_a_folder_that_can_be_used(tmp_path: Path) -> None:
    killed = StoredImages(tmp_path, {"kind": "a", "state": 0}, replaces=False)
    killed.write("images/x.png", digest_of(b"half"), lambda: b"half")
    assert StoredImages(tmp_path, {"kind": "a", "state": 0}, replaces=False).contents is None
    store(tmp_path, {"x.png": b"one"})
    assert (tmp_path / "images" / "x.png").read_bytes() == b"one"


def test_files_of_others_are_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "x.png").write_bytes(b"mine")
    with pytest.raises(PatchlearnError, match=r"that patchlearn did not write. Choose an empty folder"):
        store(tmp_path, {"x.png": b"one"})
    assert (tmp_path / "images" / "x.png").read_bytes() == b"mine"
    store(tmp_path, {})
    assert not (tmp_path / LISTING).exists()


def test_without_a_folder_nothing_can_be_written() -> None:
    store(None, {})
    with pytest.raises(PatchlearnError, match="Pass work=FOLDER, or use patchlearn run"):
        store(None, {"x.png": b"one"})


@pytest.mark.parametrize("text", ["{", "[]", '{"source": {}, "files": 3}', '{"files": {}}'])
def test_a_damaged_list_is_explained(tmp_path: Path, text: str) -> None:
    (tmp_path / LISTING).write_text(text)
    with pytest.raises(PatchlearnError, match=r"not a list of the images.*Delete the folder"):
        store(tmp_path, {"x.png": b"one"})


@pytest.mark.parametrize("name", ["../x.png", "/x.png", "a/../../x", "", "a\0", "..\\x"])
def test_no_name_leaves_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(PatchlearnError, match="not a path below this folder"):
        below(tmp_path, name)


def test_a_list_that_names_files_elsewhere_removes_none(tmp_path: Path) -> None:
    victim, work = tmp_path / "victim.png", tmp_path / "work"
    victim.write_bytes(b"mine")
    store(work, {"x.png": b"one"}, replaces=True)
    change(work / LISTING, lambda listing: listing["files"].update({"../victim.png": "0"}))
    with pytest.raises(PatchlearnError, match="not a path below this folder"):
        store(work, {"x.png": b"new"}, state=1, replaces=True)
    assert victim.exists()


def change(path: Path, edit: Callable[[Any], object]) -> None:
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(content))
