"""Compiled functions, and the folder that caches them for later processes.

numba's cache compares the file of the compiled function alone, not the files of the functions that were inlined into
it. After an update it could therefore run old machine code. Hence every state of the sources has its own cache folder.
"""

import tempfile
import warnings
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypeVar

import numba

Function = TypeVar("Function", bound=Callable[..., Any])
SOURCES = Path(__file__).parent
OF_USER = "~/.cache/patchlearn"
CONFIG: Any = numba.config  # its attributes come from the environment, which mypy cannot see


def kernel(**options: Any) -> Callable[[Function], Function]:
    """`numba.njit` that releases the interpreter's lock and caches, if a cache folder can be written.

    Args:
        options: further options of `numba.njit`, such as `fastmath`.
    """

    def compiled(function: Function) -> Function:
        before = CONFIG.CACHE_DIR
        CONFIG.CACHE_DIR = str(FOLDER or before)
        try:
            return numba.njit(cache=FOLDER is not None, nogil=True, **options)(function)
        finally:
            CONFIG.CACHE_DIR = before

    return compiled


def cache_folder(given: str) -> Path | None:
    """The first cache folder that can be written, or None.

    The candidates are `__pycache__` beside the sources, then `~/.cache/patchlearn`. A folder that everybody may write
    to, such as the one for temporary files, is no candidate: numba unpickles the files that it finds.

    Args:
        given: the only candidate, unless it is empty.

    Warns:
        UserWarning: no candidate can be written.
    """
    places = [given] if given else [str(SOURCES / "__pycache__"), OF_USER]
    name = f"kernels-{sources_digest(SOURCES)}"
    found = next((folder for place in places if (folder := _writable(place, name))), None)
    if found is None:
        warnings.warn(
            f"The compiled kernels of patchlearn cannot be cached in {' or '.join(places)}; every process compiles "
            "them again, which takes about a minute. Set the environment variable NUMBA_CACHE_DIR to your own folder.",
            stacklevel=2,
        )
    return found


def sources_digest(folder: Path) -> str:
    """Digest of the paths and contents of all Python files in a folder and in its subfolders."""
    paths = sorted(folder.rglob("*.py"))
    texts = [path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes() for path in paths]
    return blake2b(b"\0".join(texts), digest_size=8).hexdigest()


def _writable(place: str, name: str) -> Path | None:
    """The folder of this name in a place, made if it was missing; None if it cannot be written."""
    try:
        folder = Path(place).expanduser() / name
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except (OSError, RuntimeError):  # RuntimeError: the user has no home folder
        return None
    return folder


FOLDER = cache_folder(CONFIG.CACHE_DIR)
