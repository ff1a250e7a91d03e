"""Images and a table: labels.csv, or another CSV, TSV or JSONL file, with the labels of each image."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import Dataset
from patchlearn.data.boxes import listed_categories
from patchlearn.data.classes_table import ClassesTable, read_classes
from patchlearn.data.formats.records import SPLITS, TRAIN, MaskCoding, Record, dataset_of
from patchlearn.data.image_files import ImageFiles, about_masks, masks_by_id
from patchlearn.data.images import SUFFIXES
from patchlearn.data.label_cells import Cell, Labels, parse_cells
from patchlearn.data.labels import normal_form
from patchlearn.data.names import counted, left_out, shortened
from patchlearn.data.settings import DataSettings
from patchlearn.data.tables import SUFFIXES as TABLES
from patchlearn.data.tables import Row, Table, find_column, first_rows, is_json, read_table

USUAL = "labels"  # the stem of the table where there are several
NO_LABELS = ("classes.csv", "points.csv")  # tables of something else
IMAGE_COLUMNS = (
    "image", "images", "file", "filename", "file_name", "filepath", "file_path", "path", "image_path", "image_name",
    "img", "image_id", "name", "id",
)  # fmt: skip
LABEL_COLUMNS = ("labels", "label", "tags", "tag", "classes", "class", "categories", "category")
OBJECT_COLUMNS = ("objects", "annotations")  # as JSON: boxes, and their classes
SPLIT_COLUMNS = ("split", "subset", "partition", "set")
YES = ("1", "1.0", "true", "yes")
NO = ("0", "0.0", "false", "no")
UNJUDGED = ("", "-1", "-1.0", "nan")  # -1 as in CheXpert: uncertain
OF_FOLDERS = ("metadata", "_classes")  # tables of Hugging Face and Roboflow, in the folder of their images
NO_HEADER = ("image", "labels")
PLACES = ("", "images", "annotations")  # folders in which tables are looked for
OF_SPLIT = "metadata"  # the stem of a table in the folder of a split, whatever its name


def recognise(root: Path) -> str | None:
    """The table, if there is one."""
    found = _tables(root)
    return f"images and the table {' and '.join(os.path.relpath(path, root) for path in found)}" if found else None


def read(root: Path, settings: DataSettings, work: Path | None) -> Dataset:
    """Read the table, and find the images and masks that it names.

    - The columns are found by their names: image (or file, path …), labels (or tags, class …), and split, which may be
      missing. In place of labels there may be one column of 0 and 1 for each class; an empty cell says unknown.
    - `classes.csv` or `classes.txt` lists the classes in their order. Without it, the labels in the table are the
      classes, in natural order.
    - `masks/STEM.png` is the mask of `images/STEM.*`: 0 is background, i the i-th class. The mask of `images/a/b.jpg`
      is `masks/a/b.png` or `masks/a__b.png`.
    - `parts/STEM.png` is the part mask of a drawn scene.

    Raises:
        PatchlearnError: a file is missing, a label is unknown, or an image lies outside of the folder.
    """
    tables = [read_image_table(path) for path in _chosen(root, settings)]
    known = read_classes(root)
    images = ImageFiles(root)
    masks, parts = masks_by_id(root / "masks"), masks_by_id(root / "parts")
    records = [
        record
        for table in tables
        for record in _records(table, images, known, settings, split_of_file(table.path, root))
    ]
    records = [_with_masks(record, masks, parts) for record in records]
    return dataset_of(
        root,
        records,
        source=tables[0].path,
        classes=known.names if known else None,
        masks=MaskCoding(values=known.values, colours=known.colours) if known else None,
        notes=[*_notes(root, tables, images, records), *about_masks(root, masks, [record.id for record in records])],
    )


def _tables(root: Path) -> list[Path]:
    """The tables of images: labels.*, or all that have a column of images, in one of `PLACES` or in the splits."""
    for place in PLACES:
        here = _in_folder(root / place)
        found = [path for path in here if path.stem.lower() == USUAL] or [path for path in here if names_images(path)]
        if found:
            return found
    below = sorted(path for suffix in TABLES for path in root.glob(f"*/*{suffix}"))
    splits = [path for path in below if path.stem == OF_SPLIT or path.parent.name.lower() in SPLITS]
    return [path for path in splits if names_images(path)]


def _in_folder(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:  # a folder of images may have very many files
        names = [each.name for each in entries if each.name.lower().endswith(TABLES)]
    return sorted(folder / name for name in names if name not in NO_LABELS and not name.startswith("."))


def names_images(path: Path) -> bool:
    """Whether a table has a column of images."""
    rows = first_rows(path)
    return bool(rows) and (find_column(rows[0], IMAGE_COLUMNS[:-2]) is not None or _is_image(rows[0][0]))


def _is_image(cell: str) -> bool:
    return cell.lower().endswith(SUFFIXES)


def _chosen(root: Path, settings: DataSettings) -> list[Path]:
    if settings.labels:
        return [root / settings.labels]
    found = _tables(root)
    if not found:
        raise PatchlearnError(f"{root / 'labels.csv'}: no such file. Write one with the columns image,labels.")
    if len(found) > 1 and not all(split_of_file(path, root) for path in found):
        names = ", ".join(path.name for path in found)
        likely = min(found, key=lambda path: split_of_file(path, root) is None)
        raise PatchlearnError(
            f"{root}: several tables name images ({names}). Choose one: --data.labels {likely.relative_to(root)}."
        )
    return found


def split_of_file(path: Path, root: Path) -> str | None:
    """The split that a table's name says (`train.csv`), or its folder (`train/metadata.csv`)."""
    is_here = path.parent in [root / place for place in PLACES]
    word = path.stem.lower() if is_here else path.parent.name
    return word if word.lower() in SPLITS or (not is_here and _is_of_folder(path)) else None


