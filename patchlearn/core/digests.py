"""Digests of the content of many files, kept by size and time of change, so that a finished run opens quickly."""

import os
import time
from pathlib import Path

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import read_json, require_regular, write_json
from patchlearn.core.manifest import file_digest

ENTRY_LENGTH = 3  # bytes, time of change, digest
RECENT_NS = 2_000_000_000  # a file may change twice within one tick of its clock: two seconds on FAT


class Digests:
    """SHA-256 of files, each read once as long as its size and time of change stay.

    Args:
        file: where the digests are kept for the next process; None to keep none.
    """

    def __init__(self, file: Path | None):
        self.file = file
        self.known: dict[str, list[str | int]] = _read(file)
        self.is_changed = False

    def __call__(self, path: Path) -> str:
        """The digest of one file.

        Raises:
            PatchlearnError: the file is not there, or is a pipe or a device.
        """
        name = str(path) if path.is_absolute() else os.path.abspath(path)
        try:
            facts = os.stat(name)
        except FileNotFoundError:
            raise PatchlearnError(f"{path}: no such file. Was it moved since the data set was opened?") from None
        size, changed = facts.st_size, facts.st_mtime_ns
        entry = self.known.get(name)
        if entry is not None and entry[:2] == [size, changed]:
            return str(entry[2])
        require_regular(path)
        digest = file_digest(name)
        if time.time_ns() - changed > RECENT_NS:
            self.known[name], self.is_changed = [size, changed, digest], True
        return digest

    def save(self) -> None:
        """Keep what was read for the next process."""
        if self.file is not None and self.is_changed:
            write_json(self.file, self.known, compact=True)
            self.is_changed = False


def _read(file: Path | None) -> dict[str, list[str | int]]:
    """Digests of an earlier process; a damaged file is no loss, for everything in it can be computed again."""
    try:
        known = read_json(file) if file is not None else {}
    except (PatchlearnError, OSError):
        return {}
    entries = known.items() if isinstance(known, dict) else ()
    return {name: entry for name, entry in entries if isinstance(entry, list) and len(entry) == ENTRY_LENGTH}
