"""The run folder: atomic writes, step manifests, checkpoints, score maps and masks.

Nothing here unpickles: JSON, safetensors, npz without pickle, PNG.
"""

import csv
import hashlib
import json
import os
import shutil
import subprocess
import tokenize
import zlib
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from PIL import Image
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from patchlearn.errors import PatchlearnError
from patchlearn.samples import MAX_CLASSES, ScoreMaps, UInt8

MANIFEST = "step.json"
# What NumPy raises over a damaged or foreign array or archive, whose every byte may be another.
UNREADABLE = (
    OSError, EOFError, ValueError, KeyError, IndexError, TypeError, SyntaxError, NotImplementedError, RuntimeError,
    MemoryError, BadZipFile, zlib.error, tokenize.TokenError,
)  # fmt: skip


# --- writing -----------------------------------------------------------------


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that becomes `path` when the block ends, and vanishes if it raises.

    A reader sees the old file or the whole new one, never a half; a process killed in between leaves at most a
    `.NAME.PID.partial`, which no reader looks at.
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


def write_class_names(folder: Path, classes: Sequence[str]) -> None:
    """Write `folder/classes.txt`, a name a line: i + 1 in the masks beside it stands for `classes[i]`."""
    write_text(folder / "classes.txt", "".join(f"{name}\n" for name in classes))


def write_json(path: Path, value: Any) -> None:
    """Write indented JSON atomically."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


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


# --- steps -------------------------------------------------------------------


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
        _git(source, "ls-files", "--error-unmatch", "artifacts.py")  # installed inside another project's checkout?
        revision = _git(source, "rev-parse", "--short=10", "HEAD")
        return revision + ("+" if _git(source, "status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()


# --- checkpoints -------------------------------------------------------------


def save_checkpoint(path: Path, tensors: Mapping[str, Tensor], settings: Mapping[str, Any]) -> None:
    """Write tensors and the JSON settings that rebuild their owner into one safetensors file."""
    contiguous = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    with atomic(path) as partial:  # not save_file, whose files only their owner may read, and whose errors name no file
        partial.write_bytes(save(contiguous, metadata={"settings": json.dumps(settings)}))


def load_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read (tensors, settings) back.

    Raises:
        PatchlearnError: the file is missing, damaged, or was not written by `save_checkpoint`.
    """
    try:
        path.open("rb").close()  # safe_open takes every file that it may not read for missing
        with safe_open(path, framework="pt") as file:
            settings = json.loads((file.metadata() or {})["settings"])
            return {name: file.get_tensor(name) for name in file.keys()}, settings  # noqa: SIM118
    except FileNotFoundError:
        raise PatchlearnError(f"{path}: no such checkpoint. Train first: patchlearn train.") from None
    except (SafetensorError, KeyError, json.JSONDecodeError) as error:
        raise PatchlearnError(f"{path}: not a checkpoint of patchlearn ({error}). Delete it and train again.") from None


# --- score maps and masks ----------------------------------------------------


def write_scores(path: Path, maps: ScoreMaps) -> None:
    """Write score maps as fp16 npz, atomically."""
    with atomic(path) as partial, partial.open("wb") as file:
        np.savez_compressed(
            file,
            scores=maps.scores.astype(np.float16),
            classes=np.array(maps.classes, np.int64),
            size=np.array(maps.size, np.int64),
            labels=np.array(maps.labels),
        )


def read_scores(path: Path) -> ScoreMaps:
    """Read score maps; nothing is unpickled.

    Raises:
        PatchlearnError: the file is missing, damaged or of another kind.
    """
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            maps = ScoreMaps(
                scores=file["scores"].astype(np.float32),
                classes=tuple(int(index) for index in file["classes"]),
                size=(int(file["size"][0]), int(file["size"][1])),
                labels=str(file["labels"]),
            )
        _require_sound(maps)
    except FileNotFoundError:
        raise PatchlearnError(f"{path}: no such score maps. Run patchlearn cams first.") from None
    except UNREADABLE as error:
        raise PatchlearnError(f"{path}: not score maps ({error}). Delete it and run patchlearn cams again.") from None
    return maps


def _require_sound(maps: ScoreMaps) -> None:
    scores, classes = maps.scores, maps.classes
    if scores.ndim != 3 or len(scores) != len(classes) or (len(scores) and scores.size == 0):
        raise ValueError(f"an array of the shape {scores.shape} for {len(classes)} classes")
    if min(maps.size) < 1 or not all(0 <= index < MAX_CLASSES for index in classes):
        raise ValueError(f"classes {list(classes)} of an image of {maps.size[1]}×{maps.size[0]} pixels")
    if scores.size and not (scores.min() >= 0 and scores.max() <= 1):
        raise ValueError(f"scores from {scores.min()} to {scores.max()}, outside 0 to 1")


def write_mask(path: Path, mask: UInt8) -> None:
    """Write an H×W mask as a palette PNG in VOC's colours, atomically."""
    with atomic(path) as partial:
        partial.write_bytes(encode_mask(mask))


def refuse_overwriting(path: Path, sources: Container[Path]) -> None:
    """Raise `PatchlearnError` if a mask would replace one of the (resolved) files that are read, or any but a mask."""
    if path.resolve() in sources:
        raise PatchlearnError(f"{path}: its mask would overwrite the file itself. Choose another --out.")
    if path.is_file() and not _is_mask(path):
        raise PatchlearnError(f"{path}: is there, and no mask, which would replace it. Choose another --out.")


def _is_mask(path: Path) -> bool:
    try:
        with Image.open(path) as image:
            return image.mode == "P"
    except OSError:
        return False


def encode_mask(mask: UInt8) -> bytes:
    """The palette PNG of an H×W mask, in VOC's colours."""
    image = Image.fromarray(mask)
    image.putpalette(PALETTE.tobytes())
    file = BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def voc_palette() -> UInt8:
    """256×3: VOC's colour map, in which bit k of each channel comes from bit 3k + channel of the index.

    >>> voc_palette()[15].tolist()  # person
    [192, 128, 128]
    """
    indices = np.arange(256)[:, None]
    channel = np.arange(3)[None]
    bits = [((indices >> (3 * k + channel)) & 1) << (7 - k) for k in range(8)]
    return np.bitwise_or.reduce(bits).astype(np.uint8)


PALETTE = voc_palette()


# --- tables ------------------------------------------------------------------


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
