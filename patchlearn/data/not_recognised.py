"""Why a folder has the layout of no format: what lies there in place of images with labels, and what to do."""

import os
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from shlex import quote

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.run_folder import RUN_MARKER
from patchlearn.data.classes_table import LIST
from patchlearn.data.formats.class_folders import split_and_folders
from patchlearn.data.formats.folder import names_images
from patchlearn.data.formats.folder import read as read_folder
from patchlearn.data.images import SUFFIXES
from patchlearn.data.labels import natural_order
from patchlearn.data.names import OTHER_IMAGES, counted, files_below, shortened
from patchlearn.data.settings import DataSettings
from patchlearn.data.tables import SUFFIXES as TABLES

Recognise = Callable[[Path], tuple[str, str] | None]
ARCHIVES = (".zip", ".tar", ".tgz", ".gz", ".7z", ".rar")
SPREADSHEETS = (".xlsx", ".xls", ".ods", ".numbers")
LISTS = (".json", ".txt", ".xml", ".mat", ".pkl")  # may hold labels, in a format that is not read
NO_LABELS = ("classes.csv", "points.csv", "classes.txt", "readme.txt", "license.txt", "step.json")
MOST = 20  # sub-folders that are looked into
ENOUGH = 10_000  # files that show what a folder holds
BESIDE = "Put a table beside the images, labels.csv with the columns image,labels"


def explanation(root: Path, recognise: Recognise) -> str:
    """A sentence for a folder that no reader recognises, with what to do.

    Args:
        root: the folder.
        recognise: (format, what was found) of a folder, or None.
    """
    names = list(islice(files_below(root), ENOUGH)) if root.is_dir() else []
    found = _of_a_run(root) or _without_images(root, names) or _readable_table(root, names)
    found = found or _nested(root, names) or _one_level_up(root, recognise) or _labels(root, names)
    return found or (
        f"{root}: no labels were found. {BESIDE}, or sort the images into one sub-folder for each class. The page "
        "'Your data' lists all formats."
    )


def _of_a_run(root: Path) -> str | None:
    run = next((each for each in (root, *root.absolute().parents) if (each / RUN_MARKER).is_file()), None)
    if run is None:
        return None
    return f"{root}: belongs to a run, and holds no labels of images. Name the folder of the images with their labels."


def _without_images(root: Path, names: Sequence[str]) -> str | None:
    if any(name.lower().endswith(SUFFIXES) for name in names):
        return None
    if not names:
        return f"{root}: is empty. Check the path of the data set."
    archives = [name for name in names if name.lower().endswith(ARCHIVES)]
    others = [name for name in names if name.lower().endswith(OTHER_IMAGES)]
    if archives:
        remedy = f"Unpack {archives[0]}."
    else:
        remedy = "Save these images as JPEG or PNG." if others else "Check the path of the data set."
    shown = archives or others or names
    return f"{root}: no image that is read ({', '.join(SUFFIXES)}), but {_files(shown)}. {remedy}"


def _files(names: Sequence[str]) -> str:
    return f"{counted(len(names), 'file')} of other kinds ({shortened(sorted(names))})"


def _readable_table(root: Path, names: Sequence[str]) -> str | None:
    """A table that is not looked for, or whose columns do not say surely that it is one, but that can be read."""
    for name in [name for name in _may_hold_labels(names) if name.lower().endswith(TABLES)][:MOST]:
        try:
            read_folder(root, DataSettings(format="folder", root=str(root), labels=name), None)
        except PatchlearnError:
            continue
        return (
            f"{root}: no labels were found, but {name} can be read as a table of images and their labels. If it is "
            f"that, add --format folder --data.labels {quote(name)}."
        )
    return None


def _may_hold_labels(names: Sequence[str]) -> list[str]:
    return [name for name in names if name.lower().rpartition("/")[2] not in NO_LABELS]


def _nested(root: Path, names: Sequence[str]) -> str | None:
    """Folders inside of several folders, as in cat/black/1.jpg and dog/brown/2.jpg: either may be the class."""
    images = [name for name in names if name.lower().endswith(SUFFIXES)]
    folders = [split_and_folders(name.removeprefix(f"images{os.sep}"))[1] for name in images]
    if len({each[0] for each in folders if each}) < 2 or any(len(each) != 2 for each in folders):
        return None
    outer, inner = (natural_order({each[depth] for each in folders}) for depth in (0, 1))
    return (
        f"{root}: the images lie in folders inside of folders ({images[0]}), and either may be the class. List the "
        f"classes in {root / LIST}, one a line: {shortened(outer)} or {shortened(inner)}. If {outer[0]} is a data set "
        "of its own, name its folder."
    )


def _one_level_up(root: Path, recognise: Recognise) -> str | None:
    """The folder above the one that is meant."""
    folders = sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
    for folder in folders[:MOST]:
        found = recognise(folder) if any(name.lower().endswith(SUFFIXES) for name in files_below(folder)) else None
        if found:
            return f"{root}: no labels were found, but {folder} has {found[1]}. Name this folder."
    return None


def _labels(root: Path, names: Sequence[str]) -> str | None:
    """Files that may hold the labels, and why they are not read."""
    for suffixes in (TABLES, SPREADSHEETS, LISTS):
        found = [name for name in _may_hold_labels(names) if name.lower().endswith(suffixes)]
        if found:
            return f"{root}: no labels were found: {found[0]} {_why(root / found[0], suffixes)}"
    return None


def _why(path: Path, suffixes: Sequence[str]) -> str:
    if suffixes == SPREADSHEETS:
        return "is not read. Save it as 'CSV UTF-8'."
    if suffixes == LISTS:
        return f"is of no format that is read. {BESIDE}."
    if names_images(path):
        return "is not looked for there. Move it into the folder of the data."
    return "has no column of images. Name the column of the files 'image', and that of the classes 'labels'."
