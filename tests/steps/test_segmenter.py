"""What the training of a segmenter depends on, and what is stored with its model."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import make_runtime
from rich.console import Console

from patchlearn.core.digests import Digests
from patchlearn.core.masks_io import write_mask
from patchlearn.core.types import ClassSize, Dataset
from patchlearn.data.open import open_dataset
from patchlearn.inference.segmenter import Segmenter, load_segmenter, save_segmenter
from patchlearn.inference.settings import InferenceSettings
from patchlearn.maps.settings import CamSettings, PseudoSettings, WalkSettings
from patchlearn.models.segmentation import SegmentationNetwork
from patchlearn.refine import BackgroundRule
from patchlearn.steps.cams import WriteCams
from patchlearn.steps.data_splits import DataSplits, TrueMasks
from patchlearn.steps.pseudo_masks import WritePseudoMasks
from patchlearn.steps.segmenter import TrainSegmenter, WriteSegmented, learned_sizes, learning_settings
from patchlearn.training.settings import NoiseSettings, SegmenterSettings

SETTINGS = SegmenterSettings(backbone="mobilenetv3_small_050", weights=None)
HOME = Path("run/plain")


@pytest.fixture
def dataset(folder_data: Path) -> Dataset:
    return open_dataset("folder", folder_data)


def pseudo_masks(dataset: Dataset, home: Path = HOME) -> WritePseudoMasks:
    classifier: Any = None
    cams = WriteCams(home, CamSettings(), DataSplits(dataset, Digests(None))["train"], classifier, None)
    return WritePseudoMasks(home, PseudoSettings(), BackgroundRule(), WalkSettings(), cams, None)


def true_masks(dataset: Dataset) -> TrueMasks:
    return TrueMasks(DataSplits(dataset, Digests(None))["train"])


def step(
    masks: WritePseudoMasks | TrueMasks, settings: SegmenterSettings = SETTINGS, home: Path = HOME
) -> TrainSegmenter:
    sizes = learned_sizes(settings, masks)
    return TrainSegmenter(home, learning_settings(settings, masks), masks, 0, settings.inference, sizes)


def test_the_reference_learns_without_any_treatment_of_noise_in_a_folder_of_its_own(dataset: Dataset) -> None:
    reference = step(true_masks(dataset))
    assert reference.settings.noise.labels == "all"
    assert reference.settings.noise.correct_from == 1
    assert reference.folder == HOME / "segmenter-masks"
    segmented = WriteSegmented(HOME, InferenceSettings(), reference, DataSplits(dataset, Digests(None))["val"])
    assert segmented.folder == HOME / "segmented-masks" / "val"
    assert step(pseudo_masks(dataset)).folder == HOME / "segmenter"


def test_stated_sizes_are_in_the_key_where_they_change_what_is_learned(dataset: Dataset) -> None:
    sizes = (ClassSize(most=0.5), None)
    stated, counted = replace(dataset, sizes=sizes), replace(dataset, sizes=(ClassSize(count="one"), None))
    without, heavier = replace(SETTINGS, size_weight=0.0), replace(SETTINGS, size_weight=2.0)
    plain = step(pseudo_masks(dataset))
    assert "sizes" not in plain.inputs
    assert "size_weight" not in plain.inputs["settings"]
    assert step(pseudo_masks(dataset), heavier).key == plain.key
    assert step(pseudo_masks(counted), heavier).inputs["settings"] == plain.inputs["settings"]
    used = step(pseudo_masks(stated))
    assert (used.sizes, used.inputs["sizes"][1]) == (sizes, None)
    assert used.inputs["sizes"][0] == {"least": None, "most": 0.5, "unit": "share", "count": "many"}
    assert step(pseudo_masks(stated), heavier).key != used.key
    assert step(pseudo_masks(stated), heavier).comparable_key == plain.comparable_key
    assert "sizes" not in step(pseudo_masks(stated), without).inputs
    assert step(true_masks(stated), heavier).key == step(true_masks(dataset)).key


@pytest.mark.parametrize(
    ("rounds", "change", "is_same"),
    [
        (1, {"inference": InferenceSettings(flip=False)}, True),
        (2, {"inference": InferenceSettings(flip=False)}, False),
        (1, {"noise": NoiseSettings(undecided=0.1)}, True),
        (1, {"noise": NoiseSettings(confidence=0.1)}, False),
        (1, {"average": 0.5}, False),
    ],
)
def test_only_what_changes_the_training_is_in_the_key(
    rounds: int, change: dict[str, Any], is_same: bool, dataset: Dataset
) -> None:
    masks, before = pseudo_masks(dataset), replace(SETTINGS, noise=NoiseSettings(rounds=rounds))
    after = replace(before, **change)
    assert (step(masks, before).key == step(masks, after).key) == is_same


def test_segmenters_that_learned_from_the_same_images_can_be_compared(dataset: Dataset) -> None:
    reference, own = step(true_masks(dataset)), step(pseudo_masks(dataset))
    assert reference.comparable_key == own.comparable_key
    first, *rest = dataset.split("train")
    fewer = replace(dataset, splits={**dataset.splits, "train": (replace(first, mask=None), *rest)})
    assert step(true_masks(fewer)).comparable_key != own.comparable_key
    assert step(pseudo_masks(dataset), replace(SETTINGS, average=0.5)).comparable_key != own.comparable_key


def test_inference_settings_are_stored_without_training(
    dataset: Dataset, tmp_path: Path, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "run" / "plain"
    trained = step(pseudo_masks(dataset, home), home=home)
    trained.outputs.begin(trained.key, {"inputs": trained.inputs})
    network = SegmentationNetwork("mobilenetv3_small_050", "fpn", classes=2).eval()
    save_segmenter(trained.model, Segmenter(network=network, classes=("red", "blue")))
    trained.outputs.finish(trained.key, {"inputs": trained.inputs})
    monkeypatch.setattr(TrainSegmenter, "work", lambda *_: pytest.fail("trains again"))
    other = replace(trained, inference=InferenceSettings(scales=(0.5,)))
    assert other.key == trained.key
    other.take(make_runtime(console))
    stored = load_segmenter(trained.model)
    assert stored.settings.scales == (0.5,)
    for name, tensor in network.state_dict().items():
        assert torch.equal(stored.network.state_dict()[name], tensor), name
    assert trained.outputs.is_complete(trained.key)


def test_the_bands_of_the_data_are_stored_with_the_model(dataset: Dataset, tmp_path: Path, console: Console) -> None:
    home = tmp_path / "run" / "plain"
    trained = step(pseudo_masks(replace(dataset, bands=(4, 3, 2)), home), home=home)
    trained.outputs.begin(trained.key, {"inputs": trained.inputs})
    network = SegmentationNetwork("mobilenetv3_small_050", "fpn", classes=2).eval()
    save_segmenter(trained.model, Segmenter(network=network, classes=("red", "blue"), settings=trained.inference))
    trained.refresh(make_runtime(console))
    assert load_segmenter(trained.model).bands == (4, 3, 2)


@pytest.mark.parametrize("labels", ["sure", "all"])
def test_labels_are_read_from_the_reliable_pixels_if_they_alone_are_learned(
    labels: str, dataset: Dataset, tmp_path: Path
) -> None:
    masks, sample = pseudo_masks(dataset, tmp_path / "plain"), dataset.split("train")[0]
    write_mask(masks.folder / f"{sample.id}.png", np.zeros((40, 48), np.uint8))
    write_mask(masks.folder / "sure" / f"{sample.id}.png", np.full((40, 48), 255, np.uint8))
    read = step(masks, replace(SETTINGS, noise=NoiseSettings(labels=labels)))._read_labels()
    assert read(sample).max() == (255 if labels == "sure" else 0)
