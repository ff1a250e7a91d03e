"""Write a folder of masks in an annotation format.

>>> from tempfile import TemporaryDirectory
>>> from PIL import Image
>>> with TemporaryDirectory() as name:
...     masks, images = Path(name, "masks"), Path(name, "images")
...     masks.mkdir(); images.mkdir()
...     Image.new("L", (4, 3), 1).save(masks / "a.png")
...     Image.new("RGB", (4, 3)).save(images / "a.jpg")
...     write_annotations(masks, images, ["cat"], Path(name, "cats.xml"), "cvat", console=Console(quiet=True))
...     print(Path(name, "cats.xml").read_text().splitlines()[-3].strip())
[]
<mask label="cat" source="auto" occluded="0" z_order="0" rle="0, 12" left="0" top="0" width="4" height="3" />
"""

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

import numpy as np
from rich.console import Console

from patchlearn.core.errors import PatchlearnError, require_one_of
from patchlearn.core.parallel import results_of
from patchlearn.core.types import BACKGROUND, IGNORE
from patchlearn.data.checks.mask_values import counted_from_zero, read_values, refuse_binary_masks
from patchlearn.data.images import SUFFIXES, read_image
from patchlearn.data.labels import within_limits
from patchlearn.data.names import NamedFiles, named_files, pair_up, tell
from patchlearn.evaluate.confusions import require_classes
from patchlearn.export.annotations import coco, cvat, label_studio, voc
from patchlearn.export.annotations.regions import MaskedImage
from patchlearn.export.settings import SHAPES, AnnotationSettings


@dataclass(frozen=True, kw_only=True)
class Format:
    """An annotation format.

    Args:
        describe: (image, classes, settings) → entry of the image; is called by several threads.
        write: writes (out, entries in the order of their names, classes).
        suffix: suffix of the file; empty if the format is a folder.
        shapes: the shapes that the format supports.
    """

    describe: Callable[[MaskedImage, Sequence[str], AnnotationSettings], Any]
    write: Callable[[Path, Any, Sequence[str]], None]
    suffix: str
    shapes: tuple[str, ...]


FORMATS = {
    "coco": Format(describe=coco.describe, write=coco.write, suffix=".json", shapes=SHAPES),
    "cvat": Format(describe=cvat.describe, write=cvat.write, suffix=".xml", shapes=SHAPES),
    "label-studio": Format(describe=label_studio.describe, write=label_studio.write, suffix=".json", shapes=("masks",)),
    "voc": Format(describe=voc.describe, write=voc.write, suffix="", shapes=("masks",)),
}


def write_annotations(
    masks: Path,
    images: Path,
    classes: Sequence[str],
    out: Path,
    format: str,
    settings: AnnotationSettings | None = None,
    *,
    binary: bool = False,
    threads: int | None = None,
    console: Console | None = None,
) -> list[str]:
    """Write every mask of a folder into one file (or folder) that another tool reads.

    The mask of the image `a/b.jpg` is `a__b.png` or `a/b.png`. The annotations name the image `a/b.jpg`.

    Args:
        masks: folder of palette or grey PNGs: 0 background, i + 1 class i, 255 undecided (in no annotation).
        images: folder of the images, of the sizes of the masks.
        classes: names of the K classes.
        out: the file. "label-studio" writes its labelling configuration beside it (XML); "voc" writes a folder.
        format: "coco", "cvat" (CVAT for images 1.1), "label-studio" or "voc".
        settings: what an annotation is, and its shape.
        binary: whether 255 in the masks stands for class 1.
        threads: number of images at a time; None for one per core.
        console: shows the progress, and what is not read.

    Returns:
        One sentence for every mask that could not be written. The others are in the file; without any, there is none.

    Raises:
        PatchlearnError: a folder, an option or an optional package is missing or wrong, or all masks are binary.
    """
    settings, console = settings or AnnotationSettings(), console or Console(stderr=True)
    _require_writable(format, settings, out)
    names = _checked_names(classes, masks)
    files, pictures = named_files(masks, (".png",), without=out), named_files(images, SUFFIXES, without=out)
    ids = _ids(files, pictures, binary, console)
    seen: set[int] = set()

    def describe(id: str) -> Any:
        image = masked_image(id, files, pictures, len(names), binary=binary)
        seen.update(np.unique(image.mask).tolist())
        return FORMATS[format].describe(image, names, settings)

    entries, failures = _described(ids, describe, threads, console)
    if entries:
        FORMATS[format].write(out, entries, names)
        tell(console, _notes(out, masks, seen, names))
    return failures


def _ids(masks: NamedFiles, images: NamedFiles, binary: bool, console: Console) -> list[str]:
    ids, notes = pair_up(masks, images)
    tell(console, notes)
    if not binary:
        refuse_binary_masks(masks.folder, (masks.folder / name for id in ids for name in masks.files[id]))
    return ids


def _described(
    ids: Sequence[str], describe: Callable[[str], Any], threads: int | None, console: Console
) -> tuple[list[Any], list[str]]:
    """(entries in the order of the ids, what went wrong with the others)."""
    failures: list[str] = []

    def attempt(id: str) -> Any:
        try:
            return describe(id)
        except PatchlearnError as error:
            failures.append(str(error))
            return None

    entries = [each for each in results_of(ids, attempt, "convert", threads, console) if each is not None]
    return entries, sorted(failures)


def _notes(out: Path, masks: Path, seen: set[int], classes: Sequence[str]) -> list[str]:
    if seen <= {BACKGROUND, IGNORE}:
        return [f"{out}: holds no annotation, because no mask holds a class."]
    return counted_from_zero(masks, seen, classes)


def masked_image(id: str, masks: NamedFiles, images: NamedFiles, classes: int, *, binary: bool) -> MaskedImage:
    """Read and check the mask of an image.

    Raises:
        PatchlearnError: a file is missing or cannot be read, the formats cannot hold its name, the sizes differ, or the
            mask contains a value that is not a class.
    """
    mask, name = masks.folder / masks.only(id), images.only(id)
    if not _is_plain(name):
        raise PatchlearnError(
            f"{str(images.folder / name)!r}: the name contains control characters or invalid Unicode, which XML and "
            "lists cannot hold. Rename the file."
        )
    values, size = read_values(mask, binary=binary), read_image(images.folder / name).shape[:2]
    if values.shape != size:
        raise PatchlearnError(
            f"{mask}: {values.shape[1]}×{values.shape[0]} pixels, but its image has {size[1]}×{size[0]} (width × "
            "height). Resize the mask by nearest neighbour."
        )
    require_classes(values, classes, str(mask))
    return MaskedImage(name=PurePath(name).as_posix(), mask=values, source=mask, binary=binary)


def _require_writable(format: str, settings: AnnotationSettings, out: Path) -> None:
    require_one_of("format", format, FORMATS)
    require_one_of(f"shapes of the format {format}", settings.shapes, FORMATS[format].shapes)
    suffix = FORMATS[format].suffix
    if suffix and out.suffix != suffix:
        raise PatchlearnError(f"{out}: a file of the format {format} ends in {suffix}. Choose another name.")
    if format == "coco" and settings.shapes == "masks":
        coco.load_coder()


def _is_plain(name: str) -> bool:
    return not any(unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") for letter in name)


def _checked_names(classes: Sequence[str], masks: Path) -> tuple[str, ...]:
    names = within_limits(classes, masks)
    for name in names:
        if not (name.strip() and _is_plain(name) and names.count(name) == 1):
            raise PatchlearnError(
                f"class {name!r}: the name is empty, occurs twice or contains control characters. Correct it."
            )
    return names
