"""Masks for other tools: COCO, Label Studio, CVAT, VOC."""

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from patchlearn.core.errors import PatchlearnError, require_one_of
from patchlearn.core.runtime import for_each
from patchlearn.data.images import SUFFIXES, files_by_stem, only_file, read_image, read_indices
from patchlearn.data.labels import within_limits
from patchlearn.evaluate.judge import require_classes
from patchlearn.export.annotations.regions import AnnotationSettings, MaskedImage
from patchlearn.export.annotations import coco, cvat, label_studio, voc

__all__ = ["FORMATS", "PER", "SHAPES", "AnnotationSettings", "MaskedImage", "masked_image", "write_annotations"]

PER = ("component", "class")
SHAPES = ("masks", "polygons")


@dataclass(frozen=True, kw_only=True)
class Format:
    """A format: what it keeps of each image, how that is written, and what it can say.

    Args:
        describe: (image, classes, settings) → an entry; called by several threads.
        write: (out, entries in the order of their names, classes).
        suffix: of the file, or nothing if it is a folder.
        shapes: which of the shapes it knows.
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
    threads: int | None = None,
    console: Console | None = None,
) -> list[str]:
    """Write every `masks/STEM.png` into one file of a format that other tools read.

    Args:
        masks: a folder of palette or grey PNGs: 0 background, i + 1 class i, 255 undecided, which belongs to no
            annotation.
        images: a folder of pictures of the same stems and sizes.
        classes: names of the K classes.
        out: the file; for "label-studio" an XML, the labelling configuration, is written beside it; for "voc" a folder.
        format: "coco", "cvat" (CVAT for images 1.1), "label-studio" or "voc".
        settings: one annotation for what, and as which shapes.
        threads: images at a time; None for one per core.
        console: where progress is shown.

    Returns:
        What is wrong with the masks that are left out, a sentence each; all others are in the file, which is not
        written if there are none.

    Raises:
        PatchlearnError: a folder is missing or empty, an option is wrong, or an optional package is missing.

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
    settings = settings or AnnotationSettings()
    check_settings(settings, format, out)
    names = _checked_names(classes, masks)
    files, pictures = files_by_stem(masks, (".png",)), files_by_stem(images, SUFFIXES)
    entries: dict[str, Any] = {}
    failures: list[str] = []

    def describe(stem: str) -> None:
        try:
            image = masked_image(only_file(stem, files, masks), only_file(stem, pictures, images), len(names))
            entries[stem] = FORMATS[format].describe(image, names, settings)
        except PatchlearnError as error:
            failures.append(str(error))

    for_each(sorted(files), describe, title="convert", threads=threads, console=console or Console(stderr=True))
    if entries:
        FORMATS[format].write(out, [entries[stem] for stem in sorted(entries)], names)
    return sorted(failures)


def check_settings(settings: AnnotationSettings, format: str, out: Path) -> None:
    """Raise `PatchlearnError` unless the format exists, knows the shapes, and has what it needs to write `out`."""
    require_one_of("format", format, FORMATS)
    require_one_of("per", settings.per, PER)
    require_one_of(f"shapes of the format {format}", settings.shapes, FORMATS[format].shapes)
    suffix = FORMATS[format].suffix
    if suffix and out.suffix != suffix:
        raise PatchlearnError(f"{out}: the format {format} is a file that ends in {suffix}. Name it so.")
    if format == "coco" and settings.shapes == "masks":
        coco.coder()


def masked_image(mask: Path, image: Path, classes: int) -> MaskedImage:
    """The mask of an image, checked.

    Raises:
        PatchlearnError: a file cannot be read or named in the formats, the sizes differ, or the mask holds a value
            that is no class.
    """
    _require_plain_name(image)
    values, size = read_indices(mask), read_image(image).shape[:2]
    if values.shape != size:
        raise PatchlearnError(
            f"{mask}: {values.shape[1]}×{values.shape[0]} pixels, but its image has {size[1]}×{size[0]}. "
            "Resize the mask first, without mixing values."
        )
    require_classes(values, classes, str(mask))
    return MaskedImage(name=image.name, mask=values, source=mask)


def _require_plain_name(path: Path) -> None:
    """What XML or UTF-8 cannot hold, and what ends a line of a list."""
    if not _is_plain(path.name):
        raise PatchlearnError(f"{str(path)!r}: control characters or broken Unicode in the name. Rename the file.")


def _is_plain(name: str) -> bool:
    return not any(unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") for letter in name)


def _checked_names(classes: Sequence[str], masks: Path) -> tuple[str, ...]:
    names = within_limits(classes, masks)
    for name in names:
        if not (name.strip() and _is_plain(name) and names.count(name) == 1):
            raise PatchlearnError(f"class {name!r}: empty, there twice, or with control characters. Correct the names.")
    return names
