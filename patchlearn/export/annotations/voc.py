"""VOC's layout of segmentation masks, in the form that CVAT ("Segmentation mask 1.1") and Datumaro import."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import write_text
from patchlearn.core.masks_io import PALETTE, write_mask
from patchlearn.core.types import BACKGROUND, IGNORE
from patchlearn.data.checks.mask_values import read_values
from patchlearn.export.annotations.regions import MaskedImage
from patchlearn.export.settings import AnnotationSettings


@dataclass(frozen=True)
class Entry:
    """A mask to write: the name of its image without the ending, and where it is read."""

    name: str
    source: Path
    binary: bool


def describe(image: MaskedImage, classes: Sequence[str], settings: AnnotationSettings) -> Entry:
    """The name and the file of the mask. A name may have subfolders: "a/b".

    Raises:
        PatchlearnError: VOC's list of names cannot hold its name.
    """
    name = str(PurePosixPath(image.name).with_suffix(""))
    if name.startswith("#") or name != name.strip():
        raise PatchlearnError(
            f"{image.source}: VOC's lists cannot hold a name with # in front or spaces at the ends. Rename it."
        )
    return Entry(name=name, source=image.source, binary=image.binary)


def write(out: Path, entries: Sequence[Entry], classes: Sequence[str]) -> None:
    """Write `SegmentationClass/NAME.png`, `ImageSets/Segmentation/default.txt` and `labelmap.txt` into `out`.

    Raises:
        PatchlearnError: labelmap.txt cannot hold a class name, or the masks would be written over those that are read.
    """
    labels, folder = label_map(classes), out / "SegmentationClass"
    if any(entry.source.resolve().is_relative_to(folder.resolve()) for entry in entries):
        raise PatchlearnError(f"{folder}: contains the masks that are read. Choose another --out.")
    for entry in entries:
        write_mask(folder / f"{entry.name}.png", read_values(entry.source, binary=entry.binary))
    write_text(out / "labelmap.txt", labels)
    write_text(out / "ImageSets" / "Segmentation" / "default.txt", "".join(f"{entry.name}\n" for entry in entries))


def label_map(classes: Sequence[str]) -> str:
    """`labelmap.txt`: the colour of every label; undecided pixels have the label "ignored".

    Raises:
        PatchlearnError: a class name contains a colon, begins with #, or is "background" or "ignored".

    >>> print(label_map(["cat"]), end="")
    # label:color_rgb:parts:actions
    background:0,0,0::
    cat:128,0,0::
    ignored:224,224,192::
    """
    for name in classes:
        if ":" in name or name.startswith("#") or name in ("background", "ignored"):
            raise PatchlearnError(
                f"class {name!r}: labelmap.txt allows no class that contains a colon, begins with # or is called "
                "background or ignored. Rename the class."
            )
    values = {"background": BACKGROUND, **{name: i for i, name in enumerate(classes, 1)}, "ignored": IGNORE}
    colours = (f"{name}:{','.join(map(str, PALETTE[value]))}::\n" for name, value in values.items())
    return "# label:color_rgb:parts:actions\n" + "".join(colours)
