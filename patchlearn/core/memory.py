"""How much memory there is, and how many images at a time it holds. A limit never changes a result."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import psutil

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.settings import require_at_least

GB = 1_000_000_000
SHARE = 0.8  # of what is free: estimates err, and other programs come and go
GROUPS = Path("/proc/self/cgroup")
ROOT = Path("/sys/fs/cgroup")
Need = tuple[int, str]  # bytes, and which image takes them
Files = tuple[str, str, str]  # a control group's limit, its use, and how its statistics name pages that can be dropped
SECOND: Files = ("memory.max", "memory.current", "inactive_file")
FIRST: Files = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


def images_at_a_time(needs: Iterable[Need], threads: int | None = None, memory: float | None = None) -> int:
    """How many threads may each hold the image that takes the most; 1 at least.

    Args:
        needs: of all images.
        threads: the most; None for one per core.
        memory: what this process may hold in all, in GB (10^9 bytes); None for a share of what is free.

    Raises:
        PatchlearnError: one image alone needs more.

    >>> images_at_a_time([(10**6, "a.jpg")], threads=3)
    3
    """
    most = (os.cpu_count() or 1) if threads is None else threads
    require_at_least("threads", most, 1)
    each, what = max(needs, default=(0, "an image"))
    used, free = used_bytes(), free_bytes()
    room = int(SHARE * free) if memory is None else int(memory * GB) - used
    if each > (free if memory is None else room):
        limit = f"the limit is {memory} GB" if memory is not None else f"{free / GB:.1f} GB are free"
        raise PatchlearnError(
            f"memory: {what} needs about {each / GB:.1f} GB beside the {used / GB:.1f} GB that are in use, and "
            f"{limit}. Raise the limit (--memory, runtime.memory) if the machine has more, or make the image smaller."
        )
    return max(1, min(most, room // max(1, each)))


def used_bytes() -> int:
    """What this process holds now."""
    return int(psutil.Process().memory_info().rss)


def free_bytes() -> int:
    """What it may still take: of the machine's memory, and of that of the control groups (containers) it is in."""
    return min([int(psutil.virtual_memory().available), *_free_of_groups()])


def _free_of_groups() -> Iterator[int]:
    lines = GROUPS.read_text().splitlines() if GROUPS.is_file() else []
    for line in lines:
        _, kinds, path = line.split(":", 2)
        if not kinds:
            yield from _free_along(ROOT, path, SECOND)
        elif "memory" in kinds.split(","):
            yield from _free_along(ROOT / "memory", path, FIRST)


def _free_along(root: Path, path: str, files: Files) -> Iterator[int]:
    """Of a group and of those that it lies in; inside of a container the root may be the group itself."""
    folder = root / path.lstrip("/")
    for group in (folder, *folder.parents):
        if group.is_relative_to(root) and (free := _free_of_group(group, files)) is not None:
            yield free


def _free_of_group(group: Path, files: Files) -> int | None:
    """None where it has no limit."""
    limit, use, dropped = files
    if not (group / limit).is_file() or (words := (group / limit).read_text().strip()) == "max":
        return None
    facts = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
    return max(0, int(words) - int((group / use).read_text()) + int(facts.get(dropped, 0)))
