"""The drawn scenes on disk: a data set in the folder layout, with masks; those of animals have part masks too.

`scenes.json` states which scenes the folder contains and whether all are drawn. No file is deleted, except those that
a drawing writes.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import atomic, read_json, write_json, write_text
from patchlearn.core.manifest import fingerprint
from patchlearn.core.masks_io import write_class_names, write_mask
from patchlearn.core.settings import key_values
from patchlearn.core.types import Dataset
from patchlearn.data.formats import folder
from patchlearn.data.scenes.cells import CELL_CLASSES, draw_cells
from patchlearn.data.scenes.drawn import SPLITS, Drawn
from patchlearn.data.scenes.scene import SCENE_CLASSES, Scene, draw_scene
from patchlearn.data.scenes.surfaces import SURFACE_CLASSES, draw_surface
from patchlearn.data.settings import ANIMALS, CELLS, SURFACES, DataSettings, SceneSettings

COLUMNS = ("image", "split", "labels")  # of labels.csv
SCENES_VERSION = 2  # another version of the drawing code, so that old folders are drawn again
SURFACES_VERSION = 2  # the same for surfaces
CELLS_VERSION = 1  # the same for cells
MARKER = "scenes.json"

_KEY_PREFIX = "scenes-"
_DRAWN = re.compile(rf"(images|masks|parts)/({'|'.join(SPLITS)})_\d+\.(jpg|png)|labels\.csv|classes\.txt|scenes\.json")


@dataclass(frozen=True, kw_only=True)
class _Kind:
    """How one kind of scenes is drawn: its classes, the function for one image, and the version of that code."""

    classes: tuple[str, ...]
    draw: Callable[[SceneSettings, str, int], Drawn]
    version: int


_KINDS = {
    ANIMALS: _Kind(classes=SCENE_CLASSES, draw=draw_scene, version=SCENES_VERSION),
    SURFACES: _Kind(classes=SURFACE_CLASSES, draw=draw_surface, version=SURFACES_VERSION),
    CELLS: _Kind(classes=CELL_CLASSES, draw=draw_cells, version=CELLS_VERSION),
}


def open_scenes(root: Path, settings: SceneSettings) -> Dataset:
    """Draw the scenes into `root`, unless they are there already, and read them as a data set.

    Args:
        root: a new or empty folder, or one of drawn scenes. Scenes of other settings are replaced.
        settings: what is drawn.

    Raises:
        PatchlearnError: `root` contains files that no drawing wrote.
    """
    values, version = key_values(settings), _KINDS[settings.kind].version
    key = _KEY_PREFIX + fingerprint(values, version)
    finished = {"key": key, "complete": True, "settings": values, "version": version}
    if _read_marker(root) != finished:
        _require_ours(root)
        _begin(root, key)
        _write_folder(root, settings)
        write_json(root / MARKER, finished)
    return folder.read(root, DataSettings(), None)


def _read_marker(root: Path) -> dict[str, Any]:
    """The content of `scenes.json`; empty if it is missing or belongs to another program."""
    path = root / MARKER
    found = read_json(path) if path.is_file() else None
    if isinstance(found, dict) and str(found.get("key")).startswith(_KEY_PREFIX):
        return found
    return {}


def _require_ours(root: Path) -> None:
    """Drawing deletes older scenes, so the folder must contain nothing else."""
    if root.exists() and not root.is_dir():
        raise PatchlearnError(f"{root}: is a file. Choose a folder for the scenes.")
    if root.exists() and any(root.iterdir()) and not _read_marker(root):
        raise PatchlearnError(
            f"{root}: contains files, but no {MARKER} of drawn scenes. Choose a new or empty folder. Scenes of an "
            "earlier version have no such file: delete them."
        )
    others = sorted(path.relative_to(root).as_posix() for path in _files(root) if not _is_drawn(path, root))
    if others:
        raise PatchlearnError(f"{root}: {others[0]!r} is not part of the drawn scenes. Move it to another folder.")


def _begin(root: Path, key: str) -> None:
    """Claim the folder. Files of other scenes are deleted; files of the same scenes are drawn again in their place."""
    if _read_marker(root).get("key") != key:
        # The deletion has a key of its own: if it is interrupted, the next call deletes the remaining files.
        write_json(root / MARKER, {"key": f"{key}-deleting", "complete": False})
        for path in _files(root):
            if path.name != MARKER:
                path.unlink()
        write_json(root / MARKER, {"key": key, "complete": False})


def _files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_symlink() or not path.is_dir()]


def _is_drawn(path: Path, root: Path) -> bool:
    return path.suffix == ".partial" or bool(_DRAWN.fullmatch(path.relative_to(root).as_posix()))


def _write_folder(root: Path, settings: SceneSettings) -> None:
    kind = _KINDS[settings.kind]
    rows = [",".join(COLUMNS)]
    for split, index in _all_images(settings):
        drawn = kind.draw(settings, split, index)
        stem = f"{split}_{index:05d}"
        _write_image(root, stem, drawn)
        rows.append(f"{stem}.jpg,{split},{' '.join(kind.classes[label] for label in drawn.labels)}")
    write_class_names(root, kind.classes)
    write_text(root / "labels.csv", "\n".join(rows) + "\n")


def _all_images(settings: SceneSettings) -> Iterator[tuple[str, int]]:
    for split, count in zip(SPLITS, (settings.train, settings.val), strict=True):
        for index in range(count):
            yield split, index


def _write_image(root: Path, stem: str, drawn: Drawn) -> None:
    with atomic(root / "images" / f"{stem}.jpg") as partial:
        Image.fromarray(drawn.image).save(partial, "JPEG", quality=95, subsampling=0)
    write_mask(root / "masks" / f"{stem}.png", drawn.mask)
    if isinstance(drawn, Scene):
        write_mask(root / "parts" / f"{stem}.png", drawn.parts)
