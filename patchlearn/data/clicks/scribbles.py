"""Scribbles: a folder of PNGs, one for each image that has some, with values as in a mask and 255 where nothing is."""

from pathlib import Path

import numpy as np

from patchlearn.core.errors import PatchlearnError, listed
from patchlearn.core.types import IGNORE, Dataset, Sample, UInt8
from patchlearn.data.clicks.points_table import require_tag
from patchlearn.data.formats.canvas import canvas_of
from patchlearn.data.images import SUFFIXES, read_indices
from patchlearn.data.named_samples import NamedSamples
from patchlearn.data.names import OTHER_IMAGES, is_taken, named_files
from patchlearn.data.pixels.image_opening import opened

SUFFIX = ".png"
TRANSPARENT = ("LA", "PA")  # modes of Pillow; where they are transparent, a mask reads background


def find_scribbles(folder: Path, dataset: Dataset, samples: NamedSamples) -> dict[str, Path]:
    """Id of the image → its scribble, checked; files in which nothing is drawn are left out.

    Args:
        folder: of the PNGs. The scribble of `a/b.jpg` is `a__b.png` or `a/b.png`.
        dataset: whose images are meant.
        samples: the same images by name.

    Raises:
        PatchlearnError: the folder is missing or holds no PNG; or files are wrong, of which the first ten are listed.
    """
    named = named_files(folder, (SUFFIX,))
    found: dict[str, Path] = {}
    problems = [
        f"{folder / name}: scribbles are PNG. Save it as PNG; other formats change the values."
        for name in named.others
        if is_taken(name, (*SUFFIXES, *OTHER_IMAGES))
    ]
    for id in sorted(named.files):
        try:
            path = folder / named.only(id)
            sample = samples.find(id, str(path))
            if _is_drawn(path, sample, dataset.classes):
                found[sample.id] = _only(path, sample, found)
        except PatchlearnError as error:
            problems.append(str(error))
    if problems:
        raise PatchlearnError(listed(problems))
    return found


def read_scribble(path: Path, size: tuple[int, int]) -> UInt8:
    """Read a scribble: H×W, 0 background, i + 1 class i, 255 where nothing is drawn.

    Args:
        path: a palette or grey PNG.
        size: (H, W) of the upright image.

    Raises:
        PatchlearnError: the file cannot be read, holds colours or transparency, or has another size.
    """
    with opened(path) as file:
        if file.mode in TRANSPARENT:
            raise PatchlearnError(
                f"{path}: has transparent pixels. Save it without transparency, with {IGNORE} where nothing is drawn."
            )
    values = read_indices(path)
    if values.shape != size:
        raise PatchlearnError(
            f"{path}: has {values.shape[1]}×{values.shape[0]} pixels (width × height), but its image has "
            f"{size[1]}×{size[0]}. Draw on the image in its full size."
        )
    return values


def _only(path: Path, sample: Sample, found: dict[str, Path]) -> Path:
    if sample.id in found:
        raise PatchlearnError(f"{path}: {found[sample.id]} is of the same image {sample.id!r}. Keep one of them.")
    return path


def _is_drawn(path: Path, sample: Sample, classes: tuple[str, ...]) -> bool:
    """Whether a pixel is labelled; what is wrong with the labels is an error."""
    values = np.unique(read_scribble(path, canvas_of(sample.image).size)).tolist()
    if IGNORE not in values:
        raise PatchlearnError(
            f"{path}: labels every pixel. Write {IGNORE} where nothing is drawn; 0 says that there is background."
        )
    for value in values[:-1]:  # the last is 255
        if value > len(classes):
            raise PatchlearnError(
                f"{path}: holds the value {value}. The values are 0 background, 1 to {len(classes)} the classes in "
                f"their order, {IGNORE} where nothing is drawn."
            )
        require_tag(sample, value, classes, str(path))
    return len(values) > 1
