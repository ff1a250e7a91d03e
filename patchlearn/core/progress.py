"""Progress: a bar on a terminal or in a notebook, and a plain line every half minute elsewhere, as in a log file."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column

SECONDS_PER_LINE = 30.0
Advance = Callable[[str], None]  # one item is done; takes a note to show beside the bar


@contextmanager
def progress(console: Console, title: str, total: int, done: int = 0) -> Iterator[Advance]:
    """Show how many of the items are done, and the time left.

    Args:
        console: where it is shown.
        title: what is done.
        total: how many items there are.
        done: how many an earlier call has done.
    """
    if console.is_terminal or console.is_jupyter:
        with _bar(console, title, total, done) as advance:
            yield advance
    else:
        yield _Lines(console, title, total, done)


@contextmanager
def _bar(console: Console, title: str, total: int, done: int) -> Iterator[Advance]:
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


class _Lines:
    """A line at the end, and one every half minute before it."""

    def __init__(self, console: Console, title: str, total: int, done: int):
        self.console, self.title, self.total, self.done, self.first = console, title, total, done, done
        self.started = self.said = time.monotonic()

    def __call__(self, note: str) -> None:
        self.done += 1
        now = time.monotonic()
        if now - self.said >= SECONDS_PER_LINE or self.done == self.total:
            self.said = now
            end = duration(now - self.started) if self.done == self.total else f"{self._left(now)} left"
            words = [f"{self.title}: {self.done} of {self.total}", end, *([note] if note else [])]
            self.console.print(", ".join(words), markup=False, highlight=False, soft_wrap=True)

    def _left(self, now: float) -> str:
        return duration((now - self.started) / (self.done - self.first) * (self.total - self.done))


def duration(seconds: float) -> str:
    """For people.

    >>> [duration(each) for each in (0.4, 75, 5400)]
    ['0 s', '1 min 15 s', '1 h 30 min']
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes_left = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes_left} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
