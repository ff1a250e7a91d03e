"""What the training of a classifier depends on."""

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

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


def test_names_of_splits_are_not_in_the_key(splits: DataSplits) -> None:
    samples = splits.dataset.splits
    renamed = replace(splits.dataset, splits={"learn": samples["train"], "look": samples["val"]})
    others = DataSplits(renamed, Digests(None))
    settings = replace(SETTINGS, train_split="learn", held_out_split="look")
    assert TrainClassifier(Path("run/plain"), settings, others["learn"], others["look"], 0).key == key(splits)


def test_the_content_of_the_held_out_images_is_in_the_key(splits: DataSplits) -> None:
    before = key(splits)
    Image.new("RGB", (48, 40), (1, 2, 3)).save(splits["val"].samples[0].image)
    assert key(DataSplits(splits.dataset, Digests(None))) != before
