"""Files that are written whole or not at all: text, JSON, CSV logs."""

import csv
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from patchlearn.core.errors import PatchlearnError


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that becomes `path` when the block ends, and vanishes if it raises.

    A reader finds the old file or the whole new one. A process that is killed in between leaves at most a
    `.NAME.PID.partial`, which no reader opens.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    with atomic(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any, *, compact: bool = False) -> None:
    """Write JSON atomically: indented for people, or compact for large tables."""
    write_text(path, json.dumps(value, indent=None if compact else 2, ensure_ascii=compact) + "\n")


def read_json(path: Path) -> Any:
    """Read JSON.

    Raises:
        PatchlearnError: the file is missing or is no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise PatchlearnError(f"{path}: no such file. Run the step that writes it first.") from None
    except ValueError as error:  # of the encoding, or of the JSON
        raise PatchlearnError(f"{path}: not valid JSON ({error}). Delete it and run the step again.") from None


def append_row(path: Path, row: Mapping[str, Any]) -> None:
    """Append one row to a CSV log, with its header if the file is new."""
    is_new = not path.exists()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", newline="", encoding="utf-8") as file:
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
