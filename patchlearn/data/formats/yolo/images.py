"""Which images a YOLO data set has, of which split, and where their label files are."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from patchlearn.core.errors import PatchlearnError
from patchlearn.data.formats.records import TRAIN
from patchlearn.data.formats.split_words import starts_with_split
from patchlearn.data.formats.yolo.config import YoloConfig
from patchlearn.data.images import SUFFIXES
from patchlearn.data.labels import read_text
from patchlearn.data.names import files_below, left_out

IMAGES, LABELS = "/images/", "/labels/"
BESIDE = (".txt", ".npy", ".cache", ".json", ".xml", ".csv", ".yaml", ".yml", ".md")  # files that are beside images
OPTIONAL = "test"  # many data.yaml name it, and have none


@dataclass(frozen=True)
class YoloImage:
    """One image.

    Args:
        path: below the folder of the data, with forward slashes.
        name: below the folder of the images of its split.
        place: where it is listed, for messages.
    """

    path: str
    name: str
    place: str

    @property
    def labels(self) -> str:
        """The label file, by YOLO's rule: the last `/images/` becomes `/labels/`; without one, it is beside the image.

        >>> YoloImage("images/train/a.b.jpg", "a.b.jpg", "").labels
        'labels/train/a.b.txt'
        """
        before, found, after = f"/{self.path}".rpartition(IMAGES)
        return os.path.splitext(f"{before}{LABELS if found else ''}{after}")[0].lstrip("/") + ".txt"


@dataclass
class YoloSplits:
    """The images by split, and notes about what is not used."""

    images: dict[str, list[YoloImage]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def listed_images(root: Path, config: YoloConfig) -> YoloSplits:
    """The images of the folders and lists that a data.yaml names.

    - Paths are below its `path`, else below `root`. One that leads out of `root` is taken without its `../`, as
      Roboflow means it, where that is a folder of `root`.
    - A split `test` that is not there is left out; a second split of the same images as well.

    Raises:
        PatchlearnError: a folder or list is not there or outside of `root`, or has no image.
    """
    found = YoloSplits()
    for split, entries in config.splits.items():
        paths = {entry: _located(root, config, entry) for entry in entries}
        missing = [entry for entry, path in paths.items() if path is None]
        if missing and split == OPTIONAL:
            found.notes.append(f"{config.path}: no split {split}, because {missing[0]} does not exist")
            continue
        images = [
            image for entry, path in paths.items() for image in _of_entry(root, config, split, entry, path, found)
        ]
        if not images:
            raise PatchlearnError(f"{config.path}: the split {split!r} has no image. Correct the path {entries[0]!r}.")
        twin = next((name for name, others in found.images.items() if _same(images, others)), None)
        if twin:
            found.notes.append(f"{config.path}: no split {split}, because it has the images of the split {twin}")
            continue
        found.images[split] = images
    return found


def _same(images: Iterable[YoloImage], others: Iterable[YoloImage]) -> bool:
    return {image.path for image in images} == {image.path for image in others}


def _located(root: Path, config: YoloConfig, entry: str) -> str | None:
    """The path below `root` of a folder or list; None if it does not exist.

    Raises:
        PatchlearnError: it is outside of `root`.
    """
    below = [_below(root, name) for name in _readings(config, entry)]
    for path in below:
        if path is not None and (root / path).exists():
            return path
    if below[0] is None and (root / _readings(config, entry)[0]).exists():
        raise PatchlearnError(
            f"{config.path}: {entry!r} is outside of {root}. Put the images below this folder, or choose one that "
            "contains them and the data.yaml (--data.root)."
        )
    return None


def _readings(config: YoloConfig, entry: str) -> list[str]:
    """What an entry may mean: below `path`; at the top, where the data were moved; without a leading `../` or `data/`.

    `data/` is a folder of Darknet itself, which other tools write, too.
    """
    words = entry.replace("\\", "/")
    inside = words
    while inside.startswith(("../", "./")):
        inside = inside.partition("/")[2]
    return [str(PurePosixPath(config.base.replace("\\", "/")) / words), words, inside, inside.removeprefix("data/")]


def _below(root: Path, name: str) -> str | None:
    """The path relative to `root`, with `..` resolved; None if it leads out. Links are not resolved."""
    top = os.path.abspath(root)
    path = os.path.relpath(Path(top, name), top)
    return None if path == ".." or path.startswith(f"..{os.sep}") else path.replace(os.sep, "/")


def _of_entry(
    root: Path, config: YoloConfig, split: str, entry: str, path: str | None, found: YoloSplits
) -> list[YoloImage]:
    if path is None:
        raise PatchlearnError(f"{config.path}: {split}: {entry} does not exist in {root}. Correct the path.")
    if (root / path).is_dir():
        return list(_in_folder(root, path, found))
    if path.lower().endswith(".txt"):
        return list(_in_list(root, config, path))
    raise PatchlearnError(f"{config.path}: {split}: {entry} is neither a folder nor a list (.txt). Correct the path.")


def _in_folder(root: Path, folder: str, found: YoloSplits) -> Iterator[YoloImage]:
    names = [name.replace(os.sep, "/") for name in files_below(root / folder)]
    found.notes += _about_others(root / folder, names)
    for name in names:
        if name.lower().endswith(SUFFIXES):
            path = os.path.normpath(f"{folder}/{name}").replace(os.sep, "/")
            yield YoloImage(path, name.rpartition(IMAGES)[2].removeprefix(IMAGES[1:]), str(root / folder))


def _about_others(folder: Path, names: Iterable[str]) -> list[str]:
    others = [name for name in names if not name.lower().endswith((*SUFFIXES, *BESIDE))]
    return left_out(others, "not among the kinds of images that are read", folder)


def _in_list(root: Path, config: YoloConfig, path: str) -> Iterator[YoloImage]:
    """The lines of a list; those that begin with `./` are relative to its folder."""
    for number, line in enumerate(read_text(root / path).splitlines(), 1):
        words, place = line.strip(), f"{root / path}, line {number}"
        if not words:
            continue
        readings = [_below(root, name) for name in (*_readings(config, words), str(PurePosixPath(path).parent / words))]
        there = [name for name in readings if name is not None and os.path.isfile(root / name)]
        image = next((name for name in [*there, *readings] if name is not None), None)
        if image is None:
            raise PatchlearnError(f"{place}: {words!r} is outside of {root}. Write a path below it.")
        yield YoloImage(image, f"/{image}".rpartition(IMAGES)[2].lstrip("/"), place)


def found_images(root: Path) -> YoloSplits:
    """The images without a data.yaml: `images/`, with a folder for each split or without, or `train/images/`."""
    found = YoloSplits()
    for folder in folders(root):
        split = TRAIN if folder == "images" else starts_with_split(folder.split("/")[0])
        for image in _in_folder(root, folder, found):
            within = image.name.split("/")
            inner = starts_with_split(within[0]) if folder == "images" and len(within) > 1 else None
            name = "/".join(within[1:]) if inner else image.name
            found.images.setdefault(inner or split or TRAIN, []).append(YoloImage(image.path, name, image.place))
    return found


def folders(root: Path) -> list[str]:
    """The folders of images that have a folder `labels` beside them, relative to `root`.

    Raises:
        OSError: the folder cannot be read.
    """
    splits = sorted(path.name for path in root.iterdir() if path.is_dir() and starts_with_split(path.name))
    paths = ["images", *(f"{name}/images" for name in splits)]
    return [path for path in paths if (root / path).is_dir() and (root / path).with_name("labels").is_dir()]
