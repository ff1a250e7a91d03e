"""Images with VOC's XML files, in Annotations/ or beside the images, and without masks; optionally ImageSets/Main/."""

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import Dataset
from patchlearn.data.classes_table import read_classes
from patchlearn.data.formats.exports import chosen_classes, restricted, split_name, visible
from patchlearn.data.formats.records import SPLITS, TRAIN, Record, dataset_of
from patchlearn.data.formats.xml_files import first_element, parse_xml
from patchlearn.data.image_files import ImageFiles
from patchlearn.data.images import SUFFIXES
from patchlearn.data.labels import natural_order, normal_form
from patchlearn.data.names import left_out

FOLDER, ELEMENT = "Annotations", "annotation"
OF_IMAGES = ("JPEGImages", "images")
UNLABELLED = "test"  # the only list whose labels VOC does not publish
VAL, BOTH = "val", "trainval"
ENDS = tuple(f"_{name}" for name in (TRAIN, VAL, BOTH, UNLABELLED))  # of the lists of one class: cat_train.txt


@dataclass(frozen=True)
class _Annotation:
    """One XML file, and the image that it is about: a name below the folder of the images."""

    path: Path
    image: str
    labels: tuple[str, ...]
    split: str


def has_annotations(root: Path) -> bool:
    """Whether there are XML files of VOC's kind, in `Annotations/` or beside the images."""
    found = _files(root)
    return bool(found) and first_element(found[0]) == ELEMENT


def _files(root: Path) -> list[Path]:
    """Those in `Annotations/`, else those beside the images: in the folder, or in folders of images or of splits."""
    found = visible(root / FOLDER, "*.xml")
    if found:
        return found
    splits = sorted(path.name for path in root.iterdir() if path.name.lower() in SPLITS)
    for names in ([""], OF_IMAGES, splits):
        files = [path for name in names for path in visible(root / name, "*.xml")]
        found = [path for path in files if first_element(path) == ELEMENT]  # other programs leave XML files, too
        if found:
            return found
    return []


def main_lists(root: Path) -> list[Path]:
    """The lists in `ImageSets/Main` that are splits: neither those of one class, nor `trainval` beside its parts."""
    lists = {path.stem: path for path in visible(root / "ImageSets" / "Main", "*.txt")}
    ends = (*ENDS, *(f"_{name}" for name in lists))
    leave_out = {BOTH} if {TRAIN, VAL} <= set(lists) else set()
    return [path for name, path in lists.items() if not name.endswith(ends) and name not in leave_out]


def read_annotated(root: Path, usual: Sequence[str], lists: Mapping[Path, Sequence[str]]) -> Dataset:
    """Read the labels of `Annotations/*.xml`, or of XML files beside the images.

    - In the folders `train`, `valid`, … the images of a split lie beside their XML files.
    - Else the images lie in `JPEGImages/` or `images/`, or beside the XML files, or in the folder itself.
    - The image has the name of its XML file, or else the name in `<filename>`.
    - Each list is a split. Without lists all is `train`.
    - The classes are those of `classes.txt`, which may list any of VOC's; without it the names that occur, in their
      natural order, which is VOC's too. There are no masks whose values all twenty would be needed for.

    Args:
        root: the folder that contains `Annotations`, or the images.
        usual: VOC's classes.
        lists: the images of each of `main_lists`.

    Raises:
        PatchlearnError: an image or a name is missing, or a list names an image that has no XML file.
    """
    files, source = ImageFiles(root, _folder_of_images(root)), root / FOLDER if (root / FOLDER).is_dir() else root
    found = _annotations(root, files)
    records = list(_listed(found, lists, files)) if lists else [_record(each, files) for each in found.values()]
    occurring = {label for each in found.values() for label in each.labels}
    classes, notes = chosen_classes(root, _known(root, occurring, usual), source)
    return dataset_of(
        root,
        restricted(records, classes),
        source=source,
        classes=classes,
        notes=[*notes, *_left_out(source, found, records, files)],
    )


def _known(root: Path, occurring: Collection[str], usual: Sequence[str]) -> Sequence[str]:
    """The names that occur; all of VOC's where these are among them and a list chooses the classes."""
    is_vocs = bool(occurring) and set(occurring) <= set(usual)
    return usual if is_vocs and read_classes(root) else natural_order(occurring)


def _folder_of_images(root: Path) -> Path:
    for name in OF_IMAGES:
        if (root / name).is_dir():
            return root / name
    has_images = any(path.suffix.lower() in SUFFIXES for path in (root / FOLDER).glob("*"))
    return root / FOLDER if has_images else root


