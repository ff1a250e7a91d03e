"""Training of affinity networks."""

from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from conftest import make_runtime, noise_image, tiny_stages
from rich.console import Console
from torch import Tensor

from patchlearn.core.checkpoints import load_checkpoint
from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import read_rows
from patchlearn.core.masks_io import write_mask
from patchlearn.core.seeds import Stream
from patchlearn.data.open import open_dataset
from patchlearn.data.settings import AugmentSettings
from patchlearn.data.transforms import MaskedTransform
from patchlearn.models import affinity_network as network_module
from patchlearn.models.affinity_network import BoundaryAffinity, FeatureAffinity, load_affinity
from patchlearn.models.backbones.create import create_stages
from patchlearn.models.backbones.stages import Stages
from patchlearn.training import affinity as module
from patchlearn.training.affinity import train_affinity
from patchlearn.training.batches import LabelledPixels
from patchlearn.training.settings import AffinitySettings, Optimisation

KINDS = ("boundary", "features")


class KilledError(Exception):
    """Stands for kill -9: nothing of ours catches it."""


@pytest.fixture(autouse=True)
def tiny_backbone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network_module, "create_stages", lambda name, stride: tiny_stages())


def settings(kind: str = "boundary", **changes: object) -> AffinitySettings:
    plan = Optimisation(epochs=3, batch_size=4, learning_rate=0.01, head_multiplier=1.0, save_seconds=0.0)
    base = {"kind": kind, "radius": 4, "augment": AugmentSettings(crop=32, long_side=(40, 48)), "optimisation": plan}
    return AffinitySettings(**{**base, **changes})  # type: ignore[arg-type]


@pytest.fixture
def labels(folder_data: Path, tmp_path: Path) -> Path:
    """The ground truth with an undecided rim."""
    for sample in open_dataset("folder", folder_data).split("train"):
        mask = np.array(module.read_indices(folder_data / "masks" / f"{sample.id}.png"))
        mask[:2], mask[:, -2:] = 255, 255
        write_mask(tmp_path / "labels" / f"{sample.id}.png", mask)
    return tmp_path / "labels"


def train(
    root: Path, labels: Path, folder: Path, console: Console, plan: AffinitySettings, stages: Stages | None = None
) -> Path:
    samples = open_dataset("folder", root).split("train")
    torch.manual_seed(0)
    trunk = stages or tiny_stages()
    return train_affinity(samples, labels, trunk, plan, folder, make_runtime(console), seed=0)


