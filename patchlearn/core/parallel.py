"""Work on many items: shared by processes, spread over threads, with progress.

`write_missing` shards its items over the processes itself, and callers give it all of them. `for_each` and `results_of`
work on what they are given.
"""

import operator
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

import torch
from accelerate import Accelerator
from rich.console import Console

from patchlearn.core.memory import Need
from patchlearn.core.progress import progress
from patchlearn.core.runtime import Runtime
from patchlearn.core.settings import require_at_least

T = TypeVar("T")
R = TypeVar("R")
AHEAD = 4  # items that each thread may be ahead of the slowest


def shard(items: Iterable[T], accelerator: Accelerator) -> list[T]:
    """This process's part of the items.

    >>> from types import SimpleNamespace
    >>> shard("abcde", SimpleNamespace(process_index=1, num_processes=2))
    ['b', 'd']
    """
    return list(items)[accelerator.process_index :: accelerator.num_processes]


def write_missing(
    files: Iterable[tuple[T, Path]],
    write: Callable[[T, Path], object],
    *,
    title: str,
    runtime: Runtime,
    needs: Sequence[Need] | None = None,
) -> None:
    """Call `write(item, path)` for every pair whose path is not there yet, over all processes and threads.

    Returns when every process has done its part. The first error ends it. `needs` says how many bytes items take, and
    there are as many threads as the memory holds.
    """
    # Shards first: files that other processes have written by now must not shift them.
    mine = shard(files, runtime.accelerator)
    calls = [partial(write, item, path) for item, path in mine if not path.exists()]
    threads = runtime.threads if needs is None else runtime.at_a_time(needs)
    for_each(calls, operator.call, title=title, threads=threads, console=runtime.console)
    runtime.accelerator.wait_for_everyone()


def for_each(
    items: Sequence[T], work: Callable[[T], object], *, title: str, threads: int | None, console: Console
) -> None:
    """Do the work for every item, on several threads, with progress; the first error ends it."""
    for _ in results_of(items, work, title, threads, console):
        pass


def results_of(
    items: Sequence[T],
    work: Callable[[T], R],
    title: str,
    threads: int | None,
    console: Console,
    ahead: int = AHEAD,
) -> Iterator[R]:
    """The result for every item, in the order of the items; otherwise as `for_each`.

    At most `ahead` results for each thread wait for a slow one before them.

    Meanwhile torch computes on one thread for each item: more threads than cores would slow each other.
    """
    threads = (os.cpu_count() or 1) if threads is None else threads
    require_at_least("threads", threads, 1)
    of_torch = torch.get_num_threads()
    torch.set_num_threads(1)
    pool = ThreadPoolExecutor(threads)
    try:
        with progress(console, title, len(items)) as advance:
            for result in _in_order(pool, work, items, ahead * threads):
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
