"""Check a submission for PASCAL VOC's evaluation server before it is sent."""

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import require_regular
from patchlearn.export.voc_server.entries import Entry, archived_entries, folder_entries
from patchlearn.export.voc_server.layout import FOLDERS, TEST_IMAGES, require_image_size
from patchlearn.export.voc_server.masks import header_problem, mask_problems, png_size


def check_submission(path: Path, names: Sequence[str] | None = None, images: Path | None = None) -> list[str]:
    """One sentence for each problem of a submission; none if the server should accept it.

    Args:
        path: the archive; or the folder `results` or the folder that contains it, before it is packed.
        names: names of the test list; None to check only the number of masks, 1456 for VOC 2012.
        images: folder of the test images (JPEGImages), to compare sizes; None to skip this.

    Raises:
        PatchlearnError: the file or folder does not exist.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     check_submission(Path(folder))
    ['.../results/VOC2012/Segmentation/comp6_test_cls: no masks. Put one PNG for every image of the list there.']
    """
    for needed in (path, images or path):
        if not needed.exists():
            raise PatchlearnError(f"{needed}: no such file or folder. Check the path.")
        require_regular(needed)
    inspection = _Inspection(names, images)
    entries = folder_entries(path) if path.is_dir() else archived_entries(path)
    problems = [problem for entry in entries for problem in inspection.problems(entry)]
    return problems + list(inspection.missing(path))


class _Inspection:
    """Checks one entry after another, and collects which masks there are."""

    def __init__(self, names: Sequence[str] | None, images: Path | None):
        self.names, self.images = names, images
        self.known = set(names or ())
        self.found: dict[str, set[str]] = {}

    def problems(self, entry: Entry) -> Iterator[str]:
        """Problems of an entry: of its path, or else of its content."""
        name = _printable(entry.name)
        misplaced = self._misplaced(PurePosixPath(entry.name))
        fault = entry.fault or misplaced
        if fault:
            yield f"{name}: {fault}"
            return
        for problem in mask_problems(entry.content):
            yield f"{name}: {problem}"
        if self.images is not None and not header_problem(entry.content):
            yield from _size_problem(name, entry.content, self.images / f"{PurePosixPath(entry.name).stem}.jpg")

    def missing(self, path: Path) -> Iterator[str]:
        """Masks that are missing by the list, or by the number of VOC 2012's test images."""
        if not self.found:
            yield f"{path / FOLDERS['comp6']}: no masks. Put one PNG for every image of the list there."
        for folder, stems in self.found.items():
            if self.names is None and len(stems) != TEST_IMAGES:
                yield (
                    f"{folder}: {len(stems)} masks, but VOC 2012 has {TEST_IMAGES} test images. Give the test list "
                    "(--list) to see which are missing or surplus."
                )
            for name in self.names or ():
                if name not in stems:
                    yield f"{folder}/{name}.png: missing, but its image is in the list. Predict it too."

    def _misplaced(self, path: PurePosixPath) -> str:
        folder = path.parent.as_posix()
        if folder not in FOLDERS.values():
            return f"wrong folder. Put masks into {FOLDERS['comp6']} (or comp5_test_cls) and remove other files."
        if path.suffix != ".png" or (self.names is not None and path.stem not in self.known):
            return "not the mask of an image of the list. Remove it."
        stems = self.found.setdefault(folder, set())
        if path.stem in stems:
            return "occurs twice. Keep one."
        stems.add(path.stem)
        return ""


def _size_problem(name: str, content: bytes, image: Path) -> Iterator[str]:
    try:
        require_image_size(name, png_size(content), image)
    except PatchlearnError as error:
        yield str(error)


def _printable(name: str) -> str:
    """The name of an archive's member, without control codes that a terminal would execute."""
    return name if name.isprintable() else repr(name)
