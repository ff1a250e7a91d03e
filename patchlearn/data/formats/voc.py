"""The PASCAL VOC layout: JPEGImages/, ImageSets/Segmentation/, SegmentationClass/, Annotations/."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from patchlearn.core.errors import PatchlearnError, require_one_of
from patchlearn.core.types import Dataset, Sample
from patchlearn.data.labels import class_indices, read_class_names, read_label_rows, read_text

# The order of the VOC development kit; class i has the value i + 1 in SegmentationClass.
VOC_CLASSES = (
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable", "dog",
    "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)  # fmt: skip
UNLABELLED = "test"  # the one list whose labels VOC keeps to itself


def open_voc(root: Path) -> Dataset:
    """Read a VOC folder.

    `classes.txt` beside the folders keeps those classes and ignores the others; `labels.csv` gives the image labels,
    else they are the objects of `Annotations/`. Masks never give labels.

    The list `test` alone may go without: if `labels.csv` has no line for any of its images, or `Annotations/` lacks one
    of them, none of them has a label. All or none, because VOC 2012 came with 5,138 annotations for its 16,135 test
    images, which say nothing about the others (thtrieu/darkflow#714). Such images are there to be predicted: training
    on them is refused, and so are maps of given labels.

    Raises:
        PatchlearnError: a list, an image or its labels are missing, or classes.txt names no VOC class.
    """
    classes = _kept_classes(root)
    lists = sorted((root / "ImageSets" / "Segmentation").glob("*.txt"))
    if not lists:
        raise PatchlearnError(f"{root}: no ImageSets/Segmentation/*.txt. Name the folder that holds JPEGImages.")
    given = _given_labels(root, classes)
    splits = {path.stem: _read_split(root, path, classes, given) for path in lists}
    return Dataset(
        root=root,
        classes=classes,
        splits=splits,
        mask_values=tuple(VOC_CLASSES.index(name) + 1 for name in classes),
        masks_are_closed=False,
    )


def _kept_classes(root: Path) -> tuple[str, ...]:
    listed = root / "classes.txt"
    if not listed.exists():
        return VOC_CLASSES
    classes = read_class_names(listed)
    for name in classes:
        require_one_of(str(listed), name, VOC_CLASSES)
    return classes


def _given_labels(root: Path, classes: tuple[str, ...]) -> dict[str, tuple[int, ...]] | None:
    table = root / "labels.csv"
    if not table.exists():
        return None
    labels: dict[str, tuple[int, ...]] = {}
    for row in read_label_rows(table):
        name = Path(row.image).stem
        if name in labels:
            raise PatchlearnError(f"{table}, line {row.line}: image {name!r} stands in another line too. Keep one.")
        labels[name] = class_indices(row, classes, table)
    return labels


def read_list(path: Path) -> list[str]:
    """The image names of a VOC list, in its order: the first word of every line that has one.

    Raises:
        PatchlearnError: the file is not UTF-8.
    """
    return [line.split()[0] for line in read_text(path).splitlines() if line.strip()]


def _read_split(
    root: Path, path: Path, classes: tuple[str, ...], given: dict[str, tuple[int, ...]] | None
) -> tuple[Sample, ...]:
    names = read_list(path)
    for name, count in Counter(names).items():
        if count > 1:
            raise PatchlearnError(f"{path}: image {name!r} stands there {count} times. Keep one.")
    images = [_image(root, path, name) for name in names]
    if path.stem == UNLABELLED and _is_unlabelled(root, names, given):
        return tuple(_sample(root, image, ()) for image in images)
    return tuple(_sample(root, image, _labels(root, image.stem, classes, given)) for image in images)


def _image(root: Path, split: Path, name: str) -> Path:
    image = root / "JPEGImages" / f"{name}.jpg"
    if Path(name).name != name or not image.is_file():
        raise PatchlearnError(f"{split}: image {name!r}, but {image} does not exist. Correct the list.")
    return image


def _sample(root: Path, image: Path, labels: tuple[int, ...]) -> Sample:
    mask = root / "SegmentationClass" / f"{image.stem}.png"
    return Sample(id=image.stem, image=image, labels=labels, mask=mask if mask.is_file() else None)


def _is_unlabelled(root: Path, names: Sequence[str], given: dict[str, tuple[int, ...]] | None) -> bool:
    if given is not None:
        return not any(name in given for name in names)
    return not all((root / "Annotations" / f"{name}.xml").is_file() for name in names)


def _labels(
    root: Path, name: str, classes: tuple[str, ...], given: dict[str, tuple[int, ...]] | None
) -> tuple[int, ...]:
    return _annotated_labels(root, name, classes) if given is None else _listed_labels(root, name, given)


def _listed_labels(root: Path, name: str, given: dict[str, tuple[int, ...]]) -> tuple[int, ...]:
    if name not in given:
        raise PatchlearnError(f"{root / 'labels.csv'}: no line for image {name!r} of ImageSets. Add it.")
    return given[name]


def _annotated_labels(root: Path, name: str, classes: tuple[str, ...]) -> tuple[int, ...]:
    path = root / "Annotations" / f"{name}.xml"
    if not path.exists():
        raise PatchlearnError(
            f"{path}: no such file, and no {root / 'labels.csv'} either. Image labels need one of them."
        )
    try:
        objects = {element.findtext("name", "").strip() for element in ElementTree.parse(path).iter("object")}
    except (ElementTree.ParseError, ValueError, LookupError) as error:  # the last two: over its encoding
        raise PatchlearnError(f"{path}: not valid XML ({error}). Restore the file.") from None
    return tuple(index for index, name in enumerate(classes) if name in objects)
