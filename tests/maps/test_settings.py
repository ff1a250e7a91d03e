from patchlearn.core.settings import key_values
from patchlearn.maps.settings import CamSettings, PseudoSettings, SelfTrainingSettings


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
