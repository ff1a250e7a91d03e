"""Images with image-level labels, from any of the layouts we read."""

from pathlib import Path

from patchlearn.core.errors import PatchlearnError, require_one_of
from patchlearn.core.types import Dataset
from patchlearn.data.formats.folder import open_folder
from patchlearn.data.formats.voc import VOC_CLASSES, open_voc
from patchlearn.data.images import read_image, read_indices, read_mask
from patchlearn.data.scenes.scenes import SceneSettings, open_scenes

__all__ = [
    "VOC_CLASSES",
    "SceneSettings",
    "open_dataset",
    "open_folder",
    "open_scenes",
    "open_voc",
    "read_image",
    "read_indices",
    "read_mask",
]

FORMATS = ("folder", "scenes", "voc")


def open_dataset(format: str, root: Path | str, scenes: SceneSettings | None = None) -> Dataset:
    """Open a data set; only names, labels and paths are read, no picture.

    Args:
        format: "voc" (the PASCAL VOC layout), "folder" (images/ and labels.csv) or "scenes" (drawn on the spot
            into `root`, once, and then read like a folder).
        root: the data set's folder.
        scenes: what to draw; only for the format "scenes".

    Raises:
        PatchlearnError: an unknown format, or a folder that is not laid out as the format says.
    """
    require_one_of("data.format", format, FORMATS)
    root = Path(root)
    if format == "scenes":
        return open_scenes(root, scenes or SceneSettings())
    if not root.is_dir():
        raise PatchlearnError(f"{root}: no such folder. Name the data set's folder with --data.root.")
    return open_voc(root) if format == "voc" else open_folder(root)
