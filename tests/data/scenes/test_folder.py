"""The folder of drawn scenes: drawn once, drawn again when settings change, and no file of others is deleted."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import read_json, write_json
from patchlearn.data.images import read_image, read_indices, read_mask
from patchlearn.data.open import open_dataset
from patchlearn.data.scenes.cells import CELL_CLASSES, draw_cells
from patchlearn.data.scenes.drawn import Drawn
from patchlearn.data.scenes.folder import MARKER, open_scenes
from patchlearn.data.scenes.scene import SCENE_CLASSES, draw_scene
from patchlearn.data.scenes.surfaces import SURFACE_CLASSES, draw_surface
from patchlearn.data.settings import SceneSettings

SMALL = SceneSettings(train=5, val=2, size=64)
SMALLER = SceneSettings(train=2, val=1, size=64)


def test_files_hold_what_was_drawn_and_are_drawn_once(tmp_path: Path) -> None:
    data = open_dataset("scenes", tmp_path / "scenes", SMALL)
    assert data.classes == SCENE_CLASSES
    assert {name: len(samples) for name, samples in data.splits.items()} == {"train": 5, "val": 2}
    for index, sample in enumerate(data.split("train")):
        scene = draw_scene(SMALL, "train", index)
        assert sample.labels == scene.labels
        assert np.array_equal(read_mask(data, sample), scene.mask)
        assert sample.parts is not None
        assert np.array_equal(read_indices(sample.parts), scene.parts)
        assert np.abs(read_image(sample.image).astype(int) - scene.image).mean() < 3
    stamps = {path: path.stat().st_mtime_ns for path in (tmp_path / "scenes").rglob("*.*")}
    open_scenes(tmp_path / "scenes", SMALL)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "scenes").rglob("*.*")} == stamps


@pytest.mark.parametrize(
    ("kind", "classes", "draw"), [("surfaces", SURFACE_CLASSES, draw_surface), ("cells", CELL_CLASSES, draw_cells)]
)
def test_the_folder_of_surfaces_or_cells_has_empty_labels_and_no_parts(
    tmp_path: Path, kind: str, classes: tuple[str, ...], draw: Callable[[SceneSettings, str, int], Drawn]
) -> None:
    settings = SceneSettings(kind=kind, train=6, val=2, size=64, normal=0.5)
    data = open_dataset("scenes", tmp_path, settings)
    assert data.classes == classes
    assert [len(sample.labels) > 0 for sample in data.split("train")] == [True, False] * 3
    assert "train_00001.jpg,train,\n" in (tmp_path / "labels.csv").read_text()
    for index, sample in enumerate(data.split("train")):
        drawn = draw(settings, "train", index)
        assert (sample.labels, sample.unknown, sample.parts) == (drawn.labels, (), None)
        assert np.array_equal(read_mask(data, sample), drawn.mask)
    assert not (tmp_path / "parts").exists()


def test_surfaces_replace_animals_with_all_their_files(tmp_path: Path) -> None:
    open_scenes(tmp_path, SMALL)
    data = open_scenes(tmp_path, SceneSettings(kind="surfaces", train=2, val=1, size=64))
    assert (data.classes, list((tmp_path / "parts").iterdir())) == (SURFACE_CLASSES, [])


def test_an_interrupted_drawing_is_drawn_to_its_end(tmp_path: Path) -> None:
    open_scenes(tmp_path, SMALL)
    facts = read_json(tmp_path / MARKER)
    write_json(tmp_path / MARKER, {"key": facts["key"], "complete": False})
    (tmp_path / "images" / "val_00001.jpg").unlink()
    (tmp_path / "images" / ".val_00001.jpg.1.partial").touch()
    assert len(open_scenes(tmp_path, SMALL).split("val")) == 2
    assert read_json(tmp_path / MARKER) == facts


def test_other_settings_draw_anew(tmp_path: Path) -> None:
    open_scenes(tmp_path, SMALL)
    data = open_scenes(tmp_path, SMALLER)
    assert len(list((tmp_path / "images").iterdir())) == 3
    assert len(data.split("train")) == 2


def test_a_folder_with_files_of_others_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("ten years of work")
    with pytest.raises(PatchlearnError, match=r"contains files, but no scenes\.json"):
        open_scenes(tmp_path, SMALL)
    assert (tmp_path / "thesis.txt").read_text() == "ten years of work"


def test_a_strange_file_among_the_drawings_is_not_deleted(tmp_path: Path) -> None:
    open_scenes(tmp_path, SMALL)
    (tmp_path / "thesis.txt").write_text("ten years of work")
    with pytest.raises(PatchlearnError, match=r"'thesis\.txt' is not part of the drawn scenes"):
        open_scenes(tmp_path, SMALLER)
    assert (tmp_path / "thesis.txt").exists()


def test_what_a_file_browser_leaves_is_no_reason_to_stop(tmp_path: Path) -> None:
    open_scenes(tmp_path, SMALL)
    (tmp_path / ".DS_Store").touch()
    assert open_scenes(tmp_path, SMALL).classes


def test_a_strange_file_below_the_drawings_is_not_deleted(tmp_path: Path) -> None:
    open_scenes(tmp_path, SMALL)
    (tmp_path / "images" / "thesis.jpg").write_text("ten years of work")
    with pytest.raises(PatchlearnError, match=r"'images/thesis\.jpg' is not part of the drawn scenes"):
        open_scenes(tmp_path, SMALLER)
    assert (tmp_path / "images" / "thesis.jpg").exists()
    assert len(list((tmp_path / "images").iterdir())) == 8


def test_a_kill_while_older_scenes_are_deleted_leaves_none_of_them_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_scenes(tmp_path, SMALL)
    unlink, count = Path.unlink, [0]

    def interrupted(path: Path, missing_ok: bool = False) -> None:
        if path.suffix != ".partial":
            count[0] += 1
            if count[0] > 4:
                raise KeyboardInterrupt
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", interrupted)
    with pytest.raises(KeyboardInterrupt):
        open_scenes(tmp_path, SMALLER)
    monkeypatch.undo()
    assert not read_json(tmp_path / MARKER)["complete"]
    assert {name: len(samples) for name, samples in open_scenes(tmp_path, SMALLER).splits.items()} == {
        "train": 2, "val": 1,
    }  # fmt: skip
    assert len(list((tmp_path / "images").iterdir())) == 3


@pytest.mark.parametrize("name", ["step.json", MARKER])
def test_a_folder_of_another_program_is_not_a_drawing(tmp_path: Path, name: str) -> None:
    write_json(tmp_path / name, {"key": "0123456789abcdef", "complete": True})
    with pytest.raises(PatchlearnError, match=r"no scenes\.json of drawn scenes\. Choose a new or empty folder"):
        open_scenes(tmp_path, SMALL)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_file_in_place_of_the_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "scenes").touch()
    with pytest.raises(PatchlearnError, match="scenes: is a file"):
        open_scenes(tmp_path / "scenes", SMALL)


def test_the_marker_names_the_settings(tmp_path: Path) -> None:
    open_scenes(tmp_path, SMALL)
    marker = read_json(tmp_path / MARKER)
    assert marker.pop("key") == "scenes-f305b2139163bb75"  # folders of earlier versions of the program stay valid
    assert marker == {
        "complete": True,
        "settings": {"train": 5, "val": 2, "size": 64, "seed": 0},
        "version": 2,
    }
