"""Open a data set of any supported format."""

from pathlib import Path

from patchlearn.core.errors import PatchlearnError, require_one_of
from patchlearn.core.types import Dataset
from patchlearn.data.formats.folder import open_folder
from patchlearn.data.formats.voc import open_voc
from patchlearn.data.scenes.folder import open_scenes
from patchlearn.data.settings import FORMATS, SceneSettings


def open_dataset(format: str, root: Path | str, scenes: SceneSettings | None = None) -> Dataset:
    """Open a data set. Only names, labels and paths are read, no image.

    Args:
        format: "voc" (the PASCAL VOC layout), "folder" (images/ and labels.csv) or "scenes" (images that are drawn
            into `root` once and then read like a folder).
        root: folder of the data set.
        scenes: what is drawn; only for the format "scenes".

    Raises:
        PatchlearnError: the format is unknown, or the folder does not have the layout of the format.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     dataset = open_dataset("scenes", folder, SceneSettings(train=2, val=1, size=64))
    >>> {name: len(samples) for name, samples in dataset.splits.items()}
    {'train': 2, 'val': 1}
    """
    require_one_of("format", format, FORMATS)
    root = Path(root)
    if format == "scenes":
        return open_scenes(root, scenes or SceneSettings())
    if not root.is_dir():
        raise PatchlearnError(f"{root}: no such folder. Check the path of the data set (--data.root).")
    return open_voc(root) if format == "voc" else open_folder(root)
