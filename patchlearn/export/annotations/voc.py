"""VOC's layout of segmentation masks, as CVAT's "Segmentation mask 1.1" and Datumaro import it."""

from collections.abc import Sequence
from pathlib import Path

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import write_text
from patchlearn.core.masks_io import PALETTE, write_mask
from patchlearn.core.types import BACKGROUND, IGNORE
from patchlearn.data.images import read_indices
from patchlearn.export.annotations.regions import AnnotationSettings, MaskedImage


def describe(image: MaskedImage, classes: Sequence[str], settings: AnnotationSettings) -> Path:
    """The mask's file.

    Raises:
        PatchlearnError: its name would be read as something else in VOC's list of names.
    """
    stem = image.source.stem
    if stem.startswith("#") or stem != stem.strip():
        raise PatchlearnError(f"{image.source}: VOC's lists know no name with a # or a space at its end. Rename it.")
    return image.source


def write(out: Path, entries: Sequence[Path], classes: Sequence[str]) -> None:
    """`SegmentationClass/STEM.png`, `ImageSets/Segmentation/default.txt` and `labelmap.txt` in the folder `out`.

    Raises:
        PatchlearnError: a class name holds a colon, which separates the columns of labelmap.txt; or the masks lie
            where theirs would be written.
    """
    labels, folder = label_map(classes), out / "SegmentationClass"
    if any(source.parent.resolve() == folder.resolve() for source in entries):
        raise PatchlearnError(f"{folder}: the masks that are read lie there. Choose another --out.")
    for source in entries:
        write_mask(folder / f"{source.stem}.png", read_indices(source))
    write_text(out / "labelmap.txt", labels)
    write_text(out / "ImageSets" / "Segmentation" / "default.txt", "".join(f"{path.stem}\n" for path in entries))


def label_map(classes: Sequence[str]) -> str:
    """`labelmap.txt`: the colour of every label; undecided pixels have one of their own, "ignored".

    Raises:
        PatchlearnError: a class name holds a colon, begins with a #, or is one of VOC's own.

    >>> print(label_map(["cat"]), end="")
    # label:color_rgb:parts:actions
    background:0,0,0::
    cat:128,0,0::
    ignored:224,224,192::
    """
    for name in classes:
        if ":" in name or name.startswith("#") or name in ("background", "ignored"):
            raise PatchlearnError(
                f"class {name!r}: labelmap.txt has no room for background, ignored, or a name with a colon or with a # "
                "first. Rename the class."
            )
    values = {"background": BACKGROUND, **{name: i for i, name in enumerate(classes, 1)}, "ignored": IGNORE}
    colours = (f"{name}:{','.join(map(str, PALETTE[value]))}::\n" for name, value in values.items())
    return "# label:color_rgb:parts:actions\n" + "".join(colours)
