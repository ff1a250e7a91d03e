"""Compiled functions, and where they are kept for the next process.

numba's cache looks at the file of the function that it compiled, and not at those of what was inlined into it: after an
update it would go on running old machine code. Hence a folder of its own for every state of the sources.
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
CONFIG: Any = numba.config  # whose attributes come from the environment


def kernel(**options: Any) -> Callable[[Function], Function]:
    """`numba.njit` without the interpreter's lock, cached if there is a folder to cache in."""

    def compiled(function: Function) -> Function:
        before = CONFIG.CACHE_DIR
        CONFIG.CACHE_DIR = str(FOLDER or before)
        try:
            return numba.njit(cache=FOLDER is not None, nogil=True, **options)(function)
        finally:
            CONFIG.CACHE_DIR = before

    return compiled


def cache_folder(given: str) -> Path | None:
    """The first of the possible folders that can be written: `given` alone if it is not empty; None if there is none.

    A folder that everybody may write to, such as that for temporary files, is none of them: numba unpickles what it
    finds.
    """
    places = [given] if given else [str(SOURCES / "__pycache__"), OF_USER]
    name = f"kernels-{sources_digest(SOURCES)}"
    found = next((folder for place in places if (folder := _writable(place, name))), None)
    if found is None:
        warnings.warn(
            f"The compiled kernels of patchlearn cannot be kept in {' or '.join(places)}; every process compiles them "
            "anew, for about a minute. Set the environment variable NUMBA_CACHE_DIR to a folder of yours.",
            stacklevel=2,
        )
    return found


def sources_digest(folder: Path) -> str:
    """Another one for every state of the Python files in a folder."""
    texts = [path.name.encode() + b"\0" + path.read_bytes() for path in sorted(folder.rglob("*.py"))]
    return blake2b(b"\0".join(texts), digest_size=8).hexdigest()


def _writable(place: str, name: str) -> Path | None:
    try:
        folder = Path(place).expanduser() / name
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except (OSError, RuntimeError):  # RuntimeError: there is no home
        return None
    return folder


FOLDER = cache_folder(CONFIG.CACHE_DIR)
