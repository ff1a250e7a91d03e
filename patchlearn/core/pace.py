"""How fast this machine is: a few items are timed, and the rest follows from their number."""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch

T = TypeVar("T")
TIMED = 2


@dataclass(frozen=True)
class Estimate:
    """What a step needs.

    Args:
        seconds: about how long it takes.
        bytes: about how large its files are.
    """

    seconds: float = 0.0
    bytes: float = 0.0

    def __rmul__(self, times: float) -> "Estimate":
        """Of as many items, each of which needs this, or of a share of it."""
        return Estimate(times * self.seconds, times * self.bytes)

    def __add__(self, other: "Estimate") -> "Estimate":
        """Of two steps, one after the other."""
        return Estimate(self.seconds + other.seconds, self.bytes + other.bytes)


def seconds_each(work: Callable[[T], object], items: Sequence[T], threads: int | None) -> float:
    """Seconds for one of many items that threads work on side by side, each with one thread of torch.

    The first item is not counted: kernels are compiled for it, and files are read for the first time.

    Args:
        work: on one item.
        items: at least two.
        threads: how many work side by side; None for one per core.
    """
    of_torch = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return mean_seconds(work, items) / (threads or os.cpu_count() or 1)
    finally:
        torch.set_num_threads(of_torch)


def mean_seconds(work: Callable[[T], object], items: Sequence[T]) -> float:
    """Mean seconds of all items but the first."""
    work(items[0])
    started = time.perf_counter()
    for item in items[1:]:
        work(item)
    return (time.perf_counter() - started) / (len(items) - 1)


def a_few(items: Sequence[T]) -> list[T]:
    """One item to warm up with, and `TIMED` others, evenly spaced.

    >>> a_few(range(90))
    [0, 30, 60]
    """
    count = TIMED + 1
    return [items[index * len(items) // count] for index in range(count)]
