"""Options that several tools take."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.settings import require_positive
from patchlearn.core.types import Bands
from patchlearn.data.labels import read_class_names


def add_threads(verb: ArgumentParser) -> None:
    """How many images at a time."""
    verb.add_argument("--threads", type=int, help="images at a time (default: one per core)")


def add_memory(verb: ArgumentParser) -> None:
    """How much memory the process may hold."""
    verb.add_argument(
        "--memory", type=float, metavar="GB", help="what the process may hold, in GB (default: a share of what is free)"
    )


def chosen_memory(options: Namespace) -> float | None:
    """The limit that `--memory` names, in GB.

    >>> chosen_memory(Namespace(memory=2.0))
    2.0
    """
    if options.memory is not None:
        require_positive("--memory", options.memory)
    return options.memory


def add_classes(verb: ArgumentParser) -> None:
    """Which classes the masks hold."""
    verb.add_argument("--classes", type=Path, help="the masks' classes, one a line (default: MASKS/classes.txt)")


def add_bands(verb: ArgumentParser) -> None:
    """Which bands of the images are red, green and blue."""
    verb.add_argument("--bands", help="of the images: three that are red, green and blue, from 1, such as 4,3,2")


def chosen_bands(options: Namespace) -> Bands | None:
    """The numbers that `--bands` names.

    >>> chosen_bands(Namespace(bands="4,3,2"))
    (4, 3, 2)
    """
    if options.bands is None:
        return None
    words = [word.strip() for word in options.bands.strip("[]").split(",")]
    if len(words) != 3 or not all(word.isdecimal() and int(word) for word in words):
        raise PatchlearnError(
            f"--bands {options.bands}: not three bands. Write the numbers of those that are red, green and blue, from "
            "1, such as 4,3,2."
        )
    return int(words[0]), int(words[1]), int(words[2])


def classes_of_masks(options: Namespace) -> tuple[str, ...]:
    """The names that `--classes` or the masks' own classes.txt lists."""
    classes = options.classes or options.masks / "classes.txt"
    if not classes.is_file():
        raise PatchlearnError(
            f"{classes}: no such file. Name the classes of the masks with --classes, one a line; the first is 1 in "
            "the masks."
        )
    return read_class_names(classes, spaces=True)
