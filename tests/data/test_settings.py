"""Settings of the data check themselves."""

from pathlib import Path

import pytest
from test_public_names import loaded_by

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.settings import key_values
from patchlearn.data.settings import (
    FORMATS,
    OTHER_NAMES,
    AugmentSettings,
    ClickSettings,
    DataSettings,
    SceneSettings,
)


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


@pytest.mark.parametrize("changes", [{"normal": -0.1}, {"normal": 1.1}, {"surroundings": 1.5}, {"surroundings": -1.0}])
def test_wrong_shares_of_surfaces_are_an_error(changes: dict[str, float]) -> None:
    (name, value), *_ = changes.items()
    with pytest.raises(PatchlearnError, match=f"^{name}: {value} is out of range"):
        SceneSettings(kind="surfaces", **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["surfaces", "cells"])
def test_an_image_with_a_class_is_needed(kind: str) -> None:
    with pytest.raises(PatchlearnError, match=r"^normal: 1 leaves no image with a class"):
        SceneSettings(kind=kind, normal=1)


def test_an_unknown_kind_of_scene_lists_the_known_ones() -> None:
    with pytest.raises(PatchlearnError, match=r"^kind: 'surface'.*animals, cells, surfaces"):
        SceneSettings(kind="surface")


@pytest.mark.parametrize(
    ("kind", "changes", "kinds"),
    [
        ("animals", {"normal": 0.0}, "surfaces or cells"),
        ("animals", {"surroundings": 0.5}, "surfaces"),
        ("cells", {"surroundings": 0.5}, "surfaces"),
    ],
)
def test_a_setting_of_other_kinds_is_an_error_that_names_them(kind: str, changes: dict[str, float], kinds: str) -> None:
    with pytest.raises(
        PatchlearnError, match=f"^{next(iter(changes))}: is only for kind: {kinds}; the kind is '{kind}'"
    ):
        SceneSettings(kind=kind, **changes)  # type: ignore[arg-type]


def test_the_key_of_animals_is_what_it_was() -> None:
    assert key_values(SceneSettings(size=64)) == {"train": 400, "val": 100, "size": 64, "seed": 0}
    assert key_values(SceneSettings(kind="surfaces", normal=0.5))["normal"] == 0.5


def test_an_unknown_format_lists_the_known_ones() -> None:
    with pytest.raises(
        PatchlearnError, match=r"^format: 'vok' .* mean 'voc'\? Choose one of: auto, class-folders, coco"
    ):
        DataSettings(format="vok")


def test_the_least_values_are_allowed() -> None:
    SceneSettings(train=1, val=1, size=64, seed=0)
    SceneSettings(kind="surfaces", normal=0.0, surroundings=0.0)
    SceneSettings(kind="cells", normal=0.0)
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


@pytest.mark.parametrize(
    ("tried", "meant"), [("csv", "folder"), ("imagefolder", "class-folders"), ("hf", "huggingface")]
)
def test_a_word_that_people_try_for_a_format_names_the_one_that_reads_it(tried: str, meant: str) -> None:
    with pytest.raises(PatchlearnError, match=f"format: '{tried}' is not an option; did you mean '{meant}'"):
        DataSettings(format=tried)


def test_every_other_name_means_a_format() -> None:
    assert set(OTHER_NAMES.values()) <= set(FORMATS)
    assert not set(OTHER_NAMES) & set(FORMATS)
