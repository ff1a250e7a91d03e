"""The files of a submission, read from an archive or a folder.

An archive is read member by member in memory; nothing is unpacked on the disk.
"""

import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from gzip import GzipFile
from pathlib import Path, PurePosixPath
from typing import IO, cast

from patchlearn.export.voc_server.layout import LARGEST

DAMAGE = (
    tarfile.TarError, OSError, SyntaxError, ValueError, EOFError, IndexError, OverflowError, RecursionError, zlib.error,
)  # fmt: skip
HEADERS = 2**20  # bytes that may stand before the content of a file: long names, pax headers, maps of sparse files


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A file of a submission.

    Args:
        name: its path in the submission.
        content: its bytes; empty if it was not read.
        fault: why it was not read; empty if it was.
    """

    name: str
    content: bytes = b""
    fault: str = ""


class _Bounded:
    """A stream of which tarfile reads no more than is allowed: a header says itself how long it is.

    Args:
        stream: the unpacked archive.

    Attributes:
        left: bytes that may be read from here on.
    """

    def __init__(self, stream: GzipFile):
        self.stream, self.left = stream, HEADERS

    def read(self, size: int = -1) -> bytes:
        """As a file.

        Raises:
            tarfile.ReadError: that is more than is left.
        """
        if not 0 <= size <= self.left:
            raise tarfile.ReadError(f"headers of more than {HEADERS >> 20} MiB")
        self.left -= size
        return self.stream.read(size)

    def seek(self, position: int, whence: int = 0) -> int:
        """As a file."""
        return self.stream.seek(position, whence)

    def tell(self) -> int:
        """As a file."""
        return self.stream.tell()


def archived_entries(path: Path) -> Iterator[Entry]:
    """The files of an archive. Damage of the archive is the fault of a last entry."""
    try:
        with GzipFile(path) as stream, _opened(bounded := _Bounded(stream)) as archive:
            for member in archive:
                bounded.left = LARGEST
                if not member.isdir() or _is_outside(member):
                    yield _archived(archive, member)
                bounded.left = HEADERS
            while stream.read(LARGEST):  # the checksum is behind the end of the tar, where tarfile does not read
                pass
    except DAMAGE as error:
        advice = "Pack it with: tar czf results.tgz results"
        yield Entry(name=path.name, fault=f"damaged, or not a tar compressed by gzip ({error}). {advice}")


def _opened(stream: _Bounded) -> tarfile.TarFile:
    return tarfile.open(fileobj=cast(IO[bytes], stream), mode="r:")  # of a file it reads, seeks and tells alone


def folder_entries(path: Path) -> Iterator[Entry]:
    """The files of a folder that will be packed: `results`, or the folder that contains it."""
    folder = path.absolute()
    base = folder.parent if folder.name == "results" else folder
    for file in sorted(folder.rglob("*")):
        name = file.relative_to(base).as_posix()
        is_regular = file.is_file() and not file.is_symlink()
        if is_regular and file.stat().st_size <= LARGEST:
            yield Entry(name=name, content=file.read_bytes())
        elif not file.is_dir() or file.is_symlink():
            yield Entry(name=name, fault=_why_unread(is_regular))


def _archived(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Entry:
    if _is_outside(member):
        return Entry(name=member.name, fault="outside of the folder in which the archive is unpacked. Remove it.")
    file = archive.extractfile(member) if member.isreg() and member.size <= LARGEST else None
    if file is None:
        return Entry(name=member.name, fault=_why_unread(member.isreg()))
    return Entry(name=member.name, content=file.read())


def _is_outside(member: tarfile.TarInfo) -> bool:
    path = PurePosixPath(member.name)
    return path.is_absolute() or ".." in path.parts


def _why_unread(is_regular: bool) -> str:
    if is_regular:
        return f"larger than {LARGEST >> 20} MiB, so it is not a mask. Remove it."
    return "a link or a device, not a file. Replace it by the mask itself."
