"""Read any image file as an RGB array, and a mask as class indices."""

import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import Dataset, Sample, UInt8

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")  # of the files in a folder that are images
# The errors that Pillow raises over damaged files; the last three are caused by invalid tags.
DAMAGED = (OSError, SyntaxError, ValueError, Image.DecompressionBombError, TypeError, KeyError, struct.error)
TURNS = {  # EXIF orientation → what makes the image upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def files_by_stem(folder: Path, suffixes: Sequence[str]) -> dict[str, list[Path]]:
    """The files of a folder that end in one of the suffixes, by stem; several files can have the same stem.

    Raises:
        PatchlearnError: the folder is missing, or has no such file.
    """
    if not folder.is_dir():
        raise PatchlearnError(f"{folder}: no such folder. Check the path.")
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in suffixes and not path.name.startswith("."):  # macOS writes ._a.png beside a.png
            found.setdefault(path.stem, []).append(path)
    if not found:
        raise PatchlearnError(f"{folder}: no file that ends in {', '.join(suffixes)}. Check the path.")
    return found


def only_file(stem: str, files: Mapping[str, Sequence[Path]], folder: Path) -> Path:
    """The one file with this stem.

    Raises:
        PatchlearnError: there is none, or there are several.
    """
    found = files.get(stem, [])
    if not found:
        raise PatchlearnError(f"{folder}: no file named {stem!r}. Add it.")
    if len(found) > 1:
        names = " and ".join(path.name for path in found)
        raise PatchlearnError(f"{folder}: {names} have the same name {stem!r}. Keep one of them.")
    return found[0]


def read_image(path: Path) -> UInt8:
    """Read an image as H×W×3 uint8 RGB.

    CMYK, palettes, transparency and grey values are converted, and the EXIF orientation is applied. In 16-bit images
    65,535 becomes white. In images of floats or of 32-bit integers, white is the smallest of 1 (floats only), 255 and
    65,535 that no pixel exceeds; beyond 65,535 it is the brightest pixel.

    Raises:
        PatchlearnError: the file is missing, truncated or not an image.
    """
    with _opened(path) as file:
        # Pillow's exif_transpose also writes all other tags again, and fails where one of them is invalid.
        turn = TURNS.get(file.getexif().get(ExifTags.Base.Orientation, 1))
        upright = file if turn is None else file.transpose(turn)
        return np.array(_to_8_bits(upright).convert("RGB"))


def read_mask(dataset: Dataset, sample: Sample) -> UInt8:
    """Read the H×W ground truth of a sample: 0 background, i + 1 for class i, 255 ignored.

    Raises:
        PatchlearnError: the sample has no mask, the file cannot be read, or it contains a value that is not a class.
    """
    if sample.mask is None:
        raise PatchlearnError(f"{dataset.root}: image {sample.id!r} has no mask. Choose a split that has masks.")
    values = read_indices(sample.mask)
    mask = dataset.mask_table[values]
    if (mask < 0).any():
        raise PatchlearnError(
            f"{sample.mask}: holds the value {int(values[mask < 0][0])}, but the data set has {len(dataset.classes)} "
            "classes (1, 2, …), 0 is background and 255 ignored. Correct the mask or add the class to classes.txt."
        )
    return mask.astype(np.uint8)


def read_indices(path: Path) -> UInt8:
    """Read the H×W values of a palette or grey PNG as they are in the file.

    Raises:
        PatchlearnError: the file is missing or truncated, or holds colours instead of indices.
    """
    with _opened(path) as file:
        if file.mode not in ("P", "L", "1"):
            raise PatchlearnError(
                f"{path}: the mask has the mode {file.mode}. Save it as a palette or 8-bit grey PNG of class indices."
            )
        return np.array(file).astype(np.uint8)


def _to_8_bits(image: Image.Image) -> Image.Image:
    """Grey values of 16 bits, 32 bits or floats are scaled to 0..255; Pillow would clip everything above 255."""
    if image.mode.startswith("I") or image.mode == "F":
        values = np.asarray(image, dtype=np.float64)
        return Image.fromarray(np.clip(values * (255.0 / _white(image.mode, values.max())), 0, 255).astype(np.uint8))
    if image.mode == "P" and "transparency" in image.info:
        return image.convert("RGBA")
    return image


def _white(mode: str, brightest: float) -> float:
    """The value that becomes white. It is fixed for 16 bits, so that the images of a series remain comparable."""
    if mode.startswith("I;16"):
        return 65535.0
    usual = (1.0, 255.0, 65535.0) if mode == "F" else (255.0, 65535.0)
    return next((white for white in usual if brightest <= white), brightest)


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    advice = "or remove it from the list of the data set."
    try:
        with Image.open(path) as file:
            file.load()
            yield file
    except PatchlearnError:  # is a ValueError, but not caused by damage
        raise
    except FileNotFoundError:
        raise PatchlearnError(f"{path}: no such file. Restore it, {advice}") from None
    except UnidentifiedImageError:
        raise PatchlearnError(f"{path}: not an image. Replace it, {advice}") from None
    except DAMAGED as error:
        raise PatchlearnError(f"{path}: damaged image ({error}). Replace it, {advice}") from None
