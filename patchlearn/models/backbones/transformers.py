"""Vision transformers, cut into an embedding and four shares of their blocks.

Between the stages travels a `TokenMap`; the last stage gives B×C×h×w, timm's patch tokens in their places. Each family
tells its blocks in another way where a token lies:

- `VisionTransformer` (ViT, DeiT, DeiT3, DINOv2, SigLIP): once, in the embedding.
- `Eva` (EVA-02, DINOv3): by rotary embeddings, in every block.
- `Beit`: by a bias for each pair of tokens, looked up by their distance.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from itertools import pairwise
from typing import Any, final

import torch
from timm.layers.pos_embed_rel import resize_rel_pos_bias_table
from timm.models.beit import Beit
from timm.models.eva import Eva
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn

from patchlearn.core.errors import PatchlearnError
from patchlearn.models.backbones.tokens import TokenMap

SHARES = 4  # of the blocks: with the embedding five stages, as convolutional networks have
Pieces = list[list[nn.Module]]


def cut_vision_transformer(network: VisionTransformer) -> Pieces:
    """Five stages: the embedding with the positions, then four shares of the blocks; the last with the norm."""
    shares, norm = [PlainBlocks(share) for share in shares_of(network.blocks)], network.norm
    return _stages(Embedding(_bare(network)), shares, norm)


def cut_eva(network: Eva) -> Pieces:
    """Five stages as of `cut_vision_transformer`.

    Raises:
        PatchlearnError: every block has rotary embeddings of its own ("mixed").
    """
    if getattr(network, "rope_mixed", False):
        raise PatchlearnError("every block has other rotary embeddings; choose for example vit_small_patch16_dinov3")
    shares, norm = [RotaryBlocks(share) for share in shares_of(network.blocks)], network.norm
    return _stages(RotaryEmbedding(_bare(network)), shares, norm)


def cut_beit(network: Beit) -> Pieces:
    """Five stages as of `cut_vision_transformer`.

    Raises:
        PatchlearnError: it has absolute positions, or all blocks share one table of biases.
    """
    if network.pos_embed is not None or getattr(network, "rel_pos_bias", None) is not None:
        raise PatchlearnError("its positions are not in its blocks; choose for example beit_base_patch16_224")
    window = network.patch_embed.grid_size
    shares, norm = [BiasedBlocks(share, window) for share in shares_of(network.blocks)], network.norm
    network.patch_embed.strict_img_size = False
    return _stages(Embedding(_bare(network)), shares, norm)


def shares_of(blocks: Iterable[nn.Module]) -> list[list[nn.Module]]:
    """Four shares of a transformer's blocks, in order.

    >>> [len(share) for share in shares_of([nn.Identity()] * 12)]
    [3, 3, 3, 3]
    """
    every = list(blocks)
    ends = [round(len(every) * share / SHARES) for share in range(SHARES + 1)]
    return [every[start:end] for start, end in pairwise(ends) if end > start]


class Embedding(nn.Module):
    """B×3×H×W images → tokens with absolute positions, resampled as timm does, and the prefix.

    Args:
        network: a timm transformer without blocks.
    """

    def __init__(self, network: Any):
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> TokenMap:
        """B×3×H×W, multiples of the stride → B×h×w×C and the prefix."""
        height, width = self.network.patch_embed.dynamic_feat_size((images.shape[2], images.shape[3]))
        sequence: Tensor = self.network.forward_features(images)
        length = int(self.network.num_prefix_tokens)
        return TokenMap(sequence[:, length:].unflatten(1, (height, width)), sequence[:, :length], (height, width))


class RotaryEmbedding(nn.Module):
    """The same, with timm's rotary embedding of each cell.

    Args:
        network: a timm `Eva` without blocks.
    """

    def __init__(self, network: Any):
        super().__init__()
        self.embedding = Embedding(network)

    def forward(self, images: Tensor) -> TokenMap:
        """B×3×H×W, multiples of the patch size → B×h×w×C, the prefix and the places."""
        features: TokenMap = self.embedding(images)
        rotary: Tensor = self.embedding.network.rope.get_embed(shape=features.whole)
        places = rotary.unflatten(0, features.whole).expand(len(images), -1, -1, -1)
        return TokenMap(features.tokens, features.prefix, features.whole, places)


class Blocks(nn.Module, ABC):
    """A share of a transformer's blocks; tokens attend to all tokens of their image, or of their patch.

    Args:
        blocks: of timm.
    """

    def __init__(self, blocks: list[nn.Module]):
        super().__init__()
        self.blocks = nn.ModuleList(blocks)

    def forward(self, features: TokenMap) -> TokenMap:
        """Tokens → tokens, of the same number and in the same places."""
        sequence = features.sequence
        for index, block in enumerate(self.blocks):
            sequence = block(sequence, **self._places(index, features))
        return features.with_sequence(sequence)

    @abstractmethod
    def _places(self, index: int, features: TokenMap) -> dict[str, Tensor]:
        """What one block is told about where its tokens lie."""


@final
class PlainBlocks(Blocks):
    """Blocks of tokens that carry their positions in themselves."""

    def _places(self, index: int, features: TokenMap) -> dict[str, Tensor]:
        return {}


@final
class RotaryBlocks(Blocks):
    """Blocks that rotate queries and keys by the place of their tokens."""

    def _places(self, index: int, features: TokenMap) -> dict[str, Tensor]:
        if features.rotary is None:
            return {}
        return {"rope": features.rotary.flatten(1, 2)[:, None]}


@final
class BiasedBlocks(Blocks):
    """BEiT's blocks: a bias for each pair of tokens, from a table over the distances between cells.

    For images of another size the table is resampled as timm does. In a patch, pairs have the biases that they have in
    the whole image.

    Args:
        blocks: of timm's `Beit`; their tables move into this module.
        window: (h, w), the cells for which the tables were made.
    """

    def __init__(self, blocks: list[Any], window: tuple[int, int]):
        super().__init__(blocks)
        self.window = window
        self.tables = nn.ParameterList(block.attn.relative_position_bias_table for block in blocks)
        for block in blocks:  # from here on, a block takes the bias that it is given
            block.attn.relative_position_bias_table = None

    def _places(self, index: int, features: TokenMap) -> dict[str, Tensor]:
        height, width = features.whole
        table = self.tables[index]
        if features.whole != self.window:
            shape = ((2 * height - 1) * (2 * width - 1) + TO_PREFIX, table.shape[1])
            table = resize_rel_pos_bias_table(table, features.whole, shape, self.window)
        cells = features.tokens.shape[1], features.tokens.shape[2]
        distances = _distances(cells, features.whole, table.device)
        return {"shared_rel_pos_bias": table[distances].permute(2, 0, 1)[None].contiguous()}


class LastMap(nn.Module):
    """Tokens → B×C×h×w, after the network's last norm.

    Args:
        norm: over the channels.
    """

    def __init__(self, norm: nn.Module):
        super().__init__()
        self.norm = norm

    def forward(self, features: TokenMap) -> Tensor:
        """The prefix ends here."""
        normalised: Tensor = self.norm(features.tokens)
        return normalised.permute(0, 3, 1, 2)


TO_PREFIX = 3  # the last entries of a table: class token to cell, cell to class token, class token to itself


def _distances(cells: tuple[int, int], whole: tuple[int, int], device: torch.device) -> Tensor:
    """(1 + h·w)×(1 + h·w) indices into a table of (2H - 1)·(2W - 1) + 3 entries, the class token first."""
    rows, columns = (torch.arange(side, device=device) for side in cells)
    row, column = (each.flatten() for each in torch.meshgrid(rows, columns, indexing="ij"))
    breadth = 2 * whole[1] - 1
    vertical, horizontal = (each[:, None] - each[None] for each in (row, column))
    pairs = (vertical + whole[0] - 1) * breadth + horizontal + whole[1] - 1
    entries = (2 * whole[0] - 1) * breadth + TO_PREFIX
    indices = torch.empty((len(row) + 1,) * 2, dtype=torch.long, device=device)
    indices[0], indices[:, 0], indices[0, 0] = entries - 3, entries - 2, entries - 1
    indices[1:, 1:] = pairs
    return indices


def _bare(network: Any) -> Any:
    """The network without blocks, norm and head; its `forward_features` is the embedding alone."""
    network.blocks = type(network.blocks)()
    network.norm = network.fc_norm = network.head = nn.Identity()
    if getattr(network, "attn_pool", None) is not None:
        network.attn_pool = None
    return network


def _stages(embedding: nn.Module, shares: list[Any], norm: nn.Module) -> Pieces:
    *lower, last = shares
    return [[embedding], *([share] for share in lower), [last, LastMap(norm)]]
