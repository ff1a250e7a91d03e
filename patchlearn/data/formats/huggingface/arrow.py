"""The files of a Hugging Face data set: where they lie, of which split they are, their features and their rows."""

import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import parse_json, read_json
from patchlearn.data.formats.exports import split_name
from patchlearn.data.stored_images import below

PARQUET = ".parquet"
DICTIONARY, INFO, STATE = "dataset_dict.json", "dataset_info.json", "state.json"  # of save_to_disk
SHARD = re.compile(r"(?P<name>.+?)-\d+-of-\d+(-[0-9a-f]+)?")  # train-00000-of-00002-0123abcd
UNNAMED = ("data", "part", "file", "shard", "chunk", "default")  # before the number of a file, and no split
SPLITS = {  # words in names of files and folders → split
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
    "testing": "test",
    "eval": "test",
    "evaluation": "test",
}
LOOKED_AT = 500  # entries of a folder, and sub-folders, that recognition looks at
ROWS = 32  # that are in memory at once
READ_AHEAD = 2**20  # bytes


@dataclass(frozen=True)
class Part:
    """One file of rows, and the split that they belong to."""

    path: Path
    split: str


def is_saved(root: Path) -> bool:
    """Whether `save_to_disk` wrote the folder."""
    return (root / DICTIONARY).is_file() or ((root / INFO).is_file() and (root / STATE).is_file())


def parts_of(root: Path) -> list[Part]:
    """The files of the data set, train first.

    Raises:
        PatchlearnError: there are none, or there are those of several data sets.
    """
    parts = list(_saved_parts(root)) if is_saved(root) else _parquet_parts(root)
    if not parts:
        raise PatchlearnError(
            f"{root}: no Parquet file, and no {DICTIONARY} or {STATE} of save_to_disk. Choose the folder that has them."
        )
    given = {part.split for part in parts}
    named = [Part(part.path, _common(part.split, given)) for part in parts]
    return sorted(named, key=lambda part: part.split != "train")


def parquet_files(root: Path, limit: int | None = None) -> list[Path]:
    """Parquet files in a folder and up to two levels below it, sorted; hidden ones are left out.

    Args:
        root: the folder.
        limit: how many entries of each folder are looked at; None for all.
    """
    found, folders = [], [(root, 0)]
    while folders:
        folder, depth = folders.pop()
        with os.scandir(folder) as entries:
            for entry in islice(entries, limit):
                if entry.name.startswith("."):
                    continue
                if entry.name.lower().endswith(PARQUET) and entry.is_file():
                    found.append(Path(entry.path))
                elif depth < 2 and entry.is_dir():
                    folders.append((Path(entry.path), depth + 1))
        folders = folders[:limit]
    return sorted(found)


def split_of(name: str) -> str:
    """The split of a Parquet file, by its path below the folder; "train" where nothing says another.

    >>> [split_of(name) for name in ("train-00000-of-00002.parquet", "data/validation-00000-of-00001.parquet")]
    ['train', 'validation']
    >>> [split_of(name) for name in ("test_clean-00000-of-00001.parquet", "default/test/0000.parquet", "0.parquet")]
    ['test_clean', 'test', 'train']
    """
    *folders, file = Path(name).parts
    stem = Path(file).stem
    shard = SHARD.fullmatch(stem)
    if shard and shard["name"].lower() not in UNNAMED:
        return shard["name"]
    words = (part for word in (stem, *reversed(folders)) for part in _words(word))
    return next((word for word in words if word in SPLITS), "train")


def features_of(path: Path) -> dict[str, Any]:
    """Column → feature, as the JSON of the Hugging Face libraries; of the types where the file does not say more.

    Raises:
        PatchlearnError: the file is damaged, or pyarrow is missing.
    """
    with _opened(path) as (schema, _):
        text = (schema.metadata or {}).get(b"huggingface", b"{}")
        try:
            given = parse_json(text).get("info", {}).get("features", {})
        except (ValueError, AttributeError):
            given = {}
        given = given if isinstance(given, Mapping) else {}
        return {field.name: given.get(field.name) or _feature(field.type) for field in schema}


