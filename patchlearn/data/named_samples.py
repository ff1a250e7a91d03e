"""The samples of a data set, found by what people write: an id, a file name or a path."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePath

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.types import Dataset, Sample
from patchlearn.data.images import SUFFIXES
from patchlearn.data.labels import normal_form, read_text
from patchlearn.data.names import OTHER_IMAGES, SHOWN

EXTENSIONS = (*SUFFIXES, *OTHER_IMAGES)
IMAGES = "images/"  # the usual folder of images, which a path may begin with or not


class NamedSamples:
    """The samples of all splits by their names, in either case.

    Args:
        dataset: the samples of which are meant.
    """

    def __init__(self, dataset: Dataset):
        self.dataset = dataset
        self._exact = {normal_form(each.id): each for samples in dataset.splits.values() for each in samples}
        self._by_id = _grouped((_plain(id), each) for id, each in self._exact.items())
        self._by_stem = _grouped((_plain(_without_extension(each.image.name)), each) for each in self._exact.values())

    def find(self, words: str, place: str) -> Sample:
        """The sample that is meant.

        Args:
            words: its id, or the end of the path of its image, with or without the extension.
            place: for messages.

        Raises:
            PatchlearnError: there is no such image, or there are several.
        """
        if not words:
            raise PatchlearnError(f"{place}: names no image. Complete the line.")
        found = self._of_id(words) or self._of_path(words)
        if len(found) == 1:
            return found[0]
        if found:
            shown = " or ".join(sorted(str(each.image) for each in found)[:SHOWN])
            more = " or …" if len(found) > SHOWN else ""
            raise PatchlearnError(f"{place}: {words!r} may be {shown}{more}. Write the whole path.")
        example = next(iter(self._exact.values()), None)
        such = f", such as {example.id} or {example.image.name}" if example else ""
        raise PatchlearnError(
            f"{place}: the data set {self.dataset.root} has no image {words!r}. Write the id or the path of an image"
            f"{such}."
        )

    def _of_id(self, words: str) -> Sequence[Sample]:
        path = words.replace("\\", "/").removeprefix("./").removeprefix(IMAGES)
        for name in (words, path.replace("/", "__"), _without_extension(path).replace("/", "__")):
            if normal_form(name) in self._exact:
                return [self._exact[normal_form(name)]]
            if _plain(name) in self._by_id:
                return self._by_id[_plain(name)]
        return []

    def _of_path(self, words: str) -> Sequence[Sample]:
        """Those whose paths end with the words; with the same extension, if there are any."""
        path = PurePath(os.path.normpath(words.replace("\\", "/")))
        near = self._by_stem.get(_plain(_without_extension(path.name)), ())
        return [each for each in near if _ends(each, path)] or [each for each in near if _ends(each, path, bare=True)]


def listed_samples(path: Path, dataset: Dataset) -> tuple[Sample, ...]:
    """The samples that a file lists, each once, in the order of the file.

    Args:
        path: a text file with an id, a file name or a path a line; empty lines are skipped.
        dataset: the samples of which are meant.

    Raises:
        PatchlearnError: there is no such file, it is empty, or a line is no image of the data set.
    """
    if not path.is_file():
        raise PatchlearnError(f"{path}: no such file. Name a file that lists images, one a line.")
    named, lines = NamedSamples(dataset), enumerate(read_text(path).splitlines(), start=1)
    found = [named.find(line.strip(), f"{path}, line {number}") for number, line in lines if line.strip()]
    if not found:
        raise PatchlearnError(f"{path}: lists no image. Write an id or a file name a line.")
    return tuple({sample.id: sample for sample in found}.values())


def _grouped(named: Iterable[tuple[str, Sample]]) -> dict[str, list[Sample]]:
    found: dict[str, list[Sample]] = {}
    for name, sample in named:
        found.setdefault(name, []).append(sample)
    return found


def _plain(name: str) -> str:
    return normal_form(name).casefold()


def _without_extension(name: str) -> str:
    """Only what is the extension of an image is one: `v1.5` is a whole name."""
    stem, extension = os.path.splitext(name)
    return stem if extension.lower() in EXTENSIONS else name


def _ends(sample: Sample, end: PurePath, *, bare: bool = False) -> bool:
    """Whether the path of the image ends with these parts; bare, without the extensions of both."""
    names = os.path.abspath(sample.image), str(end)
    path, wanted = (PurePath(_plain(_without_extension(name) if bare else name)).parts for name in names)
    return bool(wanted) and path[-len(wanted) :] == wanted
