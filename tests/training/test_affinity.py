"""The affinity network: its heads, its losses against a slow loop over pairs, its training and its maps."""

import math
from collections.abc import Callable
from functools import partial
from itertools import combinations, product
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from conftest import make_runtime, pointwise_stages, tiny_stages
from rich.console import Console
from torch import Tensor
from torch.nn import functional as F

from patchlearn.core.checkpoints import load_checkpoint, save_checkpoint
from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import read_rows
from patchlearn.core.masks_io import write_mask
from patchlearn.core.types import UInt8
from patchlearn.data.open import open_dataset
from patchlearn.data.transforms import AugmentSettings, MaskedTransform
from patchlearn.models.affinity_network import (
    AffinityNetwork,
    affinity_features,
    boundary_map,
    load_affinity,
    save_affinity,
)
from patchlearn.models.backbones.create import create_stages
from patchlearn.models.backbones.stages import Stages
from patchlearn.models.classifier import Classifier, save_classifier
from patchlearn.models.patch_network import PatchNetwork
from patchlearn.training import affinity as module
from patchlearn.training.affinity import AffinitySettings, train_affinity
from patchlearn.training.affinity_loss import affinity_loss, boundary_costs, feature_costs, labels_on_grid
from patchlearn.training.batches import LabelledPixels
from patchlearn.training.optimisation import Optimisation

KINDS = ("boundary", "features")


class KilledError(Exception):
    """Stands for kill -9: nothing of ours catches it."""


@pytest.fixture(autouse=True)
def tiny_backbone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "create_stages", lambda name, stride: tiny_stages())


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


def network(kind: str, stages: Stages | None = None) -> AffinityNetwork:
    torch.manual_seed(0)
    return AffinityNetwork(stages or tiny_stages(), kind).eval()


def picture(height: int, width: int) -> UInt8:
    return np.random.default_rng(0).integers(0, 255, (height, width, 3), np.uint8)


# --- the network -------------------------------------------------------------


@pytest.mark.parametrize("size", [(1, 1), (33, 47), (64, 40)])
@pytest.mark.parametrize("long_side", [None, 30])
def test_maps_lie_on_the_grid_of_the_image_whatever_its_size(size: tuple[int, int], long_side: int | None) -> None:
    image = picture(*size)
    edges = boundary_map(network("boundary"), image, long_side)
    assert (edges.shape, edges.dtype) == ((math.ceil(size[0] / 4), math.ceil(size[1] / 4)), np.float32)
    assert edges.min() > 0
    assert edges.max() < 1
    features = affinity_features(network("features"), image, long_side)
    assert (features.shape, features.dtype) == ((448, math.ceil(size[0] / 8), math.ceil(size[1] / 8)), np.float32)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("stride", [8, 16, 32])
def test_the_output_stride_does_not_depend_on_the_trunk(kind: str, stride: int) -> None:
    trunk = create_stages("mobilenetv3_small_050", stride)
    output = network(kind, trunk)(torch.zeros(1, 3, 50, 70))
    assert output.shape == ((1, 1, 13, 18) if kind == "boundary" else (1, 448, 7, 9))


def test_only_the_head_is_in_training_mode_and_has_gradients() -> None:
    stages = create_stages("mobilenetv3_small_050", 16)
    affinity = network("boundary", stages).train()
    assert affinity.head.training
    assert not any(part.training for part in affinity.stages.modules())
    affinity(torch.zeros(2, 3, 32, 32)).sum().backward()
    assert not any(parameter.requires_grad for parameter in affinity.stages.parameters())
    assert all(parameter.grad is not None for parameter in affinity.head.parameters())


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(PatchlearnError, match=r"affinity\.kind: 'boundry' is not an option; did you mean 'boundary'"):
        AffinityNetwork(tiny_stages(), "boundry")


# --- the losses --------------------------------------------------------------


def slow_costs(
    cost: Callable[[int, tuple[int, int], tuple[int, int], bool], Tensor], labels: Tensor, radius: int
) -> list[list[Tensor]]:
    """The definition, pair by pair: three lists of costs."""
    costs: list[list[Tensor]] = [[], [], []]
    count, height, width = labels.shape
    for image in range(count):
        for p, q in combinations(product(range(height), range(width)), 2):
            near = (p[0] - q[0]) ** 2 + (p[1] - q[1]) ** 2 < radius**2
            a, b = int(labels[image][p]), int(labels[image][q])
            if near and a != 255 and b != 255:
                group = 2 if a != b else int(a > 0)
                costs[group].append(cost(image, p, q, a == b))
    return costs


def slow_loss(costs: list[list[Tensor]]) -> Tensor:
    background, foreground, apart = (torch.stack(group).mean() for group in costs)
    return background / 4 + foreground / 4 + apart / 2


