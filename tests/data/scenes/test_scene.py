"""One drawn scene: what its labels, masks and part masks promise."""

from hashlib import sha256

import numpy as np
import pytest

from patchlearn.core.errors import PatchlearnError
from patchlearn.data.scenes.scene import SCENE_CLASSES, Scene, draw_scene
from patchlearn.data.settings import SceneSettings

SMALL = SceneSettings(train=5, val=2, size=64)
# Of image 0, as drawn at 9565106; all of its masks, and every 16th red value.
MASKS_OF_FIRST = "749c229f8726984d"
RED_OF_FIRST = np.array([[191, 191, 191, 195], [202, 170, 177, 185], [192, 154, 150, 169], [190, 114, 91, 139]])


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


def test_animals_are_what_they_were() -> None:
    """Folders of before stay valid: the key of their drawing is the same."""
    scene = draw_scene(SMALL, "train", 0)
    assert scene.image.shape == (58, 64, 3)
    assert sha256(scene.mask.tobytes() + scene.parts.tobytes()).hexdigest()[:16] == MASKS_OF_FIRST
    assert np.abs(scene.image[::16, ::16, 0].astype(int) - RED_OF_FIRST).max() <= 1


def test_settings_of_surfaces_draw_no_animals() -> None:
    with pytest.raises(PatchlearnError, match=r"^kind: 'surfaces'"):
        draw_scene(SceneSettings(kind="surfaces"), "train", 0)


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
    monkeypatch.setattr("patchlearn.data.scenes.scene._SIZES", ((2.0, 3.0),) * 3)
    assert draw_scene(SMALL, "train", 0).labels


def test_at_least_six_classes_occur_about_equally_often(scenes: list[Scene]) -> None:
    counts = [sum(label in scene.labels for scene in scenes) for label in range(len(SCENE_CLASSES))]
    assert len(SCENE_CLASSES) >= 6
    assert min(counts) >= 0.4 * max(counts)


def test_an_unknown_split_is_refused() -> None:
    with pytest.raises(PatchlearnError, match="split: 'test' is not an option"):
        draw_scene(SMALL, "test", 0)