def _is_of_folder(path: Path) -> bool:
    """Whether the table names images beside it, as `train/metadata.csv` does."""
    return path.stem.lower() in OF_FOLDERS or path.parent.name.lower() in SPLITS


def read_image_table(path: Path) -> Table:
    """A table of images; one without a header has two columns, of which the first names the images.

    Raises:
        PatchlearnError: what `read_table` raises.
    """
    rows = [] if is_json(path) or not path.is_file() else first_rows(path)
    is_bare = bool(rows) and len(rows[0]) == len(NO_HEADER) and _is_image(rows[0][0])
    return read_table(path, without_header=NO_HEADER if is_bare else None)


def _records(
    table: Table, images: ImageFiles, known: ClassesTable | None, settings: DataSettings, split: str | None
) -> Iterator[Record]:
    named = named_labels(table, known.names if known else None, settings.separator)
    splits = _splits(table, split or TRAIN)
    parent = os.path.relpath(table.path.parent, images.root)
    folder = f"{parent}/" if parent not in (".", *PLACES) and _is_of_folder(table.path) else ""
    for (place, words, found), part in zip(named, splits, strict=True):
        below = words if Path(words).is_absolute() else f"{folder}{words}"
        name = images.find(below, place, anywhere=not folder)
        yield Record(
            image=Path(f"{images.base}/{name}"),
            name=name,
            labels=found.present,
            unknown=found.unknown,
            split=part,
            place=place,
        )


def named_labels(table: Table, classes: Sequence[str] | None, separator: str) -> Iterator[tuple[str, str, Labels]]:
    """(the place of the row, the image as it is written there, its labels) of every row.

    Args:
        table: of images.
        classes: the names, where a list says them.
        separator: see `patchlearn.data.label_cells.parse_cells`.

    Raises:
        PatchlearnError: a column is missing, a row names no image, or it is not clear what separates labels.
    """
    column = find_column(table.columns, IMAGE_COLUMNS)
    if column is None:
        raise PatchlearnError(f"{table.path}: no column 'image'. The first line must be image,labels.")
    labels = _labels(table, classes, separator)
    for row, words, found in zip(table.rows, table.column(column), labels, strict=True):
        if not words:
            raise PatchlearnError(f"{table.place(row)}: names no image. Complete the line.")
        yield table.place(row), words, found


