from pathlib import Path

import pytest

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import read_json
from patchlearn.runs.builtin import builtin_recipes
from patchlearn.runs.target import find_target, is_run, mark_run, note_moved_data


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def photos() -> Path:
    folder = Path("photos")
    folder.mkdir()
    (folder / "recipe.yaml").touch()  # a folder of images is data, whatever lies in it
    return folder


def test_a_folder_of_images_gets_the_standard_recipe_and_a_run_folder_beside_it(photos: Path) -> None:
    target = find_target(photos, None, ["--seed=1"])
    assert (target.recipe, target.folder) == (builtin_recipes()["standard"], Path("runs/photos"))
    assert target.overrides == ("--data.format=auto", f"--data.root={photos.resolve()}", "--seed=1")
    assert target.data == photos


def test_recipe_and_format_can_be_named(photos: Path) -> None:
    assert find_target(photos, None, (), recipe="scenes", format="voc").overrides[0] == "--data.format=voc"
    assert find_target(photos, None, (), recipe="scenes").recipe == builtin_recipes()["scenes"]
    Path("mine.yaml").touch()
    assert find_target(photos, None, (), recipe="mine.yaml").recipe == Path("mine.yaml")
    with pytest.raises(PatchlearnError, match="scens: no such recipe; did you mean 'scenes'"):
        find_target(photos, None, (), recipe="scens")


def test_a_recipe_is_a_file_or_a_name(photos: Path) -> None:
    assert find_target(Path("mine.yaml"), None, ()).folder == Path("runs/mine")
    target = find_target(Path("scenes"), Path("out"), ())
    assert (target.recipe, target.folder, target.data) == (builtin_recipes()["scenes"], Path("out"), None)
    with pytest.raises(PatchlearnError, match=r"phtos: no such folder or recipe\. Name a folder of images"):
        find_target(Path("phtos"), None, ())
    with pytest.raises(PatchlearnError, match=r"standrd: no such folder or recipe; did you mean 'standard'\? Name"):
        find_target(Path("standrd"), None, ())
    with pytest.raises(PatchlearnError, match="--recipe scenes: scenes is a recipe itself"):
        find_target(Path("scenes"), None, (), recipe="scenes")


def test_a_file_that_is_no_recipe_is_explained(photos: Path) -> None:
    (photos / "a.jpg").touch()
    with pytest.raises(PatchlearnError, match=r"^photos/a\.jpg: is a file, and no recipe .*Name the.*: photos\.$"):
        find_target(photos / "a.jpg", None, ())


def test_a_run_folder_is_one_by_its_mark(photos: Path) -> None:
    run = Path("runs/photos")
    mark_run(run, str(photos.resolve()))
    (run / "recipe.yaml").touch()
    assert is_run(run)
    assert not is_run(photos)
    target = find_target(run, None, ["--seed=1"])
    assert (target.recipe, target.folder, target.overrides) == (run / "recipe.yaml", run, ("--seed=1",))
    with pytest.raises(PatchlearnError, match="is a run folder, which has its own"):
        find_target(run, None, (), recipe="scenes")


def test_a_run_without_a_recipe_begins_anew(photos: Path) -> None:
    run = Path("runs/photos")
    mark_run(run, str(photos.resolve()))
    target = find_target(run, None, ())
    assert (target.recipe, target.folder, target.data) == (builtin_recipes()["standard"], run, photos.resolve())
    mark_run(Path("runs/other"), None)
    with pytest.raises(PatchlearnError, match=r"has no recipe yet\. Give the command again"):
        find_target(Path("runs/other"), None, ())


def test_the_same_command_goes_on_with_the_recipe_of_the_run(photos: Path) -> None:
    run = Path("runs/photos")
    mark_run(run, str(photos.resolve()))
    (run / "recipe.yaml").touch()
    assert find_target(photos, None, ()).recipe == run / "recipe.yaml"
    assert find_target(photos, None, (), recipe="standard").recipe == builtin_recipes()["standard"]


def test_a_mark_goes_only_where_nothing_was_written(photos: Path) -> None:
    run = Path("runs/photos")
    unmark = mark_run(run, None)
    (run / "data").mkdir()
    unmark()
    assert is_run(run)
    (run / "data").rmdir()
    unmark()
    assert not is_run(run)


def test_images_that_have_moved_are_noted(photos: Path) -> None:
    run, elsewhere = Path("runs/photos"), Path("elsewhere")
    mark_run(run, str(photos.resolve()))
    (run / "recipe.yaml").touch()
    target = find_target(run, None, ())
    assert not note_moved_data(target, str(photos))
    assert note_moved_data(target, str(elsewhere))
    assert read_json(run / "run.json") == {"data": str(elsewhere.resolve())}


def test_a_run_of_before_the_mark_is_a_run() -> None:
    run = Path("old")
    (run / "plain" / "classifier").mkdir(parents=True)
    (run / "recipe.yaml").touch()
    assert not is_run(run)
    (run / "plain" / "classifier" / "step.json").touch()
    assert is_run(run)
    mark_run(run, None)
    assert not (run / "run.json").exists()


def test_a_run_folder_never_lies_among_the_images(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for out in (photos, photos / "run"):
        with pytest.raises(PatchlearnError, match=r"lies among the images of photos.*--out"):
            find_target(photos, out, ())
    monkeypatch.chdir(photos)
    with pytest.raises(PatchlearnError, match="lies among the images"):
        find_target(Path(), None, ())
    assert find_target(Path(), Path("../run"), ()).folder == Path("../run")


def test_the_run_of_other_data_is_refused(photos: Path) -> None:
    other = Path("elsewhere/photos")
    other.mkdir(parents=True)
    mark_run(Path("runs/photos"), str(photos.resolve()))
    assert find_target(photos, None, ()).folder == Path("runs/photos")
    with pytest.raises(PatchlearnError, match=r"is the run of .*photos, not of elsewhere/photos\. Name another --out"):
        find_target(other, None, ())


def test_the_run_of_a_recipe_is_no_run_of_a_folder(photos: Path) -> None:
    mark_run(Path("runs/photos"), None)
    with pytest.raises(PatchlearnError, match="is the run of a recipe, not of photos"):
        find_target(photos, None, ())


def test_a_folder_with_other_files_is_no_place_for_a_run() -> None:
    folder = Path("letters")
    folder.mkdir()
    (folder / ".DS_Store").touch()
    mark_run(folder, "/data")
    assert read_json(folder / "run.json") == {"data": "/data"}
    (folder / "run.json").unlink()
    (folder / "to-mother.txt").touch()
    with pytest.raises(PatchlearnError, match=r"holds files and is no run folder \(to-mother\.txt\)"):
        mark_run(folder, None)
