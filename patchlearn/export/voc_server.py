"""The archive that PASCAL VOC's evaluation server takes: written, and checked before it is sent.

What the server wants, and where that is said:

- One PNG of indices for every image of VOC 2012's test list, 0 for background and 1 to 20 for the classes, with the
  colour map of VOC's own masks (documentation of the development kit, "Segmentation task", "Submission of results").
  The kit's own evaluation, VOCevalseg, refuses a value above 20, and a size that is not the image's.
- They lie in `results/VOC2012/Segmentation/comp6_test_cls`: competition 6, a system that was trained with any data but
  the test data, such as one that starts from ImageNet's weights. Competition 5 is for systems that saw nothing but
  VOC's own training data. The server looks for both folders.
- In a tar that is compressed by gzip. Where the server said no more than "Results were not generated properly", users
  name as the cause a plain tar, masks of another size and values above 20 (zhanghang1989/PyTorch-Encoding#225).
  Coloured masks failed too; masks with a palette that a program chose itself were judged, and badly, as their indices
  are no classes (DrSleep/tensorflow-deeplab-resnet#37 and #177).

Nothing is ever unpacked on the disk: an archive is read member by member, each in memory.
"""

import tarfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from gzip import GzipFile
from io import BytesIO
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from patchlearn.core.errors import PatchlearnError, listed, require_one_of
from patchlearn.core.files import atomic
from patchlearn.core.masks_io import PALETTE, encode_mask
from patchlearn.core.types import BACKGROUND, IGNORE, Integers, UInt8
from patchlearn.data.formats.voc import VOC_CLASSES
from patchlearn.data.images import read_image, read_indices

FOLDERS = {name: f"results/VOC2012/Segmentation/{name}_test_cls" for name in ("comp5", "comp6")}
SUFFIXES = (".tgz", ".tar.gz")
TEST_IMAGES = 1456  # of ImageSets/Segmentation/test.txt in VOC 2012
LARGEST = 2**24  # bytes of a file and pixels of a mask; VOC's largest images have 500×500
NO_CLASS = -1

PNG = b"\x89PNG\r\n\x1a\n"
PNG_HEADER = slice(0, 26)  # signature, length and name of the first chunk, width, height, bit depth, colour type
PALETTE_TYPE = 3
COLOUR_TYPES = {0: "grey values", 2: "colours", 4: "grey values and transparency", 6: "colours and transparency"}
DAMAGE = (OSError, SyntaxError, ValueError, EOFError, IndexError, OverflowError, zlib.error)


# --- writing -----------------------------------------------------------------


def write_submission(
    masks: Path,
    names: Sequence[str],
    out: Path,
    classes: Sequence[str],
    *,
    images: Path | None = None,
    competition: str = "comp6",
) -> None:
    """Pack `masks/STEM.png` of every name into the archive that the server takes; the same masks give the same bytes.

    Args:
        masks: a folder of masks: 0 background, i + 1 the i-th of `classes`.
        names: the stems, in the order of the test list.
        out: the archive, `.tgz` or `.tar.gz`.
        classes: what the values of the masks stand for, by VOC's names, in any order; VOC's other classes are never
            predicted.
        images: the folder of the test images, JPEGImages, to compare sizes with; None to compare none.
        competition: "comp6", or "comp5" if nothing but VOC's own data was used.

    Raises:
        PatchlearnError: a wrong option or name, or masks that are missing, hold undecided pixels (255) or values that
            are no class, or are not as large as their image; the message lists the first ten, and nothing is written.

    >>> from tempfile import TemporaryDirectory
    >>> from patchlearn.core.masks_io import write_mask
    >>> with TemporaryDirectory() as folder:
    ...     write_mask(Path(folder, "2008_000006.png"), np.array([[0, 1, 2]], np.uint8))
    ...     archive = Path(folder, "results.tgz")
    ...     write_submission(Path(folder), ["2008_000006"], archive, ["person", "cat"])  # 1 becomes 15, 2 becomes 8
    ...     check_submission(archive, ["2008_000006"])
    []
    """
    require_one_of("competition", competition, FOLDERS)
    _check_plan(names, out)
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
    """256 entries: value in a mask of these classes → value in VOC's own masks, -1 where there is no such class.

    Raises:
        PatchlearnError: a name that is none of VOC's.

    >>> voc_values(["cat", "person"])[:4].tolist()
    [0, 8, 15, -1]
    """
    table = np.full(256, NO_CLASS, np.int64)
    table[BACKGROUND] = BACKGROUND
    for index, name in enumerate(classes):
        require_one_of("classes", name, VOC_CLASSES)
        table[index + 1] = VOC_CLASSES.index(name) + 1
    return table


