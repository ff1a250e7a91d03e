"""Settings of the trainings: defaults, and what enters the key of a step."""

from dataclasses import replace
from pathlib import Path

import pytest

from patchlearn.core.settings import key_values
from patchlearn.training.settings import (
    AffinitySettings,
    ClassifierSettings,
    NoiseSettings,
    Optimisation,
    SegmenterSettings,
    true_labels_only,
)


def test_names_of_splits_and_how_often_a_state_is_saved_are_outside_of_the_key() -> None:
    assert key_values(Optimisation(save_seconds=1)) == key_values(Optimisation())
    one, other = (ClassifierSettings(train_split=name, held_out_split=name) for name in "ab")
    assert key_values(one) == key_values(other)
    assert key_values(AffinitySettings(train_split="a")) == key_values(AffinitySettings())
    assert key_values(SegmenterSettings(splits=("a",), train_split="b")) == key_values(SegmenterSettings())


@pytest.mark.parametrize("change", [{"epochs": 9}, {"learning_rate": 1.0}, {"batch_size": 3}, {"warmup": 0.5}])
def test_what_changes_the_training_is_in_the_key(change: dict[str, float]) -> None:
    assert key_values(Optimisation(**change)) != key_values(Optimisation())  # type: ignore[arg-type]


def test_the_affinity_network_has_an_optimiser_of_its_own() -> None:
    plan = AffinitySettings().optimisation
    assert (plan.learning_rate, plan.head_multiplier, plan.epochs) == (2e-3, 1.0, 3)


def test_the_defaults_are_those_of_the_field() -> None:
    plan = Optimisation()
    assert (plan.head_multiplier, plan.momentum, plan.schedule) == (10.0, 0.9, "poly")  # PSA, IRN
    assert SegmenterSettings().freeze_statistics  # DeepLab
    assert ClassifierSettings().freeze_statistics  # PSA, SEAM, IRN
    assert ClassifierSettings().pooling_power == 1  # the mean


@pytest.mark.parametrize("settings", [ClassifierSettings, SegmenterSettings])
def test_a_weights_file_enters_the_key_with_its_content(
    settings: type[ClassifierSettings | SegmenterSettings], tmp_path: Path
) -> None:
    file = tmp_path / "weights.pth"
    file.write_text("one")
    before = key_values(settings(weights=str(file)))
    file.write_text("two")
    assert key_values(settings(weights=str(file))) != before
    assert key_values(settings(weights="demo"))["weights"] == "demo"


def test_true_masks_are_learned_without_any_doubt() -> None:
    noisy = SegmenterSettings(noise=NoiseSettings(loss="bootstrapped", correct_from=0.2, rounds=3))
    reference = true_labels_only(noisy).noise
    assert (reference.loss, reference.correct_from, reference.rounds) == ("cross_entropy", 1.0, 1)
    assert replace(true_labels_only(noisy), noise=noisy.noise) == noisy
