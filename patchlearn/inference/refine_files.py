"""Refine what other programs made: a folder of images, and score maps, probabilities or masks of the same names."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from patchlearn.core.errors import PatchlearnError, require_one_of
from patchlearn.core.masks_io import UNREADABLE, read_scores, write_mask
from patchlearn.core.parallel import for_each
from patchlearn.core.types import BACKGROUND, IGNORE, MAX_CLASSES, Float32, ScoreMaps, UInt8, enlarge
from patchlearn.data.images import SUFFIXES, files_by_stem, only_file, read_image, read_indices
from patchlearn.maps.pseudo_mask import pseudo_mask, refined_mask
from patchlearn.maps.settings import PseudoSettings
from patchlearn.refine import BackgroundRule, label_probabilities
from patchlearn.refine.arrays import require_probabilities

KINDS = ("scores", "probabilities")
MAPS = (".npz", ".npy", ".png")


def refine_folder(
    images: Path,
    scores: Path,
    out: Path,
    settings: PseudoSettings,
    rule: BackgroundRule,
    *,
    kind: str = "scores",
    threads: int | None = None,
    console: Console,
) -> list[str]:
    """Write `out/STEM.png` for every `scores/STEM.npz`, `.npy` or `.png` from the image of the same stem.

    Args:
        images: a folder of pictures.
        scores: a folder of maps or masks, see `refine_file`.
        out: the folder for the refined masks; palette PNGs, 255 undecided.
        settings: which refinements, and how.
        rule: of the background threshold.
        kind: of `.npy` files, "scores" or "probabilities".
        threads: images at a time; None for one per core.
        console: where progress is shown.

    Returns:
        What is wrong with the files that could not be refined, a sentence each; all others are done.

    Raises:
        PatchlearnError: a folder is missing or has nothing to refine, or a setting is wrong.
    """
    require_one_of("kind", kind, KINDS)
    if out.resolve() in (images.resolve(), scores.resolve()):
        raise PatchlearnError(f"{out}: holds what is refined. Choose another --out.")
    pictures, maps = files_by_stem(images, SUFFIXES), files_by_stem(scores, MAPS)
    failures: list[str] = []

    def refine(stem: str) -> None:
        name = str(maps[stem][0])
        try:
            picture, source = only_file(stem, pictures, images), only_file(stem, maps, scores)
            write_mask(out / f"{stem}.png", refine_file(picture, source, settings, rule, kind))
        except PatchlearnError as error:
            failures.append(str(error) if name in str(error) else f"{name}: {error}")

    for_each(sorted(maps), refine, title="refine", threads=threads, console=console)
    return sorted(failures)


def refine_file(image: Path, maps: Path, settings: PseudoSettings, rule: BackgroundRule, kind: str = "scores") -> UInt8:
    """H×W refined mask of one image.

    Args:
        image: a picture.
        maps: one of

            - `.npz` score maps of patchlearn;
            - `.npy`, K×h×w, any size: "scores" in [0, 1] of K classes, the first of which is 1 in the masks, and
              `rule` finds the background; or "probabilities" of K labels, background first, that sum to one;
            - `.png` a mask of indices, 255 where the label is unknown; a label is right with the probability
              `settings.crf.confidence`.
        settings: which refinements, and how.
        rule: of the background threshold.
        kind: of `.npy` files, "scores" or "probabilities".

    Raises:
        PatchlearnError: a file that cannot be read, or maps that are not what they are said to be.
    """
    picture = read_image(image)
    size = picture.shape[:2]
    suffix = maps.suffix.lower()
    if suffix == ".png":
        return _refine_mask(picture, maps, settings)
    if suffix == ".npz":
        return pseudo_mask(picture, read_scores(maps), settings, rule)
    array = _read_array(maps, MAX_CLASSES + (kind == "probabilities"))  # of which one is the background's
    if kind == "probabilities":
        require_probabilities(f"{maps}: probabilities", array)
        return refined_mask(picture, enlarge(array, size), range(len(array)), settings)
    _check_scores(array, maps)
    return pseudo_mask(picture, ScoreMaps(scores=array, classes=tuple(range(len(array))), size=size), settings, rule)


def _read_array(path: Path, most: int) -> Float32:
    try:
        with path.open("rb") as file:  # numpy.load would take an archive as well
            array: NDArray[np.generic] = np.lib.format.read_array(file, allow_pickle=False)
    except UNREADABLE as error:
        raise PatchlearnError(f"{path}: not a plain NumPy array ({error}). Write it again with numpy.save.") from None
    if array.ndim != 3 or 0 in array.shape or array.dtype.kind not in "fiub" or len(array) > most:
        raise PatchlearnError(
            f"{path}: {array.dtype} of the shape {array.shape} is not K×h×w numbers with at most {most} maps. "
            "Write one map for each class."
        )
    return array.astype(np.float32)


def _check_scores(scores: Float32, path: Path) -> None:
    if not (np.isfinite(scores).all() and scores.min() >= 0 and scores.max() <= 1):
        raise PatchlearnError(
            f"{path}: scores from {scores.min():.3g} to {scores.max():.3g}; they must be numbers in [0, 1]. Cut them "
            "off at 0 and divide each map by its maximum, or say that they are probabilities (--kind probabilities)."
        )


def _refine_mask(picture: UInt8, path: Path, settings: PseudoSettings) -> UInt8:
    mask = read_indices(path)
    if mask.shape != picture.shape[:2]:
        raise PatchlearnError(
            f"{path}: {mask.shape[1]}×{mask.shape[0]} pixels, but its image has {picture.shape[1]}×{picture.shape[0]}. "
            "Resize the mask first, without mixing values."
        )
    if (mask == IGNORE).all():
        return mask  # nothing is known, so nothing follows
    values = np.union1d(mask[mask != IGNORE], [BACKGROUND])
    places = np.full(256, IGNORE, np.uint8)
    places[values] = np.arange(len(values))
    probabilities = label_probabilities(places[mask], len(values), settings.crf.confidence)
    return refined_mask(picture, probabilities, values.tolist(), settings)
