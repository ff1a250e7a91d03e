"""What all settings share: how they check themselves, and what of them is outside of a step's key.

Settings are frozen data classes that check themselves when they are made, so that wrong ones cannot exist. A message
begins with the field's name; whoever nests settings puts the section's name in front (`patchlearn.runs.recipe`).
Modules of settings import the standard library and each other alone, so that `--help` is fast.
"""

from collections.abc import Mapping
from dataclasses import Field, dataclass, fields, is_dataclass
from math import inf
from numbers import Integral
from pathlib import Path
from typing import Any

from patchlearn.core.errors import PatchlearnError, require_one_of

OUTSIDE_KEY = {"key": "outside"}  # metadata of a field that changes no result
NEW_IN_KEY = {"key": "unless default"}  # of a field that came later: the keys of older runs stay what they were
FILE_IN_KEY = {"key": "file"}  # metadata of a field that may name a file, whose content counts
FOLDER_IN_KEY = {"key": "folder"}  # of a field that may name a folder; the names and the content of its files count

MOST_SCALES, LARGEST_SCALE = 32, 16  # more would take hours and gigabytes for one image; papers use up to 2

DEVICES = ("auto", "cpu")
PRECISIONS = ("fp32", "bf16")
TRACKERS = ("tensorboard", "wandb", "mlflow")


@dataclass(frozen=True, kw_only=True)
class RuntimeSettings:
    """How to run. A finished step is not redone when this changes; its manifest notes precision and processes.

    Args:
        device: "auto" (a GPU if there is one) or "cpu".
        precision: "fp32", or "bf16" where the device is faster with it.
        workers: processes that load images while a network trains; 0 loads them in the main process. Null for 0 on a
            CPU, and for one per core, eight at most, beside a GPU.
        threads: images that are read or refined at the same time; null for one per core.
        memory: what one process may hold, in GB (10^9 bytes): fewer images at a time where they are large, and an error
            before a step begins if one alone is too large. Null for four fifths of what is free. No result depends on
            it.
        track: where loss, learning rate and mAP of each training are logged, besides its CSV files: a list of
            "tensorboard", "wandb", "mlflow", such as [tensorboard]. The project is the run folder's name, its runs are
            the trainings.
    """

    device: str = "auto"
    precision: str = "fp32"
    workers: int | None = None
    threads: int | None = None
    memory: float | None = None
    track: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require_one_of("device", self.device, DEVICES)
        require_one_of("precision", self.precision, PRECISIONS)
        if self.workers is not None:
            require_at_least("workers", self.workers, 0)
        if self.threads is not None:
            require_at_least("threads", self.threads, 1)
        if self.memory is not None:
            require_positive("memory", self.memory)
        for name in self.track:
            require_one_of("track", name, TRACKERS)


def require_at_least(name: str, value: float, least: float) -> None:
    """Raise `PatchlearnError` unless the value is finite and not below the least.

    >>> require_at_least("steps", -1, 0)
    Traceback (most recent call last):
    patchlearn.core.errors.PatchlearnError: steps: -1 is out of range. Choose 0 or more.
    """
    if not least <= value < inf:
        raise PatchlearnError(f"{name}: {value} is out of range. Choose {least} or more.")


def require_whole(name: str, value: object, least: int, most: int) -> None:
    """Raise `PatchlearnError` unless the value is a whole number from the least to the most.

    >>> require_whole("iterations", 10**9, 0, 1000)
    Traceback (most recent call last):
    patchlearn.core.errors.PatchlearnError: iterations: 1000000000 is out of range. Choose a whole number from 0 ...
    """
    if not isinstance(value, Integral) or not least <= int(value) <= most:
        raise PatchlearnError(f"{name}: {value} is out of range. Choose a whole number from {least} to {most}.")


def require_positive(name: str, value: float) -> None:
    """Raise `PatchlearnError` unless the value is finite and above 0."""
    if not 0 < value < inf:
        raise PatchlearnError(f"{name}: {value} is out of range. Choose a number above 0.")


def require_share(name: str, value: float) -> None:
    """Raise `PatchlearnError` unless the value lies in [0, 1]."""
    if not 0 <= value <= 1:
        raise PatchlearnError(f"{name}: {value} is out of range. Choose a number in [0, 1].")


def require_scales(name: str, scales: tuple[float, ...]) -> None:
    """Raise `PatchlearnError` unless there are 1 to `MOST_SCALES` scales, above 0 and at most `LARGEST_SCALE`."""
    if not 0 < len(scales) <= MOST_SCALES or not all(0 < scale <= LARGEST_SCALE for scale in scales):
        raise PatchlearnError(
            f"{name}: {list(scales[:MOST_SCALES])}. Name at least one scale, and at most {MOST_SCALES}; all must be "
            f"above 0, and at most {LARGEST_SCALE}."
        )


def key_values(value: Any) -> Any:
    """What of a value enters a step's key, as JSON: settings without the fields that change no result.

    A field that names an existing file or folder contributes its content, if its metadata says so.
    """
    if is_dataclass(value) and not isinstance(value, type):
        inside = [entry for entry in fields(value) if is_in_key(value, entry)]
        return {entry.name: _field_value(value, entry.name, entry.metadata) for entry in inside}
    if isinstance(value, Mapping):
        return {str(name): key_values(each) for name, each in value.items()}
    return [key_values(each) for each in value] if isinstance(value, list | tuple) else value


def is_in_key(owner: Any, entry: Field[Any]) -> bool:
    """Whether a field of a data class changes the key of the step that has it."""
    kind = entry.metadata.get("key")
    is_default = kind == "unless default" and getattr(owner, entry.name) == entry.default
    return kind != "outside" and not is_default


def _field_value(owner: Any, name: str, metadata: Mapping[str, Any]) -> Any:
    from patchlearn.core.manifest import file_digest, folder_digest

    value, kind = getattr(owner, name), metadata.get("key")
    if kind == "file" and value and Path(value).is_file():
        return file_digest(Path(value))
    if kind == "folder" and value and Path(value).is_dir():
        return folder_digest(Path(value))
    return key_values(value)
