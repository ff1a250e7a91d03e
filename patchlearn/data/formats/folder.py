"""The folder layout: images/, labels.csv, and optionally classes.txt and masks/."""

import os
from pathlib import Path, PurePath

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import Dataset, Sample
from patchlearn.data.labels import LabelRow, class_indices, read_class_names, read_label_rows, within_limits


def open_folder(root: Path) -> Dataset:
    """Read `labels.csv` (image, split, labels) and find the images and masks that it names.

    - `classes.txt` lists the classes in their order. Without it, the classes are the labels of the CSV, sorted.
    - `masks/STEM.png` is the mask of `images/STEM.*`: 0 is background, i the i-th class. The mask of `images/a/b.jpg`
      is `masks/a/b.png` or `masks/a__b.png`.
    - `parts/STEM.png` is the part mask of a drawn scene.

    Raises:
        PatchlearnError: a file is missing, a label is unknown, or an image lies outside of the folder.
    """
    table = root / "labels.csv"
    rows = read_label_rows(table)
    classes = _class_names(root, rows)
    splits: dict[str, list[Sample]] = {}
    for row in rows:
        splits.setdefault(row.split, []).append(_sample(root, row, class_indices(row, classes, table)))
    _refuse_equal_ids(table, rows)
    return Dataset(
        root=root,
        classes=classes,
        splits={name: tuple(samples) for name, samples in splits.items()},
        mask_values=tuple(range(1, len(classes) + 1)),
        masks_are_closed=True,
    )


def _class_names(root: Path, rows: list[LabelRow]) -> tuple[str, ...]:
    path = root / "classes.txt"
    if path.exists():
        return read_class_names(path)
    for row in rows:
        _refuse_other_separators(root, row)
    names = tuple(sorted({label for row in rows for label in row.labels}))
    if not names:
        raise PatchlearnError(f"{root / 'labels.csv'}: no image has a label. Fill the column 'labels'.")
    return within_limits(names, root / "labels.csv")


def _refuse_other_separators(root: Path, row: LabelRow) -> None:
    """Without classes.txt, the labels "cat, dog" would become the classes "cat," and "dog"."""
    for label in row.labels:
        if "," in label or ";" in label:
            raise PatchlearnError(
                f"{root / 'labels.csv'}, line {row.line}: the label {label!r} contains a comma or semicolon. Separate "
                "labels by spaces. If this is the name of a class, list the classes in classes.txt."
            )


def _sample(root: Path, row: LabelRow, labels: tuple[int, ...]) -> Sample:
    images, parts = root / "images", PurePath(row.image).parts
    if ".." in parts or PurePath(row.image).is_absolute():
        raise PatchlearnError(
            f"{root / 'labels.csv'}, line {row.line}: {row.image!r} is outside of {images}. Write a path below it."
        )
    image = images / row.image
    if not os.path.isfile(image):
        raise PatchlearnError(f"{root / 'labels.csv'}, line {row.line}: {image} does not exist. Correct the name.")
    mask, part_mask = (_png_of(row, f"{root}/{name}") for name in ("masks", "parts"))
    return Sample(id=_id(row), image=image, labels=labels, mask=mask, parts=part_mask)


def _png_of(row: LabelRow, folder: str) -> Path | None:
    """The PNG of the image `a/b.jpg`: `a__b.png` or `a/b.png`."""
    # Strings: with hundreds of thousands of images, path objects would take most of the time.
    paths = (f"{folder}/{_id(row)}.png", f"{folder}/{os.path.splitext(row.image)[0]}.png")
    return next((Path(path) for path in paths if os.path.isfile(path)), None)


def _id(row: LabelRow) -> str:
    """The image `a/b.jpg` has the id `a__b`, because steps write their files into one flat folder."""
    return os.path.splitext(os.path.normpath(row.image))[0].replace(os.sep, "__")


def _refuse_equal_ids(table: Path, rows: list[LabelRow]) -> None:
    seen: dict[str, LabelRow] = {}
    for row in rows:
        twin = seen.setdefault(_id(row), row)
        if twin is not row:
            raise PatchlearnError(
                f"{table}, line {row.line}: {row.image!r} and {twin.image!r} (line {twin.line}) both have the id "
                f"{_id(row)!r}, which names masks and score maps. Rename one of the images."
            )
