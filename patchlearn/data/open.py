"""Open a data set: find out its format, unless it is named, and read its names, labels and paths."""

from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import Bands, Dataset
from patchlearn.data.chosen_bands import with_bands
from patchlearn.data.classes_table import with_sizes
from patchlearn.data.not_recognised import explanation
from patchlearn.data.scenes.folder import open_scenes
from patchlearn.data.settings import AUTO, FORMATS, DataSettings, SceneSettings

SCENES = "scenes"


class Reader(Protocol):
    """What a module of `patchlearn.data.formats` defines. The module of the format `open-images` is `open_images`."""

    @staticmethod
    def recognise(root: Path) -> str | None:
        """What was found, to end the sentence "PHOTOS: …"; None where the folder has another format.

        Only names, and the beginning of small files, are looked at.
        """

    @staticmethod
    def read(root: Path, settings: DataSettings, work: Path | None) -> Dataset:
        """The data set; no image is decoded.

        Args:
            root: the folder of the data.
            settings: of the data.
            work: a folder for images and masks that are no files of their own in `root`; None where there is none.
        """


def open_dataset(
    format: str,
    root: Path | str,
    scenes: SceneSettings | None = None,
    *,
    work: Path | None = None,
    bands: Bands | None = None,
) -> Dataset:
    """Open a data set. Only names, labels and paths are read, no image; with `bands`, every image.

    Args:
        format: "auto" to find it out, or a name of `patchlearn.data.settings.FORMATS`, such as "folder" (images and a
            table), "class-folders", "coco" or "voc".
        root: folder of the data set. With "scenes", images are drawn into it once.
        scenes: what is drawn; only for the format "scenes".
        work: where images and masks go that are no files of their own in `root`; with `bands`, the images too.
        bands: numbers of the three bands of every image file that are red, green and blue, from 1; None for the usual
            ones (`patchlearn.read_image`).

    Raises:
        PatchlearnError: the format is unknown, an image lacks a band, or the folder does not have the layout of the
            format.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     dataset = open_dataset("scenes", folder, SceneSettings(train=2, val=1, size=64))
    >>> {name: len(samples) for name, samples in dataset.splits.items()}
    {'train': 2, 'val': 1}
    """
    settings = DataSettings(format=format, root=str(root), scenes=scenes or SceneSettings(), bands=bands)
    return open_data(settings, work)


def open_data(settings: DataSettings, work: Path | None = None) -> Dataset:
    """`open_dataset` with all settings; what was found out is the first of the data set's notes.

    With `settings.bands`, new and changed images are decoded, and written below `work` with these bands.
    """
    if settings.format == SCENES:
        return open_scenes(_root(settings), settings.scenes)
    root = _root(settings)
    if not root.is_dir():
        raise PatchlearnError(f"{root}: no such folder. Check the path of the data set (--data.root).")
    name, found = (settings.format, "") if settings.format != AUTO else recognised(root)
    dataset = with_sizes(reader_of(name).read(root, settings, work))
    if settings.bands is not None:
        dataset = with_bands(dataset, settings.bands, work)
    return replace(dataset, notes=(f"{root}: {found} (format {name})", *dataset.notes)) if found else dataset


def recognised(root: Path) -> tuple[str, str]:
    """(name of the format, what was found) of a folder.

    Raises:
        PatchlearnError: it has the layout of no format.
    """
    found = _recognised(root)
    if found is None:
        raise PatchlearnError(explanation(root, _recognised))
    return found


def _recognised(root: Path) -> tuple[str, str] | None:
    for name in FORMATS:
        found = None if name == SCENES else reader_of(name).recognise(root)
        if found:
            return name, found
    return None


def reader_of(name: str) -> Reader:
    """The module that reads a format."""
    return cast(Reader, import_module(f"patchlearn.data.formats.{name.replace('-', '_')}"))


def _root(settings: DataSettings) -> Path:
    if settings.root is None:
        raise PatchlearnError(f"data.root: the format {settings.format!r} needs a folder. Add --data.root FOLDER.")
    return Path(settings.root)