def line(p: tuple[int, int], q: tuple[int, int]) -> list[tuple[int, int]]:
    """The cells of the bounding box of p and q that are less than one from the line through both."""
    rows = range(min(p[0], q[0]), max(p[0], q[0]) + 1)
    columns = range(min(p[1], q[1]), max(p[1], q[1]) + 1)
    length = math.dist(p, q)
    across = lambda y, x: abs((q[0] - p[0]) * (x - p[1]) - (q[1] - p[1]) * (y - p[0])) / length  # noqa: E731
    return [(y, x) for y in rows for x in columns if across(y, x) < 1 - 1e-9]


def some_labels(*shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.tensor([0, 1, 2, 255])[torch.randint(0, 4, shape, generator=generator)]


@pytest.mark.parametrize("radius", [2, 4, 10])
def test_the_boundary_loss_is_that_of_a_loop_over_pairs(radius: int) -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(2, 1, 6, 7, dtype=torch.double, requires_grad=True), some_labels(2, 6, 7)

    def cost(image: int, p: tuple[int, int], q: tuple[int, int], together: bool) -> Tensor:
        affinity = 1 - torch.stack([logits[image, 0][cell].sigmoid() for cell in line(p, q)]).max()
        return -torch.log(affinity if together else 1 - affinity)

    slow = slow_costs(cost, labels, radius)
    wanted = slow_loss(slow)
    costs, counts = boundary_costs(logits, labels, radius)
    assert counts.tolist() == [len(group) for group in slow]
    ours = affinity_loss(costs, counts)
    assert ours.item() == pytest.approx(wanted.item(), rel=1e-5)
    gradients = [torch.autograd.grad(loss, logits)[0] for loss in (ours, wanted)]
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("radius", [2, 5])
def test_the_feature_loss_is_that_of_a_loop_over_pairs(radius: int) -> None:
    torch.manual_seed(0)
    features, labels = torch.randn(2, 3, 4, 5, requires_grad=True), some_labels(2, 4, 5)

    def cost(image: int, p: tuple[int, int], q: tuple[int, int], together: bool) -> Tensor:
        points = features[image].permute(1, 2, 0)
        affinity = torch.exp(-(points[p] - points[q]).abs().mean())
        return -torch.log(affinity if together else 1 + 1e-5 - affinity)

    slow = slow_costs(cost, labels, radius)
    wanted = slow_loss(slow)
    costs, counts = feature_costs(features, labels, radius)
    assert counts.tolist() == [len(group) for group in slow]
    ours = affinity_loss(costs, counts)
    assert ours.item() == pytest.approx(wanted.item(), rel=1e-5)
    gradients = [torch.autograd.grad(loss, features)[0] for loss in (ours, wanted)]
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_undecided_pixels_take_no_part(kind: str) -> None:
    output = torch.randn(1, 1 if kind == "boundary" else 6, 5, 5, requires_grad=True)
    costs, counts = module.COSTS[kind](output, torch.full((1, 5, 5), 255), 4)
    loss = affinity_loss(costs, counts)
    assert loss.item() == 0
    loss.backward()
    assert output.grad is not None
    assert not output.grad.any()
    below = torch.zeros(1, 5, 5, dtype=torch.long)
    below[:, 0] = 255  # on no path between cells of other rows
    losses = []
    for value in (-50.0, 50.0):
        changed = output.detach().clone()
        changed[..., 0, :] = value
        losses.append(float(affinity_loss(*module.COSTS[kind](changed, below, 4))))
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)


def test_each_group_has_its_say_however_small_it_is() -> None:
    assert float(affinity_loss(torch.tensor([4.0, 4e6, 4.0]), torch.tensor([1, 10**6, 1]))) == 1 + 1 + 2
    assert float(affinity_loss(torch.zeros(3), torch.zeros(3))) == 0


def test_the_loss_is_finite_for_the_surest_network() -> None:
    logits = torch.tensor([[[[500.0, -500.0, 500.0]]]], requires_grad=True)
    loss = affinity_loss(*boundary_costs(logits, torch.tensor([[[0, 0, 1]]]), 3))
    loss.backward()
    assert loss.isfinite()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()
    features = torch.zeros(1, 4, 1, 2, requires_grad=True)
    loss = affinity_loss(*feature_costs(features, torch.tensor([[[0, 1]]]), 3))
    loss.backward()
    assert loss.isfinite()
    assert features.grad is not None
    assert features.grad.isfinite().all()


