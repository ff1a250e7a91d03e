import os
from pathlib import Path

import pytest

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.manifest import Outputs, changed_inputs, fingerprint, folder_digest

FACTS = {"inputs": {"version": 1}}
NO_FILES = '{"key": "one", "complete": true, "files": null}'
OUTSIDE = '{"key": "one", "complete": true, "files": {"../victim": [1, 1, "x"]}}'


def finished(folder: Path, *promised: str) -> Outputs:
    """A step with two files, finished with the key "one"."""
    outputs = Outputs(folder, promised or ("*",))
    outputs.begin("one", FACTS)
    (folder / "deep").mkdir()
    for name in ("a.png", "deep/b.png"):
        (folder / name).write_text(name)
    outputs.finish("one", {**FACTS, "seconds": 1})
    return outputs


def test_fingerprint_changes_with_every_value() -> None:
    assert len({fingerprint({"a": 1}), fingerprint({"a": 2}), fingerprint({"b": 1}), fingerprint({"a": 1}, 0)}) == 4


def test_a_folder_is_complete_for_its_own_key_alone(tmp_path: Path) -> None:
    outputs = Outputs(tmp_path)
    outputs.begin("one", FACTS)
    assert not outputs.is_complete("one")
    outputs.finish("one", {**FACTS, "seconds": 1})
    assert outputs.is_complete("one")
    assert not outputs.is_complete("two")
    assert outputs.is_of_another("two")
    assert not outputs.is_of_another("one")
    assert outputs.manifest["seconds"] == 1


def test_begin_keeps_its_own_files_and_deletes_those_of_another_key(tmp_path: Path) -> None:
    outputs = Outputs(tmp_path)
    outputs.begin("one", FACTS)
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_text("half done")
    outputs.begin("one", FACTS)
    assert (tmp_path / "deep" / "file").exists()
    outputs.begin("two", FACTS)
    assert [path.name for path in tmp_path.iterdir()] == ["step.json"]


def test_begin_moves_a_folder_of_another_key_aside(tmp_path: Path) -> None:
    outputs, aside = finished(tmp_path / "step"), tmp_path / "aside" / "step-one"
    outputs.begin("two", FACTS, aside)
    assert [path.name for path in (tmp_path / "step").iterdir()] == ["step.json"]
    assert Outputs(aside).is_complete("one")


def test_begin_leaves_a_folder_with_foreign_files_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("ten years of work")
    with pytest.raises(PatchlearnError, match="holds files that no step has written"):
        Outputs(tmp_path).begin("one", FACTS)
    assert (tmp_path / "thesis.txt").exists()


def test_a_kill_while_a_folder_is_cleared_leaves_it_complete_for_no_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs = Outputs(tmp_path)
    outputs.begin("one", FACTS)
    for name in ("a", "t", "z"):
        (tmp_path / name).write_text("done")
    outputs.finish("one", FACTS)
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        outputs.begin("two", FACTS)
    monkeypatch.undo()
    assert not outputs.is_complete("one")
    assert not outputs.is_complete("two")
    outputs.begin("two", FACTS)
    assert [path.name for path in tmp_path.iterdir()] == ["step.json"]


def test_a_copy_is_not_complete_before_it_is_finished(tmp_path: Path) -> None:
    twin = finished(tmp_path / "a")
    (tmp_path / "a" / ".file.1.partial").write_text("half")
    copy = Outputs(tmp_path / "b")
    copy.copy_from(twin.folder)
    assert sorted(path.name for path in (tmp_path / "b").iterdir()) == ["a.png", "deep"]
    assert not copy.is_complete("one")


def test_linked_copies_are_the_same_files_and_outlive_the_first(tmp_path: Path) -> None:
    twin, copy = finished(tmp_path / "a"), Outputs(tmp_path / "b")
    copy.copy_from(twin.folder, linked=True)
    assert (tmp_path / "a" / "a.png").samefile(tmp_path / "b" / "a.png")
    twin.begin("two", FACTS)
    assert not (tmp_path / "a" / "a.png").exists()
    assert (tmp_path / "b" / "a.png").read_text() == "a.png"


def test_where_there_are_no_links_files_are_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError("no hard links here")

    monkeypatch.setattr("os.link", refuse)
    Outputs(tmp_path / "b").copy_from(finished(tmp_path / "a").folder, linked=True)
    assert (tmp_path / "b" / "a.png").read_text() == "a.png"


@pytest.mark.parametrize("name", ["a.png", "deep/b.png"])
@pytest.mark.parametrize("damage", ["missing", "longer", "same size"])
def test_outputs_that_are_missing_or_changed_are_found_and_made_again_alone(
    name: str, damage: str, tmp_path: Path
) -> None:
    outputs, path = finished(tmp_path), tmp_path / name
    text = {"missing": None, "longer": name + "!", "same size": name.upper()}[damage]
    path.unlink() if text is None else path.write_text(text)
    assert outputs.damaged() == [name]
    assert not outputs.is_complete("one")
    outputs.begin("one", FACTS)
    assert not path.exists()
    assert sorted(each.name for each in tmp_path.rglob("*.png")) == sorted({"a.png", "b.png"} - {path.name})


def test_new_times_alone_change_nothing_and_are_noted(tmp_path: Path) -> None:
    outputs = finished(tmp_path)
    os.utime(tmp_path / "a.png", (1, 1))
    before = outputs.manifest["files"]
    assert outputs.is_complete("one")
    assert outputs.manifest["files"] == before
    outputs.renew_times()
    after = outputs.manifest["files"]
    assert after["a.png"][1] == 10**9
    assert {**before, "a.png": after["a.png"]} == after


def test_only_what_is_promised_must_stay(tmp_path: Path) -> None:
    outputs = finished(tmp_path, "a.png")
    (tmp_path / "deep" / "b.png").unlink()
    assert outputs.is_complete("one")
    (tmp_path / "a.png").unlink()
    assert not outputs.is_complete("one")


def test_a_file_written_anew_is_entered(tmp_path: Path) -> None:
    outputs = finished(tmp_path)
    outputs.forget("a.png")
    (tmp_path / "a.png").write_text("another")
    assert outputs.is_complete("one")  # as after a kill
    outputs.enter("a.png")
    assert outputs.is_complete("one")
    (tmp_path / "a.png").write_text("a third")
    assert not outputs.is_complete("one")


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}x", '{"complete": true}', '"step"', NO_FILES, OUTSIDE],
)
def test_a_manifest_that_is_none_is_one_sentence(content: str, tmp_path: Path) -> None:
    (tmp_path / "step.json").write_text(content)
    with pytest.raises(PatchlearnError, match=r"step\.json: not"):
        Outputs(tmp_path).is_complete("one")


def test_changes_are_said_in_few_words() -> None:
    old = {"settings": {"optimisation": {"epochs": 4}, "splits": []}, "data": "1", "seed": 0}
    new = {"settings": {"optimisation": {"epochs": 6}, "splits": []}, "data": "2", "seed": 0, "walk": None}
    assert changed_inputs(old, new) == ["optimisation.epochs 4 → 6", "data"]


def test_the_digest_of_a_folder_follows_its_names_and_contents(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a.png").write_text("one")
    digests = [folder_digest(tmp_path)]
    (tmp_path / ".DS_Store").write_text("hidden")
    assert folder_digest(tmp_path) == digests[0]
    (tmp_path / "deep" / "a.png").write_text("two")
    digests.append(folder_digest(tmp_path))
    (tmp_path / "deep" / "a.png").rename(tmp_path / "deep" / "b.png")
    digests.append(folder_digest(tmp_path))
    assert len(set(digests)) == 3