def rows_of(path: Path, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Column → value of every row; few rows are in memory at once.

    Raises:
        PatchlearnError: the file is damaged, or pyarrow is missing.
    """
    with _opened(path) as (_, batches):
        for batch in batches(list(columns)):
            for start in range(0, batch.num_rows, ROWS):
                yield from batch.slice(start, ROWS).to_pylist()


def load_library(name: str) -> Any:
    """Import pyarrow, or a module of it, which is optional.

    Raises:
        PatchlearnError: it is not installed.
    """
    try:
        return import_module(name)
    except ImportError:
        raise PatchlearnError(
            "huggingface: pyarrow is not installed, which reads Parquet and Arrow. Run: pip install "
            "'patchlearn[datasets]'."
        ) from None


def _common(split: str, given: Collection[str]) -> str:
    """The usual name of a split, unless another split has it."""
    common = SPLITS.get(split.lower(), split)
    return split if common in given else common


def _parquet_parts(root: Path) -> list[Part]:
    names = [path.relative_to(root).as_posix() for path in parquet_files(root)]
    settings = sorted({_configuration(name) for name in names})
    if len(settings) > 1:
        raise PatchlearnError(
            f"{root}: Parquet files of several data sets, in the folders {', '.join(map(repr, settings))}. Choose one "
            f"of the folders: --data.root {root / settings[-1]}."
        )
    return [Part(root / name, split_name(split_of(name), str(root / name))) for name in names]


def _configuration(name: str) -> str:
    """The folders above a file that stand neither for a split nor for the data: one for each data set."""
    folders = Path(name).parts[:-1]
    return "/".join(each for each in folders if each.lower() != "data" and not _names_a_split(each))


def _names_a_split(folder: str) -> bool:
    return any(word in SPLITS for word in _words(folder))


def _words(name: str) -> list[str]:
    return re.split(r"[^a-z]+", name.lower())


def _saved_parts(root: Path) -> Iterator[Part]:
    if not (root / DICTIONARY).is_file():
        yield from _arrow_files(root, "train")
        return
    for name in _listed(root / DICTIONARY, "splits"):
        split = split_name(str(name), str(root / DICTIONARY))
        yield from _arrow_files(below(root, str(name)), split)


def _arrow_files(folder: Path, split: str) -> Iterator[Part]:
    for entry in _listed(folder / STATE, "_data_files"):
        name = entry.get("filename") if isinstance(entry, Mapping) else None
        if not isinstance(name, str):
            raise PatchlearnError(f"{folder / STATE}: a data file has no name. Write the data set again.")
        yield Part(below(folder, name), split)


def _listed(path: Path, key: str) -> list[Any]:
    content = read_json(path)
    found = content.get(key) if isinstance(content, Mapping) else None
    if not isinstance(found, list):
        raise PatchlearnError(f"{path}: no list {key!r}. Write the data set again with save_to_disk.")
    return found


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, Any]]:
    """(schema, columns → batches) of a file."""
    arrow = load_library("pyarrow")
    try:
        if path.suffix.lower() == PARQUET:
            # The defaults read whole files ahead.
            with load_library("pyarrow.parquet").ParquetFile(path, pre_buffer=False, buffer_size=READ_AHEAD) as file:
                yield file.schema_arrow, lambda columns: file.iter_batches(batch_size=ROWS, columns=columns)
        else:
            with arrow.memory_map(str(path)) as source, load_library("pyarrow.ipc").open_stream(source) as stream:
                yield stream.schema, lambda columns: (batch.select(columns) for batch in stream)
    except FileNotFoundError:
        raise PatchlearnError(f"{path}: no such file. Write the data set again with save_to_disk.") from None
    except (arrow.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise PatchlearnError(
            f"{path}: not a readable {path.suffix.lstrip('.')} file ({reason}). Download it again; in a clone of Git: "
            "git lfs pull."
        ) from None


def _feature(kind: Any) -> Any:
    """What the library of Hugging Face would say of an Arrow type."""
    types = load_library("pyarrow.types")
    if types.is_dictionary(kind):
        return _feature(kind.value_type)
    if types.is_struct(kind):
        return {field.name: _feature(field.type) for field in kind}
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return {"_type": "List", "feature": _feature(kind.value_type)}
    return {"_type": "Value", "dtype": str(kind)}
