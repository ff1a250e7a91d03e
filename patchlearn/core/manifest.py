"""The run folder: atomic writes, step manifests, checkpoints, score maps and masks.

Nothing here unpickles: JSON, safetensors, npz without pickle, PNG.
"""

import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import atomic, read_json, write_json

MANIFEST = "step.json"


def fingerprint(*values: Any) -> str:
    """Sixteen hex digits that change when any of the JSON-able values does.

    >>> fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    True
    """
    canonical = json.dumps(values, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def file_digest(path: Path) -> str:
    """SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_complete(folder: Path, key: str) -> bool:
    """Whether the step that owns this folder finished with exactly these settings and inputs."""
    path = folder / MANIFEST
    manifest = read_json(path) if path.exists() else {}
    return bool(manifest.get("complete")) and manifest["key"] == key


def is_of_another(folder: Path, key: str) -> bool:
    """Whether a step has worked in this folder, finished or not, with other settings or inputs."""
    path = folder / MANIFEST
    return path.exists() and read_json(path)["key"] != key


def begin(folder: Path, key: str) -> None:
    """Claim a folder for a step. What another key left there is deleted; what the same key left is kept.

    Raises:
        PatchlearnError: the folder holds files, but no manifest says that a step wrote them.
    """
    manifest = folder / MANIFEST
    found = [path for path in folder.rglob("*") if path != manifest] if folder.is_dir() else []
    if not manifest.exists() and any(path.is_file() and path.suffix != ".partial" for path in found):
        raise PatchlearnError(f"{folder}: holds files that no step has written. Move them, or name another --out.")
    if not manifest.exists() or read_json(manifest)["key"] != key:
        # Disowned before the first file goes: a kill in between leaves a folder that no key calls its own.
        write_json(manifest, {"key": f"{key}-clearing", "complete": False})
        for stale in sorted(found, reverse=True):
            stale.rmdir() if stale.is_dir() else stale.unlink()
        write_json(manifest, {"key": key, "complete": False})


def adopt(twin: Path, folder: Path) -> None:
    """Copy what a finished step left in another folder; its manifest stays behind."""

    def copy(source: str, target: str) -> None:
        with atomic(Path(target)) as partial:
            shutil.copyfile(source, partial)

    unwanted = shutil.ignore_patterns(MANIFEST, ".*.partial")
    shutil.copytree(twin, folder, dirs_exist_ok=True, copy_function=copy, ignore=unwanted)


def finish(folder: Path, key: str, **facts: Any) -> None:
    """Mark the folder's step complete and note what is worth knowing about it."""
    write_json(folder / MANIFEST, {"key": key, "complete": True, **facts})


def commit() -> str:
    """The commit of the code that runs, with `+` when files have changed since, or "unknown" outside a checkout."""
    source = Path(__file__).parent
    try:
        _git(source, "ls-files", "--error-unmatch", "manifest.py")  # installed inside another project's checkout?
        revision = _git(source, "rev-parse", "--short=10", "HEAD")
        return revision + ("+" if _git(source, "status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()