def some_labels(*shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.tensor([0, 1, 2, 255])[torch.randint(0, 4, shape, generator=generator)]


@pytest.mark.parametrize("kind", KINDS)
def test_two_processes_have_the_loss_of_one(kind: str) -> None:
    torch.manual_seed(0)
    output, labels = torch.randn(2, 1 if kind == "boundary" else 4, 64, 64), some_labels(2, 64, 64)
    labels[0, 32:] = 255  # the two images have unlike numbers of pairs
    model = lambda images: output[images[:, 0, 0, 0].long()]  # noqa: E731
    index = torch.arange(2.0).view(2, 1, 1, 1).expand(2, 3, 64, 64)
    everybody = module.COSTS[kind](output, labels, 3)[1]

    def loss(part: slice, processes: int) -> float:
        accelerator: Any = SimpleNamespace(
            device=torch.device("cpu"), num_processes=processes, reduce=lambda counts, how: everybody
        )
        network: Any = SimpleNamespace(KIND=kind, STRIDE=1)
        return float(module._loss(network, 3, accelerator, model, (index[part], labels[part])))  # type: ignore[arg-type]

    assert (loss(slice(0, 1), 2) + loss(slice(1, 2), 2)) / 2 == pytest.approx(loss(slice(0, 2), 1))


@pytest.mark.parametrize("kind", KINDS)
def test_the_loss_falls_and_the_network_comes_back(
    kind: str, folder_data: Path, labels: Path, tmp_path: Path, console: Console
) -> None:
    plan = Optimisation(epochs=10, batch_size=4, learning_rate=0.01, head_multiplier=1.0)
    path = train(folder_data, labels, tmp_path / "run", console, settings(kind, optimisation=plan))
    losses = [float(row["loss"]) for row in read_rows(tmp_path / "run" / "epochs.csv")]
    assert losses[-1] < 0.9 * losses[0]
    trained = load_affinity(path)
    assert kind == trained.KIND
    assert not trained.training
    scores = np.ones((1, 8, 8), np.float32)
    assert np.isfinite(trained.walk(noise_image(30, 31), scores, 5, trained.BETA, 4, None)).all()


def test_the_boundary_is_learned_where_the_object_ends(
    folder_data: Path, labels: Path, tmp_path: Path, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    trunk = partial(tiny_stages, (16, 24, 32, 32))
    monkeypatch.setattr(network_module, "create_stages", lambda name, stride: trunk())
    plan = Optimisation(epochs=40, batch_size=4, learning_rate=0.02, head_multiplier=1.0)
    crops = AugmentSettings(crop=64, long_side=(64, 96))
    learned = settings(radius=6, augment=crops, optimisation=plan)
    trained = load_affinity(train(folder_data, labels, tmp_path / "run", console, learned, trunk()))
    image = np.random.default_rng(5).integers(90, 160, (40, 48, 3), np.uint8)
    image[12:28, 16:32] = (220, 20, 20)  # cells 3–6 × 4–7
    assert isinstance(trained, BoundaryAffinity)
    edges = trained.boundary_map(image, long_side=80)
    border = [*edges[2:4, 5:7].max(0), *edges[6:8, 5:7].max(0), *edges[4:6, 3:5].max(1), *edges[4:6, 7:9].max(1)]
    inside, outside = edges[4:6, 5:7], edges[1:9, [1, 10]]
    assert min(border) > 2 * max(inside.max(), outside.max())


def test_features_are_learned_to_differ_between_object_and_background(
    folder_data: Path, labels: Path, tmp_path: Path, console: Console
) -> None:
    plan = Optimisation(epochs=20, batch_size=4, learning_rate=0.01, head_multiplier=1.0)
    path = train(folder_data, labels, tmp_path / "run", console, settings("features", optimisation=plan))
    image = np.full((64, 64, 3), 125, np.uint8)
    image[16:48, 16:48] = (220, 20, 20)
    trained = load_affinity(path)
    assert isinstance(trained, FeatureAffinity)
    features = trained.feature_map(image)
    distance = np.abs(features - features[:, 4:5, 4:5]).mean(0)
    assert distance[4, 0] > 3 * distance[4, 3]


def test_the_trunk_stays_as_it_was(folder_data: Path, labels: Path, tmp_path: Path, console: Console) -> None:
    torch.manual_seed(0)
    stages = create_stages("mobilenetv3_small_050", 16)
    before = {name: tensor.clone() for name, tensor in stages.state_dict().items()}
    path = train(folder_data, labels, tmp_path / "run", console, settings(), stages)
    tensors, _ = load_checkpoint(path)
    assert before
    for name, tensor in before.items():
        assert torch.equal(tensors[f"stages.{name}"], tensor), name


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("kill_at", [1, 3, 6])
def test_a_killed_training_ends_like_an_undisturbed_one(
    kind: str,
    kill_at: int,
    folder_data: Path,
    labels: Path,
    tmp_path: Path,
    console: Console,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    undisturbed = train(folder_data, labels, tmp_path / "a", console, settings(kind))
    steps, loss = 0, module._loss

    def killing(*arguments: object) -> Tensor:
        nonlocal steps
        steps += 1
        if steps == kill_at:
            raise KilledError
        return loss(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "_loss", killing)
    with pytest.raises(KilledError):
        train(folder_data, labels, tmp_path / "b", console, settings(kind))
    resumed = train(folder_data, labels, tmp_path / "b", console, settings(kind))
    assert resumed.read_bytes() == undisturbed.read_bytes()


def test_missing_and_misfitting_labels_are_named(
    folder_data: Path, labels: Path, tmp_path: Path, console: Console
) -> None:
    write_mask(labels / "img03.png", np.zeros((40, 47), np.uint8))
    with pytest.raises(PatchlearnError, match=r"img03\.png: 48×40 pixels, but its labels have 47×40"):
        train(folder_data, labels, tmp_path / "run", console, settings())
    (labels / "img05.png").unlink()
    with pytest.raises(PatchlearnError, match=r"labels: no affinity labels of 1 images, the first is 'img05'"):
        train(folder_data, labels, tmp_path / "run", console, settings())


def test_the_views_of_an_image_differ_from_epoch_to_epoch(folder_data: Path, labels: Path) -> None:
    samples = open_dataset("folder", folder_data).split("train")
    transform = MaskedTransform(settings().augment, (0.5,) * 3, (0.5,) * 3)
    images = LabelledPixels(
        samples, partial(module._read_labels, labels), transform, seed=0, stream=Stream.AFFINITY_AUGMENT
    )
    views = [images[epoch, 3][0] for epoch in (0, 1, 0)]
    assert torch.equal(views[0], views[2])
    assert not torch.equal(views[0], views[1])
