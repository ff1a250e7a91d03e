from dataclasses import replace
from pathlib import Path

import pytest

from patchlearn.core.digests import Digests
from patchlearn.data.open import open_dataset
from patchlearn.steps.classifier import TrainClassifier
from patchlearn.steps.data_splits import DataSplits
from patchlearn.training.settings import ClassifierSettings

SETTINGS = ClassifierSettings(backbone="resnet10t", weights=None)


@pytest.fixture
def splits(folder_data: Path) -> DataSplits:
    return DataSplits(open_dataset("folder", folder_data), Digests(None))


def key(splits: DataSplits, settings: ClassifierSettings = SETTINGS, held_out: str = "val", seed: int = 0) -> str:
    return TrainClassifier(Path("run/plain"), settings, splits["train"], splits.find(held_out), seed).key


def test_seed_settings_and_held_out_images_are_in_the_key(splits: DataSplits) -> None:
    others = [key(splits, seed=1), key(splits, held_out="none"), key(splits, replace(SETTINGS, frozen_stages=1))]
    assert len({key(splits), *others}) == 4


def test_the_content_of_a_weights_file_is_in_the_key_and_not_its_name(splits: DataSplits, tmp_path: Path) -> None:
    for name, content in (("a.pth", "one"), ("b.pth", "one"), ("c.pth", "two")):
        (tmp_path / name).write_text(content)
    a, b, c = (key(splits, replace(SETTINGS, weights=str(tmp_path / f"{name}.pth"))) for name in "abc")
    assert a == b != c


def test_the_place_of_the_run_is_not_in_the_key(splits: DataSplits) -> None:
    step = TrainClassifier(Path("elsewhere/other"), SETTINGS, splits["train"], splits["val"], 0)
    assert step.key == key(splits)
    assert step.model == Path("elsewhere/other/classifier/model.safetensors")
