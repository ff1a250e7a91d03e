"""Open Images: images named by their id, and CSV files that confirm or deny classes, or list boxes."""

import csv
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import Dataset
from patchlearn.data.formats.exports import chosen_classes, file_below, joined, visible
from patchlearn.data.formats.records import SPLITS, SYNONYMS, TRAIN, Record, dataset_of
from patchlearn.data.image_files import ImageFiles
from patchlearn.data.labels import natural_order, normal_form
from patchlearn.data.names import counted, left_out, shortened
from patchlearn.data.settings import DataSettings

IMAGE, LABEL, CONFIDENCE, BOX = "ImageID", "LabelName", "Confidence", "XMin"
PARTS = ("", "train", "validation", "test")  # folders that may hold CSV files, or one of these sub-folders:
SUBFOLDERS = ("", "annotations", "labels", "metadata", "csv")
BEGINNING = 4096  # characters in which the header ends
ABSENT, PRESENT, UNCLEAR = 1, 2, 3  # UNCLEAR: both are said

Judged = dict[str, int]  # name of a class → ABSENT, PRESENT or UNCLEAR


@dataclass
class _Reading:
    """What the CSV files say about the images in the folder.

    Args:
        images: names of the files with an id.
        names: of the classes, by the codes in the files (`/m/01yrx`).
        judged: by (split, name of the file).
        places: of the first line about it, for messages.
        boxed: splits of which there are only boxes.
        elsewhere: lines about images that are not in the folder.
    """

    images: Mapping[str, Sequence[str]]
    names: Mapping[str, str]
    judged: dict[tuple[str, str], Judged] = field(default_factory=dict)
    places: dict[tuple[str, str], str] = field(default_factory=dict)
    boxed: set[str] = field(default_factory=set)
    elsewhere: int = 0


def recognise(root: Path) -> str | None:
    """The CSV files, if there are some."""
    labels, boxes = _tables(root)
    found = labels or boxes
    names = ", ".join(str(path.relative_to(root)) for path in found[:3])
    return f"the Open Images {'labels' if labels else 'boxes'} {names}" if found else None


def read(root: Path, settings: DataSettings, work: Path | None) -> Dataset:
    """Read the labels that people confirmed (Confidence 1) or denied (0); the other classes of an image are unknown.

    - The images have the names of their ids, anywhere below the folder. Images without any line are not used.
    - The split is in the name of the CSV file, or in that of a folder.
    - `class-descriptions*.csv` translates the codes of the classes. `classes.txt` names the classes to keep.
    - Where there are boxes only, each is a label, and the classes without a box are absent.

    Raises:
        PatchlearnError: there is no such CSV file, a line is damaged, or no image of it is in the folder.
    """
    tables, notes = _chosen(root, settings)
    files = ImageFiles(root, root)
    reading = _Reading(_by_id(files.names), _descriptions(root))
    for path in tables:
        _read_table(path, root, reading)
    if not reading.judged:
        raise PatchlearnError(
            f"{tables[0]}: no image of this file is below {root}. Name each image by its "
            "ImageID, such as 000a1249af2bc5f0.jpg."
        )
    known, never = _known_classes(reading.judged.values())
    classes, about_classes = chosen_classes(root, known, tables[0])
    return dataset_of(
        root,
        _records(root, reading, classes),
        source=tables[0],
        classes=classes,
        notes=[
            *notes,
            *about_classes,
            *_about_labels(reading, never, tables),
            *_left_out(reading, files, tables),
        ],
    )


def _tables(root: Path) -> tuple[list[Path], list[Path]]:
    """(CSV files of labels, CSV files of boxes)."""
    headers = {path: _header(path) for path in _csv_files(root)}
    wanted = {path: columns for path, columns in headers.items() if {IMAGE, LABEL} <= set(columns)}
    labels = [path for path, columns in wanted.items() if CONFIDENCE in columns and BOX not in columns]
    return labels, [path for path, columns in wanted.items() if BOX in columns]


def _csv_files(root: Path) -> list[Path]:
    folders = [root / part / name for part in PARTS for name in SUBFOLDERS]
    return [path for folder in folders for path in visible(folder, "*.csv")]


def _header(path: Path) -> list[str]:
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        return [cell.strip() for cell in file.readline(BEGINNING).split(",")]


def _chosen(root: Path, settings: DataSettings) -> tuple[list[Path], list[str]]:
    """(the CSV files to read, notes about the others): boxes are read for the splits without a file of labels."""
    if settings.labels is not None:
        return [file_below(root, settings.labels)], []
    labels, boxes = _tables(root)
    if not labels and not boxes:
        raise PatchlearnError(
            f"{root}: no CSV file with the columns {IMAGE}, {LABEL}, {CONFIDENCE}. Put the file "
            "train-annotations-human-imagelabels.csv beside the images, or name yours: --data.labels FILE."
        )
    human = [path for path in labels if "machine" not in path.name] or labels
    splits = {_split_of(str(path.relative_to(root))) for path in human}
    chosen = [*human, *(path for path in boxes if _split_of(str(path.relative_to(root))) not in splits)]
    others = [path.name for path in (*labels, *boxes) if path not in chosen]
    return chosen, left_out(others, f"not used, because there is {joined(human)}", root)


