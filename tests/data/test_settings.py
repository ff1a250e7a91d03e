"""Settings of the data check themselves."""

from pathlib import Path

import pytest
from test_public_names import loaded_by

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.settings import key_values
from patchlearn.data.settings import AugmentSettings, ClickSettings, DataSettings, SceneSettings


@pytest.mark.parametrize(
    "changes", [{"crop": 0}, {"long_side": (64, 32)}, {"long_side": (0, 32)}], ids=lambda changes: next(iter(changes))
)
def test_wrong_augmentation_is_an_error(changes: dict) -> None:  # type: ignore[type-arg]
    with pytest.raises(PatchlearnError, match=f"^{next(iter(changes))}: "):
        AugmentSettings(**changes)


@pytest.mark.parametrize("changes", [{"train": 0}, {"val": 0}, {"size": 63}, {"seed": -1}])
def test_wrong_scenes_are_an_error(changes: dict[str, int]) -> None:
    (name, value), *_ = changes.items()
    with pytest.raises(PatchlearnError, match=f"^{name}: {value} is out of range"):
        SceneSettings(**changes)


def test_an_unknown_format_lists_the_known_ones() -> None:
    with pytest.raises(
        PatchlearnError, match=r"^format: 'vok' .* mean 'voc'\? Choose one of: auto, class-folders, coco"
    ):
        DataSettings(format="vok")


def test_the_least_values_are_allowed() -> None:
    SceneSettings(train=1, val=1, size=64, seed=0)
    AugmentSettings(crop=1, long_side=(1, 1))


def test_settings_load_neither_torch_nor_numpy() -> None:
    assert not loaded_by("import patchlearn.data.settings") & {"torch", "numpy", "PIL"}


def test_the_content_of_clicks_enters_the_key(tmp_path: Path) -> None:
    points, folder = tmp_path / "points.csv", tmp_path / "scribbles"
    folder.mkdir()
    settings = ClickSettings(points=str(points), scribbles=str(folder))
    points.write_text("image,x,y,label\n")
    keys = [key_values(settings)]
    points.write_text("image,x,y,label\na,0,0,cat\n")
    keys.append(key_values(settings))
    (folder / "a.png").write_bytes(b"png")
    keys.append(key_values(settings))
    assert keys[0] != keys[1] != keys[2] != keys[0]
    assert keys[0].keys() == {"points", "scribbles", "weight"}
