"""State dicts in files: tensors by name, without the containers and prefixes in which trainings store them."""

import re
import warnings
from argparse import Namespace
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file as load_safetensors
from torch import Tensor

from patchlearn.core.errors import PatchlearnError

# Keys under which trainings store tensors; the first that a file has is read. The averaged weights come before the
# others, as in timm (timm.models.load_state_dict), and the teacher before the student, as in DINO (eval_linear.py,
# --checkpoint_key).
CONTAINERS = (
    "state_dict_ema", "model_ema", "teacher", "state_dict", "model", "model_state_dict", "network", "backbone",
    "encoder", "module", "student",
)  # fmt: skip
# What wrappers write before the names: DataParallel, torch.compile, and the networks of which a backbone is a part.
PREFIXES = ("module.", "_orig_mod.", "teacher.", "student.", "network.", "model.", "backbone.", "encoder.")
# Tensors of other parts, which a trunk does not have: classifiers (timm, torchvision; PSA and SEAM: fc8), DINO's heads,
# its token for hidden patches, and its student beside the teacher.
OTHER_PARTS = (
    "head.", "heads.", "head_dist.", "fc.", "classifier.", "fc8.", "dino_head.", "ibot_head.", "mask_token", "student.",
)  # fmt: skip
UNSAFE_ADVICE = re.compile("weights_only|trust the source|weights only", re.IGNORECASE)  # of torch.load
# What torch raises over text, pages of a web server, archives and damaged files.
UNREADABLE = (
    RuntimeError, SafetensorError, EOFError, AttributeError, TypeError, OSError, ValueError, LookupError, OverflowError,
    MemoryError, ImportError,
)  # fmt: skip


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a file (.safetensors, or .pth, .pt and .bin), by name, out of their containers.

    A pickle is read with `weights_only=True`: nothing in it runs.

    Raises:
        PatchlearnError: the file is missing or damaged, or has other things than tensors.
    """
    try:
        content = load_safetensors(path) if path.suffix == ".safetensors" else _unpickled(path)
        return _checked(_out_of_containers(content))
    except FileNotFoundError:
        raise PatchlearnError(f"{path}: no such weights. Name a state dict, 'hub', 'demo' or none.") from None
    except UnpicklingError as error:
        raise PatchlearnError(
            f"{path}: cannot be read as weights ({_unsafe(path) or _first_line(error)}). Name a file of tensors alone: "
            "torch.save(network.state_dict(), ...)."
        ) from None
    except UNREADABLE as error:
        raise PatchlearnError(
            f"{path}: cannot be read as weights ({_first_line(error)}). Name a state dict: .pth, .pt, .bin or "
            ".safetensors."
        ) from None


def without_prefixes(tensors: Mapping[str, Tensor], known: Iterable[str]) -> dict[str, Tensor]:
    """The tensors without the prefixes that wrappers add; those of other parts beside them are left out.

    Args:
        tensors: by name.
        known: names of the architecture. A prefix that they have is none of a wrapper.

    >>> tensor = torch.ones(1)
    >>> given = {"module.backbone.conv1.weight": tensor, "module.head.mlp.weight": tensor}
    >>> list(without_prefixes(given, ["conv1.weight"]))
    ['conv1.weight']
    """
    rest, known = dict(tensors), list(known)
    added = [prefix for prefix in PREFIXES if not any(name.startswith(prefix) for name in known)]
    while prefix := next((each for each in added if _is_of_all(each, rest)), ""):
        rest = {name.removeprefix(prefix): tensor for name, tensor in rest.items() if name.startswith(prefix)}
    return rest


def _is_of_all(prefix: str, names: Collection[str]) -> bool:
    """Whether all names have the prefix, but those of other parts."""
    has_it = [name.startswith(prefix) for name in names]
    return any(has_it) and all(has or name.startswith(OTHER_PARTS) for has, name in zip(has_it, names, strict=True))


def _unpickled(path: Path) -> Any:
    # timm's and DINO's trainings add their command line, which is harmless: argparse.Namespace runs nothing.
    # Its warnings (protocol of the pickle, TorchScript) are of no use beside the sentence that follows.
    with torch.serialization.safe_globals([Namespace]), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.load(path, map_location="cpu", weights_only=True)


def _out_of_containers(content: Any) -> Any:
    while isinstance(content, dict):
        inner = next((content[key] for key in CONTAINERS if isinstance(content.get(key), dict | list)), None)
        if inner is None:
            break
        content = inner
    return content


def _checked(content: Any) -> dict[str, Tensor]:
    if not isinstance(content, dict):
        raise TypeError(f"it holds a {type(content).__name__}, not tensors by name")
    for name, value in content.items():
        if not isinstance(value, Tensor):
            raise TypeError(f"it holds a {type(value).__name__}, {name!r}, among the tensors")
    return dict(content)


def _unsafe(path: Path) -> str:
    try:
        names = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    except (RuntimeError, UnpicklingError, ValueError):  # not torch's own zip: no names
        names = []
    return f"it would run code: {', '.join(names)}" if names else ""


def _first_line(error: Exception) -> str:
    """What the error says; in place of torch's advice to run the file, and of a bare key, what is wrong."""
    words = str(error)
    if UNSAFE_ADVICE.search(words):
        return "it holds other things than tensors, which would have to be run"
    return "no tensors by name" if isinstance(error, LookupError) or not words else words.splitlines()[0]
