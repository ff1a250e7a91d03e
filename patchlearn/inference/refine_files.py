"""Refine what other programs made: a folder of images, and score maps, probabilities or masks of the same names."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from rich.console import Console

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.masks_io import write_mask
from patchlearn.core.memory import Need, images_at_a_time
from patchlearn.core.parallel import for_each
from patchlearn.core.types import IGNORE, Bands, UInt8
from patchlearn.data.checks.mask_values import claim_classes, counted_from_zero, read_values, refuse_binary_masks
from patchlearn.data.images import SUFFIXES, read_image
from patchlearn.data.labels import within_limits
from patchlearn.data.names import NamedFiles, image_id, named_files, pair_up, tell
from patchlearn.evaluate.confusions import require_classes
from patchlearn.inference.memory import refine_need
from patchlearn.inference.score_arrays import MapFormat, read_array, read_score_file, refuse_too_many
from patchlearn.maps.label_maps import of_array, of_mask
from patchlearn.maps.pseudo_mask import pseudo_mask, refined_mask
from patchlearn.maps.settings import PseudoSettings
from patchlearn.models.sam2 import Sam2, SeenImage
from patchlearn.refine import BackgroundRule
from patchlearn.refine.arrays import require_probabilities

MAPS = (".npz", ".npy", ".png")


def refine_folder(
    images: Path,
    scores: Path,
    out: Path,
    settings: PseudoSettings,
    rule: BackgroundRule,
    *,
    kind: str = "scores",
    layout: str | None = None,
    classes: Sequence[str] | None = None,
    binary: bool = False,
    bands: Bands | None = None,
    sam: Sam2 | None = None,
    threads: int | None = None,
    memory: float | None = None,
    console: Console,
) -> list[str]:
    """Write `out/NAME.png` for every `scores/NAME.npz`, `.npy` or `.png` from the image of the same name.

    Args:
        images: a folder of pictures, with subfolders.
        scores: a folder of maps or masks, see `refine_file`; that of the image `a/b.jpg` is `a__b.npy` or `a/b.npy`.
        out: the folder for the refined masks; palette PNGs, 255 undecided.
        settings, rule: which refinements, and how; of the background threshold.
        kind: of `.npy` files, "scores" or "probabilities".
        layout: of `.npy` files, "chw" or "hwc"; None for chw, and what only fits hwc is an error.
        classes: their names, written to `out/classes.txt`; None where they are not known.
        binary: whether 255 in masks stands for class 1.
        bands, sam: see `refine_file`.
        threads, memory: the most images at a time, and what the process may hold, in GB; see `images_at_a_time`.
        console: where progress is shown, and what is not read.

    Returns:
        What is wrong with the files that could not be refined, a sentence each; all others are done.

    Raises:
        PatchlearnError: a folder is missing or has nothing to refine, a setting is wrong, there are more than 254
            classes, the masks are binary and nobody said so, or one image alone needs more memory.
    """
    names = () if classes is None else within_limits(classes, scores)
    format = MapFormat(kind=kind, layout=layout, classes=len(names) or None, binary=binary)
    ids, pairs = _matched(images, scores, out, format, console)
    threads = images_at_a_time(_needs(ids, *pairs, settings, format), threads, memory)
    if names:
        claim_classes(out, names, f"{scores} has")
    seen: set[int] = set()
    work = partial(refine_file, settings=settings, rule=rule, format=format, seen=seen, bands=bands, sam=sam)
    failures = _write_all(ids, *pairs, out, work, threads=threads, console=console)
    tell(console, counted_from_zero(scores, seen, names))
    return failures


def _matched(
    images: Path, scores: Path, out: Path, format: MapFormat, console: Console
) -> tuple[list[str], tuple[NamedFiles, NamedFiles]]:
    """(ids, (pictures, maps)): what is to be refined."""
    if out.resolve() in (images.resolve(), scores.resolve()):
        raise PatchlearnError(f"{out}: holds what is refined. Choose another --out.")
    pictures, maps = named_files(images, SUFFIXES, without=out), named_files(scores, MAPS, without=out)
    ids, notes = pair_up(maps, pictures)
    tell(console, notes)
    _refuse_misread(ids, maps, pictures, format)
    return ids, (pictures, maps)


def _needs(
    ids: Sequence[str], pictures: NamedFiles, maps: NamedFiles, settings: PseudoSettings, format: MapFormat
) -> Iterator[Need]:
    """Of every picture and its maps; of several files, which are an error later, the first."""
    for id in ids:
        if id in pictures.files:
            picture, array = (named.folder / named.files[id][0] for named in (pictures, maps))
            yield refine_need(picture, array, settings, format)


def _write_all(
    ids: Sequence[str],
    pictures: NamedFiles,
    maps: NamedFiles,
    out: Path,
    work: Callable[[Path, Path], UInt8],
    *,
    threads: int,
    console: Console,
) -> list[str]:
    """Write the mask that `work` makes of every picture and its maps; returns what went wrong."""
    failures: list[str] = []

    def write(id: str) -> None:
        name = str(maps.folder / maps.files[id][0])
        try:
            source, picture = maps.only(id), pictures.folder / pictures.only(id)
            write_mask(out / f"{image_id(source)}.png", work(picture, maps.folder / source))
        except PatchlearnError as error:
            failures.append(str(error) if name in str(error) else f"{name}: {error}")

    for_each(ids, write, title="refine", threads=threads, console=console)
    return sorted(failures)


def _refuse_misread(ids: Sequence[str], maps: NamedFiles, pictures: NamedFiles, format: MapFormat) -> None:
    """Before anything is written: whether 255 in all masks stands for a class, and whether there are too many maps."""
    files = [(maps.folder / name, id) for id in ids for name in maps.files[id]]
    if not format.binary:
        refuse_binary_masks(maps.folder, (path for path, _ in files if path.suffix.lower() == ".png"))
    first = next(((path, id) for path, id in files if path.suffix.lower() == ".npy" and id in pictures.files), None)
    if first is not None:
        picture = pictures.folder / pictures.files[first[1]][0]
        refuse_too_many(first[0], picture, format)


def refine_file(
    image: Path,
    maps: Path,
    settings: PseudoSettings,
    rule: BackgroundRule,
    format: MapFormat | None = None,
    seen: set[int] | None = None,
    bands: Bands | None = None,
    sam: Sam2 | None = None,
) -> UInt8:
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
        format: what arrays and masks hold; None for K×h×w scores.
        seen: where the values of a mask are entered.
        bands: of the picture that are red, green and blue, from 1; None for the usual ones.
        sam: SAM 2; needed if the settings name a model.

    Raises:
        PatchlearnError: a file that cannot be read, or maps that are not what they are said to be.
    """
    picture, format = read_image(image, bands), format or MapFormat()
    seen_image = sam.see(picture) if sam else None
    suffix = maps.suffix.lower()
    if suffix == ".png":
        mask = _read_mask(maps, picture, format)
        if seen is not None:
            seen.update(np.unique(mask).tolist())
        return _refine_mask(picture, mask, settings, seen_image)
    size = (picture.shape[0], picture.shape[1])
    if suffix == ".npy" and format.kind == "probabilities":
        return _refine_probabilities(picture, maps, settings, format, seen_image)
    return pseudo_mask(picture, read_score_file(maps, size, format), settings, rule, seen=seen_image)


def _refine_probabilities(
    picture: UInt8, path: Path, settings: PseudoSettings, format: MapFormat, seen: SeenImage | None
) -> UInt8:
    size = (picture.shape[0], picture.shape[1])
    array = read_array(path, size, format)
    require_probabilities(f"{path}: probabilities", array)
    return refined_mask(picture, of_array(array, size), range(len(array)), settings, seen)


def _read_mask(path: Path, picture: UInt8, format: MapFormat) -> UInt8:
    mask = read_values(path, binary=format.binary)
    if mask.shape != picture.shape[:2]:
        raise PatchlearnError(
            f"{path}: {mask.shape[1]}×{mask.shape[0]} pixels, but its image has {picture.shape[1]}×{picture.shape[0]}. "
            "Resize the mask first, without mixing values."
        )
    if format.classes is not None:
        require_classes(mask, format.classes, str(path))
    return mask


def _refine_mask(picture: UInt8, mask: UInt8, settings: PseudoSettings, seen: SeenImage | None) -> UInt8:
    if (mask == IGNORE).all():
        return mask  # nothing is known, so nothing follows
    labels, values = of_mask(mask, settings.crf.confidence)
    return refined_mask(picture, labels, values, settings, seen)
