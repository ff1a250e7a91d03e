"""CVAT's export "CVAT for images 1.1": an XML file with the tags, boxes, polygons and masks of each image."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element

from patchlearn.core.errors import PatchlearnError, did_you_mean
from patchlearn.core.types import Dataset
from patchlearn.data.formats.exports import (
    chosen_classes,
    export_file,
    joined,
    restricted,
    split_name,
    unused,
    visible,
)
from patchlearn.data.formats.records import SPLITS, Record, dataset_of
from patchlearn.data.formats.xml_files import first_element, parse_xml
from patchlearn.data.image_files import ImageFiles
from patchlearn.data.labels import natural_order
from patchlearn.data.names import counted
from patchlearn.data.settings import DataSettings

KIND = "CVAT file (XML)"
ROOT_ELEMENT = "annotations"


@dataclass(frozen=True)
class _Image:
    """What the file says about one image."""

    name: str
    subset: str
    labels: tuple[str, ...]
    place: str

    @property
    def full_name(self) -> str:
        return f"{self.subset}/{self.name}" if self.subset else self.name


@dataclass(frozen=True)
class _Content:
    """One file: the labels that its task has, which may be none, and the images."""

    labels: list[str]
    images: list[_Image]


def recognise(root: Path) -> str | None:
    """The XML file, if there is one."""
    found = _files(root)
    return f"the CVAT file {found[0].relative_to(root)}" if found else None


def read(root: Path, settings: DataSettings, work: Path | None) -> Dataset:
    """Read the tags of the images; the labels of boxes, polygons and masks count as tags too.

    - The classes are those of the project or task, in their order; `classes.txt` names those to keep.
    - The images lie in `images/`, `images/SUBSET/`, `SUBSET/`, or beside the XML file.
    - The subset of an image is its split.

    Raises:
        PatchlearnError: the file is missing or no such XML, or an image is missing.
    """
    paths, files = _chosen(root, settings), ImageFiles(root, root)
    contents = [_content(path) for path in paths]
    images = [image for content in contents for image in content.images]
    labels = [label for content in contents for label in content.labels]
    known = labels or natural_order({label for image in images for label in image.labels})
    classes, notes = chosen_classes(root, known, paths[0])
    records = _records(images, files)
    used = [str(record.image.relative_to(root)) for record in records]
    notes = [*notes, *_untagged(paths, images), *unused(files.names, used, paths, root)]
    return dataset_of(root, restricted(records, classes), source=paths[0], classes=classes, notes=notes)


def _chosen(root: Path, settings: DataSettings) -> list[Path]:
    """The one file of the folder, or one for each split: train.xml, val.xml."""
    found = _files(root)
    is_one_each = len(found) > 1 and all(path.stem.lower() in SPLITS for path in found)
    return found if is_one_each and settings.labels is None else [export_file(root, found, settings, KIND)]


def _files(root: Path) -> list[Path]:
    found = [*visible(root, "*.xml"), *visible(root / "annotations", "*.xml")]
    return [path for path in found if first_element(path) == ROOT_ELEMENT]


def _parsed(path: Path) -> Element:
    tree = parse_xml(path)
    if tree.find("track") is not None:
        raise PatchlearnError(f"{path}: is 'CVAT for video'. Export the task as 'CVAT for images 1.1'.")
    if tree.tag != ROOT_ELEMENT or tree.find("image") is None:
        raise PatchlearnError(f"{path}: lists no <image>. Export the task as 'CVAT for images 1.1'.")
    return tree


def _content(path: Path) -> _Content:
    tree = _parsed(path)
    subset = tree.findtext("meta/task/subset", "").strip() or (path.stem if path.stem.lower() in SPLITS else "")
    images = [_image(path, element, subset) for element in tree.iter("image")]
    labels = _labels(tree)
    for image in images:
        for label in image.labels if labels else ():
            if label not in labels:
                raise PatchlearnError(
                    f"{image.place}: unknown label {label!r}{did_you_mean(label, labels)} Correct it, or add it "
                    "to the <labels> of the file."
                )
    return _Content(labels, images)


def _labels(tree: Element) -> list[str]:
    """The labels of the task or project; the points of a skeleton have a parent, and are no classes."""
    found = [label for labels in tree.findall("meta//labels") for label in labels.findall("label")]
    return [label.findtext("name", "").strip() for label in found if not label.findtext("parent")]


def _image(path: Path, element: Element, default: str) -> _Image:
    name = element.get("name", "").strip()
    if not name:
        raise PatchlearnError(f"{path}: the image with the id {element.get('id')} has no name. Export the task again.")
    place = f"{path}, image {name!r}"
    labels = tuple(dict.fromkeys(shape.get("label", "").strip() for shape in element))
    if "" in labels:
        raise PatchlearnError(f"{place}: a tag or shape has no label. Add the attribute 'label'.")
    return _Image(name, element.get("subset", default).strip(), labels, place)


def _records(images: Sequence[_Image], files: ImageFiles) -> list[Record]:
    """Images of one name in several subsets are named with their subset."""
    counts, names = Counter(name for name, _ in {(image.name, image.subset) for image in images}), set(files.names)
    return [
        Record(
            image=files.base / _file(image, files, names),
            name=image.full_name if counts[image.name] > 1 else image.name,
            labels=image.labels,
            split=split_name(image.subset, image.place),
            place=image.place,
        )
        for image in images
    ]


def _file(image: _Image, files: ImageFiles, names: Collection[str]) -> str:
    """The image's path below the folder of the data; that in `images/` or beside the XML where there is no file."""
    usual = [f"{folder}{name}" for folder in ("images/", "") for name in dict.fromkeys([image.full_name, image.name])]
    found = [files.find(name, image.place) for name in usual]
    fallback = found[1 if (files.root / "images").is_dir() else -1]
    return next((name for name in found if name in names), fallback)


def _untagged(paths: Sequence[Path], images: Sequence[_Image]) -> list[str]:
    count = sum(not image.labels for image in images)
    what = f"{count} of {counted(len(images), 'image')} without a tag, taken as without any class"
    return [f"{joined(paths)}: {what}"] if count else []
