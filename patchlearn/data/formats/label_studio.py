"""Label Studio's exports JSON and JSON-MIN: tasks with the choices and labels of each annotator."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import parse_json
from patchlearn.core.types import Dataset
from patchlearn.data.formats.exports import chosen_classes, export_file, restricted, unused, visible
from patchlearn.data.formats.path_ends import PathEnds
from patchlearn.data.formats.records import Record, dataset_of
from patchlearn.data.image_files import ImageFiles
from patchlearn.data.images import SUFFIXES
from patchlearn.data.labels import natural_order, read_text
from patchlearn.data.names import counted
from patchlearn.data.settings import DataSettings

KIND = "Label Studio export (JSON)"
BEGINNING = 65536  # bytes in which the first task usually ends
UPLOADED = re.compile(r"^[0-9a-f]{8}-(?=.)")  # Label Studio writes it before the name of an uploaded file
NAMES_OF_CHOICES = ("choice", "choices", "label", "labels", "class", "tag", "tags")  # keys of JSON-MIN
FIRST, LAST = "id", "annotator"  # keys of JSON-MIN, between which the fields of the labelling interface stand

Opinion = frozenset[tuple[str, str]]  # (field of the labelling interface, label) by one annotator


@dataclass(frozen=True)
class _Task:
    """One task: the image as it is written, and what each annotator said."""

    place: str
    image: str
    opinions: tuple[Opinion, ...]


def recognise(root: Path) -> str | None:
    """The JSON file, if there is one."""
    found = _files(root)
    return f"the Label Studio export {found[0].relative_to(root)}" if found else None


def read(root: Path, settings: DataSettings, work: Path | None) -> Dataset:
    """Read the choices; the labels of boxes, brushes and polygons count as tags too.

    - The image of a task is the file whose path has the longest end in common with the address in the task. The
      prefix of an uploaded file may be missing.
    - A class that only some annotators of an image chose is unknown for it. Cancelled annotations are left out.
    - Tasks without an annotation are not used.
    - All images are of the split `train`; `classes.txt` names the classes to keep.

    Raises:
        PatchlearnError: the file is missing or no such JSON, or an image is missing.
    """
    path = export_file(root, _files(root), settings, KIND)
    tasks, files = _tasks(path), ImageFiles(root)
    annotated = [task for task in tasks if task.opinions]
    if not annotated:
        raise PatchlearnError(f"{path}: no task has an annotation. Label the images, and export the project again.")
    records = _records(annotated, files)
    known = natural_order({label for record in records for label in (*record.labels, *record.unknown)})
    classes, notes = chosen_classes(root, known, path)
    notes = [
        *notes,
        *_about_tasks(path, tasks, sum(bool(each.unknown) for each in records)),
        *unused(files.names, (record.name for record in records), [path], files.base),
    ]
    return dataset_of(root, restricted(records, classes), source=path, classes=classes, notes=notes)


def _files(root: Path) -> list[Path]:
    return [
        path
        for folder in ("", "annotations", "labels")
        for path in visible(root / folder, "*.json")
        if _is_export(path)
    ]


def _is_export(path: Path) -> bool:
    with path.open("rb") as file:
        text = file.read(BEGINNING).decode("utf-8-sig", errors="replace").lstrip()
    if not text.startswith("["):
        return False
    try:
        first, _ = json.JSONDecoder().raw_decode(text[1:].lstrip())
    except (ValueError, RecursionError):  # the first task is longer than the beginning
        return all(f'"{key}"' in text for key in ("annotations", "result", "completed_by"))
    if not isinstance(first, dict):
        return False
    is_task = isinstance(first.get("data"), dict) and isinstance(first.get("annotations"), list)
    return is_task or bool(_images_in(first) and _has_choices(first))


def _tasks(path: Path) -> list[_Task]:
    text = read_text(path)
    try:
        items = parse_json(text)
    except (ValueError, RecursionError) as error:
        raise PatchlearnError(f"{path}: not valid JSON ({error}). Export the project again.") from None
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise PatchlearnError(f"{path}: not a list of tasks. Export the project as JSON or JSON-MIN.")
    return [_task(item, f"{path}, task {item.get('id', number)}") for number, item in enumerate(items, 1)]


def _task(item: dict[str, Any], place: str) -> _Task:
    data = item.get("data")
    images = _images_in(data if isinstance(data, dict) else item)
    if not images:
        raise PatchlearnError(f"{place}: no value ends in {', '.join(SUFFIXES)}. Export tasks of images.")
    if not isinstance(data, dict):
        return _Task(place, images[0], (_choices(item, place),))
    annotations = _list_of_dicts(item.get("annotations") or [], place)
    valid = [each for each in annotations if not each.get("was_cancelled")]
    return _Task(place, images[0], tuple(_labels(each, place) for each in valid))


def _images_in(values: dict[str, Any]) -> list[str]:
    """The values that name an image; that of the key "image" is the first."""
    words = [values.get("image"), *values.values()]
    return [word for word in words if isinstance(word, str) and any(p.lower().endswith(SUFFIXES) for p in _paths(word))]


def _labels(annotation: dict[str, Any], place: str) -> Opinion:
    results = _list_of_dicts(annotation.get("result") or [], place)
    return frozenset(
        (str(each.get("from_name")), label) for each in results for label in _named(each.get("value"), place)
    )


def _named(value: object, place: str) -> Iterator[str]:
    """The labels in the value of a result: `choices`, `rectanglelabels`, `brushlabels`, ...."""
    for key, labels in value.items() if isinstance(value, dict) else ():
        if key == "choices" or key.endswith("labels"):
            if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
                raise PatchlearnError(f"{place}: {key!r} is not a list of names. Export the project again.")
            yield from labels


def _choices(item: dict[str, Any], place: str) -> Opinion:
    """The labels of a line of JSON-MIN: "cat", {"choices": ["cat", "dog"]}, or a list of shapes."""
    fields, found = _fields(item), set[tuple[str, str]]()
    for key, value in item.items():
        for each in value if isinstance(value, list) else [value]:
            names = [each] if isinstance(each, str) and key in fields else _named(each, place)
            found.update((key, name) for name in names)
    return frozenset(found)


def _fields(item: dict[str, Any]) -> Sequence[str]:
    """The keys whose text is a label: other keys may hold text about the image."""
    keys = list(item)
    if FIRST in item and LAST in item:
        return keys[keys.index(FIRST) + 1 : keys.index(LAST)]
    return NAMES_OF_CHOICES


def _has_choices(item: dict[str, Any]) -> bool:
    is_labelled = "annotation_id" in item or "annotator" in item
    return is_labelled or any(key in item for key in NAMES_OF_CHOICES[:2])


def _list_of_dicts(value: object, place: str) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise PatchlearnError(f"{place}: 'annotations' or 'result' is not a list of objects. Export the project again.")
    return value


def _paths(address: str) -> list[str]:
    """What an address may mean as a path: with `?d=PATH` of local storage, decoded, or as it is written."""
    try:
        parts = urlsplit(address)
    except ValueError:  # "//[a].jpg" is taken for a host
        return [address]
    local = [parse_qs(query).get("d", [""])[0] for query in (parts.query.replace("+", "%2B"), parts.query)]
    paths = [*local, unquote(parts.path), address]
    return [path.replace("\\", "/") for path in dict.fromkeys(paths) if path]


def _records(tasks: Sequence[_Task], files: ImageFiles) -> list[Record]:
    """One record for each image: several tasks, or lines of JSON-MIN, may be about one."""
    ends, by_file = PathEnds(files.names), dict[str, list[_Task]]()
    for task in tasks:
        by_file.setdefault(_file(task, ends), []).append(task)
    return [_record(name, found, files) for name, found in by_file.items()]


def _file(task: _Task, ends: PathEnds) -> str:
    paths = [path for path in _paths(task.image) if path.lower().endswith(SUFFIXES)]
    for path in [*paths, *(_without_prefix(path) for path in paths)]:
        if found := ends.find(path):
            if len(found) > 1:
                raise PatchlearnError(
                    f"{task.place}: {task.image!r} may be {' or '.join(found)}. Keep one of them, or rename it."
                )
            return found[0]
    return paths[0].rpartition("/")[2]


def _without_prefix(path: str) -> str:
    folder, slash, name = path.rpartition("/")
    return f"{folder}{slash}{UPLOADED.sub('', name)}"


def _record(name: str, tasks: Sequence[_Task], files: ImageFiles) -> Record:
    addresses = dict.fromkeys(task.image for task in tasks)
    place = tasks[-1].place
    if len(addresses) > 1:
        raise PatchlearnError(
            f"{place}: {' and '.join(map(repr, addresses))} are both taken for the file {name}. Give the files in "
            f"{files.base} the names that the tasks have."
        )
    opinions = [frozenset(label for _, label in opinion) for task in tasks for opinion in task.opinions]
    agreed = frozenset.intersection(*opinions)
    return Record(
        image=files.base / name,
        name=name,
        labels=tuple(agreed),
        unknown=tuple(frozenset.union(*opinions) - agreed),
        place=place,
    )


def _about_tasks(path: Path, tasks: Sequence[_Task], disputed: int) -> Iterator[str]:
    bare = sum(not task.opinions for task in tasks)
    if bare:
        yield f"{path}: {counted(bare, 'task')} without an annotation, and not used"
    if disputed:
        yield f"{path}: {counted(disputed, 'image')} with labels that only some annotators chose; unknown there"
    fields = sorted({field for task in tasks for opinion in task.opinions for field, _ in opinion})
    if len(fields) > 1:
        yield f"{path}: the labels of all of {', '.join(fields)} are classes; classes.txt can name those to keep"
