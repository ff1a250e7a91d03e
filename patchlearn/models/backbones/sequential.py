"""Networks that are a chain of modules: cut where timm's `feature_info` says that a stage ends.

Most of timm's networks run their children in the order in which they are defined, up to the pooling. `create_stages`
compares the chain with timm's own `forward_features` before it takes it.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, final

from torch import Tensor, nn

Pieces = list[list[nn.Module]]
CHAINS = ("blocks", "features", "layers", "stages")  # children that hold a chain of their own
# Where the head begins: timm's `forward_features` ends before it.
HEAD = (
    "classifier", "fc", "fc_norm", "flatten", "global_pool", "head", "head_dist", "head_drop", "pre_logits",
)  # fmt: skip


def cut_sequential(network: Any) -> Pieces:
    """The stem, then a stage for each feature map; what follows the last feature map belongs to the last stage."""
    chain = list(_chain(network))
    names = [name for name, _ in chain]
    first = next((place for place, name in enumerate(names) if "." in name), 0)  # the stem ends before the first chain
    *ends, _ = sorted({first, *(end for end in _ends(network, names) if end > first)} - {0})
    ends.append(len(chain))
    pieces = [[module for _, module in chain[start:end]] for start, end in zip([0, *ends], ends)]
    return _with_weights(pieces)


def is_chain(network: Any) -> bool:
    """Whether the children can be called one after another at all."""
    return all(type(module).forward is not nn.Module.forward for _, module in _chain(network))


def _chain(network: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """(name, module) in the order of definition, up to the head."""
    for name, module in network.named_children():
        if name in HEAD:
            return
        if name in CHAINS and isinstance(module, nn.Sequential | nn.ModuleList):
            yield from ((f"{name}.{below}", child) for below, child in module.named_children())
        else:
            yield name, module


def _ends(network: Any, names: Sequence[str]) -> list[int]:
    """The place after the module of each feature map."""
    info = network.feature_info
    modules = [entry["module"] for entry in (info if isinstance(info, list) else info.get_dicts())]
    return [
        place + 1
        for place, name in enumerate(names)
        if any(module == name or module.startswith(f"{name}.") for module in modules)
    ]


def _with_weights(pieces: Pieces) -> Pieces:
    """A stage without weights, such as a last pooling, belongs to the stage before it."""
    joined: Pieces = []
    for piece in pieces:
        if joined and not any(True for module in piece for _ in module.parameters()):
            joined[-1] = joined[-1] + piece
        else:
            joined.append(piece)
    return joined


class OtherLayout(nn.Module, ABC):
    """Modules whose maps have another layout, as a stage from B×C×h×w to B×C×h×w.

    Args:
        modules: run one after another.
        reads_image: they take B×C×h×w, as a patch embedding does.
    """

    def __init__(self, modules: Sequence[nn.Module], *, reads_image: bool = False):
        super().__init__()
        self.layers = nn.Sequential(*modules)
        self.reads_image = reads_image

    def forward(self, features: Tensor) -> Tensor:
        """B×C×h×w → B×C'×h'×w'."""
        return self._as_map(self.layers(features if self.reads_image else self._laid_out(features)))

    @abstractmethod
    def _laid_out(self, features: Tensor) -> Tensor:
        """B×C×h×w → the layout of the modules."""

    @abstractmethod
    def _as_map(self, output: Tensor) -> Tensor:
        """The layout of the modules → B×C×h×w."""


@final
class ChannelsFirst(OtherLayout):
    """Modules whose maps are B×h×w×C (Swin)."""

    def _laid_out(self, features: Tensor) -> Tensor:
        return features.permute(0, 2, 3, 1)

    def _as_map(self, output: Tensor) -> Tensor:
        return output.permute(0, 3, 1, 2)


@final
class TokensOnly(OtherLayout):
    """Modules whose maps are B×N×C (MLP-Mixer, LeViT), for square images."""

    def _laid_out(self, features: Tensor) -> Tensor:
        return features.flatten(2).transpose(1, 2)

    def _as_map(self, output: Tensor) -> Tensor:
        side = round(output.shape[1] ** 0.5)
        return output.transpose(1, 2).unflatten(2, (side, side))


class Whole(nn.Module):
    """A network whose parts cannot be run one by one, as a single stage: B×3×H×W → B×C×h×w.

    Args:
        network: of timm.
    """

    def __init__(self, network: Any):
        super().__init__()
        self.network = network
        self.prefix = int(getattr(network, "num_prefix_tokens", 0))

    def forward(self, images: Tensor) -> Tensor:
        """timm's own features, in their places."""
        features: Tensor = self.network.forward_features(images)
        if features.ndim == 4:
            return features.permute(0, 3, 1, 2) if self._has_channels_last(features) else features
        tokens = features[:, self.prefix :].transpose(1, 2)
        height = round((tokens.shape[2] * images.shape[2] / images.shape[3]) ** 0.5)
        return tokens.unflatten(2, (height, -1))

    def _has_channels_last(self, features: Tensor) -> bool:
        return features.shape[1] != self.network.num_features == features.shape[3]
