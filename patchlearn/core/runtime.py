"""Where and how things run: device, processes and precision (Accelerate), seeds, progress."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TypeVar

import torch
from accelerate import Accelerator
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column
from torch import nn

from patchlearn.core.errors import PatchlearnError, require_one_of

PRECISIONS = {"fp32": "no", "bf16": "bf16"}
Module = TypeVar("Module", bound=nn.Module)
T = TypeVar("T")
R = TypeVar("R")
DEVICES = ("auto", "cpu")
MOST_WORKERS = 8
AHEAD = 4  # items that each thread may be ahead of the slowest


@dataclass(frozen=True, kw_only=True)
class RuntimeSettings:
    """How to run. A finished step is not redone when this changes; its manifest notes precision and processes.

    Args:
        device: "auto" (a GPU if there is one) or "cpu".
        precision: "fp32", or "bf16" where the device is faster with it.
        workers: processes that load images while a network trains; 0 loads them in the main one. Null for none on a
            CPU, which has no core to spare, and for one per core, eight at most, beside a GPU, which would wait.
        threads: images whose maps are read, or that are refined, at a time; null for one per core.
    """

    device: str = "auto"
    precision: str = "fp32"
    workers: int | None = None
    threads: int | None = None


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """Where a step runs: it changes the last digits of results at most, and no step is redone for it.

    Args:
        accelerator: device, precision and processes.
        workers: processes that load images; 0 loads them in this one.
        threads: images at a time, where a step works image by image; None for one per core.
        console: where progress is shown.
    """

    accelerator: Accelerator
    workers: int = 0
    threads: int | None = None
    console: Console


def start(settings: RuntimeSettings, console: Console) -> Runtime:
    """The runtime of this process; under `accelerate launch`, one of several, of which the first alone is heard.

    Raises:
        PatchlearnError: an unknown device or precision, one that the device lacks or that differs from this process's
            earlier ones, or a negative number of workers.
    """
    require_one_of("runtime.device", settings.device, DEVICES)
    require_one_of("runtime.precision", settings.precision, PRECISIONS)
    if settings.workers is not None and settings.workers < 0:
        raise PatchlearnError(f"runtime.workers: {settings.workers} is negative. Choose 0 or more.")
    check_threads(settings.threads)
    try:
        accelerator = Accelerator(cpu=settings.device == "cpu", mixed_precision=PRECISIONS[settings.precision])
    except ValueError as error:  # Accelerate keeps one state for each process, and bf16 is not to be had everywhere
        raise PatchlearnError(f"runtime: {error} Start a new process to change device or precision.") from None
    console.quiet = console.quiet or not accelerator.is_main_process
    workers = _spare_cores(accelerator) if settings.workers is None else settings.workers
    return Runtime(accelerator=accelerator, workers=workers, threads=settings.threads, console=console)


def _spare_cores(accelerator: Accelerator) -> int:
    """For loading images, in each of the processes that share this machine's cores."""
    if accelerator.device.type != "cuda":
        return 0
    here = min(accelerator.num_processes, torch.cuda.device_count())
    return min(MOST_WORKERS, (os.cpu_count() or 1) // here)


def layout(device: torch.device) -> torch.memory_format:
    """The memory format in which networks read images of many sizes.

    On the CPU depthwise convolutions are 1.5 times faster in channels_last. On a GPU cuDNN plans every one of them anew
    for every size, which in channels_last took EfficientNet-Lite0 1.6 s a size, otherwise 0.05 s (H100, cuDNN 9;
    docs/experiments.md, 2026-11-26); a known size takes 4 ms in both.
    """
    return torch.channels_last if device.type == "cpu" else torch.contiguous_format


def place(network: Module, device: torch.device) -> Module:
    """Move a network that is to read images of many sizes; returns it."""
    whole: nn.Module = network
    whole.to(device).to(memory_format=layout(device))
    return network


def check_threads(threads: int | None) -> None:
    """Raise `PatchlearnError` unless there is at least one, or one per core (None)."""
    if threads is not None and threads < 1:
        raise PatchlearnError(f"threads: {threads} is not positive. Choose 1 or more, or leave it out: one per core.")


def seed_for(*parts: int | str) -> int:
    """A 63-bit seed that depends on the parts alone, for example (seed, epoch, index).

    Every random decision takes its seed from here, so that a resumed run decides like an undisturbed one.

    >>> seed_for(0, 1, 2) == seed_for(0, 1, 2) != seed_for(0, 2, 1)
    True
    """
    digest = blake2b("/".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


@contextmanager
def seeded(*parts: int | str) -> Iterator[None]:
    """Run a block with torch's CPU generator seeded by `seed_for`; the generator is put back afterwards."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_for(*parts))
        yield


@contextmanager
def progress(console: Console, title: str, total: int, done: int = 0) -> Iterator[Callable[[str], None]]:
    """A bar with the time left. Yields a function that moves it by one and takes a note to show beside it."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", table_column=Column(no_wrap=True, overflow="ellipsis")),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(title, total=total, completed=done, note="")
        yield lambda note: bar.update(task, advance=1, note=note)


def share(items: Iterable[T], accelerator: Accelerator) -> list[T]:
    """This process's share of the items.

    >>> from types import SimpleNamespace
    >>> share("abcde", SimpleNamespace(process_index=1, num_processes=2))
    ['b', 'd']
    """
    return list(items)[accelerator.process_index :: accelerator.num_processes]


def for_each(
    items: Sequence[T], work: Callable[[T], object], *, title: str, threads: int | None, console: Console
) -> None:
    """Do the work for every item, on several threads, with progress; the first error ends it."""
    for _ in results_of(items, work, title, threads, console):
        pass


def write_missing(
    items: Iterable[T],
    path_of: Callable[[T], Path],
    write: Callable[[T, Path], object],
    *,
    title: str,
    runtime: Runtime,
) -> None:
    """Call `write(item, path)` for every item whose path is not there yet; otherwise as `for_each`."""
    missing = [item for item in items if not path_of(item).exists()]
    threads, console = runtime.threads, runtime.console
    for_each(missing, lambda item: write(item, path_of(item)), title=title, threads=threads, console=console)


def results_of(
    items: Sequence[T], work: Callable[[T], R], title: str, threads: int | None, console: Console
) -> Iterator[R]:
    """The result for every item, in the order of the items; otherwise as `for_each`.

    Meanwhile torch computes on one thread for each item: threads of its own on top of these would wait for each other.
    """
    check_threads(threads)
    of_torch = torch.get_num_threads()
    torch.set_num_threads(1)
    threads = threads or os.cpu_count() or 1
    pool = ThreadPoolExecutor(threads)
    try:
        with progress(console, title, len(items)) as advance:
            for result in _in_order(pool, work, items, AHEAD * threads):
                yield result
                advance("")
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(of_torch)


def _in_order(pool: ThreadPoolExecutor, work: Callable[[T], R], items: Iterable[T], ahead: int) -> Iterator[R]:
    """The results in order; behind a slow one at most so many wait, where `Executor.map` would gather all others."""
    waiting: deque[Future[R]] = deque()
    for item in items:
        waiting.append(pool.submit(work, item))
        if len(waiting) > ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
