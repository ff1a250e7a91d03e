"""The run folder: atomic writes, step manifests, checkpoints, score maps and masks.

Nothing here unpickles: JSON, safetensors, npz without pickle, PNG.
"""

import tokenize
import zlib
from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from PIL import Image

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import atomic, require_regular, write_text
from patchlearn.core.limits import NPZ_BYTES, limit
from patchlearn.core.types import MAX_CLASSES, ScoreMaps, UInt8

# What NumPy raises over a damaged or foreign array or archive, whose every byte may be another.
UNREADABLE = (
    OSError, EOFError, ValueError, KeyError, IndexError, TypeError, SyntaxError, NotImplementedError, RuntimeError,
    MemoryError, BadZipFile, zlib.error, tokenize.TokenError,
)  # fmt: skip
MAX_NPZ_BYTES = 2**30  # unpacked: fp16 maps of 32 classes, of the largest image that is read


@contextmanager
def opened_npz(path: Path) -> Iterator[Any]:
    """An archive of arrays, whose members are read when they are asked for.

    Raises:
        PatchlearnError: it is a pipe, or would take more memory than `MAX_NPZ_BYTES`, or what the environment variable
            PATCHLEARN_MAX_NPZ_BYTES says.
        Exception: one of `UNREADABLE`.
    """
    require_regular(path)
    with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
        size, most = sum(each.file_size for each in file.zip.infolist()), limit(NPZ_BYTES, MAX_NPZ_BYTES)
        if size > most:
            raise PatchlearnError(
                f"{path}: unpacks to {size:,} bytes, and the limit is {most:,}. Make it anew, or raise the limit with "
                f"the environment variable {NPZ_BYTES}."
            )
        yield file


def write_class_names(folder: Path, classes: Sequence[str]) -> None:
    """Write `folder/classes.txt`, a name a line: i + 1 in the masks beside it stands for `classes[i]`."""
    write_text(folder / "classes.txt", "".join(f"{name}\n" for name in classes))


def write_scores(path: Path, maps: ScoreMaps) -> None:
    """Write score maps as fp16 npz, atomically; the array `unknown` is there if a class is."""
    further: dict[str, Any] = {"unknown": np.array(maps.unknown, np.int64)} if maps.unknown else {}
    with atomic(path) as partial, partial.open("wb") as file:
        np.savez_compressed(
            file,
            scores=maps.scores.astype(np.float16),
            classes=np.array(maps.classes, np.int64),
            size=np.array(maps.size, np.int64),
            labels=np.array(maps.labels),
            **further,
        )


def read_scores(path: Path) -> ScoreMaps:
    """Read score maps; nothing is unpickled.

    Raises:
        PatchlearnError: the file is missing, damaged or of another kind.
    """
    try:
        with opened_npz(path) as file:
            maps = ScoreMaps(
                scores=file["scores"].astype(np.float32),
                classes=tuple(int(index) for index in file["classes"]),
                size=(int(file["size"][0]), int(file["size"][1])),
                labels=str(file["labels"]),
                unknown=tuple(int(index) for index in file["unknown"]) if "unknown" in file else (),
            )
        _require_sound(maps)
    except FileNotFoundError:
        raise PatchlearnError(f"{path}: no such score maps. Run patchlearn cams first.") from None
    except PatchlearnError:  # is a ValueError
        raise
    except UNREADABLE as error:
        raise PatchlearnError(f"{path}: not score maps ({error}). Delete it and run patchlearn cams again.") from None
    return maps


def _require_sound(maps: ScoreMaps) -> None:
    scores, classes = maps.scores, maps.classes
    if scores.ndim != 3 or len(scores) != len(classes) or (len(scores) and scores.size == 0):
        raise ValueError(f"an array of the shape {scores.shape} for {len(classes)} classes")
    if min(maps.size) < 1 or not all(0 <= index < MAX_CLASSES for index in classes):
        raise ValueError(f"classes {list(classes)} of an image of {maps.size[1]}×{maps.size[0]} pixels")
    if not set(maps.unknown) <= set(classes):
        raise ValueError(f"unknown classes {list(maps.unknown)}, but the maps are of {list(classes)}")
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
        with Image.open(path, formats=["PNG"]) as image:
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