def _by_id(names: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(os.path.splitext(os.path.split(name)[1])[0], []).append(name)
    return found


def _descriptions(root: Path) -> dict[str, str]:
    """The names of the classes by their codes; none without a file of descriptions."""
    is_wanted = re.compile(r"class-descriptions|^classes\.csv$")
    found: dict[str, str] = {}
    for path in _csv_files(root):
        if is_wanted.search(path.name):
            found.update(_two_columns(path))
    return found


def _two_columns(path: Path) -> Iterator[tuple[str, str]]:
    for line, cells in _lines(path):
        if len(cells) != 2 or not all(cells):
            raise PatchlearnError(f"{path}, line {line}: expected a code and a name. Correct the line.")
        yield cells[0], normal_form(cells[1].strip())


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """(number of the line, its cells); empty lines are skipped."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file)
        try:
            for cells in reader:
                if cells:
                    yield reader.line_num, cells
        except (csv.Error, UnicodeDecodeError) as error:
            place = f"{path}, line {reader.line_num + 1}"
            raise PatchlearnError(f"{place}: not CSV in UTF-8 ({error}). Download the file again.") from None


def _read_table(path: Path, root: Path, reading: _Reading) -> None:
    """Add what a file says to `reading`."""
    lines = _lines(path)
    header = [cell.strip() for cell in next(lines, (0, []))[1]]
    is_boxes = BOX in header
    image, label, confidence = (_column(path, header, name, is_boxes) for name in (IMAGE, LABEL, CONFIDENCE))
    split, last = _split_of(str(path.relative_to(root))), max(image, label, confidence)
    for line, cells in lines:
        if len(cells) <= last:
            raise PatchlearnError(
                f"{path}, line {line}: {len(cells)} cells, but {last + 1} are needed. Complete the line."
            )
        if cells[image] not in reading.images:
            reading.elsewhere += 1
            continue
        said = PRESENT if is_boxes else _said(cells[confidence], f"{path}, line {line}")
        name = _file(cells[image], split, reading, path, line)
        key = (split or _split_of(os.path.split(name)[0]) or TRAIN, name)
        if is_boxes:
            reading.boxed.add(key[0])
        reading.places.setdefault(key, f"{path}, line {line}")
        judged = reading.judged.setdefault(key, {})
        wanted = reading.names.get(cells[label], cells[label])
        judged[wanted] = judged.get(wanted, 0) | said


def _column(path: Path, header: Sequence[str], name: str, is_boxes: bool) -> int:
    if is_boxes and name == CONFIDENCE:
        return 0
    if name not in header:
        raise PatchlearnError(
            f"{path}: no column {name!r}. The first line must have {IMAGE}, {LABEL} and {CONFIDENCE}."
        )
    return header.index(name)


def _said(confidence: str, place: str) -> int:
    try:
        return {1.0: PRESENT, 0.0: ABSENT}[float(confidence)]
    except (ValueError, KeyError):
        raise PatchlearnError(
            f"{place}: {CONFIDENCE} is {confidence!r}, and only 1 and 0 say what people saw. Use the file "
            "human-imagelabels in place of labels by machines."
        ) from None


def _split_of(path: str) -> str | None:
    """The first word of a file name, or else of its folders, that names a split."""
    parts = path.replace("\\", "/").split("/")[::-1]
    words = [word for part in parts for word in re.findall(r"[a-z]+", part.lower())]
    return next((SYNONYMS.get(word, word) for word in words if word in SPLITS), None)


def _file(image: str, split: str | None, reading: _Reading, path: Path, line: int) -> str:
    """The file with this id; of several, the one in the folder of the split."""
    names = reading.images[image]
    found = (
        names if len(names) == 1 else [name for name in names if split and _split_of(os.path.split(name)[0]) == split]
    )
    if len(found) != 1:
        raise PatchlearnError(f"{path}, line {line}: {image!r} may be {' or '.join(names)}. Keep one of these files.")
    return found[0]


def _known_classes(judged: Iterable[Judged]) -> tuple[list[str], list[str]]:
    """(classes that an image has, those that no image has)."""
    judged = list(judged)
    present = {name for each in judged for name, said in each.items() if said == PRESENT}
    return natural_order(present), natural_order({name for each in judged for name in each} - present)


def _records(root: Path, reading: _Reading, classes: Sequence[str]) -> list[Record]:
    """Where there are boxes only, a class without a box is absent; else a class that no line judges is unknown."""
    silence = {split: ABSENT if split in reading.boxed else UNCLEAR for split, _ in reading.judged}
    return [
        Record(
            image=root / name,
            name=os.path.split(name)[1],
            labels=tuple(each for each in classes if said.get(each) == PRESENT),
            unknown=tuple(each for each in classes if said.get(each, silence[split]) == UNCLEAR),
            split=split,
            place=reading.places[split, name],
        )
        for (split, name), said in reading.judged.items()
    ]


def _about_labels(reading: _Reading, never: Sequence[str], tables: Sequence[Path]) -> Iterator[str]:
    if reading.boxed:
        splits = " and ".join(sorted(reading.boxed))
        yield f"{joined(tables)}: only boxes of {splits}; each is taken as a label, and classes without a box as absent"
    if never:
        names = shortened(sorted(never))
        yield f"{joined(tables)}: {counted(len(never), 'label')} that no image has, and not used: {names}"
    unclear = sum(UNCLEAR in said.values() for said in reading.judged.values())
    if unclear:
        yield f"{joined(tables)}: {counted(unclear, 'image')} with classes both confirmed and denied; unknown there"


def _left_out(reading: _Reading, files: ImageFiles, tables: Sequence[Path]) -> Iterator[str]:
    used = {name for _, name in reading.judged}
    rest = [name for name in files.names if name not in used]
    yield from left_out(rest, f"in no line of {joined(tables)}, and not used", files.base)
    if reading.elsewhere:
        yield f"{joined(tables)}: {counted(reading.elsewhere, 'line')} about images that are not in {files.base}"
