"""What a public data set consists of, and how a folder is searched for it."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Part:
    """One part of a data set.

    Args:
        name: what it is.
        is_there: whether all of it was found.
        found: where and how much, in words.
        wanted: how much it is, in words.
        source: where its owners publish it, and what to do with it.
        is_needed: whether training from tags needs it.
    """

    name: str
    is_there: bool
    found: str
    wanted: str
    source: str
    is_needed: bool = True


def is_complete(parts: Sequence[Part]) -> bool:
    """Whether all that is needed is there."""
    return all(part.is_there for part in parts if part.is_needed)


def count_files(folder: Path, suffix: str) -> int:
    """Number of files in a folder whose names end so; 0 where there is no folder."""
    if not folder.is_dir():
        return 0
    with os.scandir(folder) as entries:
        return sum(entry.name.endswith(suffix) and not entry.name.startswith(".") for entry in entries)


def first_folder(root: Path, names: Sequence[str]) -> Path | None:
    """The first of the folders below `root` that is there; "" names `root` itself."""
    return next((root / name for name in names if (root / name).is_dir()), None)


def md5_of(path: Path) -> str:
    """MD5 of a file's content: what the owners of older data sets publish."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def below(path: Path, root: Path) -> str:
    """The path as messages name it: below `root`, or "." for `root` itself."""
    return path.relative_to(root).as_posix()