def _check_plan(names: Sequence[str], out: Path) -> None:
    if not out.name.endswith(SUFFIXES):
        raise PatchlearnError(f"{out}: the server takes {' or '.join(SUFFIXES)}. Name the archive so.")
    if not names:
        raise PatchlearnError("The list names no image. Name VOC's ImageSets/Segmentation/test.txt.")
    for name in names:
        if Path(name).name != name or names.count(name) > 1:
            raise PatchlearnError(f"The list names {name!r}, which is a path or stands twice. Correct the list.")


def _voc_mask(path: Path, table: Integers, image: Path | None) -> UInt8:
    """H×W values of VOC."""
    mask = read_indices(path)
    undecided = int((mask == IGNORE).sum())
    if undecided:
        raise PatchlearnError(
            f"{path}: {undecided} pixels are undecided (255), which the server does not take. Submit masks that "
            "decide everywhere, such as those of a segmentation network."
        )
    values = table[mask]
    if (values == NO_CLASS).any():
        raise PatchlearnError(
            f"{path}: holds the value {mask[values == NO_CLASS][0]}, but there are {(table > BACKGROUND).sum()} "
            "classes (1, 2, …). Name the classes that the masks were made with."
        )
    if image is not None:
        _require_size(str(path), mask.shape, image)
    return values.astype(np.uint8)


def _require_size(name: str, shape: tuple[int, ...], image: Path) -> None:
    """Raise `PatchlearnError` unless the mask is as large as its image."""
    height, width = read_image(image).shape[:2]
    if shape != (height, width):
        raise PatchlearnError(
            f"{name}: {shape[1]}×{shape[0]} pixels, but {image.name} has {width}×{height} (width × height). Predict at "
            "the size of the image."
        )


@contextmanager
def _packed(path: Path) -> Iterator[tarfile.TarFile]:
    """A gzip-compressed tar that notes neither a time nor its own name, so that equal masks give equal bytes."""
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


# --- checking ----------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class _Entry:
    """A file of a submission: what it holds, or why it was not read."""

    name: str
    content: bytes = b""
    fault: str = ""


def check_submission(path: Path, names: Sequence[str] | None = None, images: Path | None = None) -> list[str]:
    """What is wrong with a submission, a sentence each; none if the server should take it.

    Args:
        path: the archive; or a folder, either `results` or the one that holds it, before it is packed.
        names: of the test list; None to count the masks alone, of which VOC 2012 wants 1456.
        images: the folder of the test images, JPEGImages, to compare sizes with; None to compare none.

    Raises:
        PatchlearnError: there is no such file or folder.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     check_submission(Path(folder))
    ['.../results/VOC2012/Segmentation/comp6_test_cls: no mask there. Put one PNG for every image of the list there.']
    """
    for wanted in (path, images or path):
        if not wanted.exists():
            raise PatchlearnError(f"{wanted}: no such file or folder. Check the path.")
    inspection = _Inspection(names, images)
    entries = _filed(path) if path.is_dir() else _archived(path)
    problems = [problem for entry in entries for problem in inspection.look(entry)]
    return problems + list(inspection.missing(path))


class _Inspection:
    """Looks at one entry after another, and remembers which masks there were."""

    def __init__(self, names: Sequence[str] | None, images: Path | None):
        self.names, self.images = names, images
        self.known = set(names or ())
        self.found: dict[str, set[str]] = {}

    def look(self, entry: _Entry) -> Iterator[str]:
        """What is wrong with an entry: its place, or else its content."""
        name = _printable(entry.name)
        misplaced = self._misplaced(PurePosixPath(entry.name))
        fault = entry.fault or misplaced
        if fault:
            yield f"{name}: {fault}"
            return
        for problem in _mask_faults(entry.content):
            yield f"{name}: {problem}"
        if self.images is not None and not _header_fault(entry.content):
            yield from _size_fault(name, entry.content, self.images / f"{PurePosixPath(entry.name).stem}.jpg")

    def missing(self, path: Path) -> Iterator[str]:
        """What the list, or the number of VOC 2012's test images, asks for and no entry was."""
        if not self.found:
            yield f"{path / FOLDERS['comp6']}: no mask there. Put one PNG for every image of the list there."
        for folder, stems in self.found.items():
            if self.names is None and len(stems) != TEST_IMAGES:
                yield (
                    f"{folder}: {len(stems)} masks, but VOC 2012 has {TEST_IMAGES} test images. Name the list with "
                    "--list to see which are too many or too few."
                )
            for name in self.names or ():
                if name not in stems:
                    yield f"{folder}/{name}.png: missing, but its image is in the list. Predict it too."

    def _misplaced(self, path: PurePosixPath) -> str:
        folder = path.parent.as_posix()
        if folder not in FOLDERS.values():
            return f"wrong folder. Masks lie in {FOLDERS['comp6']} (or comp5_test_cls), and nothing else is sent."
        if path.suffix != ".png" or (self.names is not None and path.stem not in self.known):
            return "not the mask of an image of the list. Take it out."
        stems = self.found.setdefault(folder, set())
        if path.stem in stems:
            return "stands twice. Keep one."
        stems.add(path.stem)
        return ""


