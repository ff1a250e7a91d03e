"""Data sets out of Python: images and tags, tables of pandas and Polars, data of torchvision and Hugging Face."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from patchlearn.core.errors import PatchlearnError, require_one_of
from patchlearn.core.types import Dataset
from patchlearn.data.formats.exports import split_name
from patchlearn.data.formats.huggingface.columns import LABEL_NAMES
from patchlearn.data.formats.huggingface.rows import Rows
from patchlearn.data.formats.records import TRAIN, dataset_of
from patchlearn.data.objects.collected import KIND, Item, dataset_from, require_classes
from patchlearn.data.objects.other_libraries import (
    cell_tags,
    column_values,
    huggingface_columns,
    huggingface_rows,
    is_frame,
    is_missing,
    named_columns,
    parse_strings,
    path_below,
    torchvision_classes,
    torchvision_items,
    whole,
)
from patchlearn.data.open import open_dataset
from patchlearn.data.settings import AUTO, SEPARATORS
from patchlearn.data.stored_images import StoredImages

Folder = Path | str
IMAGE_COLUMNS = ("image", "path", "file", "filename", "file_name", "image_path")


def collect(
    images: Sequence[Any],
    tags: Sequence[Any],
    work: Folder | None = None,
    *,
    classes: Sequence[str] | None = None,
    split: Sequence[str] | str | None = None,
) -> Dataset:
    """The data set of images that are in memory, or of paths.

    Args:
        images: paths, which stay where they are; PIL images or arrays of H×W or H×W×3 uint8 values, which are written
            into `work` as PNG, without loss.
        tags: of each image: a list of names of classes, or one name; `?dog` says that nobody judged the class dog.
            None: nobody judged the image, which is not used. An empty list: it has none of the classes.
        work: a folder for pixels that are in no file. Equal pixels are not written again; others are refused.
        classes: their names in order; None for the tags that occur, in natural order.
        split: of every image, or a list of one for each; None for "train".

    Raises:
        PatchlearnError: the lengths differ, an image or a tag has a wrong type, a file is missing, or `work` holds
            other images.

    >>> import numpy as np
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as work:
    ...     data = collect([np.zeros((4, 5, 3), np.uint8)] * 2, [["cat", "dog"], ["?dog"]], work)
    >>> data.classes, [(sample.id, sample.labels, sample.unknown) for sample in data.split("train")]
    (('cat', 'dog'), [('000000', (0, 1), ()), ('000001', (), (1,))])
    """
    count = _length("images", images)
    if _length("tags", tags) != count:
        raise PatchlearnError(f"tags: {len(tags)} for {count} images. Pass one list of tags for each image.")
    splits = _splits(split, count)
    items = (
        Item(image=image, tags=each, split=name, place=f"images[{number}]")
        for number, (image, each, name) in enumerate(zip(images, tags, splits))
    )
    folder = _folder(work)
    return dataset_from(items, folder, folder or Path(), classes)


def from_frame(
    frame: Any,
    work: Folder | None = None,
    root: Folder | None = None,
    *,
    classes: Sequence[str] | None = None,
    separator: str = AUTO,
) -> Dataset:
    """The data set of a pandas or Polars table.

    Args:
        frame: a row for each image. The column `image`, `path`, `file` or `filename` holds what `collect` takes; the
            column `label`, `labels`, `tags`, … lists of names, or strings of one or more; `split`, if there is one, the
            split. A missing label: nobody judged the image.
        work: a folder for pixels that are in no file.
        root: the folder below which the paths are; None for the current folder.
        classes: their names in order; None for the labels that occur, in natural order.
        separator: of the labels in a string: "auto", "space", "comma", "semicolon" or "pipe".

    Raises:
        PatchlearnError: a column is missing, it is not clear what separates labels, or a path leads out of `root`;
            and what `collect` raises.
    """
    if not is_frame(frame):
        raise PatchlearnError(
            f"frame: {type(frame).__name__} is no table. Pass a pandas or Polars DataFrame (of a LazyFrame: "
            "frame.collect())."
        )
    require_one_of("separator", separator, [*SEPARATORS, AUTO])
    images = column_values(frame, IMAGE_COLUMNS, "images")
    tags = cell_tags(column_values(frame, LABEL_NAMES, "labels"), classes, separator)
    splits = column_values(frame, ("split",), "splits") if named_columns(frame, ("split",)) else [TRAIN] * len(images)
    base = _folder(root)
    items = [
        Item(
            image=path_below(base, image, f"row {row}"), tags=each, split=_split(name, f"row {row}"), place=f"row {row}"
        )
        for row, (image, each, name) in enumerate(zip(images, tags, splits))
    ]
    return dataset_from(items, _folder(work), base or _folder(work) or Path(), classes)


def from_torchvision(dataset: Any, work: Folder | None = None, *, split: str = TRAIN) -> Dataset:
    """The data set of a classification data set of torchvision.

    Args:
        dataset: has `classes`, and either `samples` of (path, index), as ImageFolder has, whose files stay where they
            are; or items of (PIL image, index). Or a dict of split → such a data set. Subsets of them are read as well.
        work: a folder for images that are no files.
        split: of the images, where `dataset` is no dict.

    Raises:
        PatchlearnError: the data set has no classes, the data sets of a dict have not the same, or an item is not
            (image, index); and what `collect` raises.
    """
    parts = dict(dataset) if isinstance(dataset, Mapping) else {split: dataset}
    names = {name: torchvision_classes(part) for name, part in parts.items()}
    classes = next(iter(names.values()), ())
    for name, others in names.items():
        if others != classes:
            raise PatchlearnError(f"{name}: has other classes than {next(iter(names))}. Use the same classes in all.")
    items = (item for name, part in parts.items() for item in torchvision_items(part, classes, _split(name, "split")))
    folder = _folder(work)
    return dataset_from(items, folder, folder or Path(), classes)


def from_huggingface(
    dataset: Any,
    work: Folder | None = None,
    *,
    labels: str | None = None,
    classes: Sequence[str] | None = None,
    separator: str = AUTO,
) -> Dataset:
    """The data set of a `datasets.Dataset` or `DatasetDict`, also of iterable ones.

    Args:
        dataset: has a column of images, and one of a ClassLabel, of a list of them, of strings or of lists of strings.
        work: a folder for images that are no files; their bytes are written as they are.
        labels: the column of the labels, where several could be meant.
        classes: names in order, of labels that are strings; a ClassLabel has its own.
        separator: of the labels in a string: "auto", "space", "comma", "semicolon" or "pipe".

    Raises:
        PatchlearnError: a column is missing or could be several, a label is no class, or `work` holds other images.
    """
    require_one_of("separator", separator, [*SEPARATORS, AUTO])
    parts = dict(dataset) if isinstance(dataset, Mapping) else {_split(dataset.split or TRAIN, "split"): dataset}
    columns = [huggingface_columns(part, labels, name) for name, part in parts.items()]
    if any(each != columns[0] for each in columns):
        raise PatchlearnError(f"{', '.join(parts)}: the splits have other columns or classes. Cast them to the same.")
    if classes and columns[0].classes:
        raise PatchlearnError(f"classes: the column {columns[0].labels!r} has its own classes. Leave classes out.")
    folder = _folder(work)
    stored = StoredImages(folder, KIND, replaces=False)
    rows = Rows(stored, columns[0], locate=lambda path, place: Path(path))
    for name, part in parts.items():
        for row in huggingface_rows(part, columns[0]):
            rows.add(row, _split(name, "split"), "dataset")
    stored.finish()
    records = rows.records(classes, separator, parse_strings)
    for record in records:
        require_classes([*record.labels, *record.unknown], classes, record.place)
    names = columns[0].classes or classes
    return dataset_of(folder or Path(), records, source="dataset", classes=names, notes=rows.notes("dataset"))


def as_dataset(data: Any, tags: Sequence[Any] | None = None, work: Folder | None = None) -> Dataset:
    """The data set of whatever holds images and tags.

    Args:
        data: a `Dataset`, a folder, a pandas or Polars table, data of Hugging Face or torchvision; or, with `tags`,
            a sequence of images.
        tags: of each image, see `collect`.
        work: a folder for images that are no files.

    Raises:
        PatchlearnError: it is none of these; and what the function for it raises.
    """
    if tags is not None:
        return collect(data, tags, work)
    if isinstance(data, Dataset):
        return data
    if isinstance(data, str | os.PathLike):
        return open_dataset(AUTO, Path(data).expanduser(), work=_folder(work))
    return _reader_of(data)(data, work)


def _reader_of(data: Any) -> Callable[[Any, Folder | None], Dataset]:
    some = next(iter(data.values()), None) if isinstance(data, Mapping) else data
    if hasattr(some, "features") and hasattr(some, "column_names"):
        return from_huggingface
    if is_frame(data):
        return from_frame
    if hasattr(whole(some), "classes") and hasattr(some, "__getitem__"):
        return from_torchvision
    raise PatchlearnError(
        f"data: {type(data).__name__} is no data set. Pass a folder, a DataFrame, data of Hugging Face or torchvision, "
        "or images with tags=[…]."
    )


def _folder(path: Folder | None) -> Path | None:
    return None if path is None else Path(path).expanduser()


def _length(name: str, values: Any) -> int:
    if isinstance(values, str | bytes | os.PathLike | Mapping) or not hasattr(values, "__len__"):
        raise PatchlearnError(f"{name}: {type(values).__name__} is no list. Pass a list with one entry for each image.")
    return len(values)


def _splits(split: Sequence[str] | str | None, count: int) -> list[str]:
    if split is None or isinstance(split, str):
        return [_split(split or TRAIN, "split")] * count
    if _length("split", split) != count:
        raise PatchlearnError(f"split: {len(split)} names for {count} images. Pass one for each image, or one for all.")
    return [_split(name, f"split[{number}]") for number, name in enumerate(split)]


def _split(name: Any, place: str) -> str:
    if is_missing(name) or not str(name).strip():
        raise PatchlearnError(f"{place}: no name of a split. Write train or val.")
    return split_name(str(name), place)
