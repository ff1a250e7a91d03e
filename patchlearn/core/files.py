"""Files that are written whole or not at all: text, JSON, CSV logs."""

import csv
import errno
import json
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from patchlearn.core.errors import PatchlearnError

LONGEST = 255  # bytes of a file's name, on every usual file system


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that becomes `path` when the block ends, and vanishes if it raises.

    A reader finds the old file or the whole new one. A process that is killed in between leaves at most a
    `.NAME.PID.partial`, which no reader opens. Where NAME is nearly as long as a name may be, its digest stands there.

    Raises:
        PatchlearnError: the name is too long.
        OSError: what the system says, with the path as the name of the file.
    """
    require_short_name(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    if len(os.fsencode(partial.name)) > LONGEST:
        partial = path.with_name(f".{sha256(os.fsencode(path.name)).hexdigest()}.{os.getpid()}.partial")
    try:
        with naming(path):
            yield partial
            partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def require_short_name(path: Path) -> None:
    """Raise `PatchlearnError` if no file can have the name."""
    length = len(os.fsencode(path.name))
    if length > LONGEST:
        raise PatchlearnError(
            f"{path}: the name has {length} bytes, and a file's name at most {LONGEST}. Shorten the name of the image."
        )


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """An error of the system that names no file, such as that of a full disk, names this one."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS):
            raise OSError(error.errno, error.strerror, str(path)) from None
        raise


def require_regular(path: Path) -> None:
    """Raise `PatchlearnError` if there is a pipe, a socket or a device: reading it may wait without end."""
    try:
        mode = path.stat().st_mode
    except OSError:  # reading says what is wrong
        return
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise PatchlearnError(f"{path}: a pipe, a socket or a device, and no file. Write its content into a file.")


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    with atomic(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any, *, compact: bool = False) -> None:
    """Write JSON atomically: indented for people, or compact for large tables."""
    write_text(path, json.dumps(value, indent=None if compact else 2, ensure_ascii=compact) + "\n")


def parse_json(text: str | bytes) -> Any:
    """JSON.

    Raises:
        ValueError: the text is none, or is nested too deeply.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def parse_yaml(text: str, *, plain: bool = False) -> Any:
    """YAML of plain values; nothing is built from tags.

    Args:
        text: to parse.
        plain: whether every value stays text.

    Raises:
        yaml.YAMLError: the text is none, or is nested too deeply.
    """
    import yaml

    try:
        return yaml.load(text, Loader=yaml.BaseLoader if plain else yaml.SafeLoader)
    except RecursionError:
        raise yaml.YAMLError("nested too deeply") from None


def read_json(path: Path) -> Any:
    """Read JSON.

    Raises:
        PatchlearnError: the file is missing or is no JSON.
    """
    try:
        return parse_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise PatchlearnError(f"{path}: no such file. Run the step that writes it first.") from None
    except ValueError as error:  # of the encoding, or of the JSON
        raise PatchlearnError(f"{path}: not valid JSON ({error}). Delete it and run the step again.") from None


def append_row(path: Path, row: Mapping[str, Any]) -> None:
    """Append one row to a CSV log, with its header if the file is new."""
    is_new = not path.exists()
    path.parent.mkdir(parents=True, exist_ok=True)
    with naming(path), path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, row.keys())
        if is_new:
            writer.writeheader()
        writer.writerow(row)


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Replace a CSV log, atomically; without rows there is no file."""
    if not rows:
        path.unlink(missing_ok=True)
        return
    with atomic(path) as partial:
        for row in rows:
            append_row(partial, row)


def read_rows(path: Path) -> list[dict[str, str]]:
    """Every row of a CSV log; none if it was never written."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
