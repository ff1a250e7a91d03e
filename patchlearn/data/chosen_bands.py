"""Images of chosen bands: written once as PNG into a folder of the run, so that every step reads the same three."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from io import BytesIO
from pathlib import Path

from PIL import Image

from patchlearn.core.errors import PatchlearnError, listed
from patchlearn.core.types import Bands, Dataset, Sample
from patchlearn.data.images import read_image
from patchlearn.data.stored_images import IMAGES, StoredImages

KIND = "bands"
FOLDER = "bands"  # below the folder for what is no file of its own


def with_bands(dataset: Dataset, bands: Bands, work: Path | None) -> Dataset:
    """The data set whose images are RGB files of three bands; only files that have changed are read.

    Args:
        dataset: with images of any number of bands.
        bands: numbers of the bands that become red, green and blue, from 1.
        work: a folder for the images; they lie in `work/bands`.

    Raises:
        PatchlearnError: an image lacks a band or cannot be read (the first ten are named), or there is no folder.
    """
    stored = StoredImages(work and work / FOLDER, {"kind": KIND, "bands": list(bands)}, replaces=True)
    written: dict[Path, Path] = {}
    problems: list[str] = []
    for samples in dataset.splits.values():
        _write(samples, bands, stored, written, problems)
    if problems:
        raise PatchlearnError(listed(problems))
    stored.finish()
    splits = {
        name: tuple(replace(sample, image=written[sample.image]) for sample in samples)
        for name, samples in dataset.splits.items()
    }
    note = f"{dataset.root}: bands {', '.join(map(str, bands))} of every image are read as red, green and blue"
    return replace(dataset, splits=splits, bands=bands, notes=(*dataset.notes, note))


def _write(
    samples: Sequence[Sample], bands: Bands, stored: StoredImages, written: dict[Path, Path], problems: list[str]
) -> None:
    """Note where the images are, and what is wrong with those that are not."""
    for sample in samples:
        if sample.image in written:
            continue
        try:
            state, encode = _state(sample.image, bands), partial(_png, sample.image, bands)
            written[sample.image] = stored.write(f"{IMAGES}/{sample.id}.png", state, encode)
        except PatchlearnError as error:
            problems.append(str(error))


def _state(path: Path, bands: Bands) -> str:
    """What a written image depends on."""
    facts = path.stat()
    return f"{path.absolute()} {facts.st_size} {facts.st_mtime_ns} {bands}"


def _png(path: Path, bands: Bands) -> bytes:
    file = BytesIO()
    Image.fromarray(read_image(path, bands)).save(file, "PNG")
    return file.getvalue()
