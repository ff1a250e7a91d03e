"""One rule for names: the mask or map of the image `a/b.jpg` is `a__b.png` or `a/b.png`.

Names are relative to the folder of the images, or of the masks. The forms NFC and NFD of Unicode are the same name.
"""

import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path

from rich.console import Console

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import LONGEST
from patchlearn.data.images import SUFFIXES
from patchlearn.data.labels import normal_form

# Images that cameras and programs write, and that are not read.
OTHER_IMAGES = (
    ".gif", ".heic", ".heif", ".avif", ".jp2", ".j2k", ".jpx", ".jxl", ".jfif", ".jpe", ".tga", ".ppm", ".pgm", ".pbm",
    ".pnm", ".psd", ".svg", ".exr", ".hdr", ".ico", ".dds", ".dcm", ".raw", ".dng", ".cr2", ".cr3", ".nef", ".arw",
    ".orf", ".rw2", ".raf", ".pef", ".srw",
)  # fmt: skip
EXPECTED = ("classes.txt", "step.json")  # beside masks and maps
SHOWN = 3  # names that a line lists
LONGEST_ID = LONGEST - len(".safetensors")  # bytes; the longest ending of what a step writes for an image


def image_id(name: str) -> str:
    """`a/b.jpg` → `a__b`.

    What would be too long for the name of a file ends in its digest.

    >>> image_id("holiday/sea.png")
    'holiday__sea'
    >>> len(image_id("holiday/" * 50 + "sea.png"))
    243
    """
    id = os.path.splitext(os.path.normpath(name))[0].replace(os.sep, "__")
    if len(os.fsencode(id)) <= LONGEST_ID:
        return id
    whole = normal_form(id).encode(errors="surrogateescape")
    end = f"~{sha256(whole).hexdigest()[:12]}"
    return whole[: LONGEST_ID - len(end)].decode(errors="ignore") + end


def files_below(folder: Path, without: Iterable[Path] = ()) -> Iterator[str]:
    """Names, relative to the folder, of its files and those of its subfolders, linked ones as well, in order.

    Hidden files and folders are passed over: macOS writes `._a.png` beside `a.png`.

    Args:
        folder: where to begin.
        without: subfolders that are not entered.
    """
    yield from _below(str(folder), "", set(map(os.path.realpath, without)))


def _below(folder: str, prefix: str, entered: set[str]) -> Iterator[str]:
    """A real folder is entered once: a link may lead back to one that is being read, or has been."""
    entered.add(os.path.realpath(folder))
    with os.scandir(folder) as entries:
        visible = sorted((each for each in entries if not each.name.startswith(".")), key=lambda each: each.name)
    yield from (prefix + each.name for each in visible if not each.is_dir())
    for each in visible:
        if each.is_dir() and os.path.realpath(each.path) not in entered:
            yield from _below(each.path, prefix + each.name + os.sep, entered)


def is_taken(name: str, suffixes: Sequence[str] = SUFFIXES) -> bool:
    """Whether a file is of one of the kinds, by its ending in either case, and not hidden."""
    return os.path.splitext(name)[1].lower() in suffixes and not _last_part(name).startswith(".")


def _last_part(name: str) -> str:
    return name.rpartition(os.sep)[2]


@dataclass(frozen=True, kw_only=True)
class NamedFiles:
    """The files of a folder by the id of their image.

    Args:
        folder: which.
        suffixes: of the files that are taken.
        files: id in normal form → the names, of which there should be one.
        others: names of the files that are not taken.
    """

    folder: Path
    suffixes: tuple[str, ...]
    files: dict[str, list[str]]
    others: tuple[str, ...]

    def only(self, id: str) -> str:
        """The name of the one file with this id.

        Raises:
            PatchlearnError: there is none, or there are several.
        """
        found = self.files.get(normal_form(id), [])
        if not found:
            raise PatchlearnError(f"{self.folder}: no file named {id!r}{self.advice(id)}")
        if len(found) > 1:
            raise PatchlearnError(f"{self.folder}: {' and '.join(found)} have the same name {id!r}. Keep one of them.")
        return found[0]

    def left_out(self) -> list[str]:
        """Notes about the files that are not taken; none where there are none."""
        return not_taken(self.folder, self.others, self.suffixes)

    def advice(self, id: str) -> str:
        """The end of the sentence "no file named …": to add it, or how to name one of a subfolder."""
        near = self._by_last_part.get(normal_form(id), [])
        if not near:
            return ". Add it."
        choice = f", or choose the folder {(self.folder / near[0]).parent}" if len(near) == 1 else ""
        return f", but {near[0]}, which is named {image_id(near[0])!r}. Name both alike{choice}."

    @cached_property
    def _by_last_part(self) -> dict[str, list[str]]:
        """The files in subfolders by their names without the subfolder."""
        places: dict[str, list[str]] = {}
        for name in (name for found in self.files.values() for name in found if os.sep in name):
            places.setdefault(normal_form(image_id(_last_part(name))), []).append(name)
        return places


