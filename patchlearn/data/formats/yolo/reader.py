"""YOLO: images, and for each a text file of boxes or polygons."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import Dataset
from patchlearn.data.formats.drawn_masks import Drawing, drawn_dataset
from patchlearn.data.formats.records import Record
from patchlearn.data.formats.yolo.config import class_names, find_config, read_config
from patchlearn.data.formats.yolo.images import OPTIONAL, YoloImage, folders, found_images, listed_images
from patchlearn.data.formats.yolo.labels import YoloObject, paint_polygons, read_objects
from patchlearn.data.names import counted, files_below, left_out
from patchlearn.data.settings import DataSettings

BACKGROUND = "background"
NO_LABELS = ("classes.txt", "train.txt", "val.txt", "test.txt")  # lists
LOOKED_AT = 20  # label files that show whether a folder has YOLO's
LONGEST = 100_000  # characters of their first lines


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """An image with its objects.

    Args:
        image: the file.
        labels: its label file, which need not be there.
        record: with its tags.
        objects: none for an image without label file; None where the whole split has no labels.
    """

    image: Path
    labels: Path
    record: Record
    objects: tuple[YoloObject, ...] | None


def recognise(root: Path) -> str | None:
    """The data.yaml, or folders of images with labels in lines of numbers."""
    try:
        config = find_config(root)
    except PatchlearnError:
        return "YAML files of YOLO"  # reading them says which are meant
    if config:
        return f"the YOLO file {config.name}"
    found = next((folder for folder in folders(root) if _has_lines(root / folder)), None)
    return f"the YOLO folders {found} and {found.removesuffix('images')}labels" if found else None


def _has_lines(images: Path) -> bool:
    """Whether the first label files are of numbers."""
    labels = images.with_name("labels")
    texts = (name for name in files_below(labels) if name.lower().endswith(".txt") and not name.endswith("classes.txt"))
    seen = [line for name in islice(texts, LOOKED_AT) for line in _first_line(labels / name)]
    return bool(seen) and all(_is_line(line) for line in seen)


def _first_line(path: Path) -> list[str]:
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        return [line for line in [file.readline(LONGEST)] if line.strip()]


def _is_line(line: str) -> bool:
    try:
        return len([float(word) for word in line.split()]) > 4
    except ValueError:
        return False


def read(root: Path, settings: DataSettings, work: Path | None) -> Dataset:
    """Read data.yaml, or the folders `images` and `labels`, and a label file for each image.

    - A tag is the class of any line. An image without a label file, or with an empty one, has no tag.
    - Polygons become masks in `work/masks`; an image with a box has no mask.
    - The classes are in the order of their indices, which may have gaps.

    Raises:
        PatchlearnError: classes have no names, a line is wrong, a split has no labels (but for `test`), or a folder is
            missing or outside of `root`.
    """
    path = find_config(root, settings.labels)
    config = read_config(path) if path else None
    splits = listed_images(root, config) if config else found_images(root)
    if not splits.images:
        raise PatchlearnError(f"{root}: neither a data.yaml nor images/ and labels/. Choose the folder that has them.")
    source, names = class_names(root, config)
    has_keypoints = bool(config and config.has_keypoints)
    labelled = [
        each for split, images in splits.images.items() for each in _labelled(root, split, images, names, has_keypoints)
    ]
    classes, about_classes = _classes(source, names, labelled)
    drawings = {} if has_keypoints else _drawings(source, names, labelled)
    return drawn_dataset(
        root,
        [each.record for each in labelled],
        drawings,
        work,
        source=source,
        classes=classes,
        notes=[
            *(_about_split(root, split, labelled) for split in splits.images),
            *splits.notes,
            *about_classes,
            *_about_masks(root, labelled, len(drawings)),
            *_lonely_labels(root, labelled),
        ],
    )


def _labelled(
    root: Path, split: str, images: Sequence[YoloImage], names: Mapping[int, str], has_keypoints: bool
) -> Iterator[Labelled]:
    has_labels = _has_labels(root, split, images)
    for image in images:
        file, labels = Path(f"{root}/{image.path}"), Path(f"{root}/{image.labels}")
        objects = read_objects(labels, names, has_keypoints=has_keypoints) if os.path.isfile(labels) else ()
        tags = tuple(dict.fromkeys(names[each.index] for each in objects))
        record = Record(image=file, name=image.name, labels=tags, split=split, place=image.place)
        yield Labelled(image=file, labels=labels, record=record, objects=objects if has_labels else None)


def _has_labels(root: Path, split: str, images: Sequence[YoloImage]) -> bool:
    """Whether images without a label file have no objects; in a split without labels nobody looked."""
    folders = {os.path.split(image.labels)[0] for image in images}
    beside = {os.path.split(image.path)[0] for image in images}
    if any((root / folder).is_dir() for folder in folders - beside):
        return True
    if any(os.path.isfile(root / image.labels) for image in images):
        return True
    if split == OPTIONAL:
        return False
    raise PatchlearnError(
        f"{root}: the split {split!r} has no label files; {images[0].labels} is expected for {images[0].path}. Add "
        "them: one line for each object, and an empty file for an image without objects."
    )


def _classes(source: Path, names: Mapping[int, str], labelled: Sequence[Labelled]) -> tuple[list[str], list[str]]:
    """(names in the order of their indices, notes)."""
    used = {name for each in labelled for name in each.record.labels}
    unused = [name for name in names.values() if name.lower() == BACKGROUND and name not in used]
    notes = [f"{source}: {name!r} is no class, and no object has it" for name in unused]
    kept = [name for name in names.values() if name not in unused]
    twins = [name for name, count in Counter(kept).items() if count > 1]
    notes += [f"{source}: {kept.count(name)} indices have the name {name!r}; they are one class" for name in twins]
    return list(dict.fromkeys(kept)), notes


def _drawings(source: Path, names: Mapping[int, str], labelled: Sequence[Labelled]) -> dict[Path, Drawing]:
    """How masks come about: of the images without a box, if any image has a polygon."""
    if not any(each.corners is not None for image in labelled for each in image.objects or ()):
        return {}
    return {
        each.image: Drawing(
            sources=(source, each.image, each.labels), draw=partial(paint_polygons, each.objects, each.image, names)
        )
        for each in labelled
        if each.objects is not None and all(found.corners is not None for found in each.objects)
    }


def _about_split(root: Path, split: str, labelled: Sequence[Labelled]) -> str:
    here = [each for each in labelled if each.record.split == split]
    if any(each.objects is None for each in here):
        return f"{root}: {counted(len(here), 'image')} of the split {split}, which has no labels"
    empty = [each for each in here if not each.objects]
    missing = sum(not os.path.isfile(each.labels) for each in empty)
    files = f", of them {missing:,} without a label file" if missing else ""
    about = f"; {len(empty):,} without objects{files}" if empty else ""
    return f"{root}: {counted(len(here), 'image')} of the split {split}{about}"


def _about_masks(root: Path, labelled: Sequence[Labelled], masks: int) -> list[str]:
    without = sum(each.objects is not None for each in labelled) - masks
    if not masks:
        return [f"{root}: the label files have boxes and no polygons, so there are no masks"]
    verb = "has" if without == 1 else "have"
    return (
        [f"{root}: {counted(without, 'image')} {verb} an object with a box alone, so there is no mask"]
        if without
        else []
    )


def _lonely_labels(root: Path, labelled: Sequence[Labelled]) -> Iterator[str]:
    """Label files of no image, in folders that have others."""
    known = {str(each.labels) for each in labelled}
    beside = {str(each.image.parent) for each in labelled}
    for folder in sorted({str(each.labels.parent) for each in labelled} - beside):
        names = [entry.name for entry in os.scandir(folder)] if Path(folder).is_dir() else []
        texts = [name for name in names if name.endswith(".txt") and name not in NO_LABELS and not name.startswith(".")]
        yield from left_out(
            [name for name in texts if f"{folder}/{name}" not in known], "labels of no image", Path(folder)
        )
