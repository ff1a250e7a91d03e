"""Transformers cut into stages: timm's own features, and patches that are cut off from all that is not theirs."""

from dataclasses import replace
from pathlib import Path

import pytest
import timm
import torch
from timm.models.beit import Beit
from timm.models.eva import Eva
from timm.models.swin_transformer import SwinTransformer
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn

from patchlearn.core.errors import PatchlearnError
from patchlearn.models.backbones.create import create_stages
from patchlearn.models.backbones.families import FAMILIES
from patchlearn.models.backbones.sequential import Pieces
from patchlearn.models.backbones.stages import Stages
from patchlearn.models.backbones.tokens import TokenMap
from patchlearn.models.patch_network import PatchNetwork

pytestmark = [
    pytest.mark.filterwarnings("ignore:Using a non-tuple sequence:UserWarning"),  # timm's BEiT, as it is built
    pytest.mark.filterwarnings("ignore:.*searchsorted:UserWarning"),  # timm's resampling of its tables
]

TINY = {"embed_dim": 24, "depth": 4, "num_heads": 2, "num_classes": 0}
NETWORKS = {
    "vit": lambda: VisionTransformer(64, 8, dynamic_img_size=True, reg_tokens=2, **TINY),
    "eva": lambda: Eva(64, 8, use_rot_pos_emb=True, dynamic_img_size=True, num_reg_tokens=1, **TINY),
    "dinov3": lambda: Eva(
        64, 8, use_rot_pos_emb=True, use_abs_pos_emb=False, rope_type="dinov3", dynamic_img_size=True, **TINY
    ),
    "beit": lambda: Beit(64, 8, use_abs_pos_emb=False, use_rel_pos_bias=True, **TINY),
    "swin": lambda: SwinTransformer(
        64, 2, embed_dim=8, depths=(2, 2, 2), num_heads=(2, 2, 2), window_size=4, dynamic_img_size=True, num_classes=0
    ),
}
TOKENS = ("vit", "eva", "dinov3", "beit")
EVERY = tuple(NETWORKS)
# A cut after these stages leaves blocks above it that attend beyond a patch.
CUTS = {name: (0, 2, 3) if name in TOKENS else (0, 1, 2) for name in NETWORKS}


def tiny(name: str) -> tuple[nn.Module, Stages]:
    """(timm's network, the stages of an equal one) with weights that no position can be blind to."""
    network, twin = (randomised(NETWORKS[name]()) for _ in range(2))
    family = next(FAMILIES[kind] for kind in type(network).__mro__ if kind in FAMILIES)
    pieces: Pieces = family.cut(twin)
    modules = [nn.Sequential(*piece) if len(piece) > 1 else piece[0] for piece in pieces]
    return network, Stages(name, modules, (0.5,) * 3, (0.5,) * 3, unit=8, zero_padded=False).eval()


def randomised(network: nn.Module) -> nn.Module:
    generator = torch.Generator().manual_seed(0)
    for parameter in network.parameters():
        parameter.data = 0.3 * torch.randn(parameter.shape, generator=generator)
    return network.eval()


def images(*size: int) -> Tensor:
    return torch.randn(*size, generator=torch.Generator().manual_seed(1))


