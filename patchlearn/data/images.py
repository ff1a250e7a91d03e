"""Read any picture as RGB, and a mask as class indices."""

import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import Dataset, Sample, UInt8

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")  # what counts as a picture in a folder
# What Pillow's readers raise over damaged files; the last three, over an odd tag.
DAMAGED = (OSError, SyntaxError, ValueError, Image.DecompressionBombError, TypeError, KeyError, struct.error)
TURNS = {  # by which a picture of the EXIF orientation comes upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def files_by_stem(folder: Path, suffixes: Sequence[str]) -> dict[str, list[Path]]:
    """The files of a folder that end in one of the suffixes; a stem may be that of several.

    Raises:
        PatchlearnError: the folder is missing, or has no such file.
    """
    if not folder.is_dir():
        raise PatchlearnError(f"{folder}: no such folder. Check the path.")
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in suffixes and not path.name.startswith("."):  # macOS leaves ._a.png beside a.png
            found.setdefault(path.stem, []).append(path)
    if not found:
        raise PatchlearnError(f"{folder}: no file that ends in {', '.join(suffixes)}. Check the path.")
    return found


def only_file(stem: str, files: Mapping[str, Sequence[Path]], folder: Path) -> Path:
    """The one file of this stem.

    Raises:
        PatchlearnError: there is none, or there are several.
    """
    found = files.get(stem, [])
    if len(found) != 1:
        names = " and ".join(path.name for path in found) or "no file"
        raise PatchlearnError(f"{folder}: {names} named {stem!r}; there must be one. Add it, or keep one.")
    return found[0]


def read_image(path: Path) -> UInt8:
    """H×W×3 in sRGB order: CMYK, palettes, transparency, 16 bits and EXIF rotation are taken care of.

    In 16 bits 65,535 is white; greys of floats or 32 bits end at 1 (floats alone), 255, 65,535 or their brightest.

    Raises:
        PatchlearnError: the file is missing, truncated or no image.
    """
    with _opened(path) as file:
        # Pillow's own exif_transpose also rewrites all other tags, and fails where one of them is odd.
        turn = TURNS.get(file.getexif().get(ExifTags.Base.Orientation, 1))
        upright = file if turn is None else file.transpose(turn)
        return np.array(_to_8_bits(upright).convert("RGB"))


def read_mask(dataset: Dataset, sample: Sample) -> UInt8:
    """H×W ground truth: 0 background, i + 1 for class i, 255 ignored.

    Raises:
        PatchlearnError: the sample has no mask, the file cannot be read, or it holds a value that is no class.
    """
    if sample.mask is None:
        raise PatchlearnError(f"{dataset.root}: image {sample.id!r} has no mask; evaluate a split that has them.")
    values = read_indices(sample.mask)
    mask = dataset.mask_table[values]
    if (mask < 0).any():
        raise PatchlearnError(
            f"{sample.mask}: holds the value {int(values[mask < 0][0])}, but the data set has {len(dataset.classes)} "
            "classes (1, 2, …), 0 is background and 255 ignored. Correct the mask or add the class to classes.txt."
        )
    return mask.astype(np.uint8)


def read_indices(path: Path) -> UInt8:
    """H×W values of a palette or grey PNG, as they stand in the file.

    Raises:
        PatchlearnError: the file is missing, truncated, or holds colours instead of indices.
    """
    with _opened(path) as file:
        if file.mode not in ("P", "L", "1"):
            raise PatchlearnError(f"{path}: a mask must be a palette or 8-bit grey PNG, this one is {file.mode}.")
        return np.array(file).astype(np.uint8)


def _to_8_bits(image: Image.Image) -> Image.Image:
    """16-bit and float greys keep their upper range (PIL itself would clip everything above 255)."""
    if image.mode.startswith("I") or image.mode == "F":
        values = np.asarray(image, dtype=np.float64)
        return Image.fromarray(np.clip(values * (255.0 / _white(image.mode, values.max())), 0, 255).astype(np.uint8))
    if image.mode == "P" and "transparency" in image.info:
        return image.convert("RGBA")
    return image


def _white(mode: str, brightest: float) -> float:
    """What counts as white. Sixteen bits say it, so that the pictures of a series stay comparable; others do not."""
    if mode.startswith("I;16"):
        return 65535.0
    usual = (1.0, 255.0, 65535.0) if mode == "F" else (255.0, 65535.0)
    return next((white for white in usual if brightest <= white), brightest)


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    try:
        with Image.open(path) as file:
            file.load()
            yield file
    except PatchlearnError:  # a ValueError, yet no damage
        raise
    except FileNotFoundError:
        raise PatchlearnError(f"{path}: no such file. Restore it, or take it out of the data set's list.") from None
    except UnidentifiedImageError:
        raise PatchlearnError(f"{path}: not an image. Replace it, or take it out of the data set's list.") from None
    except DAMAGED as error:
        raise PatchlearnError(
            f"{path}: damaged image ({error}). Replace it, or take it out of the data set's list."
        ) from None
