"""Settings of maps and masks: defaults, and what enters the key of a step."""

from pathlib import Path

from patchlearn.core.settings import key_values
from patchlearn.maps.settings import CamSettings, PseudoSettings, SelfTrainingSettings, WalkSettings
from patchlearn.refine.settings import SamSettings


def test_the_splits_that_are_written_are_outside_of_the_key() -> None:
    assert key_values(CamSettings(splits=("train", "val"))) == key_values(CamSettings())
    assert key_values(PseudoSettings(splits=("val",))) == key_values(PseudoSettings())
    assert key_values(SelfTrainingSettings(train_split="other")) == key_values(SelfTrainingSettings())


def test_what_changes_maps_and_masks_is_in_the_key() -> None:
    assert key_values(CamSettings(read="unsplit")) != key_values(CamSettings())
    assert key_values(PseudoSettings(local=1)) != key_values(PseudoSettings())
    assert key_values(SelfTrainingSettings(rounds=1)) != key_values(SelfTrainingSettings())


def test_scales_are_those_of_psa_seam_and_irn() -> None:
    views = CamSettings().views
    assert (sorted(views.scales), views.flip) == ([0.5, 1.0, 1.5, 2.0], True)


def test_the_walk_has_the_radius_and_the_steps_of_irn_and_psa() -> None:
    walk = WalkSettings()
    assert (walk.radius, walk.steps, walk.anchor) == (5, 2**8, 0.0)


def test_every_setting_of_the_walk_is_in_the_key() -> None:
    changes = {"radius": 4, "beta": 2.0, "steps": 8, "long_side": None, "anchor": 0.5, "balance": 0.0}
    assert set(key_values(WalkSettings())) == set(changes)
    keys = [key_values(WalkSettings(**{name: value})) for name, value in changes.items()]  # type: ignore[arg-type]
    assert all(key != key_values(WalkSettings()) for key in keys)


def test_pixels_that_teach_a_segmenter_have_thresholds_of_their_own() -> None:
    confident = PseudoSettings().confident
    assert (confident.high, confident.low) == (1.15, 0.5)
    assert confident != SelfTrainingSettings().confident


def test_sam_is_in_the_key_with_the_content_of_its_folder_and_keys_without_it_stay_what_they_were(
    tmp_path: Path,
) -> None:
    assert "sam" not in key_values(PseudoSettings(sam=SamSettings()))

    def key(model: Path | str, points: int = 3) -> object:
        return key_values(PseudoSettings(sam=SamSettings(model=str(model), points=points)))["sam"]

    assert key("owner/sam2") == {"model": "owner/sam2", "points": 3}
    assert key("owner/sam2", 1) != key("owner/sam2") != key("owner/other")
    first, copy = tmp_path / "first", tmp_path / "copy"
    for folder in (first, copy):
        folder.mkdir()
        (folder / "model.safetensors").write_bytes(b"weights")
    assert key(first) == key(copy)
    (copy / "model.safetensors").write_bytes(b"others")
    assert key(first) != key(copy)
