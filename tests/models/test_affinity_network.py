"""Affinity networks: their outputs, the maps that they read from an image, their walks and their files."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import noise_image, pointwise_stages, tiny_stages
from torch import Tensor
from torch.nn import functional as F

from patchlearn.core.checkpoints import load_checkpoint, save_checkpoint
from patchlearn.core.errors import PatchlearnError
from patchlearn.models import affinity_network as module
from patchlearn.models.affinity_network import (
    AffinityNetwork,
    BoundaryAffinity,
    FeatureAffinity,
    create_affinity,
    load_affinity,
    save_affinity,
)
from patchlearn.models.backbones.create import create_stages
from patchlearn.models.backbones.stages import Stages
from patchlearn.models.classifier import Classifier, save_classifier
from patchlearn.models.patch_network import PatchNetwork
from patchlearn.models.settings import AFFINITY_STRIDES
from patchlearn.refine import random_walk, random_walk_features

KINDS = ("boundary", "features")


@pytest.fixture(autouse=True)
def tiny_backbone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "create_stages", lambda name, stride: tiny_stages())


def network(kind: str, stages: Stages | None = None) -> BoundaryAffinity | FeatureAffinity:
    torch.manual_seed(0)
    return create_affinity(stages or tiny_stages(), kind).eval()


def boundary() -> BoundaryAffinity:
    torch.manual_seed(0)
    return BoundaryAffinity(tiny_stages()).eval()


def features() -> FeatureAffinity:
    torch.manual_seed(0)
    return FeatureAffinity(tiny_stages()).eval()


# --- the network -------------------------------------------------------------


@pytest.mark.parametrize("size", [(1, 1), (33, 47), (64, 40)])
@pytest.mark.parametrize("long_side", [None, 30])
def test_maps_lie_on_the_grid_of_the_image_whatever_its_size(size: tuple[int, int], long_side: int | None) -> None:
    image = noise_image(*size)
    edges = boundary().boundary_map(image, long_side)
    assert (edges.shape, edges.dtype) == ((math.ceil(size[0] / 4), math.ceil(size[1] / 4)), np.float32)
    assert edges.min() > 0
    assert edges.max() < 1
    found = features().feature_map(image, long_side)
    assert (found.shape, found.dtype) == ((448, math.ceil(size[0] / 8), math.ceil(size[1] / 8)), np.float32)


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
    with pytest.raises(PatchlearnError, match=r"^kind: 'boundry' is not an option; did you mean 'boundary'"):
        create_affinity(tiny_stages(), "boundry")


def test_the_kinds_are_those_of_the_settings_and_each_has_its_numbers() -> None:
    """IRN trains with radius 10 and walks with the power 10; PSA trains with radius 5 and walks with the power 8."""
    kinds = {each.KIND: each for each in (BoundaryAffinity, FeatureAffinity)}
    assert {kind: each.STRIDE for kind, each in kinds.items()} == AFFINITY_STRIDES
    assert [(kinds[kind].RADIUS, kinds[kind].BETA) for kind in KINDS] == [(10, 10.0), (5, 8.0)]
    assert [type(network(kind)) for kind in KINDS] == [BoundaryAffinity, FeatureAffinity]


def test_a_network_without_a_kind_does_not_exist() -> None:
    with pytest.raises(TypeError, match="abstract"):
        AffinityNetwork(tiny_stages(), torch.nn.Identity())  # type: ignore[abstract]


@pytest.mark.parametrize("kind", KINDS)
def test_the_names_of_the_weights_stay_what_files_have(kind: str) -> None:
    names = [name for name in network(kind).state_dict() if not name.startswith("stages.stages.")]
    projections = [f"head.projections.{index}" for index in range(4 if kind == "boundary" else 3)]
    if kind == "boundary":
        parts = [f"{each}.{part}" for each in projections for part in ("0.weight", "1.weight", "1.bias")]
        assert names == [*parts, "head.classifier.weight", "head.classifier.bias"]
    else:
        assert names == [*(f"{each}.weight" for each in projections), "head.mix.weight"]


# --- the walk ----------------------------------------------------------------


@pytest.mark.parametrize("long_side", [None, 24])
def test_the_boundary_walk_goes_along_the_boundary_map(long_side: int | None) -> None:
    image, scores = noise_image(22, 30), np.random.default_rng(1).random((2, 6, 8), np.float32)
    walked = boundary().walk(image, scores, 3, 4.0, 16, long_side)
    edges = boundary().boundary_map(image, long_side)
    np.testing.assert_array_equal(walked, random_walk(scores, edges, radius=3, beta=4, steps=16))


def test_the_boundary_walk_refuses_scores_of_another_grid() -> None:
    with pytest.raises(PatchlearnError, match=r"^boundary: its grid \(6, 8\) is not that of the scores, \(3, 4\)"):
        boundary().walk(noise_image(22, 30), np.ones((1, 3, 4), np.float32), 3, 4.0, 16, None)


def test_the_feature_walk_takes_scores_of_any_grid_and_does_not_mirror_them() -> None:
    image, scores = noise_image(24, 40), np.random.default_rng(1).random((1, 6, 10), np.float32)
    walked = features().walk(image, scores, 3, 2.0, 4, None)
    coarse = module._resized(scores, (3, 5))
    expected = random_walk_features(coarse, features().feature_map(image), radius=3, beta=2, steps=4)
    np.testing.assert_array_equal(walked, expected)


def test_scores_keep_their_positions_on_the_grid_of_the_features() -> None:
    """125 cells of a 500-pixel image and 63 cells of the same image: a ramp stays a ramp."""
    ramp = ((np.arange(125) + 0.5) / 125 * np.ones((1, 94, 1))).astype(np.float32)
    resized = module._resized(ramp, (47, 63))
    np.testing.assert_allclose(resized[0, 20, 2:-2], (np.arange(63) + 0.5)[2:-2] / 63, atol=1e-3)


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
    image = noise_image(*size)
    mirrored = boundary().boundary_map(np.ascontiguousarray(image[:, ::-1]), long_side)
    np.testing.assert_allclose(mirrored, boundary().boundary_map(image, long_side)[:, ::-1], atol=1e-5)


@pytest.mark.parametrize("side", [48, 49, 50, 53])
@pytest.mark.parametrize("long_side", [None, 101])
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("kind", KINDS)
def test_maps_lie_where_the_image_has_them(
    side: int, long_side: int | None, axis: int, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network whose output is the brightness, a ramp: any shift, of the grid or of the mirror image, would show."""
    pointwise = network(kind, pointwise_stages())
    stride = pointwise.STRIDE

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
    if isinstance(pointwise, BoundaryAffinity):
        edges = pointwise.boundary_map(image, long_side)
        found = np.log(edges / (1 - edges))
    else:
        found = pointwise.feature_map(image, long_side)[0]
    cells = math.ceil(image.shape[axis] / stride)
    centres = (np.arange(cells) + 0.5) * image.shape[axis] / cells - 0.5
    wanted = 2 * 4 * centres / 255 - 1
    along = found.swapaxes(0, axis)[:, 2]
    np.testing.assert_allclose(along[1:-1], wanted[1:-1], atol=0.01)  # a pixel is 0.03
