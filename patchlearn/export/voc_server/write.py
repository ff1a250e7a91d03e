"""Pack masks into the archive that PASCAL VOC's evaluation server accepts."""

import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from gzip import GzipFile
from io import BytesIO
from pathlib import Path

import numpy as np

from patchlearn.core.errors import PatchlearnError, listed, require_one_of
from patchlearn.core.files import atomic
from patchlearn.core.masks_io import encode_mask
from patchlearn.core.types import BACKGROUND, IGNORE, Integers, UInt8
from patchlearn.data.formats.voc import VOC_CLASSES
from patchlearn.data.images import read_indices
from patchlearn.export.voc_server.layout import FOLDERS, SUFFIXES, require_image_size

NO_CLASS = -1


def write_submission(
    masks: Path,
    names: Sequence[str],
    out: Path,
    classes: Sequence[str],
    *,
    images: Path | None = None,
    competition: str = "comp6",
) -> None:
    """Pack `masks/STEM.png` of every name into an archive. Equal masks give equal bytes.

    Args:
        masks: folder of the masks: 0 background, i + 1 the i-th of `classes`.
        names: the stems, in the order of the test list.
        out: the archive, `.tgz` or `.tar.gz`.
        classes: the classes of the masks by VOC's names, in any order; VOC's other classes are never predicted.
        images: folder of the test images (JPEGImages), to compare sizes; None to skip this.
        competition: "comp6", or "comp5" if only VOC's own data was used.

    Raises:
        PatchlearnError: an option or a name is wrong, or masks are missing, contain undecided pixels (255) or values
            that are not classes, or have another size than their image. The message lists the first ten problems, and
            nothing is written.

    >>> from tempfile import TemporaryDirectory
    >>> from patchlearn.core.masks_io import write_mask
    >>> from patchlearn.export.voc_server import check_submission
    >>> with TemporaryDirectory() as folder:
    ...     write_mask(Path(folder, "2008_000006.png"), np.array([[0, 1, 2]], np.uint8))
    ...     archive = Path(folder, "results.tgz")
    ...     write_submission(Path(folder), ["2008_000006"], archive, ["person", "cat"])  # 1 becomes 15, 2 becomes 8
    ...     check_submission(archive, ["2008_000006"])
    []
    """
    require_one_of("competition", competition, FOLDERS)
    _require_sound(names, out)
    table, problems = voc_values(classes), []
    with atomic(out) as partial:
        with _packed(partial) as archive:
            for name in names:
                try:
                    mask = _voc_mask(masks / f"{name}.png", table, images and images / f"{name}.jpg")
                    _add(archive, f"{FOLDERS[competition]}/{name}.png", encode_mask(mask))
                except PatchlearnError as error:
                    problems.append(str(error))
        if problems:
            raise PatchlearnError(listed(problems))


def voc_values(classes: Sequence[str]) -> Integers:
    """256 entries: value in a mask of these classes → value in VOC's masks, or -1 if there is no such class.

    Raises:
        PatchlearnError: a name is not a class of VOC.

    >>> voc_values(["cat", "person"])[:4].tolist()
    [0, 8, 15, -1]
    """
    table = np.full(256, NO_CLASS, np.int64)
    table[BACKGROUND] = BACKGROUND
    for index, name in enumerate(classes):
        require_one_of("classes", name, VOC_CLASSES)
        table[index + 1] = VOC_CLASSES.index(name) + 1
    return table


def _require_sound(names: Sequence[str], out: Path) -> None:
    if not out.name.endswith(SUFFIXES):
        raise PatchlearnError(f"{out}: the server accepts only {' or '.join(SUFFIXES)}. Choose such a name.")
    if not names:
        raise PatchlearnError("The list contains no image. Choose VOC's ImageSets/Segmentation/test.txt.")
    for name in names:
        if Path(name).name != name or names.count(name) > 1:
            raise PatchlearnError(f"The list contains {name!r}, which is a path or occurs twice. Correct the list.")


def _voc_mask(path: Path, table: Integers, image: Path | None) -> UInt8:
    """H×W values of VOC."""
    mask = read_indices(path)
    undecided = int((mask == IGNORE).sum())
    if undecided:
        raise PatchlearnError(
            f"{path}: {undecided} pixels are undecided (255), but the server accepts none. Submit masks without 255, "
            "for example those of a segmentation network."
        )
    values = table[mask]
    if (values == NO_CLASS).any():
        raise PatchlearnError(
            f"{path}: holds the value {mask[values == NO_CLASS][0]}, but there are {(table > BACKGROUND).sum()} "
            "classes (1, 2, …). Name the classes with which the masks were made."
        )
    if image is not None:
        require_image_size(str(path), mask.shape, image)
    return values.astype(np.uint8)


@contextmanager
def _packed(path: Path) -> Iterator[tarfile.TarFile]:
    """A gzip-compressed tar without time and name in its header, so that equal masks give equal bytes."""
    with (
        path.open("wb") as file,
        GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as stream,
        tarfile.open(fileobj=stream, mode="w") as archive,
    ):
        yield archive


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, BytesIO(content))
