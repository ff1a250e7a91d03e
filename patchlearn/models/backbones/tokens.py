"""What travels between the stages of a transformer: tokens in their places, and the prefix tokens."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self, final

import torch
from torch import Tensor


@final
@dataclass(frozen=True)
class TokenMap:
    """The tokens of images, or of patches of images, between two stages.

    Args:
        tokens: B×h×w×C, one for each cell.
        prefix: B×P×C, class and register tokens. Every patch has its own copy.
        whole: (H, W), the cells of the whole image, also in a patch: relative positions are resampled to it.
        rotary: B×h×w×D, timm's rotary embedding of each cell's place in the whole image; None where there is none.
    """

    tokens: Tensor
    prefix: Tensor
    whole: tuple[int, int]
    rotary: Tensor | None = None

    @property
    def map(self) -> Tensor:
        """B×C×h×w: the tokens without the prefix."""
        return self.tokens.permute(0, 3, 1, 2)

    @property
    def sequence(self) -> Tensor:
        """B×(P + h·w)×C: the prefix, then the tokens row by row, as timm's blocks take them."""
        return torch.cat([self.prefix, self.tokens.flatten(1, 2)], dim=1)

    def with_sequence(self, sequence: Tensor) -> Self:
        """The same places with other tokens: B×(P + h·w)×C."""
        length = self.prefix.shape[1]
        tokens = sequence[:, length:].unflatten(1, self.tokens.shape[1:3])
        return replace(self, tokens=tokens, prefix=sequence[:, :length])

    def detach(self) -> Self:
        """The same values without their history."""
        return replace(self, tokens=self.tokens.detach(), prefix=self.prefix.detach())

    def window(self, rows: slice, columns: slice) -> Self:
        """The cells of some rows and columns, with the whole prefix."""
        rotary = None if self.rotary is None else self.rotary[:, rows, columns]
        return replace(self, tokens=self.tokens[:, rows, columns], rotary=rotary)

    @classmethod
    def together(cls, patches: Sequence[Self]) -> Self:
        """n patches of B images as one batch of B·n, image by image."""
        first = patches[0]
        rotary = None if first.rotary is None else _together([_there(patch.rotary) for patch in patches])
        tokens, prefix = ([getattr(patch, part) for patch in patches] for part in ("tokens", "prefix"))
        return cls(_together(tokens), _together(prefix), first.whole, rotary)


FeatureMap = Tensor | TokenMap  # of a convolutional network: B×C×h×w


def map_of(features: FeatureMap) -> Tensor:
    """B×C×h×w: the map itself, without prefix tokens."""
    return features.map if isinstance(features, TokenMap) else features


def window_of(features: FeatureMap, rows: slice, columns: slice) -> FeatureMap:
    """The cells of some rows and columns."""
    return features.window(rows, columns) if isinstance(features, TokenMap) else features[..., rows, columns]


def together(patches: Sequence[FeatureMap]) -> FeatureMap:
    """n patches of B images, all of one size, as one batch of B·n, image by image.

    >>> together([torch.zeros(2, 1, 1, 1), torch.ones(2, 1, 1, 1)]).flatten()
    tensor([0., 1., 0., 1.])
    """
    if isinstance(patches[0], TokenMap):
        return TokenMap.together([patch for patch in patches if isinstance(patch, TokenMap)])
    return _together([map_of(patch) for patch in patches])


def _together(parts: Sequence[Tensor]) -> Tensor:
    return torch.stack(list(parts), dim=1).flatten(0, 1)


def _there(tensor: Tensor | None) -> Tensor:
    assert tensor is not None
    return tensor
