"""Tokens between the stages of a transformer."""

import torch

from patchlearn.models.backbones.tokens import TokenMap, map_of, together, window_of


def token_map(images: int = 2) -> TokenMap:
    """3×4 cells of 5 channels, two prefix tokens, and places of 6 numbers."""
    generator = torch.Generator().manual_seed(0)
    tokens, prefix, rotary = (
        torch.randn(images, *shape, generator=generator) for shape in ((3, 4, 5), (2, 5), (3, 4, 6))
    )
    return TokenMap(tokens, prefix, (3, 4), rotary)


def test_a_sequence_is_the_prefix_and_then_row_by_row() -> None:
    features = token_map()
    sequence = features.sequence
    assert sequence.shape == (2, 2 + 12, 5)
    assert torch.equal(sequence[:, 0], features.prefix[:, 0])
    assert torch.equal(sequence[:, 2 + 4 * 1 + 3], features.tokens[:, 1, 3])
    again = features.with_sequence(sequence)
    assert torch.equal(again.tokens, features.tokens)
    assert torch.equal(again.prefix, features.prefix)
    assert again.rotary is features.rotary


def test_a_map_has_channels_first() -> None:
    features = token_map()
    assert torch.equal(map_of(features)[:, 4, 2, 1], features.tokens[:, 2, 1, 4])
    assert map_of(features.map) is features.map or torch.equal(map_of(features.map), features.map)


def test_a_window_keeps_the_places_of_its_cells_and_the_size_of_the_whole() -> None:
    features = token_map()
    window = window_of(features, slice(1, 3), slice(0, 2))
    assert isinstance(window, TokenMap)
    assert window.rotary is not None
    assert features.rotary is not None
    assert torch.equal(window.tokens, features.tokens[:, 1:3, :2])
    assert torch.equal(window.rotary, features.rotary[:, 1:3, :2])
    assert torch.equal(window.prefix, features.prefix)
    assert window.whole == (3, 4)


def test_patches_come_image_by_image_each_with_a_prefix_of_its_own() -> None:
    features = token_map()
    parts = [window_of(features, slice(row, row + 1), slice(None)) for row in range(3)]
    batch = together(parts)
    assert isinstance(batch, TokenMap)
    assert torch.equal(batch.tokens[4], features.tokens[1, 1:2])
    assert torch.equal(batch.prefix, features.prefix.repeat_interleave(3, 0))
    maps = together([map_of(part) for part in parts])
    assert torch.equal(map_of(batch), map_of(maps))


def test_detached_tokens_have_no_history() -> None:
    features = token_map()
    grown = TokenMap(features.tokens.requires_grad_() * 2, features.prefix.requires_grad_() * 2, (3, 4))
    cut = grown.detach()
    assert not cut.tokens.requires_grad
    assert not cut.prefix.requires_grad
    assert grown.tokens.requires_grad
