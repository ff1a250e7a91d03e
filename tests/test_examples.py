"""The examples run in order on one run folder, and write what they say."""

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

from patchlearn.core.masks_io import read_scores
from patchlearn.data import open_dataset, read_image, read_indices
from patchlearn.inference import load_segmenter
from patchlearn.models import load_affinity, load_classifier

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))
LONGEST = 40


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which every example has run, in order."""
    folder = tmp_path_factory.mktemp("examples")
    patch = pytest.MonkeyPatch()
    for path in EXAMPLES:
        patch.setattr(sys, "argv", [str(path), str(folder)])
        runpy.run_path(str(path), run_name="__main__")
    patch.undo()
    return folder


def test_there_are_five_short_ones() -> None:
    assert [path.name[:2] for path in EXAMPLES] == ["01", "02", "03", "04", "05"]
    assert all(len(path.read_text(encoding="utf-8").splitlines()) < LONGEST for path in EXAMPLES)


def test_the_classifier_has_the_patches_of_the_example(run: Path) -> None:
    network = load_classifier(run / "classifier").network
    assert network.fusion == "progressive"
    assert network.splits == ((1, (2, 2)), (2, (2, 2)))
    assert network.active_split == 1  # the last stage of training


def test_there_are_maps_of_the_given_labels(run: Path) -> None:
    samples = open_dataset("folder", run / "data").split("train")
    assert len(samples) == 8
    for sample in samples:
        maps = read_scores(run / "maps" / f"{sample.id}.npz")
        assert maps.classes == sample.labels
        assert maps.size == read_image(sample.image).shape[:2]


def test_pseudo_masks_hold_the_classes_of_their_images(run: Path) -> None:
    assert load_affinity(run / "affinity" / "model.safetensors").BETA == 8
    for sample in open_dataset("folder", run / "data").split("train"):
        mask = read_indices(run / "masks" / f"{sample.id}.png")
        assert mask.shape == read_image(sample.image).shape[:2]
        assert set(np.unique(mask)) <= {0, 255, *(label + 1 for label in sample.labels)}


def test_new_images_get_masks_of_their_own_size(run: Path) -> None:
    dataset, segmenter = open_dataset("folder", run / "data"), load_segmenter(run / "segmenter" / "model.safetensors")
    assert segmenter.classes == dataset.classes
    images = dataset.split("val")
    assert len(images) == 4
    for sample in images:
        mask = read_indices(run / "predicted" / f"{sample.id}.png")
        assert mask.shape == read_image(sample.image).shape[:2]
        assert mask.max() <= len(dataset.classes)
