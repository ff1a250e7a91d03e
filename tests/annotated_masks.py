"""Masks that are difficult for annotation formats, and how the tests convert them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from patchlearn.cli.main import main
from patchlearn.core.types import UInt8
from patchlearn.export.annotations.write import write_annotations
from patchlearn.export.settings import AnnotationSettings

CLASSES = ("cat", "dog&<bone>", "鳥")
# NumPy 2.4 and pydantic find much that is old in the readers; in our own code such a warning is an error.
of_readers = pytest.mark.filterwarnings("ignore::DeprecationWarning")
both_ways = pytest.mark.parametrize("per", ["component", "class"])


def holes() -> UInt8:
    """A ring with two holes; in one of them an island, in its hole another class, and undecided pixels around."""
    mask = np.zeros((20, 30), np.uint8)
    mask[1:18, 2:29] = 1
    mask[3:12, 4:15] = 0
    mask[5:10, 6:13] = 1
    mask[7, 8:11] = 2
    mask[4:16, 20:22] = 255
    mask[19, 29] = 3
    return mask


def noise() -> UInt8:
    return np.random.default_rng(0).choice(np.array([0, 1, 2, 3, 255], np.uint8), (23, 31))


def wide() -> UInt8:
    """Runs of more than 65,536 values in four channels, and one that ends with the picture."""
    mask = np.zeros((150, 301), np.uint8)
    mask[:100] = 2
    mask[100, 7] = 1
    mask[149, 200:] = 3
    return mask


MASKS: dict[str, UInt8] = {
    "a": holes(),
    "empty": np.zeros((7, 9), np.uint8),
    "undecided": np.full((4, 5), 255, np.uint8),
    "pixel": np.ones((1, 1), np.uint8),
    "row": np.array([[3, 3, 0, 255, 3]], np.uint8),
    "column": np.array([[2, 2, 0, 1, 1, 1]], np.uint8).T,
    "ü & <猫> 'q' \"": noise(),
    "wide": wide(),
}


def known(mask: UInt8) -> UInt8:
    """What annotations can hold: nothing is said of undecided pixels."""
    return np.where(mask == 255, 0, mask)


def convert(root: Path, format: str, out: str, *options: str) -> int:
    words = ["--images", str(root / "images"), "--format", format, "--out", str(root / out)]
    return main(["convert", str(root / "masks"), *words, *options])


def write(root: Path, format: str, classes: Any, out: str, **settings: str) -> list[str]:
    console = Console(quiet=True)
    options = AnnotationSettings(**settings)
    return write_annotations(root / "masks", root / "images", classes, root / out, format, options, console=console)
