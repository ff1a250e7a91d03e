"""Settings of maps and masks: defaults, and what enters the key of a step."""

from patchlearn.core.settings import key_values
from patchlearn.maps.settings import CamSettings, PseudoSettings, SelfTrainingSettings, WalkSettings


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
