"""One after another, and no more than may wait."""

import asyncio
import threading

import pytest

pytest.importorskip("anyio", reason="the page needs patchlearn[web]")
from patchlearn.web.work_queue import BusyError, WorkQueue


def test_work_is_done_one_after_another() -> None:
    running, most = 0, 0

    def work() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        threading.Event().wait(0.002)
        running -= 1

    async def all_at_once() -> None:
        queue = WorkQueue(10)
        await asyncio.gather(*(queue.do(work) for _ in range(8)))

    asyncio.run(all_at_once())
    assert most == 1


def test_too_many_are_turned_away_and_the_rest_is_done() -> None:
    async def all_at_once() -> list[object]:
        queue = WorkQueue(2)
        return await asyncio.gather(*(queue.do(lambda: "done") for _ in range(5)), return_exceptions=True)

    results = asyncio.run(all_at_once())
    assert results[:3] == ["done"] * 3
    assert all(isinstance(each, BusyError) for each in results[3:])


def test_work_that_fails_leaves_the_queue() -> None:
    async def again() -> object:
        queue = WorkQueue(1)
        for _ in range(3):
            with pytest.raises(ZeroDivisionError):
                await queue.do(lambda: 1 // 0)
        return await queue.do(lambda: "done")

    assert asyncio.run(again()) == "done"
