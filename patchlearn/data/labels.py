"""Names of classes: lists of them, their order, their form and how many there may be."""

import re
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import MAX_CLASSES


def read_class_names(path: Path, *, spaces: bool = False) -> tuple[str, ...]:
    """Read class names, one per line; empty lines are skipped.

    Args:
        path: the file.
        spaces: whether names may contain spaces. They may not where spaces separate labels.

    Raises:
        PatchlearnError: a name occurs twice, contains a space or is "background", or there are not 1 to 254 names.
    """
    names = [line.strip() for line in read_text(path).splitlines() if line.strip()]
    for name in names:
        if names.count(name) > 1:
            raise PatchlearnError(f"{path}: class {name!r} occurs {names.count(name)} times. Keep one.")
        if " " in name and not spaces:
            raise PatchlearnError(
                f"{path}: class {name!r} contains a space, but spaces separate labels. Write a hyphen instead."
            )
    return within_limits(names, path)


def normal_form(text: str) -> str:
    """Unicode's form NFC: a Mac names files in another form than most programs write into tables."""
    return unicodedata.normalize("NFC", text)


def natural_order(names: Iterable[str]) -> list[str]:
    """Sorted as people count: 2 before 10.

    >>> natural_order(["cat10", "10", "cat2", "2"])
    ['2', '10', 'cat2', 'cat10']
    """
    return sorted(names, key=_parts)


def _parts(name: str) -> list[tuple[int, str]]:
    """Numbers and the text between them; a number comes before a text."""
    parts = [part for part in re.split(r"(\d+)", name) if part]
    return [(int(part), "") if part.isdecimal() else (sys.maxsize, part) for part in parts]


def within_limits(names: Sequence[str], path: Path | str) -> tuple[str, ...]:
    """The names as a tuple, if an 8-bit mask can hold that many classes.

    Raises:
        PatchlearnError: there are no names or more than 254, or one of them is "background"; the message begins with
            `path`.
    """
    background = [name for name in names if name.lower() == "background"]
    if background:
        raise PatchlearnError(f"{path}: {background[0]!r} is not a class; it is the value 0 of every mask. Remove it.")
    if not 1 <= len(names) <= MAX_CLASSES:
        raise PatchlearnError(
            f"{path}: {len(names)} classes, but an 8-bit mask holds 1 to {MAX_CLASSES}. "
            f"{'Merge classes, or split the data set by groups of classes.' if names else 'Name the classes.'}"
        )
    return tuple(names)


def read_text(path: Path) -> str:
    """Read UTF-8 text, with or without a byte order mark.

    Raises:
        PatchlearnError: the file has another encoding.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise PatchlearnError(f"{path}: not UTF-8. Save it as UTF-8 (in a spreadsheet: 'CSV UTF-8').") from None
