"""Images that are no files of their own, written once into a folder of the run, with a list of what was written."""

import os
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.files import atomic, read_json, write_json

LISTING = "images.json"  # the digest of each written file, and the state of the source
IMAGES, MASKS = "images", "masks"


class StoredImages:
    """Writes images and masks below a folder. What is there already with the same content is not written again.

    Args:
        work: the folder; None where there is none, then every image is an error.
        source: where the images come from, as JSON. Images of another kind of source are refused.
        replaces: whether other images of this kind of source give way. If not, they are an error.

    Raises:
        PatchlearnError: the list in the folder is damaged.
    """

    def __init__(self, work: Path | None, source: Mapping[str, Any], *, replaces: bool):
        self.work = work
        self.source = dict(source)
        self.replaces = replaces
        self.files: dict[str, str] = {}
        self._listing = _read_listing(work) if work else {}
        self._is_begun = False

    @property
    def contents(self) -> Any:
        """What `finish` was given for the same state of the source; None if it changed or a file is missing."""
        if not self.work or not self._is_complete or self._listing["source"] != self.source:
            return None
        is_there = all(os.path.isfile(self.work / name) for name in self._before)
        return self._listing["contents"] if is_there else None

    def write(self, name: str, digest: str, encode: Callable[[], bytes]) -> Path:
        """The path of an image.

        Args:
            name: below the folder, with forward slashes.
            digest: of the content, which says whether the file has to be written.
            encode: makes the bytes of the file.

        Raises:
            PatchlearnError: there is no folder, or it holds images of other data, or files that were not written here.
        """
        if self.work is None:
            raise PatchlearnError(
                "work: the images are no files, and there is no folder to write them into. Pass work=FOLDER, or use "
                "patchlearn run, which writes them into its run folder."
            )
        if not self.files:
            self._refuse_strangers(self.work)
        known, path = self._before.get(name), below(self.work, name)
        if self._is_complete and not self.replaces and known != digest:
            raise self._other_images()
        if known != digest or not path.is_file():
            self._begin(self.work)
            with atomic(path) as partial:
                partial.write_bytes(encode())
        self.files[name] = digest
        return path

    def finish(self, contents: Any = None) -> None:
        """Keep the list of what was written, and remove images of an earlier state of the source.

        Args:
            contents: JSON that `contents` gives back, as long as the source does not change.

        Raises:
            PatchlearnError: the folder holds further images, of other data.
        """
        if self.work is None or not (self.files or self._is_begun):
            return
        listed = self._listing.get("files", {})
        if self._is_complete and not self.replaces and set(listed) - set(self.files):
            raise self._other_images()
        for name in set(listed) - set(self.files):
            below(self.work, name).unlink(missing_ok=True)
        listing = {"source": self.source, "complete": True, "files": self.files, "contents": contents}
        if listing != self._listing or self._is_begun:
            write_json(self.work / LISTING, listing, compact=True)

    @property
    def _is_complete(self) -> bool:
        return bool(self._listing.get("complete"))

    @property
    def _before(self) -> dict[str, str]:
        """Name → digest of an earlier complete call."""
        return self._listing["files"] if self._is_complete else {}

    def _begin(self, work: Path) -> None:
        """Until `finish`, the list says that it is not complete: a killed process is no reason to refuse the folder."""
        if not self._is_begun:
            self._is_begun = True
            files = self._listing.get("files", {})
            write_json(work / LISTING, {"source": self.source, "complete": False, "files": files}, compact=True)

    def _refuse_strangers(self, work: Path) -> None:
        if self._listing and self._listing["source"].get("kind") != self.source.get("kind"):
            raise self._other_images()
        if not self._listing and any(_has_files(work / name) for name in (IMAGES, MASKS)):
            raise PatchlearnError(
                f"{work}: there are files in {IMAGES} or {MASKS} that patchlearn did not write. Choose an empty folder "
                "as work."
            )

    def _other_images(self) -> PatchlearnError:
        return PatchlearnError(
            f"{self.work}: the folder holds the images of other data ({LISTING} lists them). Choose another folder as "
            "work, or delete this one."
        )


def digest_of(content: bytes) -> str:
    """SHA-256 of the content of an image.

    >>> digest_of(b"")[:8]
    'e3b0c442'
    """
    return sha256(content).hexdigest()


def below(folder: Path, name: str) -> Path:
    """A path below a folder.

    Raises:
        PatchlearnError: the name leads out of the folder.
    """
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts or "\0" in name or "\\" in name:
        raise PatchlearnError(
            f"{folder}: {name!r} is not a path below this folder. Delete the folder, and write it again."
        )
    return folder / name


def _read_listing(work: Path) -> dict[str, Any]:
    path = work / LISTING
    if not path.exists():
        return {}
    try:
        listing = read_json(path)
    except PatchlearnError:
        listing = None
    if isinstance(listing, dict) and isinstance(listing.get("source"), dict) and isinstance(listing.get("files"), dict):
        return listing
    raise PatchlearnError(f"{path}: not a list of the images in this folder. Delete the folder {work}.")


def _has_files(folder: Path) -> bool:
    return folder.is_dir() and any(folder.iterdir())
