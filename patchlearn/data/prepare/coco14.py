"""COCO 2014, as the literature on image tags uses it: train2014 and val2014 with their instances.

The reader of the format `coco` reads the folder as it is. The owners publish no hashes; files are counted.
"""

import os
from pathlib import Path
from shlex import quote

from patchlearn.data.prepare.parts import Part, below, count_files, first_folder

IMAGES = {"train2014": 82_783, "val2014": 40_504}
ZIPS = "http://images.cocodataset.org/zips"
ANNOTATIONS = "http://images.cocodataset.org/annotations/annotations_trainval2014.zip"
PAGE = "https://cocodataset.org/#download"


def look(root: Path) -> list[Part]:
    """The images and the instances of both splits.

    Args:
        root: the folder in which `train2014/`, `val2014/` and `annotations/` lie, or their archives.
    """
    return [*(_images(root, name) for name in IMAGES), *(_instances(root, name) for name in IMAGES)]


def command(root: Path) -> str:
    """What trains on the folder."""
    return f"patchlearn run {quote(str(root))} --recipe standard --data.labels annotations/instances_train2014.json"


def _images(root: Path, name: str) -> Part:
    folder = first_folder(root, [name, f"images/{name}"])
    count, wanted = count_files(folder, ".jpg") if folder else 0, IMAGES[name]
    found = f"{below(folder, root)} with {count:,} images" if folder else _archive(root, f"{name}.zip")
    return Part(
        name=f"images of {name}",
        is_there=count >= wanted,
        found=found,
        wanted=f"{wanted:,} images",
        source=f"{ZIPS}/{name}.zip ({PAGE}); unpack it in {root}",
    )


def _instances(root: Path, name: str) -> Part:
    path = root / "annotations" / f"instances_{name}.json"
    is_whole = path.is_file() and _ends_as_json(path)
    found = below(path, root) if path.is_file() else _archive(root, "annotations_trainval2014.zip")
    return Part(
        name=f"annotations of {name}",
        is_there=is_whole,
        found=found if is_whole or not path.is_file() else f"{found}, which is cut off",
        wanted=f"annotations/instances_{name}.json",
        source=f"{ANNOTATIONS} ({PAGE}); unpack it in {root}",
    )


def _archive(root: Path, name: str) -> str:
    return f"{name}, not unpacked" if (root / name).is_file() else "nothing"


def _ends_as_json(path: Path) -> bool:
    """Whether the file ends with the object; a download that was broken off does not."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 64), os.SEEK_SET)
        return file.read().rstrip().endswith(b"}")
