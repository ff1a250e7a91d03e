"""A folder of your own: images/, labels.csv, and optionally classes.txt and masks/."""

from pathlib import Path

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import Dataset, Sample
from patchlearn.data.labels import LabelRow, class_indices, read_class_names, read_label_rows, within_limits


def open_folder(root: Path) -> Dataset:
    """Read `FOLDER/labels.csv` (image, split, labels) and what stands beside it.

    `classes.txt` fixes the classes and their order; without it they are the labels of the CSV, sorted.
    `masks/STEM.png` holds 0 for background and i for the i-th class; of `images/a/b.jpg` it is `masks/a/b.png` or
    `masks/a__b.png`. `parts/STEM.png` belongs to `scenes`.

    Raises:
        PatchlearnError: a file is missing, a label is unknown, or an image lies outside the folder.
    """
    table = root / "labels.csv"
    rows = read_label_rows(table)
    classes = _class_names(root, rows)
    splits: dict[str, list[Sample]] = {}
    for row in rows:
        splits.setdefault(row.split, []).append(_sample(root, row, class_indices(row, classes, table)))
    _refuse_equal_stems(table, rows)
    return Dataset(
        root=root,
        classes=classes,
        splits={name: tuple(samples) for name, samples in splits.items()},
        mask_values=tuple(range(1, len(classes) + 1)),
        masks_are_closed=True,
    )


def _class_names(root: Path, rows: list[LabelRow]) -> tuple[str, ...]:
    listed = root / "classes.txt"
    if listed.exists():
        return read_class_names(listed)
    for row in rows:
        _refuse_other_separators(root, row)
    names = tuple(sorted({label for row in rows for label in row.labels}))
    if not names:
        raise PatchlearnError(f"{root / 'labels.csv'}: not a single label. Fill the column 'labels'.")
    return within_limits(names, root / "labels.csv")


def _refuse_other_separators(root: Path, row: LabelRow) -> None:
    """Without a list of the classes, "cat, dog" would be the classes "cat," and "dog"."""
    for label in row.labels:
        if "," in label or ";" in label:
            raise PatchlearnError(
                f"{root / 'labels.csv'}, line {row.line}: label {label!r}. Separate the labels by spaces; if that is "
                "the name of a class, list the classes in classes.txt."
            )


def _sample(root: Path, row: LabelRow, labels: tuple[int, ...]) -> Sample:
    images = root / "images"
    image = images / row.image
    if Path(row.image).is_absolute() or ".." in Path(row.image).parts:
        raise PatchlearnError(
            f"{root / 'labels.csv'}, line {row.line}: {row.image!r} leaves {images}. Correct the name."
        )
    if not image.is_file():
        raise PatchlearnError(f"{root / 'labels.csv'}, line {row.line}: {image} does not exist. Correct the name.")
    mask, parts = (_beside(root / name, row) for name in ("masks", "parts"))
    return Sample(id=_stem(row), image=image, labels=labels, mask=mask, parts=parts)


def _beside(folder: Path, row: LabelRow) -> Path | None:
    """The PNG of an image `a/b.jpg`: `a__b.png` or `a/b.png`."""
    paths = (folder / f"{_stem(row)}.png", folder / Path(row.image).with_suffix(".png"))
    return next((path for path in paths if path.is_file()), None)


def _stem(row: LabelRow) -> str:
    """Images may lie in folders below images/; what is written of them is flat, so `a/b.jpg` is called `a__b`."""
    return "__".join(Path(row.image).with_suffix("").parts)


def _refuse_equal_stems(table: Path, rows: list[LabelRow]) -> None:
    seen: dict[str, LabelRow] = {}
    for row in rows:
        twin = seen.setdefault(_stem(row), row)
        if twin is not row:
            raise PatchlearnError(
                f"{table}, line {row.line}: {row.image!r} and {twin.image!r} (line {twin.line}) share the stem "
                f"{_stem(row)!r}, which names masks and scores. Rename one."
            )
