"""What the values of other programs' masks mean: 255 for a class, classes that count from 0, too many classes."""

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import numpy as np

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.masks_io import write_class_names
from patchlearn.core.types import BACKGROUND, IGNORE, UInt8
from patchlearn.data.images import read_indices
from patchlearn.data.labels import read_class_names

NO_CLASS = frozenset([BACKGROUND, IGNORE])


def read_values(path: Path, *, binary: bool = False) -> UInt8:
    """Read the H×W values of a palette or grey PNG.

    Args:
        path: the file.
        binary: whether 255 stands for class 1, as in black and white masks.

    Raises:
        PatchlearnError: the file cannot be read, or holds more than two values though it should be binary.
    """
    values = read_indices(path)
    if not binary:
        return values
    others = set(np.unique(values).tolist()) - {BACKGROUND}
    if not (others <= {IGNORE} or others <= {1}):
        raise PatchlearnError(
            f"{path}: holds the values {', '.join(map(str, sorted(others)[:5]))} besides 0, but a binary mask holds 0 "
            "and 255. Write it again as black and white, without smoothed edges, or leave out --binary."
        )
    return (values != BACKGROUND).astype(np.uint8)


def refuse_binary_masks(folder: Path, files: Iterable[Path]) -> None:
    """Raise `PatchlearnError` if every mask holds only 0 and 255, and 255 occurs.

    Reading ends with the first mask that holds a class. Files that cannot be read are passed over: their own error
    comes when they are worked on.
    """
    if are_binary(files):
        raise PatchlearnError(
            f"{folder}: the masks hold only 0 and 255, and 255 means undecided, so that no mask holds a class. If 255 "
            "stands for a class, add --binary (in Python: binary=True), which reads it as class 1."
        )


def are_binary(files: Iterable[Path]) -> bool:
    """Whether every mask holds only 0 and 255, and 255 occurs. Files that cannot be read are passed over."""
    seen: set[int] = set()
    for path in files:
        seen |= values_in(path)
        if seen - NO_CLASS:
            return False
    return IGNORE in seen


def values_in(path: Path) -> set[int]:
    """The values that occur in a mask; none if it cannot be read as indices."""
    try:
        return set(np.unique(read_indices(path)).tolist())
    except PatchlearnError:
        return set()


def counted_from_zero(folder: Path, seen: Collection[int], classes: Sequence[str]) -> list[str]:
    """A line if the masks may count their classes from 0: all values 0..K-1 occur, and K never does.

    >>> counted_from_zero(Path("masks"), {0, 1}, ["cat", "dog"])
    ["masks: the values 0 to 1 occur, and 2 ('dog') does not. 0 is read as background; if it stands for 'cat', ..."]
    """
    most = len(classes)
    if most < 2 or set(seen) - {IGNORE} != set(range(most)):
        return []
    return [
        f"{folder}: the values 0 to {most - 1} occur, and {most} ({classes[-1]!r}) does not. 0 is read as background; "
        f"if it stands for {classes[0]!r}, the masks count classes from 0: add 1 to every value except 255."
    ]


def claim_classes(out: Path, classes: tuple[str, ...], owner: str) -> None:
    """Write `out/classes.txt`, unless masks or a data set with other classes are there.

    Args:
        out: a folder for masks.
        classes: their names in order.
        owner: who has these classes, for the message.

    Raises:
        PatchlearnError: the file names other classes.
    """
    names = out / "classes.txt"
    if names.exists() and read_class_names(names, spaces=True) != classes:
        raise PatchlearnError(f"{names}: names other classes than {owner}. Choose another --out.")
    write_class_names(out, classes)