def _archived(path: Path) -> Iterator[_Entry]:
    try:
        with GzipFile(path) as stream, tarfile.open(fileobj=stream, mode="r:") as archive:
            yield from (_archived_entry(archive, member) for member in archive if not _is_plain_folder(member))
            while stream.read(LARGEST):  # the checksum stands at the end, which a reader of tars does not look at
                pass
    except (tarfile.TarError, *DAMAGE) as error:
        advice = "Pack it with: tar czf results.tgz results"
        yield _Entry(name=path.name, fault=f"damaged, or not a tar compressed by gzip ({error}). {advice}")


def _is_plain_folder(member: tarfile.TarInfo) -> bool:
    return member.isdir() and not _leaves(member)


def _leaves(member: tarfile.TarInfo) -> bool:
    path = PurePosixPath(member.name)
    return path.is_absolute() or ".." in path.parts


def _archived_entry(archive: tarfile.TarFile, member: tarfile.TarInfo) -> _Entry:
    if _leaves(member):
        return _Entry(name=member.name, fault="leaves the folder it is unpacked in. Take it out.")
    file = archive.extractfile(member) if member.isreg() and member.size <= LARGEST else None
    if file is None:
        return _Entry(name=member.name, fault=_unread(member.isreg()))
    return _Entry(name=member.name, content=file.read())


def _filed(path: Path) -> Iterator[_Entry]:
    folder = path.absolute()
    base = folder.parent if folder.name == "results" else folder
    for file in sorted(folder.rglob("*")):
        name = file.relative_to(base).as_posix()
        is_regular = file.is_file() and not file.is_symlink()
        if is_regular and file.stat().st_size <= LARGEST:
            yield _Entry(name=name, content=file.read_bytes())
        elif not file.is_dir() or file.is_symlink():
            yield _Entry(name=name, fault=_unread(is_regular))


def _unread(is_regular: bool) -> str:
    if is_regular:
        return f"larger than {LARGEST >> 20} MiB, which no mask is. Take it out."
    return "a link or a device, not a file. Put the mask itself there."


def _mask_faults(content: bytes) -> Iterator[str]:
    """What is wrong with the content of one mask."""
    fault = _header_fault(content)
    if fault:
        yield fault
        return
    try:
        with Image.open(BytesIO(content), formats=["PNG"]) as image:
            mask, colours = np.asarray(image), np.reshape(image.getpalette() or [], (-1, 3))
    except DAMAGE as error:
        yield f"damaged image ({error}). Write it again."
        return
    yield from _value_faults(mask, colours)


def _header_fault(content: bytes) -> str:
    """What a PNG says of itself: nothing is decoded before its size and kind are known."""
    header = content[PNG_HEADER]
    if len(header) < PNG_HEADER.stop or not header.startswith(PNG):
        return "not a PNG. Write the mask as a palette PNG."
    depth, colour_type = header[24], header[25]
    if colour_type != PALETTE_TYPE:
        kind = COLOUR_TYPES.get(colour_type, "something else")
        return f"holds {kind} instead of indices into a palette. Write the class values as a palette PNG."
    if depth != 8:
        return f"indices of {depth} bits. Write them with 8, as VOC's own masks have."
    height, width = _png_size(content)
    if height * width > LARGEST:
        return f"{width}×{height} pixels, which no image of VOC has. Predict at the size of the image."
    return ""


def _png_size(content: bytes) -> tuple[int, int]:
    """(H, W), from the header."""
    return int.from_bytes(content[20:24], "big"), int.from_bytes(content[16:20], "big")


def _value_faults(mask: UInt8, colours: Integers) -> Iterator[str]:
    undecided = int((mask == IGNORE).sum())
    if undecided:
        yield f"{undecided} pixels are 255, undecided. The server takes none: give each a class or background (0)."
    values = np.unique(mask[mask != IGNORE])
    allowed = values[values <= len(VOC_CLASSES)]
    if len(allowed) < len(values):
        yield f"holds the value {values[-1]}, but VOC's classes are 1 to {len(VOC_CLASSES)} and 0 is background."
    if any(value >= len(colours) or (colours[value] != PALETTE[value]).any() for value in allowed):
        yield "its palette is not VOC's colour map, so that its indices may be no classes. Write it with VOC's palette."


def _size_fault(name: str, content: bytes, image: Path) -> Iterator[str]:
    try:
        _require_size(name, _png_size(content), image)
    except PatchlearnError as error:
        yield str(error)


def _printable(name: str) -> str:
    """The name of a foreign archive's member, without codes that a terminal would obey."""
    return name if name.isprintable() else repr(name)
