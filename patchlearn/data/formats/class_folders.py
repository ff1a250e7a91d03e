"""One sub-folder of images for each class: `cat/1.jpg`, `train/cat/1.jpg`, and with classes.txt `cat/black/1.jpg`."""

import os
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from pathlib import Path, PurePath

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.manifest import file_digest
from patchlearn.core.types import Dataset
from patchlearn.data.classes_table import ClassesTable, read_classes
from patchlearn.data.formats.exports import refuse_labels
from patchlearn.data.formats.records import SPLITS, TRAIN, MaskCoding, Record, dataset_of
from patchlearn.data.image_files import ImageFiles, about_masks, masks_by_id
from patchlearn.data.labels import natural_order, normal_form
from patchlearn.data.names import counted, left_out
from patchlearn.data.settings import DataSettings


def recognise(root: Path) -> str | None:
    """The sub-folders, if there are at least two of them: one alone may be any folder of photographs."""
    images = ImageFiles(root)
    is_nested = any(len(split_and_folders(name)[1]) > 1 for name in images.names)  # else the list is of no use
    records, _ = _found(images, read_classes(root) if is_nested else None, DataSettings().negatives)
    folders = natural_order({name for record in records for name in record.labels})
    if len(folders) < 2:
        return None
    shown = ", ".join(folders[:3]) + (", …" if len(folders) > 3 else "")
    return f"images in {len(folders)} sub-folders, whose names are the labels: {shown}"


def read(root: Path, settings: DataSettings, work: Path | None) -> Dataset:
    """Read the folders; the name of a folder is the label of its images.

    - The folders above the classes may be splits: `train`, `val`, `test`.
    - Where a list names the classes, folders may lie above and below those of the classes.
    - Images in a folder of `settings.negatives` (`good`, `ok`, …) have none of the classes, as in MVTec's data.
    - The same image in two folders, by a link or by a copy of equal content, is one image with two labels.

    Raises:
        PatchlearnError: there is no sub-folder with images.
    """
    refuse_labels(settings, "the folders")
    images, known = ImageFiles(root), read_classes(root)
    found, loose = _found(images, known, settings.negatives)
    if not found:
        raise PatchlearnError(f"{images.base}: no sub-folder with images. Make one for each class, such as cat/1.jpg.")
    records, negatives = _with_negatives(found, settings.negatives)
    united, copies = _united(records)
    masks = masks_by_id(root / "masks")
    return dataset_of(
        root,
        [replace(record, mask=masks.get(normal_form(record.id))) for record in united],
        source=images.base,
        classes=known.names if known else None,
        masks=MaskCoding(values=known.values, colours=known.colours) if known else None,
        notes=[
            *_about_negatives(negatives, images.base),
            *left_out(loose, _why_loose(loose), images.base),
            *left_out(copies, "the same image as in another folder; it has both labels", images.base),
            *about_masks(root, masks, [record.id for record in united]),
        ],
    )


def _found(images: ImageFiles, known: ClassesTable | None, negatives: Sequence[str]) -> tuple[list[Record], list[str]]:
    """(a record for each image in the folder of a class, the other images)."""
    listed = {name.casefold() for name in (*known.names, *negatives)} if known else set()
    records, loose = [], []
    for name in images.names:
        split, folders = split_and_folders(name)
        label = _of_class(folders, listed)
        if label is None:
            loose.append(name)
            continue
        path = Path(f"{images.base}/{name}")
        records.append(Record(image=path, name=name, labels=(label,), split=split, place=str(path.parent)))
    return records, loose


def split_and_folders(name: str) -> tuple[str, list[str]]:
    """(split, the folders below it) of an image.

    >>> split_and_folders("val/cat/1.jpg"), split_and_folders("cat/black/1.jpg")
    (('val', ['cat']), ('train', ['cat', 'black']))
    """
    folders = list(PurePath(name).parts[:-1])
    split = folders.pop(0) if len(folders) > 1 and folders[0].lower() in SPLITS else TRAIN
    return split, folders


def _of_class(folders: Sequence[str], listed: Collection[str]) -> str | None:
    """The folder that names the class: the only one, or the only one of several that is listed."""
    if len(folders) > 1:
        folders = [folder for folder in folders if normal_form(folder).casefold() in listed]
    return folders[0] if len(folders) == 1 and folders[0].lower() not in SPLITS else None


def _why_loose(names: Sequence[str]) -> str:
    why = "in no folder of a class, and not used"
    is_nested = any(len(split_and_folders(name)[1]) > 1 for name in names)
    return f"{why} (classes.txt says which of several folders is the class)" if is_nested else why


def _with_negatives(records: Iterable[Record], names: Sequence[str]) -> tuple[list[Record], Counter[str]]:
    """Records, those in a folder of negatives without a label; how many there are in which folder."""
    wanted, counts, changed = {name.lower() for name in names}, Counter[str](), []
    for record in records:
        folder = record.labels[0]
        if folder.lower() in wanted:
            counts[folder] += 1
            record = replace(record, labels=())
        changed.append(record)
    return changed, counts


def _about_negatives(counts: Counter[str], base: Path) -> list[str]:
    return [
        f"{base}: {counted(count, 'image')} in {folder!r}, taken as without any class. If {folder!r} is a class, add "
        "--data.negatives []"
        for folder, count in counts.items()
    ]


def _united(records: Sequence[Record]) -> tuple[list[Record], list[str]]:
    """Records in which equal content in several folders counts once, with all labels; the names of the copies."""
    firsts: dict[str, int] = {}
    united: list[Record] = []
    copies = []
    for record, content in zip(records, _contents(records), strict=True):
        place = firsts.setdefault(f"{record.split}/{content}", len(united))
        if place == len(united) or record.labels == united[place].labels:  # copies in one folder are two images
            united.append(record)
            continue
        copies.append(record.name)
        united[place] = replace(united[place], labels=(*united[place].labels, *record.labels))
    return united, copies


def _contents(records: Sequence[Record]) -> list[str]:
    """What an image is known by: its path, or the digest of its content where another file has the same size."""
    paths = [os.path.realpath(record.image) for record in records]
    sizes = {path: os.stat(path).st_size for path in set(paths) if os.path.isfile(path)}  # a link may lead nowhere
    counts = Counter(sizes.values())
    return [file_digest(path) if counts[sizes.get(path, -1)] > 1 else path for path in paths]
