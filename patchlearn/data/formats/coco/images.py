"""Where the images of a COCO JSON are."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from patchlearn.core.errors import PatchlearnError
from patchlearn.data.formats.coco.content import CocoContent, CocoImage, read_content
from patchlearn.data.formats.coco.files import CocoFile
from patchlearn.data.images import SUFFIXES
from patchlearn.data.names import left_out


@dataclass(frozen=True, kw_only=True)
class Part:
    """One JSON, and where its images are.

    Args:
        name: of the JSON, below the folder of the data.
        file: the JSON.
        content: what it says.
        paths: the file of each image, by its name in the JSON; it need not be there.
    """

    name: str
    file: CocoFile
    content: CocoContent
    paths: dict[str, Path]


def read_part(root: Path, file: CocoFile) -> Part:
    """Read a JSON and find its images.

    They are looked for beside the JSON, in `root`, `images/`, the folder that the JSON is named after (`train2017/`,
    `images/train2017/`) or of its split, `JPEGImages/` and `data/`.

    Raises:
        PatchlearnError: the JSON is broken, or an image lies outside of `root`.
    """
    content = read_content(file.path)
    bases = _bases(root, file)
    last = bases[-1]
    paths = {}
    for image in content.images:
        name = name_below(root, image)
        last = next((base for base in bases if os.path.isfile(f"{base}/{name}")), last)
        paths[image.file_name] = Path(f"{last}/{name}")
    return Part(name=os.path.relpath(file.path, root), file=file, content=content, paths=paths)


def _bases(root: Path, file: CocoFile) -> list[str]:
    """The folders that are there; the last one is where a message looks for an image that is in none of them."""
    named = list(dict.fromkeys([file.folder, file.split]))
    folders = [file.path.parent, root, root / "images"]
    folders += [root / prefix / name for name in named for prefix in ("", "images")]
    folders += [root / "JPEGImages", root / "data"]
    return list(dict.fromkeys(str(folder) for folder in folders if folder.is_dir()))


def name_below(root: Path, image: CocoImage) -> str:
    """The path of an image as it is written, with Windows' separators understood.

    Raises:
        PatchlearnError: it leads out of its folder.
    """
    path = PurePath(image.file_name.replace("\\", "/"))
    if path.is_absolute() and path.is_relative_to(root.absolute()):
        path = path.relative_to(root.absolute())
    if path.is_absolute() or ".." in path.parts or path.drive or path.name == "":
        raise PatchlearnError(
            f"{image.place}: its file_name is outside of {root}. Write a path below the folder of the images."
        )
    return str(path)


def split_elsewhere(parts: Sequence[Part]) -> tuple[list[Part], list[Part]]:
    """(the parts of which an image is there, the others); all of them are in the first list if no image is there.

    The annotations of COCO's splits come in one archive, and their images in one for each split.
    """
    here = [part for part in parts if any(os.path.isfile(path) for path in part.paths.values())]
    return (here, [part for part in parts if part not in here]) if here else (list(parts), [])


def unused_images(root: Path, parts: Sequence[Part]) -> Iterator[str]:
    """A note for each folder with images that no JSON names, if it has others that a JSON names."""
    used = {str(path) for part in parts for path in part.paths.values()}
    for folder in sorted({os.path.split(path)[0] for path in used}):
        if not Path(folder).is_dir():  # the images of a JSON are missing
            continue
        files = [entry.name for entry in os.scandir(folder) if entry.is_file() and not entry.name.startswith(".")]
        names = [name for name in files if name.lower().endswith(SUFFIXES) and f"{folder}/{name}" not in used]
        yield from left_out(names, "named in no COCO file, and not used", Path(folder))
