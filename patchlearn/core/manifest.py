"""What a step has left in its folder: the manifest `step.json`, with the key, the inputs and every file's digest.

A step is complete when its key matches, its manifest says so, and its files are there as the manifest lists them.
"""

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import atomic, read_json, write_text

MANIFEST = "step.json"
REPLACED = ".replaced"
EVERY_FILE = ("*",)

Facts = dict[str, Any]
Entry = list[Any]  # [bytes, mtime_ns, digest]


def fingerprint(*values: Any) -> str:
    """Sixteen hex digits that change when any of the JSON-able values does.

    >>> fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    True
    """
    canonical = json.dumps(values, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(canonical.encode(errors="surrogatepass")).hexdigest()[:16]


def file_digest(path: Path | str) -> str:
    """SHA-256 of a file's content."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def folder_digest(folder: Path) -> str:
    """A digest of the names and the content of all files below a folder; hidden files do not count."""
    below = ((path.relative_to(folder), path) for path in sorted(folder.rglob("*")) if path.is_file())
    visible = [(name, path) for name, path in below if not any(part.startswith(".") for part in name.parts)]
    return fingerprint([(name.as_posix(), file_digest(path)) for name, path in visible])


@dataclass(frozen=True)
class Outputs:
    """The folder of a step, and which of its files the step promises.

    Args:
        folder: where the files lie.
        promised: patterns of paths below the folder; a file that matches none may come and go.
    """

    folder: Path
    promised: Sequence[str] = EVERY_FILE

    @property
    def manifest(self) -> Facts:
        """What the manifest says; empty without one.

        Raises:
            PatchlearnError: the manifest is damaged.
        """
        path = self.folder / MANIFEST
        facts: Any = {}
        try:
            facts = read_json(path) if path.exists() else {}
        except PatchlearnError:
            facts = None
        if facts != {} and not _is_manifest(facts):
            raise PatchlearnError(f"{path}: not the manifest of a step. Move the folder away and run again.")
        found: Facts = facts
        return found

    def is_complete(self, key: str) -> bool:
        """Whether the step has finished with exactly this key, and all that it promises is still there."""
        facts = self.manifest
        is_finished = bool(facts.get("complete")) and facts["key"] == key
        return is_finished and None not in (entry for _, entry in self._looked_up(facts))

    def is_of_another(self, key: str) -> bool:
        """Whether a step has worked here, finished or not, with other settings or inputs."""
        facts = self.manifest
        return bool(facts) and facts["key"] != key

    def damaged(self) -> list[str]:
        """The promised files that are missing or have another content than the manifest lists.

        Where only the time of change differs, the content is compared.
        """
        return [name for name, entry in self._looked_up(self.manifest) if entry is None]

    def renew_times(self) -> None:
        """Enter the times of files of which only the time has changed, so that they are not compared again."""
        facts = self.manifest
        found, listed = dict(self._looked_up(facts)), facts.get("files", {})
        renewed = {name: entry for name, entry in found.items() if entry is not None and entry != listed[name]}
        if renewed:
            self._write({**facts, "files": {**listed, **renewed}})

    def _looked_up(self, facts: Facts) -> Iterable[tuple[str, Entry | None]]:
        """(name, present entry) of every file that the manifest lists; None where the content is another, or gone."""
        for name, entry in facts.get("files", {}).items():
            yield name, _entry_if_changed(f"{self.folder}/{name}", entry)

    def begin(self, key: str, facts: Mapping[str, Any], aside: Path | None = None) -> None:
        """Claim the folder for a step. Files that the same key left stay, files that are damaged go.

        Args:
            key: of the step.
            facts: for the manifest, with the "inputs" that the key is made of.
            aside: where a folder of another key is moved to; None to empty it.

        Raises:
            PatchlearnError: the folder holds files, but no manifest says that a step wrote them.
        """
        found = self.manifest
        if not found and _has_foreign_files(self.folder):
            raise PatchlearnError(
                f"{self.folder}: holds files that no step has written. Move them, or name another --out."
            )
        if found and found["key"] != key:
            self._clear(found["key"], aside)
        elif found.get("complete"):
            for name in self.damaged():
                _remove(self.folder / name)
        self._write({"key": key, "complete": False, **facts})

    def _clear(self, old_key: str, aside: Path | None) -> None:
        if aside is not None and Outputs(aside, self.promised).is_complete(old_key):
            shutil.rmtree(self.folder)  # a complete one of the same key is kept already
            return
        if aside is not None:
            shutil.rmtree(aside, ignore_errors=True)
            aside.parent.mkdir(parents=True, exist_ok=True)
            self.folder.rename(aside)
            os.utime(aside)  # the newest of what was set aside
            return
        # The folder is disowned before its first file goes: after a kill in between, no key calls it its own.
        self._write({"key": f"{old_key}-clearing", "complete": False})
        for stale in sorted(self.folder.rglob("*"), reverse=True):
            if stale != self.folder / MANIFEST:
                stale.rmdir() if stale.is_dir() and not stale.is_symlink() else stale.unlink()

    def finish(self, key: str, facts: Mapping[str, Any]) -> None:
        """Mark the step complete, with the facts and every promised file's size, time and digest."""
        self._write({"key": key, "complete": True, **facts, "files": self._entries()})

    def forget(self, name: str) -> None:
        """Take a file out of the list before it is written anew: a kill in between must not look like damage."""
        files = {each: entry for each, entry in self.manifest["files"].items() if each != name}
        self._write({**self.manifest, "files": files})

    def enter(self, name: str) -> None:
        """List a file that was written anew after the step had finished."""
        path = self.folder / name
        files = {**self.manifest["files"], name: _entry(os.stat(path), path)}
        self._write({**self.manifest, "files": files})

    def _write(self, facts: Facts) -> None:
        """Indented, but each file on one line: a step may have written a hundred thousand."""
        files = (f"    {json.dumps(name)}: {json.dumps(entry)}" for name, entry in facts.get("files", {}).items())
        rest = {name: value for name, value in facts.items() if name != "files"}
        text = json.dumps({**rest, "files": None}, indent=2, ensure_ascii=False)
        head, _, tail = text.rpartition("null")
        write_text(self.folder / MANIFEST, head + "{\n" + ",\n".join(files) + "\n  }" + tail + "\n")

    def _entries(self) -> dict[str, Entry]:
        paths = (path for path in sorted(self.folder.rglob("*")) if path.is_file() and not _is_ours(path))
        names = {path.relative_to(self.folder).as_posix(): path for path in paths}
        wanted = {name: path for name, path in names.items() if any(fnmatch(name, each) for each in self.promised)}
        return {name: _entry(os.stat(path), path) for name, path in wanted.items()}

    def copy_from(self, twin: Path, *, linked: bool = False) -> None:
        """Copy what a finished step left in another folder; its manifest stays behind.

        Args:
            twin: the other folder.
            linked: both folders may share the files, as hard links, where the file system has them. It is for files
                that nobody edits.
        """

        def copy(source: str, target: str) -> None:
            with atomic(Path(target)) as partial:
                (_link if linked else shutil.copyfile)(source, partial)

        unwanted = shutil.ignore_patterns(MANIFEST, ".*.partial")
        shutil.copytree(twin, self.folder, dirs_exist_ok=True, copy_function=copy, ignore=unwanted)


def _link(source: str, target: Path) -> None:
    """A second name of the same file; a copy where there can be none."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _entry(facts: os.stat_result, path: Path | str) -> Entry:
    return [facts.st_size, facts.st_mtime_ns, file_digest(path)]


def _entry_if_changed(path: str, entry: Entry) -> Entry | None:
    """The entry itself if nothing has changed, a new one if only the time has, None if the content has."""
    try:
        facts = os.stat(path)
    except FileNotFoundError:
        return None
    size, time, digest = entry
    if facts.st_size != size:
        return None
    if facts.st_mtime_ns == time:
        return entry
    now = _entry(facts, path)
    return now if now[2] == digest else None


def _has_foreign_files(folder: Path) -> bool:
    found = folder.rglob("*") if folder.is_dir() else ()
    return any(path.is_file() and not _is_ours(path) for path in found)


def _is_ours(path: Path) -> bool:
    """The manifest, unfinished files, and what file managers leave (.DS_Store)."""
    return path.name == MANIFEST or path.name.startswith(".")


def _remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)


def _is_manifest(facts: Any) -> bool:
    if not isinstance(facts, dict):
        return False
    files = facts.get("files", {})
    return (
        isinstance(facts.get("key"), str)
        and isinstance(facts.get("complete"), bool)
        and isinstance(facts.get("inputs", {}), dict)
        and isinstance(files, dict)
        and all(_is_below(name) and _is_entry(entry) for name, entry in files.items())
    )


def _is_below(name: str) -> bool:
    """Whether a name from a file stays in its folder."""
    return not name.startswith("/") and ".." not in name.split("/")


def _is_entry(entry: Any) -> bool:
    return isinstance(entry, list) and [type(each) for each in entry] == [int, int, str]


def changed_inputs(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """What differs between two inputs, a few words each.

    >>> changed_inputs({"settings": {"epochs": 4}, "data": "a1"}, {"settings": {"epochs": 6}, "data": "b2"})
    ['epochs 4 → 6', 'data']
    """
    before, after = dict(_leaves(old)) if old else {}, dict(_leaves(new))
    if not before:
        return ["an earlier version"]
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return [_change(name, before, after) for name in names]


def _change(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    if "." not in name:  # the key of a step, or the digest of data: the value says nothing to a reader
        return name
    return f"{name.partition('.')[2]} {before.get(name)} → {after.get(name)}"


def _leaves(value: Any, name: str = "") -> Iterable[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for key, each in value.items():
            yield from _leaves(each, f"{name}.{key}" if name else str(key))
    else:
        yield name, value


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