def _annotations(root: Path, files: ImageFiles) -> dict[str, _Annotation]:
    """What the XML files say, by their stems; those in the folder of a split by `train/STEM`."""
    paths = [(path, path.parent.name if path.parent not in (root, root / FOLDER) else "") for path in _files(root)]
    splits = [(path, folder if folder.lower() in SPLITS else "") for path, folder in paths]
    found = {f"{split}/{path.stem}".lstrip("/"): _annotation(path, split, files) for path, split in splits}
    seen: dict[str, Path] = {}
    for each in found.values():
        twin = seen.setdefault(each.image, each.path)
        if twin != each.path:
            raise PatchlearnError(
                f"{each.path}: is about the image {each.image}, as {twin.name} is. Give each image an XML file of its "
                "own name."
            )
    return found


def _annotation(path: Path, split: str, files: ImageFiles) -> _Annotation:
    tree = parse_xml(path)
    if tree.tag != ELEMENT:
        raise PatchlearnError(f"{path}: has no <annotation>, as VOC's files have. Move the file away.")
    labels = tuple(dict.fromkeys(each.findtext("name", "").strip() for each in tree.iter("object")))
    if "" in labels:
        raise PatchlearnError(f"{path}: an <object> has no <name>. Add the name of its class.")
    image = _image(path, tree.findtext("filename", "").strip(), f"{split}/" if split else "", files)
    return _Annotation(path, image, labels, split_name(split, str(path)))


def _image(path: Path, written: str, folder: str, files: ImageFiles) -> str:
    """The XML file's own name goes before `<filename>`, which often is out of date."""
    last = written.replace("\\", "/").rpartition("/")[2]
    own = [last, path.stem] if os.path.splitext(last)[0] == path.stem else [path.stem]
    for words in own:
        name = files.find(f"{folder}{words}", str(path))
        if _stem(name) == normal_form(path.stem).casefold() and os.path.isfile(files.base / name):
            return name
    inside = [] if written.startswith("/") or ".." in written else [written]
    names = [files.find(f"{folder}{words}", str(path)) for words in (*inside, last) if words]
    found = (name for name in names if os.path.isfile(files.base / name))
    return next(found, f"{folder}{last or f'{path.stem}.jpg'}")


def _stem(name: str) -> str:
    return normal_form(os.path.splitext(os.path.split(name)[1])[0]).casefold()


def _record(found: _Annotation, files: ImageFiles, split: str = "", place: str = "") -> Record:
    return Record(
        image=files.base / found.image,
        name=found.image,
        labels=found.labels,
        split=split or found.split,
        place=f"{place}, {found.path.name}" if place else str(found.path),
    )


def _listed(
    found: Mapping[str, _Annotation], lists: Mapping[Path, Sequence[str]], files: ImageFiles
) -> Iterator[Record]:
    """The images of the lists; those of `test` are without labels if one of them has no XML file."""
    for path, split, names in _splits(found, lists):
        missing = [name for name in names if name not in found]
        if missing and path.stem != UNLABELLED:
            raise PatchlearnError(
                f"{path}: image {missing[0]!r} is listed, but {FOLDER}/{missing[0]}.xml does not exist. "
                "Correct the list."
            )
        for name in names:
            if missing:
                image = files.find(name, str(path))
                yield Record(image=files.base / image, name=image, split=split, place=str(path))
            else:
                yield _record(found[name], files, split, str(path))


def _splits(found: Collection[str], lists: Mapping[Path, Sequence[str]]) -> Iterator[tuple[Path, str, tuple[str, ...]]]:
    """(list, split, stems of its images); `trainval` without one of its parts stands for this part."""
    stems = {path: tuple(dict.fromkeys(_without_suffix(name, found) for name in lists[path])) for path in lists}
    others = {name for path in lists if path.stem != BOTH for name in stems[path]}
    part = VAL if TRAIN in {path.stem for path in lists} else TRAIN
    for path in lists:
        if path.stem == BOTH:
            yield path, part, tuple(name for name in stems[path] if name not in others)
        else:
            yield path, split_name(path.stem, str(path)), stems[path]


def _without_suffix(name: str, found: Collection[str]) -> str:
    stem, suffix = os.path.splitext(name)
    return stem if suffix.lower() in SUFFIXES and name not in found else name


def _left_out(
    source: Path, found: Mapping[str, _Annotation], records: Iterable[Record], files: ImageFiles
) -> Iterator[str]:
    """Notes about what is not used."""
    annotated, used = {each.image for each in found.values()}, {record.name for record in records}
    root, where = files.root, FOLDER if source.name == FOLDER else "any XML file"
    yield from left_out(set(files.names) - annotated - used, f"not in {where}, and not used", files.base)
    yield from left_out(annotated - used, "in no split of ImageSets/Main, and not used", files.base)
    if (root / "SegmentationClass").is_dir():
        yield f"{root / 'SegmentationClass'}: not used, because no list in ImageSets/Segmentation names the images"
    if (root / "labels.csv").is_file():
        yield f"{root / 'labels.csv'}: not used; the labels are those of {where}"
