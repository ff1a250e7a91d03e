"""Training the head of a frozen backbone from one vector a view."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from conftest import make_runtime, tiny_stages
from rich.console import Console

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import read_rows
from patchlearn.data.open import open_dataset
from patchlearn.data.settings import AugmentSettings
from patchlearn.maps.features import features_of_views
from patchlearn.maps.settings import CamSettings
from patchlearn.models import classifier as classifier_module
from patchlearn.models.classifier import load_classifier
from patchlearn.models.patch_network import PatchNetwork
from patchlearn.models.settings import ViewSettings
from patchlearn.training import classifier as training_module
from patchlearn.training import head as module
from patchlearn.training.head import _Head, train_head
from patchlearn.training.settings import ClassifierSettings, Optimisation

CAMS = CamSettings(views=ViewSettings(scales=(1.0, 0.5), flip=False))
SETTINGS = ClassifierSettings(
    head_only=True,
    augment=AugmentSettings(crop=32, long_side=(32, 48)),
    optimisation=Optimisation(epochs=6, batch_size=4, learning_rate=0.01, min_steps=30),
)


@pytest.fixture(autouse=True)
def tiny_backbone(monkeypatch: pytest.MonkeyPatch) -> None:
    def create(name: str, stride: int, weights: object = None) -> object:
        torch.manual_seed(3)  # the same pretrained weights, whoever creates it
        return tiny_stages()

    for user in (training_module, classifier_module):  # one trains, the other loads
        monkeypatch.setattr(user, "create_stages", create)


def train(root: Path, folder: Path, console: Console, settings: ClassifierSettings = SETTINGS, **more: object) -> Path:
    data = open_dataset("folder", root)
    return train_head(data, settings, CAMS, folder, make_runtime(console), seed=0, **more)  # type: ignore[arg-type]


def test_the_head_learns_and_the_backbone_does_not(folder_data: Path, tmp_path: Path, console: Console) -> None:
    trained = load_classifier(train(folder_data, tmp_path / "run", console)).network
    torch.manual_seed(3)
    for found, given in zip(trained.stages.state_dict().values(), tiny_stages().state_dict().values(), strict=True):
        assert torch.equal(found, given)
    rows = read_rows(tmp_path / "run" / "log.csv")
    assert float(rows[-1]["loss"]) < float(rows[0]["loss"])
    epochs = read_rows(tmp_path / "run" / "epochs.csv")
    assert len(epochs) == 6
    assert float(epochs[-1]["map"]) > 0.9  # red and blue


def test_the_same_seed_gives_the_same_head(folder_data: Path, tmp_path: Path, console: Console) -> None:
    first, second = (train(folder_data, tmp_path / name, console).read_bytes() for name in "ab")
    assert first == second


def test_stored_features_give_the_same_head(folder_data: Path, tmp_path: Path, console: Console) -> None:
    torch.manual_seed(3)
    network = PatchNetwork(tiny_stages(), 1).eval()

    def stored(sample: object) -> list:  # type: ignore[type-arg]
        with torch.no_grad():
            return list(features_of_views(network, module.read_image(sample.image), CAMS))  # type: ignore[attr-defined]

    computed = load_classifier(train(folder_data, tmp_path / "a", console)).network.classifier.weight
    read = load_classifier(train(folder_data, tmp_path / "b", console, stored=stored)).network.classifier.weight
    torch.testing.assert_close(read, computed, rtol=1e-4, atol=1e-4)


def test_the_logits_of_a_vector_are_those_of_the_network() -> None:
    network = PatchNetwork(tiny_stages(), 4, pooling_power=3.0).eval()
    batch = torch.randn(2, 3, 32, 48, generator=torch.Generator().manual_seed(0))
    vectors = network.pooled(network.features(batch)).flatten(1)
    logits = _Head(network.classifier)(torch.stack([vectors, 2 * vectors], 1))
    torch.testing.assert_close(logits[:, 0], network(batch))
    torch.testing.assert_close(logits[:, 1], 2 * network(batch))


def test_a_head_needs_pretrained_weights() -> None:
    with pytest.raises(PatchlearnError, match=r"^head_only: a head learns nothing from a backbone with random weights"):
        replace(SETTINGS, weights=None)


@pytest.mark.parametrize("changes", [{"fusion": "explicit", "splits": "figure 2"}, {"keep_epochs": True}])
def test_a_head_has_no_patches_and_no_epochs_to_keep(changes: dict[str, object]) -> None:
    with pytest.raises(PatchlearnError, match="head_only: a head learns from features without patches"):
        replace(SETTINGS, **changes)  # type: ignore[arg-type]