@pytest.mark.parametrize("kind", KINDS)
def test_two_processes_have_the_loss_of_one(kind: str) -> None:
    torch.manual_seed(0)
    output, labels = torch.randn(2, 1 if kind == "boundary" else 4, 64, 64), some_labels(2, 64, 64)
    labels[0, 32:] = 255  # the two images have unlike numbers of pairs
    model = lambda images: output[images[:, 0, 0, 0].long()]  # noqa: E731
    index = torch.arange(2.0).view(2, 1, 1, 1).expand(2, 3, 64, 64)
    everybody = module.COSTS[kind](output, labels, 3)[1]

    def loss(part: slice, processes: int) -> float:
        accelerator = SimpleNamespace(
            device=torch.device("cpu"), num_processes=processes, reduce=lambda counts, how: everybody
        )
        return float(module._loss(kind, 1, 3, accelerator, model, (index[part], labels[part])))  # type: ignore[arg-type]

    assert (loss(slice(0, 1), 2) + loss(slice(1, 2), 2)) / 2 == pytest.approx(loss(slice(0, 2), 1))


def test_labels_are_read_at_the_centre_of_a_cell() -> None:
    labels = torch.arange(9 * 10).view(1, 9, 10)
    assert labels_on_grid(labels, 4).tolist() == [[[22, 26, 255], [62, 66, 255], [255, 255, 255]]]


# --- training ----------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_the_loss_falls_and_the_network_comes_back(
    kind: str, folder_data: Path, labels: Path, tmp_path: Path, console: Console
) -> None:
    plan = Optimisation(epochs=10, batch_size=4, learning_rate=0.01, head_multiplier=1.0)
    path = train(folder_data, labels, tmp_path / "run", console, settings(kind, optimisation=plan))
    losses = [float(row["loss"]) for row in read_rows(tmp_path / "run" / "epochs.csv")]
    assert losses[-1] < 0.9 * losses[0]
    trained = load_affinity(path)
    assert trained.kind == kind
    assert not trained.training
    read = boundary_map if kind == "boundary" else affinity_features
    assert np.isfinite(read(trained, picture(30, 31))).all()


def test_the_boundary_is_learned_where_the_object_ends(
    folder_data: Path, labels: Path, tmp_path: Path, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    trunk = partial(tiny_stages, (16, 24, 32, 32))
    monkeypatch.setattr(module, "create_stages", lambda name, stride: trunk())
    plan = Optimisation(epochs=40, batch_size=4, learning_rate=0.02, head_multiplier=1.0)
    crops = AugmentSettings(crop=64, long_side=(64, 96))
    learned = settings(radius=6, augment=crops, optimisation=plan)
    trained = load_affinity(train(folder_data, labels, tmp_path / "run", console, learned, trunk()))
    image = np.random.default_rng(5).integers(90, 160, (40, 48, 3), np.uint8)
    image[12:28, 16:32] = (220, 20, 20)  # cells 3–6 × 4–7
    edges = boundary_map(trained, image, long_side=80)
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
    features = affinity_features(load_affinity(path), image)
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


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"kind": "feature"}, "affinity.kind: 'feature' is not an option; did you mean 'features'"),
        ({"rounds": 0}, "affinity.rounds: 0; at least one"),
        ({"radius": 1}, "affinity.radius: 1 leaves no pair"),
        ({"augment": AugmentSettings(crop=7)}, "affinity.augment.crop: 7 holds no two cells; 8 or more"),
        ({"optimisation": Optimisation(epochs=0)}, "epochs: 0 is not positive"),
    ],
)
def test_wrong_options_are_errors(
    changes: dict[str, object], complaint: str, folder_data: Path, labels: Path, tmp_path: Path, console: Console
) -> None:
    with pytest.raises(PatchlearnError, match=complaint):
        train(folder_data, labels, tmp_path / "run", console, settings(**changes))  # type: ignore[arg-type]


def test_each_kind_has_its_own_radius() -> None:
    assert [AffinitySettings(kind=kind).cells for kind in KINDS] == [10, 5]
    assert AffinitySettings(radius=7).cells == 7


def test_missing_and_misfitting_labels_are_named(
    folder_data: Path, labels: Path, tmp_path: Path, console: Console
) -> None:
    write_mask(labels / "img03.png", np.zeros((40, 47), np.uint8))
    with pytest.raises(PatchlearnError, match=r"img03\.png: 48×40 pixels, but its labels for affinity have 47×40"):
        train(folder_data, labels, tmp_path / "run", console, settings())
    (labels / "img05.png").unlink()
    with pytest.raises(PatchlearnError, match=r"labels: no affinity labels of 1 images, the first is 'img05'"):
        train(folder_data, labels, tmp_path / "run", console, settings())


# --- files -------------------------------------------------------------------


