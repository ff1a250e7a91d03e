"""Checkpoints: tensors and JSON settings in one safetensors file. Nothing here unpickles."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import atomic, parse_json, require_regular


def save_checkpoint(path: Path, tensors: Mapping[str, Tensor], settings: Mapping[str, Any]) -> None:
    """Write tensors and the JSON settings that rebuild their owner into one safetensors file."""
    contiguous = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    with atomic(path) as partial:  # not save_file, whose files only their owner may read, and whose errors name no file
        partial.write_bytes(save(contiguous, metadata={"settings": json.dumps(settings)}))


def load_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read (tensors, settings) back.

    Raises:
        PatchlearnError: the file is missing, damaged, or was not written by `save_checkpoint`.
    """
    with _opened(path) as file:
        settings = _settings_of(file)
        return {name: file.get_tensor(name) for name in file.keys()}, settings  # noqa: SIM118


def checkpoint_settings(path: Path) -> dict[str, Any]:
    """The settings alone; no tensor is read. Raises what `load_checkpoint` raises."""
    with _opened(path) as file:
        return _settings_of(file)


def _settings_of(file: Any) -> dict[str, Any]:
    settings = parse_json((file.metadata() or {})["settings"])
    if not isinstance(settings, dict):
        raise ValueError("its settings are no mapping")
    return settings


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    require_regular(path)
    try:
        path.open("rb").close()  # safe_open takes every file that it may not read for missing
        with safe_open(path, framework="pt") as file:
            yield file
    except FileNotFoundError:
        raise PatchlearnError(f"{path}: no such checkpoint. Check the path, or train it first.") from None
    except PatchlearnError:  # is a ValueError, and of what is read in the block
        raise
    except (SafetensorError, KeyError, ValueError) as error:
        raise PatchlearnError(f"{path}: not a checkpoint of patchlearn ({error}). Delete it and train again.") from None
