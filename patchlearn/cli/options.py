"""Options that several tools take."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from patchlearn.core.errors import PatchlearnError
from patchlearn.data.labels import read_class_names


def add_threads(verb: ArgumentParser) -> None:
    """How many images at a time."""
    verb.add_argument("--threads", type=int, help="images at a time (default: one per core)")


def add_classes(verb: ArgumentParser) -> None:
    """Which classes the masks hold."""
    verb.add_argument("--classes", type=Path, help="the masks' classes, one a line (default: MASKS/classes.txt)")


def classes_of_masks(options: Namespace) -> tuple[str, ...]:
    """The names that `--classes` or the masks' own classes.txt lists."""
    classes = options.classes or options.masks / "classes.txt"
    if not classes.is_file():
        raise PatchlearnError(
            f"{classes}: no such file. Name the classes of the masks with --classes, one a line; the first is 1 in "
            "the masks."
        )
    return read_class_names(classes, spaces=True)
