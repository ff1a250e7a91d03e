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
from pathlib import Path
from typing import Any

from rich.console import Console

from patchlearn.core.errors import PatchlearnError, require_one_of
from patchlearn.core.parallel import for_each
from patchlearn.data.images import SUFFIXES, files_by_stem, only_file, read_image, read_indices
from patchlearn.data.labels import within_limits
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
    threads: int | None = None,
    console: Console | None = None,
) -> list[str]:
    """Write every mask `masks/STEM.png` into one file (or folder) that another tool reads.

    Args:
        masks: folder of palette or grey PNGs: 0 background, i + 1 class i, 255 undecided (in no annotation).
        images: folder of the images, with the same stems and sizes.
        classes: names of the K classes.
        out: the file. "label-studio" writes its labelling configuration beside it (XML); "voc" writes a folder.
        format: "coco", "cvat" (CVAT for images 1.1), "label-studio" or "voc".
        settings: what an annotation is, and its shape.
        threads: number of images at a time; None for one per core.
        console: shows the progress.

    Returns:
        One sentence for every mask that could not be written. The others are in the file; without any, there is none.

    Raises:
        PatchlearnError: a folder is missing or empty, an option is wrong, or an optional package is missing.
    """
    settings = settings or AnnotationSettings()
    _require_writable(format, settings, out)
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


def masked_image(mask: Path, image: Path, classes: int) -> MaskedImage:
    """Read and check the mask of an image.

    Raises:
        PatchlearnError: a file cannot be read, the formats cannot hold its name, the sizes differ, or the mask contains
            a value that is not a class.
    """
    if not _is_plain(image.name):
        raise PatchlearnError(
            f"{str(image)!r}: the name contains control characters or invalid Unicode, which XML and lists cannot "
            "hold. Rename the file."
        )
    values, size = read_indices(mask), read_image(image).shape[:2]
    if values.shape != size:
        raise PatchlearnError(
            f"{mask}: {values.shape[1]}×{values.shape[0]} pixels, but its image has {size[1]}×{size[0]} (width × "
            "height). Resize the mask by nearest neighbour."
        )
    require_classes(values, classes, str(mask))
    return MaskedImage(name=image.name, mask=values, source=mask)


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
