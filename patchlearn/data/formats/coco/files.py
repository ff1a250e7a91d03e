"""Which JSON files of a folder are COCO's, of which split, and which of them are read."""

import mmap
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from patchlearn.core.errors import PatchlearnError
from patchlearn.data.checks.finding import spoken
from patchlearn.data.formats.records import TRAIN
from patchlearn.data.formats.split_words import WORDS, split_of, split_word

KEYS = ("images", "annotations", "categories")
UNUSED = ("captions", "person_keypoints", "image_info")  # the beginnings of names of files with other contents
INSTANCES, PANOPTIC = "instances", "panoptic"
HEAD = 16_384  # bytes that show which keys a file has
TOKENS = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]]')


@dataclass(frozen=True, kw_only=True)
class CocoFile:
    """A file that is read.

    Args:
        path: the file.
        split: of its images.
        folder: the name that a folder of its images usually has: `instances_val2017.json` is beside `val2017`.
    """

    path: Path
    split: str
    folder: str

    @classmethod
    def at(cls, path: Path, root: Path) -> "CocoFile":
        """The file with what its name says, or the name of its folder (`valid/_annotations.coco.json`)."""
        named = split_word(path.stem)
        word = named or (split_word(path.parent.name) if path.parent != root else None)
        folder = path.stem[named.start() :] if named else path.stem
        return cls(path=path, split=split_of(word.group()) if word else TRAIN, folder=folder)


def candidates(root: Path) -> Iterator[Path]:
    """The COCO files at `root`, in `annotations/` and in the folders of splits, in this order."""
    folders = [root, root / "annotations"]
    folders += sorted(path for path in root.iterdir() if WORDS.fullmatch(path.name.lower()) and path.is_dir())
    for folder in folders:
        for path in sorted(folder.glob("*.json")):
            if not path.name.startswith(".") and path.is_file() and looks_like_coco(path):
                yield path


def looks_like_coco(path: Path) -> bool:
    """Whether the JSON has lists of images, annotations and categories. Of a large file, only names are searched."""
    with path.open("rb") as file:
        keys, is_whole = _keys(file.read(HEAD).decode("utf-8-sig", errors="ignore"))
        missing = [key for key in KEYS if key not in keys]
        if is_whole or len(missing) == len(KEYS):
            return not missing
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            is_cut = not content[-HEAD:].rstrip().endswith(b"}")  # reading it says so
            return is_cut or all(content.rfind(f'"{key}"'.encode()) >= 0 for key in reversed(missing))


def _keys(text: str) -> tuple[set[str], bool]:
    """(the keys of the outer object that have a list, whether the object ends in this text)."""
    keys: set[str] = set()
    depth, last = 0, ""
    for token in TOKENS.finditer(text):
        word = token.group()
        if word in "]}":
            depth -= 1
            if depth == 0:
                return keys, True
        elif word in "[{":
            if depth == 0 and word == "[":
                return set(), True
            if depth == 1 and word == "[":
                keys.add(last)
            depth += 1
        elif depth == 1:
            last = word[1:-1]
    return keys, False


def choose_files(root: Path, labels: str | None) -> tuple[list[CocoFile], list[str]]:
    """(the files that are read: one for each split; notes about those that are not).

    - `labels` names a file, and so those of the same name for other splits: `instances_train2017.json` stands for
      `instances_val2017.json`, too.
    - Without it, instances are preferred to panoptic files and others of the same split.

    Raises:
        PatchlearnError: there is none, or several of one split.
    """
    if labels is not None:
        chosen = _named(root, labels)
        family = _family(chosen, root)
        found = [path for path in candidates(root) if _family(path, root) == family and path != chosen]
        return _by_split(root, [chosen, *found], [])
    found = list(candidates(root))
    others = [path for path in found if path.name.startswith(UNUSED)]
    notes = [f"{_names(root, others)}: not used; tags come from instances or panoptic files"] if others else []
    usual = [path for path in found if path not in others]
    if not usual:
        raise PatchlearnError(_none_found(root, others))
    return _by_split(root, usual, notes)


def _named(root: Path, labels: str) -> Path:
    name = os.path.normpath(labels)
    if Path(name).is_absolute() or name.startswith(".."):
        raise PatchlearnError(f"data.labels: {labels!r} is outside of {root}. Write a path below it.")
    if not (root / name).is_file():
        found = [os.path.relpath(path, root) for path in candidates(root)]
        known = f" There are {spoken(found)}." if found else ""
        raise PatchlearnError(f"{root / name}: no such file.{known} Correct --data.labels.")
    return root / name


def _family(path: Path, root: Path) -> str:
    return WORDS.sub("*", os.path.relpath(path, root).lower())


def _by_split(root: Path, paths: Sequence[Path], notes: list[str]) -> tuple[list[CocoFile], list[str]]:
    panoptic = [path for path in paths if path.name.startswith(PANOPTIC)]
    kept = [path for path in paths if path not in panoptic] or panoptic
    groups: dict[str, list[CocoFile]] = {}
    for path in kept:
        file = CocoFile.at(path, root)
        groups.setdefault(file.split, []).append(file)
    order = sorted(groups, key=lambda split: (TRAIN, "val", "test").index(split))
    files = [_only(root, split, groups[split]) for split in order]
    unused = [path for path in paths if path not in [file.path for file in files]]
    read = _names(root, [file.path for file in files])
    if unused:
        verb = "is" if len(files) == 1 else "are"
        notes = [*notes, f"{_names(root, unused)}: not used, because {read} {verb} read; choose with --data.labels"]
    return files, notes


def _only(root: Path, split: str, files: Sequence[CocoFile]) -> CocoFile:
    preferred = [file for file in files if file.path.name.startswith(INSTANCES)] or files
    if len(preferred) > 1:
        names = _names(root, [file.path for file in preferred])
        example = os.path.relpath(preferred[0].path, root)
        raise PatchlearnError(f"{root}: {names} are all of the split {split!r}. Choose one: --data.labels {example}.")
    return preferred[0]


def _names(root: Path, paths: Sequence[Path]) -> str:
    return spoken([os.path.relpath(path, root) for path in paths])


def _none_found(root: Path, others: Sequence[Path]) -> str:
    if others:
        return (
            f"{root}: no COCO file of instances or panoptic, but {_names(root, others)}. Add it, or choose another: "
            f"--data.labels {os.path.relpath(others[0], root)}."
        )
    return (
        f"{root}: no COCO file, which is a JSON with images, annotations and categories. Put it here or into "
        "annotations/, or name it with --data.labels."
    )
