"""`patchlearn serve`: a page in the browser to try a run or a model on."""

from argparse import ArgumentParser, Namespace
from importlib.util import find_spec
from typing import TYPE_CHECKING

from rich.console import Console

from patchlearn.core.errors import PatchlearnError

if TYPE_CHECKING:
    from patchlearn.web.limits import Limits

DESCRIPTION = (
    "Open a page for photographs: their scores, maps and masks, with sliders and tags. Of a run folder, the maps are "
    "those of its variants and the mask is the pseudo mask; of a model, they are its probabilities. The server answers "
    "to this machine alone, and keeps images in memory only."
)
LOOPBACK = "127.0.0.1"
LIBRARIES = ("starlette", "uvicorn", "python_multipart")


def add_arguments(verb: ArgumentParser) -> None:
    """What the verb takes."""
    verb.add_argument("model", metavar="RUN|MODEL", help="a run folder, an exported model, or owner/name on the hub")
    verb.add_argument("--port", type=int, default=8000, help="0 for any that is free (default: %(default)s)")
    verb.add_argument(
        "--host",
        default=LOOPBACK,
        help="another address of this machine, so that others reach it; the page then needs a token, which is printed "
        "(default: %(default)s)",
    )
    verb.add_argument("--name", action="append", default=[], help="a further name that others reach it by")
    verb.add_argument("--megabytes", type=float, help="of one upload (default: 25)")
    verb.add_argument("--megapixels", type=float, help="of one image (default: 24)")


def work(options: Namespace, console: Console) -> list[str]:
    """Serve until Ctrl-C."""
    require_web()
    from patchlearn.web.readers import read_target
    from patchlearn.web.server import serve

    limits = _limits(options)
    reader, bands = read_target(options.model, console)
    at = {"host": options.host, "port": options.port, "names": options.name}
    serve(reader, limits, console, bands=bands, **at)
    return []


def require_web() -> None:
    """Raise `PatchlearnError` unless the libraries of the page are installed."""
    missing = [name for name in LIBRARIES if find_spec(name) is None]
    if missing:
        raise PatchlearnError(
            f"serve: {', '.join(missing)} is not installed. Install it: pip install 'patchlearn[web]'"
        )


def _limits(options: Namespace) -> "Limits":
    from patchlearn.web.limits import Limits

    given = {"megabytes": options.megabytes, "megapixels": options.megapixels}
    return Limits(**{name: value for name, value in given.items() if value is not None})
