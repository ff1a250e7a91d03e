"""Images that are the same file twice: within a split, or in the training images and in those that judge them."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from patchlearn.core.manifest import file_digest
from patchlearn.core.types import Dataset, Sample
from patchlearn.data.checks.finding import Finding
from patchlearn.data.checks.readings import side_by_side
from patchlearn.data.names import counted, shortened

APART = ("train", "val", "test")  # splits that may share no image; a list such as VOC's `trainval` holds others anew


@dataclass(frozen=True, kw_only=True)
class Place:
    """One image in one split."""

    split: str
    sample: Sample


Group = tuple[Place, ...]  # the places of one content


def duplicates(dataset: Dataset, paths: Iterable[Path], *, threads: int | None = None) -> list[Group]:
    """Every content that the data set has at two places or more, in the order of the data set.

    Args:
        dataset: whose splits are searched.
        paths: the images to compare: those that can be read.
        threads: files at a time; None for one per core.
    """
    contents = _contents(list(dict.fromkeys(paths)), threads)
    groups: dict[str, list[Place]] = {}
    for split, samples in dataset.splits.items():
        for sample in samples:
            if sample.image in contents:
                groups.setdefault(contents[sample.image], []).append(Place(split=split, sample=sample))
    return [tuple(group) for group in groups.values() if len(group) > 1]


def _contents(paths: Sequence[Path], threads: int | None) -> dict[Path, str]:
    """Path → what stands for its content; only files of one size are read."""
    by_size: dict[int, list[Path]] = {}
    for path in paths:
        by_size.setdefault(os.stat(path).st_size, []).append(path)
    alike = [path for group in by_size.values() if len(group) > 1 for path in group]
    digests = dict(zip(alike, side_by_side(alike, file_digest, threads)))
    return {path: digests.get(path, str(path)) for path in paths}


def leaks(dataset: Dataset, groups: Sequence[Group]) -> Iterator[Finding]:
    """A fault for each two splits that share images."""
    for first, second in combinations([name for name in APART if name in dataset.splits], 2):
        found = ((_of(group, first), _of(group, second)) for group in groups)
        shared = [(one[0], two[0]) for one, two in found if one and two]
        if shared:
            pairs = [f"{_name(dataset, one)} = {_name(dataset, two)}" for one, two in shared]
            yield Finding(
                "leak",
                f"{counted(len(shared), 'image')} of {first} {'is' if len(shared) == 1 else 'are'} also in {second} "
                f"({shortened(pairs)}). Remove them from one of the two: figures of {second} would be too good.",
            )


def repeats(dataset: Dataset, groups: Sequence[Group]) -> Iterator[Finding]:
    """A hint for each split that has images twice."""
    for split in dataset.splits:
        found = [same for group in groups if len(same := _of(group, split)) > 1]
        if not found:
            continue
        differing = sum(len({place.sample.labels for place in same}) > 1 for same in found)
        examples = [" = ".join(_name(dataset, place) for place in same[:2]) for same in found]
        yield Finding(
            "duplicates",
            f"{counted(len(found), 'image')} of {split} {'is' if len(found) == 1 else 'are'} there more than once "
            f"({shortened(examples)}){_contradiction(differing)}. Keep one of each.",
        )


def _contradiction(differing: int) -> str:
    return f", {differing:,} of them with different tags" if differing else ""


def _of(group: Group, split: str) -> list[Place]:
    return [place for place in group if place.split == split]


def _name(dataset: Dataset, place: Place) -> str:
    return name_below(dataset.root, place.sample.image)


def name_below(root: Path, path: Path) -> str:
    """The path from the folder of the data on; the whole path of a file elsewhere."""
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