def tokens_of(network: nn.Module, batch: Tensor) -> Tensor:
    """B×C×h×w: timm's own patch tokens in their places."""
    features = network.forward_features(batch)  # type: ignore[operator]
    if features.ndim == 4:
        return features.permute(0, 3, 1, 2)
    prefix = int(network.num_prefix_tokens)  # type: ignore[arg-type]
    return features[:, prefix:].transpose(1, 2).unflatten(2, (batch.shape[2] // 8, -1))


def cut_network(stages: Stages, stage: int, grid: tuple[int, int], **options: str) -> PatchNetwork:
    return PatchNetwork(stages, 3, options.pop("fusion", "progressive"), [(stage, grid)], **options).eval()


@torch.no_grad()
@pytest.mark.parametrize("name", EVERY)
def test_stages_equal_timms_features(name: str) -> None:
    network, stages = tiny(name)
    assert torch.equal(stages(images(2, 3, 64, 64)), tokens_of(network, images(2, 3, 64, 64)))


@torch.no_grad()
@pytest.mark.parametrize("name", ["vit", "eva", "dinov3", "swin"])
def test_they_do_at_any_size_that_timm_takes(name: str) -> None:
    network, stages = tiny(name)
    assert torch.equal(stages(images(1, 3, 40, 88)), tokens_of(network, images(1, 3, 40, 88)))


@torch.no_grad()
def test_the_biases_of_another_size_are_those_that_timm_resamples() -> None:
    network, stages = tiny("beit")
    network.set_input_size((40, 88))  # type: ignore[operator]
    torch.testing.assert_close(stages(images(1, 3, 40, 88)), tokens_of(network, images(1, 3, 40, 88)))


@torch.no_grad()
@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("border", ["zero", "neighbour"])
def test_one_patch_is_the_unsplit_map(name: str, border: str) -> None:
    stages = tiny(name)[1]
    for stage in CUTS[name]:
        for size in ((64, 64), (40, 88), (37, 50)):
            network = cut_network(stages, stage, (1, 1), border=border)
            merged, unsplit = network.features(images(2, 3, *size)).chunk(2, dim=1)
            assert torch.equal(merged, unsplit)


@torch.no_grad()
@pytest.mark.parametrize("name", EVERY)
def test_a_patch_does_not_see_its_neighbours(name: str) -> None:
    """Above the cut, a change in the right half moves the left half of the unsplit map, and not of the merged one."""
    stages = tiny(name)[1]
    for stage in CUTS[name]:
        network = cut_network(stages, stage, (2, 2))
        features, cells = at_cut(stages, stage, images(1, 3, 64, 64)), (8, 8)
        moved = changed(features, slice(None), slice(side_of(features) // 2, None))
        merged, other = (network._merged(network.splits[0], each, cells) for each in (features, moved))
        assert torch.equal(merged[..., :4], other[..., :4])
        assert not torch.allclose(merged[..., 4:], other[..., 4:])
        assert not torch.allclose(above(stages, stage, features)[..., :4], above(stages, stage, moved)[..., :4])


@torch.no_grad()
@pytest.mark.parametrize("name", TOKENS)
def test_prefix_tokens_do_not_leak_from_one_patch_to_another(name: str) -> None:
    """Every patch is what its own tokens give, with a fresh copy of the prefix, alone in its batch."""
    stages = tiny(name)[1]
    network = cut_network(stages, 2, (2, 4))
    features = at_cut(stages, 2, images(2, 3, 64, 64))
    assert isinstance(features, TokenMap)
    merged = network._merged(network.splits[0], features, (8, 8))
    for row, column in ((0, 0), (1, 3), (0, 2)):
        rows, columns = slice(4 * row, 4 * row + 4), slice(2 * column, 2 * column + 2)
        alone = above(stages, 2, features.window(rows, columns))
        torch.testing.assert_close(merged[..., rows, columns], alone)
        first = replace(
            features,
            tokens=features.tokens[1:],
            prefix=features.prefix[1:],
            rotary=None if features.rotary is None else features.rotary[1:],
        ).window(rows, columns)
        torch.testing.assert_close(merged[1:, :, rows, columns], above(stages, 2, first))


@torch.no_grad()
@pytest.mark.parametrize("name", TOKENS)
def test_a_patch_is_attention_among_its_own_tokens_in_their_places(name: str) -> None:
    """timm's own network, told which tokens may attend to which: the same as cutting before its last two blocks.

    The mask takes the place of the cut, so every position is that of the whole image.
    """
    network, stages = tiny(name)
    batch, grid = images(1, 3, 40, 88), (2, 3)
    patches = cut_network(stages, 2, grid).features(batch, "merged")
    torch.testing.assert_close(patches, masked(network, batch, grid, uncut=2))


def masked(network: nn.Module, batch: Tensor, grid: tuple[int, int], uncut: int) -> Tensor:
    """timm's blocks by hand; from block `uncut` on, a token attends to its patch and to the patch's own prefix."""
    height, width = batch.shape[2] // 8, batch.shape[3] // 8
    if isinstance(network, Beit):
        network.set_input_size((batch.shape[2], batch.shape[3]))
    blocks = list(network.blocks)  # type: ignore[arg-type]
    states: list[Tensor] = []
    hook = blocks[uncut].register_forward_pre_hook(lambda block, inputs: states.append(inputs[0]))
    network.forward_features(batch)  # type: ignore[operator]
    hook.remove()
    sequence, prefix = states[0], int(network.num_prefix_tokens)  # type: ignore[arg-type]
    row = torch.tensor_split(torch.arange(height), grid[0])
    column = torch.tensor_split(torch.arange(width), grid[1])
    result = torch.zeros(1, sequence.shape[2], height, width)
    for rows in row:
        for columns in column:
            places = (rows[:, None] * width + columns[None]).flatten()
            chosen = torch.cat([torch.arange(prefix), prefix + places])
            state = sequence[:, chosen]
            for block in blocks[uncut:]:
                state = block_on(network, block, state, chosen, (height, width))
            state = network.norm(state)[:, prefix:]  # type: ignore[operator]
            result[:, :, rows[:, None], columns[None]] = state.transpose(1, 2).unflatten(2, (len(rows), len(columns)))
    return result


def block_on(network: nn.Module, block: nn.Module, state: Tensor, chosen: Tensor, cells: tuple[int, int]) -> Tensor:
    """One timm block on some of the tokens, with the biases or rotations of their places."""
    if isinstance(network, Eva):
        rotary = network.rope.get_embed(shape=cells)
        prefix = network.num_prefix_tokens
        return block(state, rope=rotary[chosen[prefix:] - prefix])
    if isinstance(network, Beit):
        table = block.attn._get_rel_pos_bias()  # type: ignore[union-attr,operator]
        own, block.attn.relative_position_bias_table = block.attn.relative_position_bias_table, None  # type: ignore
        output = block(state, shared_rel_pos_bias=table[:, :, chosen][..., chosen])
        block.attn.relative_position_bias_table = own  # type: ignore[union-attr,assignment]
        return output
    return block(state)


@torch.no_grad()
@pytest.mark.parametrize("name", TOKENS)
def test_a_wrong_position_would_be_noticed(name: str) -> None:
    """Two patches with the same content in other places differ in an image, where positions are absolute or rotary."""
    stages = tiny(name)[1]
    tile = images(1, 3, 32, 32)
    merged = cut_network(stages, 2, (2, 2)).features(torch.cat([torch.cat([tile, tile], 3)] * 2, 2), "merged")
    quarters = [merged[..., :4, :4], merged[..., 4:, 4:]]
    assert not torch.allclose(*quarters)


@torch.no_grad()
@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("grid", [(2, 2), (3, 2)])
def test_padding_is_not_seen(name: str, grid: tuple[int, int]) -> None:
    """No grid adds padding: the unsplit map of any size is that of the network without patches."""
    stages = tiny(name)[1]
    for size in ((64, 64), (40, 72), (37, 50)):
        batch = images(1, 3, *size)
        padded = nn.functional.pad(batch, (0, -size[1] % 8, 0, -size[0] % 8))
        network = cut_network(stages, 1, grid)
        assert torch.equal(network.features(batch, "unsplit"), stages(padded))
        assert network.features(batch, "merged").shape == network.features(batch, "unsplit").shape


@torch.no_grad()
@pytest.mark.parametrize("name", TOKENS)
def test_neighbours_are_attended_to_and_cut_off_again(name: str) -> None:
    stages = tiny(name)[1]
    network = cut_network(stages, 3, (1, 2), border="neighbour")
    features = at_cut(stages, 3, images(1, 3, 64, 64))
    assert isinstance(features, TokenMap)
    merged = network._merged(network.splits[0], features, (8, 8))
    left = above(stages, 3, features.window(slice(None), slice(0, 5)))[..., :4]
    torch.testing.assert_close(merged[..., :4], left)


@pytest.mark.parametrize("name", EVERY)
def test_explicit_patches_do_not_train_what_feeds_them(name: str) -> None:
    stages = tiny(name)[1]
    stage = CUTS[name][1]
    for detach in (True, False):
        network = PatchNetwork(stages, 3, "explicit", [(stage, (2, 2))], detach=detach)
        network.zero_grad()
        network.activations(network.features(images(1, 3, 64, 64), "merged"), "merged").sum().backward()
        below = [parameter.grad for part in list(stages)[: stage + 1] for parameter in part.parameters()]
        over = [parameter.grad for part in list(stages)[stage + 1 :] for parameter in part.parameters()]
        assert any(gradient is not None and gradient.abs().max() > 0 for gradient in over)
        assert any(gradient is not None and gradient.abs().max() > 0 for gradient in below) != detach


@pytest.mark.parametrize("name", TOKENS)
def test_copies_of_tokens_are_no_border(name: str) -> None:
    with pytest.raises(PatchlearnError, match="would attend to copies of themselves"):
        cut_network(tiny(name)[1], 1, (2, 2), border="replicate")


def test_transformers_have_five_stages_of_one_stride(tmp_path: Path) -> None:
    network = timm.create_model("vit_tiny_patch16_224", num_classes=5).eval()
    torch.save(network.state_dict(), tmp_path / "weights.pth")
    stages = create_stages("vit_tiny_patch16_224", 16, tmp_path / "weights.pth").eval()
    assert (len(stages), stages.strides, stages.channels) == (5, (16,) * 5, (192,) * 5)
    with torch.no_grad():
        expected = network.forward_features(images(1, 3, 224, 224))[:, 1:].transpose(1, 2).unflatten(2, (14, 14))
        assert torch.equal(stages(images(1, 3, 224, 224)), expected)
        assert stages(images(1, 3, 96, 128)).shape == (1, 192, 6, 8)


def test_a_stride_that_a_transformer_cannot_have_is_an_error() -> None:
    with pytest.raises(PatchlearnError, match="has stride 16, and timm cannot build it at 8"):
        create_stages("vit_tiny_patch16_224", 8)


def at_cut(stages: Stages, stage: int, batch: Tensor) -> Tensor | TokenMap:
    features: Tensor | TokenMap = batch
    for part in list(stages)[: stage + 1]:
        features = part(features)
    return features


def above(stages: Stages, stage: int, features: Tensor | TokenMap) -> Tensor:
    for part in list(stages)[stage + 1 :]:
        features = part(features)
    assert isinstance(features, Tensor)
    return features


def side_of(features: Tensor | TokenMap) -> int:
    return features.map.shape[3] if isinstance(features, TokenMap) else features.shape[3]


def changed(features: Tensor | TokenMap, rows: slice, columns: slice) -> Tensor | TokenMap:
    if isinstance(features, TokenMap):
        tokens = features.tokens.clone()
        tokens[:, rows, columns] += images(tokens.shape[-1])
        return replace(features, tokens=tokens)
    moved = features.clone()
    moved[..., rows, columns] += images(moved.shape[1])[:, None, None]
    return moved
