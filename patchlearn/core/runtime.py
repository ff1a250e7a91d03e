"""Where things run: device, processes and precision (Accelerate)."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TypeVar

import torch
from accelerate import Accelerator
from rich.console import Console
from torch import nn

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.memory import Need, images_at_a_time
from patchlearn.core.settings import RuntimeSettings

PRECISIONS = {"fp32": "no", "bf16": "bf16"}
PACKAGES = {"tensorboard": "'patchlearn[track]'"}  # tracker → what pip installs, where it is not the tracker's name
MOST_WORKERS = 8
Module = TypeVar("Module", bound=nn.Module)


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """Where a step runs: it changes the last digits of results at most, and no step is redone for it.

    Args:
        accelerator: device, precision and processes.
        workers: processes that load images; 0 loads them in this one.
        threads: the most images at a time, where a step works image by image; None for one per core.
        memory: what this process may hold, in GB; None for a share of what is free.
        track: the trackers that each training is logged to, see `RuntimeSettings`.
        console: where progress is shown.
    """

    accelerator: Accelerator
    workers: int = 0
    threads: int | None = None
    memory: float | None = None
    track: tuple[str, ...] = ()
    console: Console

    def at_a_time(self, needs: Iterable[Need]) -> int:
        """How many images at a time the memory holds, see `images_at_a_time`."""
        return images_at_a_time(needs, self.threads, self.memory)


def start(settings: RuntimeSettings, console: Console) -> Runtime:
    """The runtime of this process. Under `accelerate launch`, only the first process writes to the console.

    Raises:
        PatchlearnError: the device lacks the precision, this process has already started with another one, or a
            tracker is not installed.
    """
    track = tuple(dict.fromkeys(settings.track))
    _require_installed(track)
    try:
        accelerator = Accelerator(cpu=settings.device == "cpu", mixed_precision=PRECISIONS[settings.precision])
    except ValueError as error:  # Accelerate keeps one state for each process, and some devices lack bf16
        raise PatchlearnError(f"runtime: {error} Start a new process to change device or precision.") from None
    console.quiet = console.quiet or not accelerator.is_main_process
    workers = _spare_cores(accelerator) if settings.workers is None else settings.workers
    return Runtime(
        accelerator=accelerator,
        workers=workers,
        threads=settings.threads,
        memory=settings.memory,
        track=track,
        console=console,
    )


def _require_installed(track: Sequence[str]) -> None:
    for name in track:
        if find_spec(name) is None:
            raise PatchlearnError(
                f"runtime.track: {name} is not installed. Run: pip install {PACKAGES.get(name, name)} (or take it out "
                "of runtime.track)."
            )


def _spare_cores(accelerator: Accelerator) -> int:
    """For loading images, in each of the processes that share this machine's cores."""
    if accelerator.device.type != "cuda":
        return 0
    here = min(accelerator.num_processes, torch.cuda.device_count())
    return min(MOST_WORKERS, (os.cpu_count() or 1) // here)


def memory_format(device: torch.device) -> torch.memory_format:
    """The memory format in which networks read images of many sizes.

    On the CPU depthwise convolutions are 1.5 times faster in channels_last. On a GPU cuDNN plans each of them anew for
    each size, which in channels_last took EfficientNet-Lite0 1.4 to 2.1 s a size, otherwise 0.04 to 0.07 s (H100,
    cuDNN 9; docs/log/gpu.md); a known size takes 4 ms in both.
    """
    return torch.channels_last if device.type == "cpu" else torch.contiguous_format


def to_device(network: Module, device: torch.device) -> Module:
    """Move a network that is to read images of many sizes; returns it."""
    whole: nn.Module = network
    whole.to(device).to(memory_format=memory_format(device))
    return network