def _splits(table: Table, default: str) -> list[str]:
    column = find_column(table.columns, SPLIT_COLUMNS)
    found = table.column(column) if column else [default] * len(table.rows)
    for row, split in zip(table.rows, found, strict=True):
        if "/" in split or "\\" in split or split in ("", ".", ".."):
            raise PatchlearnError(
                f"{table.place(row)}: {split!r} is not a valid name of a split. Use letters and digits, such as train."
            )
    return found


def _labels(table: Table, classes: Sequence[str] | None, separator: str) -> list[Labels]:
    column, objects = find_column(table.columns, LABEL_COLUMNS), _objects_column(table)
    if column is None and objects is None:
        return _of_columns(table)
    words = table.column(column or objects or "")
    cells = [Cell(text, table.place(row)) for row, text in zip(table.rows, words, strict=True)]
    if column is None:
        cells = [Cell(listed_categories(cell.text, cell.place, classes), cell.place) for cell in cells]
    return parse_cells(cells, classes, separator)


def _objects_column(table: Table) -> str | None:
    """The column of boxes and their classes, as JSON."""
    column = find_column(table.columns, OBJECT_COLUMNS)
    is_json_there = column is not None and any(cell.startswith(("[", "{")) for cell in table.column(column))
    return column if is_json_there else None


def _of_columns(table: Table) -> list[Labels]:
    """One column of 0 and 1 for each class."""
    columns = _class_columns(table)
    if not columns:
        raise PatchlearnError(
            f"{table.path}: no column besides the images. Add the column 'labels' with the classes in each image."
        )
    wrong = [name for name in columns if any(cell.lower() not in (*YES, *NO, *UNJUDGED) for cell in table.column(name))]
    if wrong:
        raise PatchlearnError(
            f"{table.path}: no column 'labels', and the column {wrong[0]!r} holds more than 0 and 1. Name the column "
            "of the labels 'labels', or keep one column of 0 and 1 for each class."
        )
    return [_judged(row, table.columns, columns) for row in table.rows]


def _class_columns(table: Table) -> list[str]:
    """The names of the columns that may be classes; none where a column holds the labels."""
    if find_column(table.columns, LABEL_COLUMNS) is not None or _objects_column(table) is not None:
        return []
    others = {find_column(table.columns, names) for names in (IMAGE_COLUMNS, SPLIT_COLUMNS)}
    return [name for name in table.columns if name not in others and name]


def _judged(row: Row, columns: Sequence[str], classes: Iterable[str]) -> Labels:
    cells = dict(zip(columns, row.cells, strict=True))
    present = tuple(name for name in classes if cells[name].lower() in YES)
    return Labels(present, tuple(name for name in classes if cells[name].lower() in UNJUDGED))


def _with_masks(record: Record, masks: dict[str, Path], parts: dict[str, Path]) -> Record:
    if not masks and not parts:
        return record
    key = normal_form(record.id)
    return replace(record, mask=masks.get(key), parts=parts.get(key))


def _notes(root: Path, tables: Sequence[Table], images: ImageFiles, records: Sequence[Record]) -> list[str]:
    used = {record.name for record in records}
    names = " and ".join(table.path.name for table in tables)
    unlabelled = [name for name in images.names if name not in used]
    tables_and_lists = (*TABLES, ".txt", ".md", ".yaml", ".json", ".html")
    others = [name for name in images.others if not name.lower().endswith(tables_and_lists) and name not in used]
    named = {name for record in records for name in (*record.labels, *record.unknown)}
    bare = {name for table in tables for name in _class_columns(table)} - named
    windows = [f"{table.path}: read as Windows-1252; UTF-8 is safer" for table in tables if table.encoding == "cp1252"]
    return [
        *windows,
        *(
            [f"{names}: no image has the label of {counted(len(bare), 'column')}: {shortened(sorted(bare))}"]
            if bare
            else []
        ),
        *left_out(unlabelled, f"in no line of {names}, and not used", images.base),
        *left_out(others, "not among the kinds of images that are read", images.base),
    ]
