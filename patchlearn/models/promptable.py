"""Networks that are asked with a word, a point or a box: SAM 2 and SAM 3, through Hugging Face transformers.

Their weights come from the hub or from a folder. Only safetensors files are read, and no code that comes with them.
"""

import re
from collections.abc import Collection, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from patchlearn.core.errors import PatchlearnError

LIBRARY = "transformers"
COMMAND = "pip install 'patchlearn[sam]'"
HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")


def require_transformers() -> None:
    """Raise `PatchlearnError` with the command of pip unless transformers is installed."""
    if find_spec(LIBRARY) is None:
        raise PatchlearnError(f"SAM: {LIBRARY} is not installed. Run: {COMMAND}")


def require_model(model: str) -> None:
    """Raise `PatchlearnError` unless transformers is installed, and `model` is a folder or can be a name on the hub."""
    require_transformers()
    if not Path(model).is_dir() and not HUB_NAME.fullmatch(model):
        raise PatchlearnError(f"{model}: no such folder. Name one, or a repository on the hub (owner/name).")


def pretrained(model: str, network: str, processor: str, families: Collection[str]) -> tuple[Any, Any]:
    """(the network in evaluation mode on the CPU, what prepares its inputs).

    Args:
        model: a repository on the hub (`owner/name`), or a folder that `save_pretrained` has written.
        network: name of the class in transformers.
        processor: likewise.
        families: the values of `model_type` in config.json that this class reads.

    Raises:
        PatchlearnError: transformers is missing or too old; there is no such model, or it may not be read; it is of
            another family; it has no safetensors, or lacks weights.
    """
    require_model(model)
    classes = [_class(name) for name in (network, processor)]
    config = _read(model, _class("AutoConfig"))
    if config.model_type not in families:
        raise PatchlearnError(
            f"{model}: a model of the type {config.model_type!r}, not of {' or '.join(sorted(families))}. Name another."
        )
    options = {"use_safetensors": True, "ignore_mismatched_sizes": True, "output_loading_info": True}
    found, loading = _read(model, classes[0], **options)
    _refuse_incomplete(model, network, loading)
    return found.eval(), _read(model, classes[1])


def _refuse_incomplete(model: str, network: str, loading: Mapping[str, Collection[Any]]) -> None:
    """In the place of these weights transformers puts random numbers."""
    mismatched = [each[0] if isinstance(each, tuple) else each for each in loading["mismatched_keys"]]
    lacking = sorted({*loading["missing_keys"], *mismatched})
    if lacking:
        raise PatchlearnError(
            f"{model}: {len(lacking)} weights of {network} are missing or of another size, such as {lacking[0]}. Name "
            "a complete model."
        )


def _class(name: str) -> Any:
    library = import_module(LIBRARY)
    if not hasattr(library, name):
        raise PatchlearnError(f"SAM: {LIBRARY} {library.__version__} has no {name}. Run: {COMMAND}")
    return getattr(library, name)


def _read(model: str, kind: Any, **options: Any) -> Any:
    from safetensors import SafetensorError

    try:
        return kind.from_pretrained(model, **options)
    except (ImportError, KeyError, OSError, RuntimeError, SafetensorError, TypeError, ValueError) as error:
        raise PatchlearnError(f"{model}: {_first_line(error)} {_advice(model, error)}") from None


def _first_line(error: Exception) -> str:
    line = (str(error).strip() or type(error).__name__).splitlines()[0][:200].rstrip()
    return line if line.endswith((".", "!", "?")) else f"{line}."


def _advice(model: str, error: Exception) -> str:
    if Path(model).is_dir():
        return "Name a folder that save_pretrained has written: config.json, model.safetensors, processor_config.json."
    if "gated" in str(error):
        return "Accept its licence on its page of the hub, then log in with 'hf auth login'."
    return "Name a folder, or a repository on the hub (owner/name), and check the network."
