"""The drawn scenes: what their labels, masks and part masks promise."""

from pathlib import Path

import numpy as np
import pytest

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import read_json, write_json
from patchlearn.core.manifest import MANIFEST
from patchlearn.data.images import read_image, read_indices, read_mask
from patchlearn.data.open import open_dataset
from patchlearn.data.scenes.scenes import SCENE_CLASSES, Scene, SceneSettings, draw_scene, open_scenes

SMALL = SceneSettings(train=5, val=2, size=64)


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [draw_scene(SceneSettings(size=112), "train", index) for index in range(48)]


def test_a_scene_is_a_function_of_seed_split_and_index() -> None:
    first, again = (draw_scene(SMALL, "train", 3) for _ in range(2))
    assert np.array_equal(first.image, again.image)
    assert np.array_equal(first.mask, again.mask)
    others = [
        draw_scene(SMALL, "train", 4),
        draw_scene(SMALL, "val", 3),
        draw_scene(SceneSettings(size=64, seed=1), "train", 3),
    ]
    assert all(
        not np.array_equal(first.image, other.image) for other in others if other.image.shape == first.image.shape
    )


def test_labels_are_the_classes_of_the_mask_and_parts_are_those_of_objects(scenes: list[Scene]) -> None:
    for scene in scenes:
        assert scene.labels == tuple(int(value) - 1 for value in np.unique(scene.mask) if value)
        assert np.array_equal(scene.parts > 0, scene.mask > 0)
        assert scene.image.shape[:2] == scene.mask.shape == scene.parts.shape
        assert 1 <= len(scene.labels) <= 3


def test_the_strong_part_is_small(scenes: list[Scene]) -> None:
    shares = [(scene.parts == 1).sum() / (scene.parts > 0).sum() for scene in scenes]
    assert 0.05 < np.median(shares) < 0.2


def test_a_minority_of_heads_is_hidden() -> None:
    lone = [scene for scene in (draw_scene(SMALL, "train", index) for index in range(90)) if len(scene.labels) == 1]
    hidden = [not (scene.parts == 1).any() for scene in lone]
    assert 0.02 < np.mean(hidden) < 0.35


def test_an_object_larger_than_its_picture_is_drawn_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("patchlearn.data.scenes.scenes._SIZES", ((2.0, 3.0),) * 3)
    assert draw_scene(SMALL, "train", 0).labels


def test_at_least_six_classes_occur_about_equally_often(scenes: list[Scene]) -> None:
    counts = [sum(label in scene.labels for scene in scenes) for label in range(len(SCENE_CLASSES))]
    assert len(SCENE_CLASSES) >= 6
    assert min(counts) >= 0.4 * max(counts)


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


def test_an_interrupted_drawing_is_drawn_to_its_end(tmp_path: Path) -> None:
    open_scenes(tmp_path, SMALL)
    facts = read_json(tmp_path / MANIFEST)
    write_json(tmp_path / MANIFEST, {"key": facts["key"], "complete": False})
    (tmp_path / "images" / "val_00001.jpg").unlink()
    (tmp_path / "images" / ".val_00001.jpg.1.partial").touch()
    assert len(open_scenes(tmp_path, SMALL).split("val")) == 2
    assert read_json(tmp_path / MANIFEST) == facts


def test_other_settings_draw_anew(tmp_path: Path) -> None:
    open_scenes(tmp_path, SMALL)
    data = open_scenes(tmp_path, SceneSettings(train=2, val=1, size=64))
    assert len(list((tmp_path / "images").iterdir())) == 3
    assert len(data.split("train")) == 2


def test_a_folder_with_files_of_others_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("ten years of work")
    with pytest.raises(PatchlearnError, match="holds files that are no drawn scenes"):
        open_scenes(tmp_path, SMALL)
    assert (tmp_path / "thesis.txt").read_text() == "ten years of work"


def test_a_strange_file_among_the_drawings_is_not_deleted(tmp_path: Path) -> None:
    open_scenes(tmp_path, SMALL)
    (tmp_path / "thesis.txt").write_text("ten years of work")
    with pytest.raises(PatchlearnError, match=r"'thesis\.txt' does not belong"):
        open_scenes(tmp_path, SceneSettings(train=2, val=1, size=64))
    assert (tmp_path / "thesis.txt").exists()


def test_what_a_file_browser_leaves_is_no_reason_to_stop(tmp_path: Path) -> None:
    open_scenes(tmp_path, SMALL)
    (tmp_path / ".DS_Store").touch()
    assert open_scenes(tmp_path, SMALL).classes


@pytest.mark.parametrize("changes", [{"train": 0}, {"val": 0}, {"size": 63}, {"seed": -1}])
def test_wrong_options_are_errors(changes: dict[str, int], tmp_path: Path) -> None:
    with pytest.raises(PatchlearnError, match=f"scenes: {next(iter(changes))} is"):
        open_scenes(tmp_path / "scenes", SceneSettings(**changes))