def named_files(folder: Path, suffixes: Sequence[str], without: Path | None = None) -> NamedFiles:
    """Find the files of a folder and its subfolders.

    Args:
        folder: which.
        suffixes: of the files that are meant, lower case.
        without: a subfolder that is not entered, such as that of the results.

    Raises:
        PatchlearnError: the folder is missing, or has no such file.
    """
    if not folder.is_dir():
        raise PatchlearnError(f"{folder}: no such folder. Check the path.")
    names = list(files_below(folder, [without] if without else []))
    found: dict[str, list[str]] = {}
    for name in names:
        if is_taken(name, suffixes):
            found.setdefault(normal_form(image_id(name)), []).append(name)
    others = tuple(name for name in names if not is_taken(name, suffixes))
    if not found:
        instead = "".join(f" {line}" for line in not_taken("Instead", others, suffixes))
        raise PatchlearnError(f"{folder}: no file that ends in {', '.join(suffixes)}. Check the path.{instead}")
    return NamedFiles(folder=folder, suffixes=tuple(suffixes), files=found, others=others)


def not_taken(place: Path | str, names: Iterable[str], suffixes: Sequence[str] = SUFFIXES) -> list[str]:
    """Notes about images of formats that are not taken, and about other files; none where there are none.

    Args:
        place: where they lie; begins the note.
        names: of the files that are not taken.
        suffixes: of those that are.

    >>> not_taken("masks", ["a.jpg", "notes.txt", "classes.txt"], [".png", ".npy"])
    ['masks: 1 file is no .png or .npy, and not read: a.jpg', 'masks: 1 file is of no kind that is read: notes.txt']
    """
    unexpected = [name for name in names if _last_part(name) not in EXPECTED]
    images = [name for name in unexpected if is_taken(name, (*SUFFIXES, *OTHER_IMAGES))]
    others = [name for name in unexpected if name not in images]
    kinds = " or ".join(part for part in (", ".join(suffixes[:-1]), suffixes[-1]) if part)
    return [
        *left_out(images, f"no {kinds}, and not read", place),
        *left_out(others, "of no kind that is read", place),
    ]


def left_out(names: Collection[str], what: str, place: Path | str) -> list[str]:
    """A note about files that are not used; none where there are none.

    Args:
        names: of the files.
        what: they are, to end the sentence "1 file is …".
        place: where they lie; begins the note.

    >>> left_out(["a.gif"], "no image that is read", "photos")
    ['photos: 1 file is no image that is read: a.gif']
    """
    if not names:
        return []
    return [f"{place}: {counted(len(names), 'file is', 'files are')} {what}: {shortened(sorted(names))}"]


def pair_up(maps: NamedFiles, pictures: NamedFiles) -> tuple[list[str], list[str]]:
    """(ids of the masks or maps to work on, lines about what is left out).

    An id without an image is an error of that file, which `NamedFiles.only` raises. A subfolder of masks of which none
    has an image holds something else, such as `sure/` beside pseudo masks, and is left out.
    """
    strangers = [name for found in _by_subfolder(maps).values() for name in _without_images(found, pictures)]
    left = set(strangers)
    ids = [id for id, names in maps.files.items() if not left.issuperset(names)]
    if not ids:
        strangers, ids = [], list(maps.files)
    unused = [names[0] for id, names in pictures.files.items() if id not in maps.files]
    notes = [*maps.left_out(), *pictures.left_out()]
    if strangers:
        what = f"{counted(len(strangers), 'file')} in subfolders, of which no file has an image"
        notes.append(f"{maps.folder}: not read: {what} ({shortened(sorted(strangers))}).")
    if unused:
        what = f"{len(unused)} of {counted(len(pictures.files), 'image')}, which no mask or map belongs to"
        notes.append(f"{pictures.folder}: not used: {what} ({shortened(sorted(unused))}).")
    return sorted(ids), notes


def _by_subfolder(maps: NamedFiles) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for names in maps.files.values():
        for name in names:
            if os.sep in name:  # of the folder itself every file counts
                found.setdefault(name.rpartition(os.sep)[0], []).append(name)
    return found


def _without_images(names: list[str], pictures: NamedFiles) -> list[str]:
    return [] if any(normal_form(image_id(name)) in pictures.files for name in names) else names


def shortened(names: Sequence[str]) -> str:
    """The first three names, and how many more there are.

    >>> shortened(["a", "b", "c", "d", "e"])
    'a, b, c and 2 more'
    """
    more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def counted(number: int, noun: str, plural: str = "") -> str:
    """The number with its noun.

    >>> counted(1, "class", "classes"), counted(1037, "image")
    ('1 class', '1,037 images')
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def tell(console: Console, notes: Iterable[str]) -> None:
    """Print what is worth knowing and no failure."""
    for note in notes:
        console.print(note, style="dim", markup=False, highlight=False, soft_wrap=True)
