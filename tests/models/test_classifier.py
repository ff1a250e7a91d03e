"""The file of a classifier."""

from pathlib import Path

import pytest
import torch
from conftest import tiny_stages

from patchlearn.core.checkpoints import load_checkpoint, save_checkpoint
from patchlearn.core.errors import PatchlearnError
from patchlearn.models import classifier as module
from patchlearn.models.classifier import Classifier, load_classifier, save_classifier
from patchlearn.models.patch_network import PatchNetwork

SPLITS = ((1, (2, 2)), (2, (2, 2)))


@pytest.fixture(autouse=True)
def tiny_backbone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "create_stages", lambda name, stride: tiny_stages())


def classifier(fusion: str = "plain", **options: object) -> Classifier:
    splits = () if fusion == "plain" else SPLITS
    network = PatchNetwork(tiny_stages(), 2, fusion, splits, **options)  # type: ignore[arg-type]
    return Classifier(network=network, classes=("a", "b"))


def test_saved_and_loaded_classifiers_agree(tmp_path: Path) -> None:
    saved = classifier("progressive")
    saved.network.active_split = 1
    save_classifier(tmp_path / "m.safetensors", saved)
    loaded = load_classifier(tmp_path / "m.safetensors")
    assert loaded.classes == ("a", "b")
    assert loaded.network.active_split == 1
    assert not loaded.network.training
    images = torch.randn(2, 3, 32, 40)
    assert torch.equal(loaded.network(images), saved.network.eval()(images))


def test_how_patches_are_cut_and_pooled_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    save_classifier(path, classifier("explicit", border="neighbour", detach=False, pooling_power=3.0))
    loaded = load_classifier(path).network
    assert (loaded.border, loaded.detach, loaded.pooling_power) == ("neighbour", False, 3.0)
    assert (loaded.fusion, loaded.splits) == ("explicit", SPLITS)


def test_text_and_folders_name_classifiers_too(tmp_path: Path) -> None:
    save_classifier(tmp_path / "model.safetensors", classifier())
    for path in (tmp_path, str(tmp_path), str(tmp_path / "model.safetensors")):
        assert load_classifier(path).classes == ("a", "b")


def test_a_folder_without_a_model_is_refused_by_the_name_of_the_missing_file(tmp_path: Path) -> None:
    with pytest.raises(PatchlearnError, match=r"model\.safetensors: no such checkpoint"):
        load_classifier(tmp_path)


@pytest.mark.parametrize("name", ["border", "detach", "pooling_power", "classes", "splits"])
def test_a_file_without_one_of_the_settings_is_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    save_classifier(path, classifier())
    tensors, facts = load_checkpoint(path)
    save_checkpoint(path, tensors, {key: value for key, value in facts.items() if key != name})
    with pytest.raises(PatchlearnError, match=rf"m\.safetensors: not a classifier of patchlearn \('{name}'\)"):
        load_classifier(path)


def test_a_checkpoint_of_another_architecture_is_refused_by_name(tmp_path: Path) -> None:
    save_classifier(tmp_path / "m.safetensors", classifier())
    tensors, facts = load_checkpoint(tmp_path / "m.safetensors")
    save_checkpoint(tmp_path / "m.safetensors", {**tensors, "classifier.weight": torch.zeros(2, 99, 1, 1)}, facts)
    with pytest.raises(PatchlearnError, match=r"m\.safetensors: not a classifier of patchlearn .*size mismatch"):
        load_classifier(tmp_path / "m.safetensors")
    save_checkpoint(tmp_path / "m.safetensors", tensors, {"owner": "somebody else"})
    with pytest.raises(PatchlearnError, match="not a classifier of patchlearn"):
        load_classifier(tmp_path / "m.safetensors")
