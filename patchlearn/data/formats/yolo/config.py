"""YOLO's data.yaml or Darknet's obj.data, and classes.txt: names of the classes, and where the splits are."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import parse_yaml
from patchlearn.data.checks.finding import spoken
from patchlearn.data.classes_table import read_classes
from patchlearn.data.labels import normal_form, read_text

USUAL = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")  # taken where there are several
SPLITS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}  # key → split
NOTHING = ("", "null", "~")
DARKNET = "obj.data"  # in place of a data.yaml, with the names in obj.names
LARGEST = 1_000_000  # bytes of a data.yaml
ADVICE = "List the classes in data.yaml (names: [cat, dog]) or in classes.txt, one per line."


@dataclass(frozen=True, kw_only=True)
class YoloConfig:
    """What a data.yaml says.

    Args:
        path: the file.
        base: its `path`, below which the folders of the splits are.
        splits: split → folders or lists, as they are written.
        names: index → name of each class; None where it has no `names`.
        has_keypoints: whether objects are boxes with key points.
    """

    path: Path
    base: str
    splits: dict[str, list[str]]
    names: dict[int, str] | None
    has_keypoints: bool


def find_config(root: Path, labels: str | None = None) -> Path | None:
    """The data.yaml, or obj.data: the one that `labels` names, or that is at `root`; None where there is none.

    Raises:
        PatchlearnError: there are several, or `labels` names none.
    """
    if labels is not None:
        return _named(root, labels)
    files = sorted(root.iterdir())
    found = [path for path in files if path.suffix.lower() in (".yaml", ".yml") and _is_config(path)]
    found = found or [path for path in files if path.name == DARKNET]
    usual = [path for name in USUAL for path in found if path.name == name][:1] or found
    if len(usual) > 1:
        names = spoken([path.name for path in usual])
        raise PatchlearnError(f"{root}: {names} all name splits. Choose one: --data.labels {usual[0].name}.")
    return usual[0] if usual else None


def _named(root: Path, labels: str) -> Path:
    name = os.path.normpath(labels)
    if Path(name).is_absolute() or name.startswith(".."):
        raise PatchlearnError(f"data.labels: {labels!r} is outside of {root}. Write a path below it.")
    if not (root / name).is_file() or not name.lower().endswith((".yaml", ".yml")):
        raise PatchlearnError(f"{root / name}: no YAML file. Name the data.yaml with --data.labels.")
    return root / name


def _is_config(path: Path) -> bool:
    if path.name.startswith(".") or not path.is_file() or path.stat().st_size > LARGEST:
        return False
    try:
        content = _parsed(path)
    except PatchlearnError:
        return path.name in USUAL  # reading it says what is wrong
    return isinstance(content, dict) and not SPLITS.keys().isdisjoint(content) and bool({"names", "nc"} & set(content))


def _parsed(path: Path) -> Any:
    """Every value as it is written: a class named `no` stays a word."""
    try:
        return parse_yaml(read_text(path), plain=True)
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise PatchlearnError(f"{path}: not valid YAML ({reason}). Correct it.") from None


def read_config(path: Path) -> YoloConfig:
    """Read a data.yaml.

    Raises:
        PatchlearnError: it is no YAML, names no split, or `names` and `nc` are wrong.
    """
    content = _settings(path) if path.name == DARKNET else _parsed(path)
    splits = {key: _entries(path, key, content[key]) for key in SPLITS if isinstance(content, dict) and key in content}
    if not any(splits.values()):
        raise PatchlearnError(f"{path}: names no split. Add the folder of the images: train: images/train.")
    united: dict[str, list[str]] = {}
    for key, entries in splits.items():
        united.setdefault(SPLITS[key], []).extend(entries)
    return YoloConfig(
        path=path,
        base="" if content.get("path", "") in NOTHING else str(content["path"]),
        splits={split: entries for split, entries in united.items() if entries},
        names=_names(path, content),
        has_keypoints="kpt_shape" in content,
    )


def _settings(path: Path) -> dict[str, str]:
    """The lines `key = value` of Darknet's file but `names`, which is another file, and `classes`, their number."""
    pairs = (line.partition("=") for line in read_text(path).splitlines() if "=" in line)
    return {key.strip(): value.strip() for key, _, value in pairs if key.strip() in SPLITS}


def _entries(path: Path, key: str, value: Any) -> list[str]:
    entries = value if isinstance(value, list) else [value]
    if not all(isinstance(entry, str) for entry in entries):
        raise PatchlearnError(f"{path}: {key!r} is neither a folder nor a list of folders. Write {key}: images/{key}.")
    return [entry for entry in entries if entry not in NOTHING]


def _names(path: Path, content: Mapping[str, Any]) -> dict[int, str] | None:
    """A list, or a mapping whose indices may have gaps."""
    given = content.get("names", "")
    if given in NOTHING or given == [] or given == {}:
        return None
    pairs = dict(enumerate(given)) if isinstance(given, list) else given
    if not isinstance(pairs, dict) or not all(_is_index(key) and _is_name(name) for key, name in pairs.items()):
        raise PatchlearnError(f"{path}: 'names' is wrong. Write names: [cat, dog], or a line for each: 0: cat.")
    names = {int(index): normal_form(" ".join(name.split())) for index, name in pairs.items()}
    count = content.get("nc", "")
    if count not in NOTHING and str(count) not in (str(len(names)), str(max(names) + 1)):
        raise PatchlearnError(f"{path}: nc is {count}, but there are {len(names)} names. Correct one of them.")
    return dict(sorted(names.items()))


def _listed_names(path: Path) -> dict[int, str]:
    """One a line; an empty line is an index without a name."""
    lines = [normal_form(" ".join(line.split())) for line in read_text(path).splitlines()]
    names = {index: name for index, name in enumerate(lines) if name}
    if not names:
        raise PatchlearnError(f"{path}: no class is listed. Write one per line.")
    return names


def _is_index(key: Any) -> bool:
    return isinstance(key, int) or (isinstance(key, str) and key.isdecimal())


def _is_name(name: Any) -> bool:
    return isinstance(name, str) and bool(name.strip())


def class_names(root: Path, config: YoloConfig | None) -> tuple[Path, dict[int, str]]:
    """(the file that names the classes, index → name).

    Raises:
        PatchlearnError: there is none.
    """
    if config and config.names:
        return config.path, config.names
    for path in (root / "classes.txt", root / "labels" / "classes.txt", root / "obj.names"):
        if path.is_file():
            return path, _listed_names(path)
    listed = read_classes(root)
    if listed is not None:
        return listed.path, dict(enumerate(listed.names))
    where = f"{config.path}: no 'names'" if config else f"{root}: neither a data.yaml nor a classes.txt"
    raise PatchlearnError(f"{where}, so the classes have no names. {ADVICE}")
