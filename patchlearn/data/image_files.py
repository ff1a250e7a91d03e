"""The images below a folder, found by the names that people write: with or without extension, in either case."""

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path, PurePath

from patchlearn.core.errors import PatchlearnError
from patchlearn.data.images import SUFFIXES
from patchlearn.data.labels import normal_form
from patchlearn.data.names import SHOWN, files_below, image_id, left_out

MASKS = "masks"
BESIDE = (MASKS, "parts", "scribbles", "ground_truth", "SegmentationClass")  # folders of masks, beside images


class ImageFiles:
    """The images of a data set, listed once.

    Args:
        root: the folder of the data.
        base: the folder of the images, below which their names begin; `root/images` if that is there, else `root`.
    """

    def __init__(self, root: Path, base: Path | None = None):
        self.root = root
        self.base = base or (root / "images" if (root / "images").is_dir() else root)
        without = [root / name for name in BESIDE] if self.base == root else ()
        files = list(files_below(self.base, without))
        self.names = [name for name in files if os.path.splitext(name)[1].lower() in SUFFIXES]
        self.others = [name for name in files if os.path.splitext(name)[1].lower() not in SUFFIXES]
        self._exact = set(self.names)

    def find(self, words: str, place: str, *, anywhere: bool = False) -> str:
        """The name, below `base`, of the image that a table means; the words themselves where there is none.

        Args:
            words: a path relative to `base` or `root`, or an absolute one inside `root`; with or without extension.
            place: for messages.
            anywhere: whether a name without a folder may stand for the only image of this name in any sub-folder.

        Raises:
            PatchlearnError: the path leads out of `root` or is an address, or two images are meant.
        """
        name = self._below_base(words, place)
        if name in self._exact:
            return name
        found = _looked_up(name, self._by_name, self._by_stem)
        if not found and anywhere and os.sep not in name:
            found = _looked_up(name, self._by_last_name, self._by_last_stem)
        if len(found) > 1:
            shown = " or ".join(sorted(found)[:SHOWN]) + (" or …" if len(found) > SHOWN else "")
            raise PatchlearnError(f"{place}: {words!r} may be {shown}. Write the whole path, with its extension.")
        return found[0] if found else name

    def _below_base(self, words: str, place: str) -> str:
        """The path relative to `base`; Windows' separators are understood where no file has them in its name."""
        if words in self._exact:
            return words
        if "://" in words:
            raise PatchlearnError(f"{place}: {words!r} is an address. Download the image, and write its path.")
        path = PurePath(words.replace("\\", "/"))
        if path.is_absolute():
            return self._of_absolute(path, place)
        name = os.path.normpath(path)
        prefix = os.path.relpath(self.base, self.root)
        if prefix != "." and name.startswith(f"{prefix}{os.sep}") and name not in self._exact:
            name = name[len(prefix) + 1 :]
        if name.startswith("..") or name == ".":
            raise PatchlearnError(f"{place}: {words!r} is outside of {self.base}. Write a path below it.")
        return name

    def _of_absolute(self, path: PurePath, place: str) -> str:
        for folder in (self.base.absolute(), self.base.resolve()):
            if path.is_relative_to(folder) and ".." not in path.parts:
                return str(path.relative_to(folder))
        raise PatchlearnError(f"{place}: {str(path)!r} is outside of {self.base}. Write a path below it.")

    @cached_property
    def _by_name(self) -> dict[str, list[str]]:
        return _grouped(self.names, str)

    @cached_property
    def _by_stem(self) -> dict[str, list[str]]:
        return _grouped(self.names, _stem)

    @cached_property
    def _by_last_name(self) -> dict[str, list[str]]:
        return _grouped(self.names, lambda name: os.path.split(name)[1])

    @cached_property
    def _by_last_stem(self) -> dict[str, list[str]]:
        return _grouped(self.names, lambda name: _stem(os.path.split(name)[1]))


def masks_by_id(folder: Path) -> dict[str, Path]:
    """The PNGs of a folder of masks by the id of their image: `a/b.png` and `a__b.png` belong to `a/b.jpg`."""
    if not folder.is_dir():
        return {}
    names = [name for name in files_below(folder) if name.lower().endswith(".png")]
    nested_first = sorted(names, key=lambda name: os.sep not in name)
    return {normal_form(image_id(name)): folder / name for name in nested_first}


def about_masks(root: Path, masks: Mapping[str, Path], ids: Iterable[str]) -> list[str]:
    """Notes about files in folders of masks that are not used.

    Args:
        root: the folder of the data.
        masks: those in `masks/`, by id.
        ids: of the images of the data set.
    """
    known = {normal_form(id) for id in ids}
    lonely = [path.name for id, path in masks.items() if id not in known]
    others = [name for name in _images_in(root / MASKS) if not name.lower().endswith(".png")]
    elsewhere = [(root / name, list(_images_in(root / name))) for name in BESIDE[3:]]
    return [
        *left_out(lonely, "masks of no image that has labels", root / MASKS),
        *left_out(others, "no PNG, and not used; save masks as PNG", root / MASKS),
        *(note for folder, names in elsewhere for note in left_out(names, f"not used; masks lie in {MASKS}/", folder)),
    ]


def _images_in(folder: Path) -> Iterator[str]:
    names = files_below(folder) if folder.is_dir() else ()
    return (name for name in names if name.lower().endswith(SUFFIXES))


def _grouped(names: Collection[str], key: Callable[[str], str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(normal_form(key(name)).casefold(), []).append(name)
    return found


def _stem(name: str) -> str:
    return os.path.splitext(name)[0]


def _looked_up(name: str, by_name: dict[str, list[str]], by_stem: dict[str, list[str]]) -> list[str]:
    plain = normal_form(name).casefold()
    return by_name.get(plain) or by_stem.get(plain) or by_stem.get(_stem(plain)) or []
