"""COCO: images, and a JSON of instances or panoptic segments for each split."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from patchlearn.core.types import Dataset
from patchlearn.data.formats.coco.content import CocoImage
from patchlearn.data.formats.coco.files import UNUSED, candidates, choose_files
from patchlearn.data.formats.coco.images import Part, name_below, read_part, split_elsewhere, unused_images
from patchlearn.data.formats.coco.masks import coco_drawings
from patchlearn.data.formats.drawn_masks import Drawing, drawn_dataset
from patchlearn.data.formats.records import Record
from patchlearn.data.names import counted
from patchlearn.data.settings import DataSettings

BACKGROUND = ("background", "_background_", "__background__")
NO_PARENT = ("", "none")


def recognise(root: Path) -> str | None:
    """The first COCO file, if there is one; preferably one that is read."""
    found = min(candidates(root), key=lambda path: path.name.startswith(UNUSED), default=None)
    return f"the COCO file {os.path.relpath(found, root)}" if found else None


def read(root: Path, settings: DataSettings, work: Path | None) -> Dataset:
    """Read the JSONs, one for each split, and find the images that they name.

    - The split is what the name of the JSON says (`instances_val2017.json`), or of its folder
      (`valid/_annotations.coco.json`), else `train`.
    - A tag is the category of any annotation of the image, also of a crowd. An image without annotations has no tag.
    - The classes are in the order of their ids.
    - Outlines, run lengths and panoptic PNGs become masks in `work/masks`. Crowds are 255 there.

    Raises:
        PatchlearnError: there is no COCO file, or two of one split; a file is broken, or an image is missing.
    """
    files, about_files = choose_files(root, settings.labels)
    parts, elsewhere = split_elsewhere([read_part(root, file) for file in files])
    classes, about_classes = _classes(parts)
    drawings: dict[Path, Drawing] = {}
    about_annotations: list[str] = []
    for part in parts:
        drawn = coco_drawings(part.file.path, part.content, part.paths)
        about_annotations += _about_annotations(part, drawn)
        drawings |= drawn
    return drawn_dataset(
        root,
        [_record(root, part, image) for part in parts for image in part.content.images],
        drawings,
        work,
        source=files[0].path,
        classes=classes,
        notes=[
            *(f"{part.name}: {counted(len(part.paths), 'image')} of the split {part.file.split}" for part in parts),
            *(_about_elsewhere(part) for part in elsewhere),
            *about_files,
            *about_classes,
            *about_annotations,
            *unused_images(root, parts),
        ],
    )


def _record(root: Path, part: Part, image: CocoImage) -> Record:
    return Record(
        image=part.paths[image.file_name],
        name=name_below(root, image),
        labels=tuple(dict.fromkeys(shape.name for shape in image.shapes)),
        split=part.file.split,
        place=image.place,
    )


def _classes(parts: Sequence[Part]) -> tuple[list[str], list[str]]:
    """(names of the categories in the order of their ids, notes).

    A background, and Roboflow's category that only groups the others, are no classes unless an annotation has them.
    """
    listed = [category for part in parts for category in part.content.categories]
    listed.sort(key=lambda category: (isinstance(category[0], str), category[0]))
    used = {shape.name for part in parts for image in part.content.images for shape in image.shapes}
    parents = {parent for _, _, parent in listed}
    unused = {
        name
        for _, name, parent in listed
        if name not in used and (name.lower() in BACKGROUND or (name in parents and parent.lower() in NO_PARENT))
    }
    names = list(dict.fromkeys(name for _, name, _ in listed if name not in unused))
    notes = [
        f"the category {name!r} is no class: no annotation has it, and it only groups others" for name in sorted(unused)
    ]
    return names, [*notes, *(note for part in parts for note in _about_twins(part))]


def _about_twins(part: Part) -> Iterator[str]:
    counts = Counter(name for _, name, _ in part.content.categories)
    for name, count in counts.items():
        if count > 1:
            yield f"{part.name}: {count} categories have the name {name!r}; they are one class"


def _about_elsewhere(part: Part) -> str:
    return (
        f"{part.name}: not used, because none of its {counted(len(part.paths), 'image')} is in the folder; so there is "
        f"no split {part.file.split}"
    )


def _about_annotations(part: Part, drawn: Mapping[Path, Drawing]) -> Iterator[str]:
    """Notes about annotations of no image, and about images without a mask."""
    content, without = part.content, len(part.paths) - len(drawn)
    if content.strays:
        yield f"{part.name}: not used, because their images are not listed: {counted(content.strays, 'annotation')}"
    if content.is_panoptic and without:
        yield f"{part.name}: {_images_have(without)} no PNG in {part.file.path.stem}/, so there is no mask"
    elif without and not drawn:
        yield f"{part.name}: no annotation has an outline, so there are no masks"
    elif without:
        yield f"{part.name}: {_images_have(without)} an annotation that is a box alone, so there is no mask"


def _images_have(number: int) -> str:
    return f"{counted(number, 'image')} {'has' if number == 1 else 'have'}"
