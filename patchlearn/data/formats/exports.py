"""What the readers of other tools' exports share: which file, which classes, which split."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path, PurePath

from patchlearn.core.errors import PatchlearnError, did_you_mean
from patchlearn.core.types import MAX_CLASSES
from patchlearn.data.classes_table import NO_CLASS, read_classes
from patchlearn.data.formats.records import SPLITS, TRAIN, Record
from patchlearn.data.labels import natural_order, normal_form
from patchlearn.data.names import counted, left_out, shortened
from patchlearn.data.settings import DataSettings

UNNAMED = ("", "default")  # how CVAT calls a subset that has no name


def export_file(root: Path, found: Sequence[Path], settings: DataSettings, kind: str) -> Path:
    """The one export in a folder, or the one that `settings.labels` names.

    Args:
        root: the folder of the data.
        found: the files that may be meant.
        settings: of the data.
        kind: what is looked for, such as "CVAT file (XML)".

    Raises:
        PatchlearnError: there is none, or there are several.
    """
    if settings.labels is not None:
        return file_below(root, settings.labels)
    if not found:
        raise PatchlearnError(f"{root}: no {kind}. Put it beside the images, or name it: --data.labels FILE.")
    names = [str(path.relative_to(root)) for path in found]
    if len(names) > 1:
        raise PatchlearnError(
            f"{root}: more than one {kind}: {', '.join(names)}. Choose one: --data.labels {names[0]}."
        )
    return found[0]


def file_below(root: Path, name: str) -> Path:
    """The file that `data.labels` names.

    Raises:
        PatchlearnError: it is missing, or lies outside of the folder.
    """
    if ".." in PurePath(name).parts or PurePath(name).is_absolute():
        raise PatchlearnError(f"data.labels: {name!r} is outside of {root}. Write a path below it.")
    path = root / name
    if not path.is_file():
        raise PatchlearnError(f"{path}: no such file. Correct --data.labels, which is a path below the data folder.")
    return path


def refuse_labels(settings: DataSettings, source: str) -> None:
    """Raise `PatchlearnError` if `data.labels` names a file, where something else says the labels.

    Args:
        settings: of the data.
        source: what says them, such as "the XML files".
    """
    if settings.labels is not None:
        raise PatchlearnError(
            f"data.labels: {settings.labels!r} is not read, because {source} say the labels. Leave it out, or add "
            "--format folder to read it as a table."
        )


def chosen_classes(root: Path, known: Iterable[str], source: Path) -> tuple[tuple[str, ...], list[str]]:
    """(the classes to use, notes): those of `classes.txt` in its order, or without this file all that are known.

    A label "background" is no class.

    Args:
        root: the folder of the data.
        known: the classes of the export, in order.
        source: what lists them, for messages.

    Raises:
        PatchlearnError: classes.txt has another class, or there are more classes than a mask can hold.
    """
    given = tuple(dict.fromkeys(normal_form(name) for name in known))
    names, listed = tuple(name for name in given if name.lower() != NO_CLASS), read_classes(root)
    notes = [f"{source}: the label 'background' is no class, and not used"] if names != given else []
    if listed is None:
        _refuse_too_many(names, root, source)
        return names, notes
    kept = tuple(normal_form(name) for name in listed.names)
    for name in kept:
        if name not in names:
            raise PatchlearnError(
                f"{listed.path}: no label {name!r} in {source}{did_you_mean(name, names)} Correct the name, or "
                "remove it."
            )
    rest = set(names) - set(kept)
    about_rest = f"{listed.path}: {counted(len(rest), 'label')} of {source.name} not in this list, and not used"
    return kept, [*notes, f"{about_rest}: {shortened(natural_order(rest))}"] if rest else notes


def _refuse_too_many(names: Sequence[str], root: Path, source: Path) -> None:
    if len(names) > MAX_CLASSES:
        raise PatchlearnError(
            f"{source}: {len(names)} classes, but a mask holds at most {MAX_CLASSES}. Write the names of those to keep "
            f"into {root / 'classes.txt'}, one a line."
        )


def restricted(records: Iterable[Record], classes: Sequence[str]) -> list[Record]:
    """The records without the labels that are not among the classes."""
    wanted = set(classes)
    return [replace(each, labels=_in(wanted, each.labels), unknown=_in(wanted, each.unknown)) for each in records]


def split_name(word: str, place: str) -> str:
    """The split of this name: "Train" is `train`, and so is no name.

    Raises:
        PatchlearnError: a folder cannot have this name.
    """
    word = word.strip()
    if word in (".", "..") or "/" in word or "\\" in word:
        raise PatchlearnError(f"{place}: {word!r} is not a valid name of a split. Use letters and digits.")
    plain = word.lower()
    return TRAIN if plain in UNNAMED else plain if plain in SPLITS else word


def visible(folder: Path, pattern: str) -> list[Path]:
    """The files of a folder that fit a pattern, sorted; macOS writes `._a.xml` beside `a.xml`."""
    return sorted(path for path in folder.glob(pattern) if not path.name.startswith(".") and path.is_file())


def unused(names: Iterable[str], used: Iterable[str], sources: Iterable[Path], folder: Path) -> list[str]:
    """A note about the images that no export names."""
    without = set(used)
    return left_out([name for name in names if name not in without], f"not in {joined(sources)}, and not used", folder)


def joined(paths: Iterable[Path]) -> str:
    """The names of files, for a message."""
    return " and ".join(path.name for path in paths)


def _in(wanted: set[str], names: Iterable[str]) -> tuple[str, ...]:
    return tuple(name for name in names if normal_form(name) in wanted)
