"""The PASCAL VOC layout: JPEGImages/, ImageSets/Segmentation/, SegmentationClass/, Annotations/.

`voc_xml` reads what has Annotations/ alone.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from patchlearn.core.errors import PatchlearnError, require_one_of
from patchlearn.core.types import Dataset, Sample
from patchlearn.data.classes_table import read_classes
from patchlearn.data.formats.exports import file_below, refuse_labels, visible
from patchlearn.data.formats.folder import named_labels, read_image_table
from patchlearn.data.formats.records import class_indices
from patchlearn.data.formats.voc_xml import UNLABELLED, has_annotations, main_lists, read_annotated
from patchlearn.data.formats.xml_files import parse_xml
from patchlearn.data.labels import read_text
from patchlearn.data.names import image_id
from patchlearn.data.settings import DataSettings

# The order of the VOC development kit; class i has the value i + 1 in SegmentationClass.
VOC_CLASSES = (
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable", "dog",
    "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)  # fmt: skip

TABLE = "labels.csv"
Labels = tuple[int, ...]
Given = dict[str, tuple[Labels, Labels]]  # image → (classes in it, classes that nobody judged)


def recognise(root: Path) -> str | None:
    """The layout of VOC with its lists, or its XML files alone, beside the images, too; also in VOCdevkit/VOC2012."""
    folders = _years(root) or [root]
    name = "" if folders == [root] else f" in {' and '.join(str(path.relative_to(root)) for path in folders)}"
    if (folders[0] / "JPEGImages").is_dir() and _lists(folders[0]):
        return f"the layout of PASCAL VOC{name}: JPEGImages with ImageSets/Segmentation"
    if has_annotations(folders[0]) and not (folders[0] / TABLE).exists():
        return f"images with XML files as PASCAL VOC has them{name}"
    return None


def read(root: Path, settings: DataSettings, work: Path | None) -> Dataset:
    """Read a folder in the layout of VOC.

    - Each list in `ImageSets/Segmentation` is a split.
    - `classes.csv` or `classes.txt`, if there is one, lists the classes to keep; the others are ignored.
    - The image labels come from `labels.csv` (`settings.labels` names another table), or without it from the objects
      in `Annotations/`, never from masks.
    - The images of the list `test` may have no labels. They have none if `labels.csv` names none of them, or if one
      of them is missing in `Annotations/`. VOC 2012 comes with annotations for 5,138 of its 16,135 test images
      (thtrieu/darkflow#714). Images without labels can be predicted, but not trained on.
    - Without lists in `ImageSets/Segmentation` there are no masks: see `read_annotated`.

    Raises:
        PatchlearnError: a list, an image or its labels are missing, or the list of classes has one that VOC lacks.
    """
    folder = _folder(root)
    if not _lists(folder) and has_annotations(folder):
        lists = {path: read_list(path) for path in main_lists(folder)}
        refuse_labels(settings, "the XML files")
        dataset = read_annotated(folder, VOC_CLASSES, lists)
    else:
        dataset = _read_segmentation(folder, settings)
    if folder == root:
        return dataset
    return replace(dataset, notes=(f"{root}: read from {folder.relative_to(root)}", *dataset.notes))


def _years(root: Path) -> list[Path]:
    """The folders VOC2012, … of the development kit, where the folder is not one of them."""
    if (root / "JPEGImages").is_dir() or (root / "Annotations").is_dir():
        return []
    found = [*root.glob("VOCdevkit/VOC20*"), *root.glob("VOC20*")]
    return sorted(path for path in found if (path / "JPEGImages").is_dir())


def _folder(root: Path) -> Path:
    years = _years(root)
    if len(years) > 1:
        names = " and ".join(str(path.relative_to(root)) for path in years)
        raise PatchlearnError(f"{root}: contains {names}. Choose one: --data.root {years[-1]}.")
    return years[0] if years else root


def _lists(root: Path) -> list[Path]:
    return visible(root / "ImageSets" / "Segmentation", "*.txt")


def _read_segmentation(root: Path, settings: DataSettings) -> Dataset:
    classes, lists = _kept_classes(root), _lists(root)
    if not lists:
        raise PatchlearnError(f"{root}: no ImageSets/Segmentation/*.txt. Choose the folder that contains JPEGImages.")
    table = file_below(root, settings.labels) if settings.labels else root / TABLE
    given = _given_labels(table, classes, settings.separator)
    return Dataset(
        root=root,
        classes=classes,
        splits={path.stem: _read_split(root, path, classes, given, table) for path in lists},
        mask_values=tuple(VOC_CLASSES.index(name) + 1 for name in classes),
        masks_are_closed=False,
    )


def _kept_classes(root: Path) -> tuple[str, ...]:
    listed = read_classes(root)
    if listed is None:
        return VOC_CLASSES
    for name in listed.names:
        require_one_of(str(listed.path), name, VOC_CLASSES)
    return listed.names


def _given_labels(table: Path, classes: tuple[str, ...], separator: str) -> Given | None:
    """The labels of the table by image name; None without the file."""
    if not table.exists():
        return None
    places, labels = {name: index for index, name in enumerate(classes)}, Given()
    for place, image, found in named_labels(read_image_table(table), VOC_CLASSES, separator):
        name = Path(image).stem
        if name in labels:
            raise PatchlearnError(f"{place}: image {name!r} is also in another line. Keep one.")
        labels[name] = class_indices(found.present, places, place), class_indices(found.unknown, places, place)
    return labels


def read_list(path: Path) -> list[str]:
    """The image names of a VOC list, in its order: the first word of every line that is not empty.

    Raises:
        PatchlearnError: the file is not UTF-8.
    """
    return [line.split()[0] for line in read_text(path).splitlines() if line.strip()]


def _read_split(
    root: Path, path: Path, classes: tuple[str, ...], given: Given | None, table: Path
) -> tuple[Sample, ...]:
    names = read_list(path)
    for name, count in Counter(names).items():
        if count > 1:
            raise PatchlearnError(f"{path}: image {name!r} is listed {count} times. Keep one.")
    images = [_image(root, path, name) for name in names]
    if path.stem == UNLABELLED and _is_unlabelled(root, names, given):
        return tuple(_sample(root, image, ()) for image in images)
    if given is None:
        return tuple(_sample(root, image, _annotated_labels(root, image.stem, classes)) for image in images)
    for image in images:
        if image.stem not in given:
            raise PatchlearnError(f"{table}: no line for image {image.stem!r} of ImageSets. Add it.")
    return tuple(_sample(root, image, *given[image.stem]) for image in images)


def _image(root: Path, split: Path, name: str) -> Path:
    image = root / "JPEGImages" / f"{name}.jpg"
    if Path(name).name != name or not image.is_file():
        raise PatchlearnError(f"{split}: image {name!r} is listed, but {image} does not exist. Correct the list.")
    return image


def _sample(root: Path, image: Path, labels: Labels, unknown: Labels = ()) -> Sample:
    mask = root / "SegmentationClass" / f"{image.stem}.png"
    found = mask if mask.is_file() else None
    return Sample(id=image_id(image.name), image=image, labels=labels, unknown=unknown, mask=found)


def _is_unlabelled(root: Path, names: Sequence[str], given: Given | None) -> bool:
    if given is not None:
        return not any(name in given for name in names)
    return not all((root / "Annotations" / f"{name}.xml").is_file() for name in names)


def _annotated_labels(root: Path, name: str, classes: tuple[str, ...]) -> Labels:
    path = root / "Annotations" / f"{name}.xml"
    if not path.exists():
        raise PatchlearnError(
            f"{path}: no such file, and no {root / TABLE} either. Add one of them, to give the image labels."
        )
    objects = {element.findtext("name", "").strip() for element in parse_xml(path).iter("object")}
    return tuple(index for index, name in enumerate(classes) if name in objects)