def test_what_is_no_affinity_network_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    with pytest.raises(PatchlearnError, match="no such checkpoint"):
        load_affinity(path)
    path.write_bytes(b"damaged")
    with pytest.raises(PatchlearnError, match="not a checkpoint of patchlearn"):
        load_affinity(path)
    save_classifier(path, Classifier(network=PatchNetwork(tiny_stages(), 2), classes=("a", "b")))
    with pytest.raises(PatchlearnError, match=r"m\.safetensors: not an affinity network of patchlearn \('kind'\)"):
        load_affinity(path)
    save_affinity(path, network("boundary"))
    tensors, facts = load_checkpoint(path)
    save_checkpoint(path, {**tensors, "head.classifier.bias": torch.zeros(9)}, facts)
    with pytest.raises(PatchlearnError, match=r"not an affinity network of patchlearn .*size mismatch"):
        load_affinity(path)
    without_bias = {name: tensor for name, tensor in tensors.items() if name != "head.classifier.bias"}
    save_checkpoint(path, without_bias, facts)
    with pytest.raises(PatchlearnError, match=r"not an affinity network of patchlearn .*Missing key"):
        load_affinity(path)
    save_checkpoint(path, tensors, {**facts, "kind": "flow"})
    with pytest.raises(PatchlearnError, match=r"not an affinity network of patchlearn .*'flow'"):
        load_affinity(path)


@pytest.mark.parametrize("kind", KINDS)
def test_saved_and_loaded_networks_agree(kind: str, tmp_path: Path) -> None:
    saved = network(kind)
    save_affinity(tmp_path / "m.safetensors", saved)
    loaded = load_affinity(tmp_path / "m.safetensors")
    image = torch.randn(1, 3, 32, 32)
    assert torch.equal(saved(image), loaded(image))


# --- reading -----------------------------------------------------------------


@pytest.mark.parametrize("size", [(37, 50), (64, 64), (33, 47)])
@pytest.mark.parametrize("long_side", [None, 60])
def test_a_mirrored_image_has_the_mirrored_boundary(size: tuple[int, int], long_side: int | None) -> None:
    image = picture(*size)
    mirrored = boundary_map(network("boundary"), np.ascontiguousarray(image[:, ::-1]), long_side)
    np.testing.assert_allclose(mirrored, boundary_map(network("boundary"), image, long_side)[:, ::-1], atol=1e-5)


@pytest.mark.parametrize("side", [48, 49, 50, 53])
@pytest.mark.parametrize("long_side", [None, 101])
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("kind", KINDS)
def test_maps_lie_where_the_image_has_them(
    side: int, long_side: int | None, axis: int, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network whose output is the brightness, a ramp: any shift, of the grid or of the mirror image, would show."""
    pointwise = network(kind, pointwise_stages())
    stride = pointwise.stride

    def brightness(images: Tensor) -> Tensor:
        height, width = images.shape[-2:]
        assert max(height, width) == (long_side or side)
        padded = F.pad(images[:, :1], (0, -width % stride, 0, -height % stride), mode="replicate")
        return F.avg_pool2d(padded, stride)

    monkeypatch.setattr(pointwise, "forward", brightness)
    image = np.full((side, side - 3, 3), 0, np.uint8)
    image = (image.swapaxes(0, axis) + 4 * np.arange(image.shape[axis], dtype=np.uint8)[:, None, None]).swapaxes(
        0, axis
    )
    image = np.ascontiguousarray(image)
    if kind == "boundary":
        edges = boundary_map(pointwise, image, long_side)
        found = np.log(edges / (1 - edges))
    else:
        found = affinity_features(pointwise, image, long_side)[0]
    cells = math.ceil(image.shape[axis] / stride)
    centres = (np.arange(cells) + 0.5) * image.shape[axis] / cells - 0.5
    wanted = 2 * 4 * centres / 255 - 1
    along = found.swapaxes(0, axis)[:, 2]
    np.testing.assert_allclose(along[1:-1], wanted[1:-1], atol=0.01)  # a pixel is 0.03


def test_the_views_of_an_image_differ_from_epoch_to_epoch(folder_data: Path, labels: Path) -> None:
    samples = open_dataset("folder", folder_data).split("train")
    transform = MaskedTransform(settings().augment, (0.5,) * 3, (0.5,) * 3)
    images = LabelledPixels(samples, partial(module._read_labels, labels), transform, seed=0, purpose="affinity")
    views = [images[epoch, 3][0] for epoch in (0, 1, 0)]
    assert torch.equal(views[0], views[2])
    assert not torch.equal(views[0], views[1])


def test_a_network_is_read_by_its_own_reader() -> None:
    with pytest.raises(PatchlearnError, match=r"of kind 'features' has no boundary\. Read it with affinity_features"):
        boundary_map(network("features"), picture(8, 8))
    with pytest.raises(PatchlearnError, match=r"of kind 'boundary' has no features\. Read it with boundary_map"):
        affinity_features(network("boundary"), picture(8, 8))
