"""One worker, and a queue before it that has an end."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from anyio import to_thread

T = TypeVar("T")


class BusyError(Exception):
    """Too many requests wait."""


class WorkQueue:
    """Work is done one piece after another, in a thread, so that the server can answer meanwhile.

    Networks and the CRF use all cores already: two at a time would only take twice the memory.

    Args:
        waiting: how many pieces may wait.
    """

    def __init__(self, waiting: int):
        self._waiting, self._queued = waiting, 0
        self._turn = asyncio.Lock()

    async def do(self, work: Callable[[], T]) -> T:
        """What the work returns, when its turn has come.

        Raises:
            BusyError: too many wait already.
        """
        if self._queued > self._waiting:
            raise BusyError
        self._queued += 1
        try:
            async with self._turn:
                return await to_thread.run_sync(work)
        finally:
            self._queued -= 1
