"""The probabilities of one image as files, on the grid of `Segmenter.probabilities`, before any CRF or threshold.

- `npz`: `ID.npz` with the arrays `probabilities` (fp16, (K+1)×h×w, background first), `classes` (the K+1 names,
  "background" first) and `size` (height and width of the image). `numpy.load(path)` opens it.
- `png`: `ID__CLASS.png`, 8 bits, h×w, for the background and every class: 255 is probability 1.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from patchlearn.core.errors import PatchlearnError, require_one_of
from patchlearn.core.files import atomic, require_regular, require_short_name
from patchlearn.core.masks_io import UNREADABLE, opened_npz
from patchlearn.core.types import Float32
from patchlearn.data.labels import normal_form

NPZ, PNG = "npz", "png"
FORMATS = (NPZ, PNG)
BACKGROUND_NAME = "background"
MARK = "patchlearn"  # key of the text in a PNG that tells a file of this module from a picture
ARRAYS = {"probabilities", "classes", "size"}


def check_score_files(folder: Path, format: str, classes: Sequence[str]) -> None:
    """Raise `PatchlearnError` unless the files of an image can have names of their own.

    Args:
        folder: for the files.
        format: "npz" or "png".
        classes: the K names.
    """
    require_one_of("scores format", format, FORMATS)
    if folder.exists() and not folder.is_dir():
        raise PatchlearnError(f"{folder}: is a file. Name a folder for the scores.")
    if format == PNG:
        file_names(classes)


def file_names(classes: Sequence[str]) -> list[str]:
    """K+1 names, background first, that are safe in the names of files.

    What is no letter, digit, dot or hyphen becomes an underscore. There are never two in a row, nor one at the
    beginning, so that `ID__CLASS` has one reading.

    Raises:
        PatchlearnError: two classes have the same name there, in capitals or not, or a class has none.

    >>> file_names(["cat", "living room/sofa"])
    ['background', 'cat', 'living_room_sofa']
    """
    advice = "Use --scores-format npz, which holds the names themselves."
    taken: dict[str, str] = {}
    names = []
    for name in (BACKGROUND_NAME, *classes):
        safe = re.sub(r"[^\w.-]|_", " ", normal_form(name))
        safe = re.sub(" +", "_", safe).lstrip("_")
        if not safe:
            raise PatchlearnError(f"scores: the class {name!r} cannot be part of a file's name. {advice}")
        twin = taken.setdefault(safe.casefold(), name)
        if safe in names or twin != name:
            raise PatchlearnError(f"scores: the files of the classes {twin!r} and {name!r} have one name. {advice}")
        names.append(safe)
    return names


def write_score_files(
    folder: Path, image_id: str, probabilities: Float32, classes: Sequence[str], size: tuple[int, int], format: str
) -> None:
    """Write the files of one image, each atomically (the formats: top of this module).

    Args:
        folder: for the files.
        image_id: a name of its own for each image.
        probabilities: (K+1)×h×w, background first.
        classes: the K names.
        size: (H, W) of the image.
        format: "npz" or "png".

    Raises:
        PatchlearnError: another file is in the place of one of them.
    """
    if format == NPZ:
        _write_npz(folder / f"{image_id}.npz", probabilities, classes, size)
        return
    for name, each in zip(file_names(classes), probabilities):
        _write_png(folder / f"{image_id}__{name}.png", each)


def read_probabilities(path: Path) -> tuple[Float32, tuple[str, ...], tuple[int, int]]:
    """((K+1)×h×w probabilities, the K+1 names, (H, W) of the image) of an npz file; nothing is unpickled.

    Raises:
        PatchlearnError: the file is missing, damaged or of another kind.
    """
    try:
        with opened_npz(path) as file:
            maps = file["probabilities"].astype(np.float32)
            names, size = tuple(str(name) for name in file["classes"]), file["size"]
            height, width = int(size[0]), int(size[1])
        if maps.ndim != 3 or len(maps) != len(names):
            raise ValueError(f"an array of the shape {maps.shape} for {len(names)} names")
    except FileNotFoundError:
        raise PatchlearnError(f"{path}: no such file. Write it with patchlearn predict --scores.") from None
    except PatchlearnError:  # is a ValueError
        raise
    except UNREADABLE as error:
        raise PatchlearnError(
            f"{path}: no probabilities ({error}). Write them with patchlearn predict --scores."
        ) from None
    return maps, names, (height, width)


def _write_npz(path: Path, probabilities: Float32, classes: Sequence[str], size: tuple[int, int]) -> None:
    _refuse_replacing(path, ours=_is_npz_of_ours(path))
    with atomic(path) as partial, partial.open("wb") as file:
        np.savez_compressed(
            file,
            probabilities=probabilities.astype(np.float16),
            classes=np.array([BACKGROUND_NAME, *classes]),
            size=np.array(size, np.int64),
        )


def _write_png(path: Path, probability: Float32) -> None:
    _refuse_replacing(path, ours=_is_png_of_ours(path))
    text = PngInfo()
    text.add_text(MARK, "probability, 255 is 1")
    levels = np.rint(255 * probability.clip(0, 1)).astype(np.uint8)
    with atomic(path) as partial:
        Image.fromarray(levels).save(partial, "PNG", pnginfo=text)


def _refuse_replacing(path: Path, *, ours: bool) -> None:
    require_short_name(path)
    if path.exists() and not ours:
        raise PatchlearnError(f"{path}: is there, and not a file of scores. Name another folder for the scores.")


def _is_npz_of_ours(path: Path) -> bool:
    try:
        require_regular(path)
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            return set(file.files) == ARRAYS
    except UNREADABLE:
        return False
    except AttributeError:  # a single array, which is no archive
        return False


def _is_png_of_ours(path: Path) -> bool:
    try:
        require_regular(path)
        with Image.open(path, formats=["PNG"]) as image:
            return MARK in image.info
    except (OSError, SyntaxError, ValueError):
        return False
